"""Realized profit and loss from spent outputs: a chain of sixteen transactions worked by hand, and daily sums."""

import shutil
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from pipelines.audit import CHECKS, read_check, run_check
from pipelines.chain.node import COOKIE, Node
from pipelines.chain.outputs import SpentOutputs
from pipelines.chain.public_parquet import import_layout
from pipelines.chain.sums import refresh_sums
from pipelines.chain.sync import sync
from tests.chain_generator import block, transaction, write_layout
from tests.factories import Market, stamp
from tests.fake_node import PASSWORD, USER, FakeNode

BTC = 10**8
# The fourth day is 155 days after the first, the fifth 155 after the second.
DAYS = ["2025-01-01", "2025-01-02", "2025-06-05", "2025-06-06", "2025-06-07"]
PRICES = dict(zip(DAYS, [100.0, 200.0, 50.0, 80.0, 90.0], strict=True))


def seconds(day, hour):
    return int(datetime.fromisoformat(f"{day} {hour:02}:00").replace(tzinfo=UTC).timestamp())


def hand_worked():
    """Nine blocks of 50 new bitcoin each, and what their transactions spend (all amounts in bitcoin)."""
    blocks, outputs = [], {}

    def mine(day, hour, *spending):
        height, parent = len(blocks), blocks[-1]["hash"] if blocks else None
        made = []
        for name, spends, makes, fee in spending:
            spent = [outputs.pop(key) for key in spends]
            made.append(transaction(name, spent, [sat * BTC for sat in makes.values()], fee * BTC))
            outputs.update(
                {key: (made[-1]["txid"], n, sat * BTC, height) for n, (key, sat) in enumerate(makes.items())}
            )
        blocks.append(block(height, seconds(day, hour), parent, made))
        coinbase = blocks[-1]["tx"][0]
        outputs[f"c{height}"] = (coinbase["txid"], 0, (50 + sum(fee for *_, fee in spending)) * BTC, height)

    mine(DAYS[0], 1)
    mine(DAYS[0], 2)
    mine(DAYS[1], 1, ("t1", ["c0"], {"a": 30, "b": 19}, 1))
    mine(DAYS[1], 2, ("t2", ["a"], {"d": 30}, 0))
    mine(DAYS[2], 1, ("t3", ["c1"], {"e": 48}, 2), ("t4", ["c2"], {"f": 50}, 1))
    mine(DAYS[2], 2, ("t5", ["b", "d"], {"g": 49}, 0), ("t6", ["e"], {"h": 48}, 0))
    mine(DAYS[3], 1, ("t7", ["c3"], {"i": 50}, 0), ("t8", ["h"], {"j": 48}, 0))
    mine(DAYS[4], 1)
    return blocks


BLOCKS = hand_worked()
# Block 2: c0, 50 at 100, moves at 200.                     profit 50 x 100 = 5,000   (a day old)
# Block 3: a, 30 at 200, moves the same day.                nothing
# Block 4: c1, 50 at 100, moves at 50 after 155 days.       loss 50 x 50 = 2,500      (from 155 days)
#          c2, 51 (a fee of 1 in it) at 200, after 154.     loss 51 x 150 = 7,650
# Block 5: b and d, 19 + 30 at 200, after 154.              loss 49 x 150 = 7,350
#          e, 48 of block 4.                                nothing
# Block 6: c3, 50 at 200, moves at 80 after 155.            loss 50 x 120 = 6,000     (from 155 days)
#          h, 48 at 50, a day old.                          profit 48 x 30 = 1,440
# day, band: bitcoin spent, value at spending, value at making, profit, loss
BY_HAND = {
    (DAYS[1], "under_155_days"): (80, 80 * 200, 50 * 100 + 30 * 200, 5_000, 0),
    (DAYS[2], "from_155_days"): (50, 50 * 50, 50 * 100, 0, 2_500),
    (DAYS[2], "under_155_days"): (148, 148 * 50, (51 + 49) * 200 + 48 * 50, 0, 15_000),
    (DAYS[3], "from_155_days"): (50, 50 * 80, 50 * 200, 0, 6_000),
    (DAYS[3], "under_155_days"): (48, 48 * 80, 48 * 50, 1_440, 0),
}
# What is left unspent at each day's end, at the price it was made at:
#   1: c0, c1                                                              100 at 100
#   2: c1 50 at 100; c2 51, b 19, d 30, c3 50                              + 150 at 200
#   3: c3 50 at 200; c4 53, f 50, c5 50, g 49, h 48                        + 250 at 50
#   4: c4 53, f 50, c5 50, g 49: 202 at 50; i 50, j 48, c6 50: 148 at 80
REALIZED_CAP = {DAYS[0]: 10_000, DAYS[1]: 35_000, DAYS[2]: 22_500, DAYS[3]: 21_940}
ISSUED = {DAYS[1]: 100, DAYS[2]: 100, DAYS[3]: 50}


