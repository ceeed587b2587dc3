-- What did a symbol do on the day of each of the last AI events and the one after that SPY does not explain?
select
    e.session_date, e.subject || ', ' || e.organization || ', ' || e.session_date as event, e.event_type,
    round(100 * s.car, 2) as car_percent, round(100 * (s.car - 1.96 * s.car_standard_error), 2) as low_percent,
    round(100 * (s.car + 1.96 * s.car_standard_error), 2) as high_percent, round(s.t_statistic, 2) as t_statistic,
    round(s.placebo_p_value, 3) as placebo_p_value, s.n_overlapping, s.placebo_p_value < 0.05 as is_rare
from marts.event_studies as s
inner join core.events as e using (event_id)
where s.symbol = $symbol and s.window_start = 0 and s.window_end = 1 and s.car is not null
qualify row_number() over (order by e.session_date desc, e.event_id) <= 30
order by e.session_date, e.event_id desc
