-- table: marts.event_studies
-- severity: critical
-- message: A cumulative abnormal return must be of a window that has ended, agree with its t-statistic, and a placebo p-value must be one its number of placebos allows
select *
from marts.event_studies
where
    window_complete_date > (select max(date) from core.sessions)
    or (car is not null and (window_complete_date is null or n_overlapping is null))
    or (car is null) <> (t_statistic is null)
    or abs(t_statistic * car_standard_error - car) > 1e-9
    or placebo_p_value < 1.0 / (1 + n_placebo) - 1e-9
    or (placebo_p_value is null) <> (car is null or n_placebo < 100)
