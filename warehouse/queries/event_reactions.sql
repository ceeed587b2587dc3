-- What did software, AI chip makers and bitcoin do after each AI event that the whole market does not explain?
select
    e.session_date, s.event_id, s.symbol, round(100 * s.car, 1) as car_percent, round(s.t_statistic, 1) as t,
    round(s.placebo_p_value, 3) as placebo_p, s.n_overlapping, e.event_type, e.subject
from marts.event_studies as s
inner join core.events as e using (event_id)
where s.window_start = 0 and s.window_end = 1 and s.symbol in ('IGV', 'basket:ai_semiconductors', 'BTC')
order by s.placebo_p_value nulls last, abs(s.t_statistic) desc nulls last
limit 30