@pytest.fixture
def node_folder(tmp_path, monkeypatch):
    """The chain counted from a node."""
    (tmp_path / ".cookie").write_text(f"{USER}:{PASSWORD}")
    monkeypatch.setenv(COOKIE, str(tmp_path / ".cookie"))
    folder = tmp_path / "spent_outputs"
    with FakeNode(BLOCKS) as fake, SpentOutputs(folder) as outputs, Node(fake.url) as node:
        sync(node, outputs)
    return folder


@pytest.fixture
def both(node_folder, tmp_path):
    """The chain counted from a node and from the public layout."""
    write_layout(BLOCKS, tmp_path / "layout")
    with SpentOutputs(node_folder) as outputs:
        import_layout(str(tmp_path / "layout"), outputs)
    return node_folder


def market(folder, as_of="2025-12-31", prices=PRICES):
    made = Market(as_of).bars("BTC", list(prices), list(prices.values()))
    assert refresh_sums(made.warehouse, folder) == []
    return made


@pytest.mark.parametrize("provider", ["own_node", "public_parquet"])
def test_profit_loss_and_sopr_by_age_are_those_worked_by_hand(both, provider):
    found = market(both).table("marts.realized_loss_age_bands", f"provider = '{provider}' and age_band <> 'all'")
    rows = found.set_index([found["date"].astype(str), "age_band"])
    assert set(rows.index) == set(BY_HAND)
    for key, (spent, value, cost, profit, loss) in BY_HAND.items():
        row = rows.loc[key]
        figures = row[["spent_btc", "realized_profit_usd", "realized_loss_usd", "net_realized_profit_usd", "sopr"]]
        assert figures.tolist() == pytest.approx([spent, profit, loss, profit - loss, value / cost], rel=1e-12)
        assert row["priced_fraction"] == 1


def test_all_bands_together_and_the_mart_beside_the_vendors(both):
    made = market(both)
    every = made.table("marts.realized_loss_age_bands", "age_band = 'all' and provider = 'own_node'")
    assert every["date"].astype(str).tolist() == DAYS[1:4]
    assert every["sopr"].tolist() == pytest.approx([16 / 11, (50 + 148) * 50 / (5_000 + 22_400), 98 * 80 / 12_400])
    rows = made.table("marts.realized_losses", "provider = 'own_node'")
    assert rows["variant"].unique().tolist() == ["raw"]
    assert rows["realized_loss_usd"].tolist() == pytest.approx([0, 17_500, 6_000])
    assert rows["realized_profit_usd"].tolist() == pytest.approx([5_000, 0, 1_440])
    assert rows["fault"].isna().all()


def test_net_realized_profit_is_the_change_of_realized_cap_less_issuance_at_price(both):
    found = market(both).table("marts.realized_loss_age_bands", "age_band = 'all' and provider = 'own_node'")
    net = dict(zip(found["date"].astype(str), found["net_realized_profit_usd"], strict=True))
    for before, day in pairwise(DAYS[:4]):
        assert net[day] == pytest.approx(REALIZED_CAP[day] - REALIZED_CAP[before] - ISSUED[day] * PRICES[day])


