-- How fresh is what each vendor gives: newest day, day due, and series that are late or have gaps?
select
    source, dataset, count(*) as n_series, min(newest_date) as oldest_newest_date, max(newest_date) as newest_date,
    max(due_date) as due_date, count(*) filter (where status = 'late') as n_late,
    count(*) filter (where status = 'gap') as n_with_gaps, max(days_late) as most_days_late
from quality.coverage
group by source, dataset
order by n_late desc, n_with_gaps desc, source, dataset
