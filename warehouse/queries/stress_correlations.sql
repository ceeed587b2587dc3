-- Does bitcoin follow QQQ and software more closely in stress, once the higher variance of stress is taken out?
select
    other_symbol, period, condition, date, round(correlation_calm, 2) as calm, n_calm,
    round(correlation_stress, 2) as stress, n_stress, round(correlation_stress_corrected, 2) as stress_corrected,
    round(p_value, 3) as p_value, is_significant and is_higher_corrected as closer_in_stress
from marts.stress_correlations
where base_symbol = 'BTC' and other_symbol in ('QQQ', 'IGV', 'basket:saas')
qualify row_number() over (partition by other_symbol, period, condition order by date desc) = 1
order by other_symbol, period, condition