def result(made, name):
    made.build("core.spent_output_days")
    return run_check(made.warehouse, read_check(name, (CHECKS / f"{name}.sql").read_text()))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("spent_outputs_conserve_satoshi", "update raw.chain_days set fee_sat = fee_sat + 1"),
        ("spent_outputs_conserve_satoshi", "delete from raw.spent_coin_days where created_date = date '2025-01-01'"),
        ("net_realized_profit_is_change_of_realized_cap", "update raw.chain_days set created_sat = created_sat + 2e6"),
        ("spent_outputs_without_a_price", "update raw.spent_coin_days set created_date = null"),
    ],
)
def test_checks_pass_on_the_chain_and_fail_on_a_spoilt_one(both, name, spoil):
    made = market(both)
    assert result(made, name).passed
    made.warehouse.execute(spoil)
    made.built.clear()
    assert not result(made, name).passed


def test_outputs_without_a_price_are_counted_apart_and_not_as_gain_or_loss(both):
    # Without a price on the second day, all made or spent then is out: 80 of 80, then 100 of 148, then 50 of 50.
    prices = {day: price for day, price in PRICES.items() if day != DAYS[1]}
    found = market(both, prices=prices).table("core.spent_output_days", "provider = 'own_node'")
    assert (found["unpriced_sat"] / BTC).tolist() == [80, 0, 100, 50, 0]
    assert found["realized_loss_usd"].fillna(-1).tolist() == pytest.approx([-1, 2_500, 0, -1, 0])


def test_before_the_first_close_brks_price_is_taken_and_says_so(both):
    prices = {day: PRICES[day] for day in DAYS[2:]}
    made = market(both, prices=prices).onchain(DAYS[:3], {"price_usd": [100.0, 200.0, 7.0]})
    found = made.table("core.coin_prices")
    assert found["price_usd"].tolist() == list(PRICES.values())
    assert found["source"].tolist() == ["brk", "brk", "binance", "binance", "binance"]
    assert made.table("core.spent_output_days")["unpriced_sat"].sum() == 0


