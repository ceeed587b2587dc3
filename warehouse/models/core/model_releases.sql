-- Asked twice at the same instant, the later answer counts.
with newest_of_instant as (
    select v.*
    from raw.model_releases as v
    cross join latest.run_window as w
    where v.known_at <= w.known_until
    qualify row_number() over (partition by v.source, v.model_id, v.known_at order by v.load_id desc) = 1
),

-- A run as of an earlier day stores again what a later run already had: only a difference makes a version.
versions as (
    select
        *,
        lag(name) over history is distinct from name
        or lag(lab) over history is distinct from lab
        or lag(release_date) over history is distinct from release_date
        or lag(release_precision) over history is distinct from release_precision as is_new
    from newest_of_instant
    window history as (partition by source, model_id order by known_at)
),

known as (
    select
        *,
        first_value(known_at) over history as first_seen_at,
        first_value(release_date) over history as first_release_date,
        count(case when is_new then 1 end) over history as n_versions,
        lead(known_at) over history is null as is_current
    from versions
    window history as (partition by source, model_id order by known_at)
)

select
    model_id, lab, name, release_date, release_precision, first_seen_at, first_release_date, n_versions, source
from known
where is_current
