"""Older knowledge that comes late must not hide what a later answer had confirmed.

An unchanged row is not stored again. So where a version is stored for an instant before a run that was given the
version before it, that run's answer becomes a version of its own: known from then on, as it was.
"""

from pipelines.batch import Batch
from pipelines.contracts import Contract
from pipelines.sources.base import Outcome
from pipelines.warehouse import Warehouse


def confirm_later(warehouse: Warehouse, batch: Batch, contract: Contract, load_id: int) -> None:
    """Store what later runs confirmed of the rows that this load gave another version for an earlier instant."""
    now = batch.run.now.replace(tzinfo=None)
    later = "select exists (from quality.loads where source = $1 and known_at > $2)"
    if warehouse.scalar(later, [batch.source, now]):
        warehouse.execute(CONFIRMED.format(table=contract.name, key=key(contract), **sides(contract)), [load_id])


def key(contract: Contract) -> str:
    """What tells one row's versions from another's."""
    return ", ".join(f"fresh.{column}" for column in [*contract.grain, "source"])


def sides(contract: Contract) -> dict[str, str]:
    """The conditions that the query needs of this table."""
    columns = [*contract.grain, "source"]
    return {
        "same_as_before": " and ".join(f"before.{c} = fresh.{c}" for c in columns),
        "same_as_nearer": " and ".join(f"nearer.{c} = fresh.{c}" for c in columns),
        "day": f"fresh.{contract.day_column}::date",
        "dataset": contract.dataset,
    }


# Of each fresh row: the newest version before it, at the first later run that was given the row's day.
CONFIRMED = f"""
insert into {{table}} by name
select before.* replace (later.known_at as known_at, later.load_id as load_id)
from {{table}} as fresh
inner join {{table}} as before
    on {{same_as_before}} and before.known_at <= fresh.known_at and before.load_id <> fresh.load_id
inner join quality.loads as later
    on later.source = fresh.source and later.symbol = fresh.symbol and later.dataset = '{{dataset}}'
    and later.outcome = '{Outcome.OK}' and later.known_at > fresh.known_at
    and {{day}} between later.window_since and later.window_until
where fresh.load_id = $1 and not exists (
    from {{table}} as nearer
    where {{same_as_nearer}} and nearer.known_at > fresh.known_at and nearer.known_at <= later.known_at
)
qualify row_number() over (
    partition by {{key}} order by before.known_at desc, before.load_id desc, later.known_at, later.load_id
) = 1
"""
