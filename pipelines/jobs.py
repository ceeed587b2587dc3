"""What can be run: the daily job, and the same with the days of a range asked again."""

import dagster as dg

# The week in which crypto lost most: a range that every profile has.
EXAMPLE_RANGE = {"backfill_from": "2026-01-29", "backfill_until": "2026-02-05"}

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="Ingest every source, build every table, audit, publish.",
    # Empty is what works; in the launchpad it is the place to type `as_of` and the like.
    config={"resources": {"pipeline": {"config": {}}}},
    executor_def=dg.in_process_executor,
)

backfill = dg.define_asset_job(
    "backfill",
    selection=dg.AssetSelection.all(),
    description="The daily job in one run, with the days from `backfill_from` to `backfill_until` asked again of every"
    " source. Set both in the launchpad. What changed becomes a new version of its row; tables are built whole.",
    config={"resources": {"pipeline": {"config": EXAMPLE_RANGE}}},
    executor_def=dg.in_process_executor,
)