def test_the_difference_to_a_vendor_is_shown(both):
    made = market(both).onchain(
        DAYS[2:4], {"realized_loss_usd": [20_000.0, 0.0], "realized_profit_usd": [1.0, 1_200.0]}
    )
    found = made.table("marts.realized_loss_differences", "provider = 'own_node' and other_provider = 'brk'")
    assert found["loss_difference_usd"].tolist() == pytest.approx([-2_500, 6_000])
    assert found["loss_ratio"].fillna(-1).tolist() == pytest.approx([0.875, -1])
    assert found["profit_difference_usd"].tolist() == pytest.approx([-1, 240])
    assert found["other_fault"].fillna("").tolist() == ["", "zero"]
    between = made.table("marts.realized_loss_differences", "other_provider = 'public_parquet'")
    assert between["loss_difference_usd"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("as_of", DAYS[1:])
def test_nothing_later_than_the_as_of_day_is_in_the_tables(both, as_of):
    found = market(both, as_of=as_of).table("core.spent_output_days")
    assert found["date"].max() == stamp(max(day for day in DAYS[1:4] if day <= as_of))


def test_without_spent_outputs_every_table_is_empty_and_every_check_passes(tmp_path):
    made = market(tmp_path / "nothing")
    for name in ("core.spent_output_days", "marts.realized_loss_age_bands", "marts.realized_loss_differences"):
        assert made.table(name).empty
    assert made.warehouse.rows("select * from raw.spent_outputs") == []
    for file in CHECKS.glob("*.sql"):
        if "spent" in file.stem or "net_realized" in file.stem:
            assert result(made, file.stem).passed


# Sums by day: only what is new or changed is read.


def sums(made):
    return made.warehouse.rows("select * from raw.spent_coin_days order by all")


def test_a_day_that_is_summed_is_not_read_again(node_folder):
    made = market(node_folder)
    before = sums(made)
    for file in node_folder.rglob("*.parquet"):
        file.write_bytes(b"unreadable")
    assert refresh_sums(made.warehouse, node_folder) == []
    assert sums(made) == before


def test_only_new_days_are_read(tmp_path, monkeypatch):
    (tmp_path / ".cookie").write_text(f"{USER}:{PASSWORD}")
    monkeypatch.setenv(COOKIE, str(tmp_path / ".cookie"))
    folder, made = tmp_path / "spent_outputs", Market("2025-12-31")
    with FakeNode(BLOCKS[:6]) as fake, Node(fake.url) as node:
        for blocks in (BLOCKS[:6], BLOCKS):
            fake.serve(blocks)
            with SpentOutputs(folder) as outputs:
                sync(node, outputs)
            assert refresh_sums(made.warehouse, folder) == []
            if blocks != BLOCKS:
                assert made.warehouse.rows("select count(*) from raw.chain_days") == [(2,)]
                shutil.rmtree(folder / "provider=own_node" / f"day={DAYS[1]}")
    assert made.warehouse.rows("select count(*) from raw.chain_days") == [(4,)]


@pytest.mark.parametrize("looked_between", [True, False])
def test_a_day_rolled_back_leaves_the_tables_and_its_successor_is_summed(node_folder, looked_between):
    made = market(node_folder)
    other = [*BLOCKS[:6], block(6, seconds(DAYS[3], 1), BLOCKS[5]["hash"], [], "other")]
    with FakeNode(other) as fake, Node(fake.url) as node:
        with SpentOutputs(node_folder) as outputs:
            sync(node, outputs)
        if looked_between:
            refresh_sums(made.warehouse, node_folder)
            assert made.warehouse.scalar("select max(date)::varchar from raw.chain_days") == DAYS[2]
        fake.serve([*other, block(7, seconds(DAYS[4], 1), other[6]["hash"], [])])
        with SpentOutputs(node_folder) as outputs:
            sync(node, outputs)
        refresh_sums(made.warehouse, node_folder)
    spent = made.warehouse.rows("select date::varchar, spent_sat from raw.chain_days where date > '2025-06-05'")
    assert spent == [(DAYS[3], 0)]
    assert made.warehouse.scalar("select max(date)::varchar from raw.spent_coin_days") == DAYS[2]


@pytest.mark.parametrize("damage", ["missing", "unreadable", "of another day"])
def test_a_damaged_partition_is_left_out_and_named_and_the_others_are_summed(node_folder, damage):
    file = node_folder / "provider=own_node" / f"day={DAYS[2]}" / "spent_outputs.parquet"
    if damage == "missing":
        file.unlink()
    elif damage == "unreadable":
        file.write_bytes(file.read_bytes()[:100])
    else:
        shutil.copy(file.parents[1] / f"day={DAYS[1]}" / file.name, file)
    made = Market("2025-12-31")
    (fault,) = refresh_sums(made.warehouse, node_folder)
    assert f"own_node spent_outputs {DAYS[2]}: left out" in fault
    assert "Next: " in fault
    assert [d for (d,) in made.warehouse.rows("select date::varchar from raw.chain_days order by 1")] == [
        DAYS[0],
        DAYS[1],
        DAYS[3],
    ]


def test_figures_add_up_from_random_coins(tmp_path):
    """Against pandas: random sums by day of spending and making, priced by a random path."""
    rng = np.random.default_rng(5)
    days = pd.date_range("2024-01-01", periods=400)
    price = pd.Series(50_000 * np.exp(rng.normal(0, 0.03, 400).cumsum()), index=days)
    made = Market("2025-12-31").bars("BTC", days, price)
    ages = rng.integers(0, 300, 3_000)
    spent = pd.DataFrame({"provider": "own_node", "date": rng.choice(days[300:], 3_000)})
    spent["created_date"] = spent["date"] - pd.to_timedelta(ages, "D")
    spent = spent.drop_duplicates().assign(n_outputs=1, spent_sat=lambda f: rng.integers(1, 10**12, len(f)))
    made.warehouse.insert("raw.spent_coin_days", spent)
    found = made.table("core.spent_output_days")
    gain = spent["spent_sat"] / BTC * (price[spent["date"]].to_numpy() - price[spent["created_date"]].to_numpy())
    young = (spent["date"] - spent["created_date"]).dt.days < 155
    for band, is_in in (("under_155_days", young), ("from_155_days", ~young)):
        rows = found[found["age_band"] == band].set_index("date")
        for column, part in (("realized_profit_usd", gain.clip(lower=0)), ("realized_loss_usd", -gain.clip(upper=0))):
            oracle = part[is_in].groupby(spent["date"]).sum()
            np.testing.assert_allclose(rows[column], oracle, rtol=1e-9)
