"""A block's documents, by hand: exact amounts, conservation, and what is refused."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.chain.blocks import SATOSHI, BadBlock, parse_block, satoshi, subsidy
from pipelines.chain.days import running_days
from tests.chain_generator import block, transaction

BTC = SATOSHI
HOUR = 3_600
MAX_SAT = 21_000_000 * SATOSHI


def parsed(document):
    return parse_block(json.loads(json.dumps(document), parse_float=Decimal))


def spending(fee=2, makes=(29, 19)):
    """Block 7, whose one transaction spends 50 bitcoin of height 3."""
    tx = transaction("tx", [("txid", 0, 50 * BTC, 3)], [m * BTC for m in makes], fee * BTC)
    return block(7, 1_000, "parent", [tx])


def test_what_a_block_spends_makes_and_pays():
    found = parsed(spending())
    assert found.spent == [(7, 1, 0, 50 * BTC, 3)]
    assert (found.coinbase_sat, found.fee_sat, found.created_sat) == (52 * BTC, 2 * BTC, 100 * BTC)
    assert found.spent_sat + found.coinbase_sat == found.created_sat + found.fee_sat


def test_a_node_that_does_not_say_fees_is_believed():
    document = spending()
    del document["tx"][1]["fee"]
    assert parsed(document).fee_sat == 2 * BTC


@given(st.integers(0, MAX_SAT))
def test_amounts_survive_the_nodes_spelling(amount):
    written = f"{amount // SATOSHI}.{amount % SATOSHI:08d}"
    assert satoshi(json.loads(written, parse_float=Decimal)) == amount


@pytest.mark.parametrize("amount", ["0.000000001", "-1", "21000000.00000001", "NaN"])
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises((BadBlock, ValueError)):
        satoshi(Decimal(amount))


def changed(place, value):
    document = spending()
    target = document
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (changed(["tx", 1, "fee"], 1.5), "does not leave its fee"),
        (changed(["tx", 1, "vout", 0, "value"], 60.0), "does not leave its fee"),
        (changed(["tx", 0, "vout", 0, "value"], 52.00000001), "more than subsidy and fees"),
        (changed(["tx", 1, "vin", 0], {"txid": "x", "vout": 0}), "no undo data"),
        (changed(["tx"], ["only ids"]), "verbosity 3"),
        (changed(["tx"], []), "verbosity 3"),
        (changed(["tx", 1, "vin", 0, "prevout"], {"value": 50.0}), "verbosity 3"),
    ],
)
def test_a_block_that_does_not_fit_is_refused_by_height_with_the_next_step(document, said):
    with pytest.raises(BadBlock, match=rf"own_node block 7: .*{said}"):
        parsed(document)


def test_miners_may_take_less_than_they_could():
    assert parsed(changed(["tx", 0, "vout", 0, "value"], 1.0)).coinbase_sat == BTC


@pytest.mark.parametrize(
    ("height", "sat"), [(0, 50 * BTC), (209_999, 50 * BTC), (210_000, 25 * BTC), (840_000, 312_500_000), (6_930_000, 0)]
)
def test_the_subsidy_halves(height, sat):
    assert subsidy(height) == sat


def test_days_are_of_the_latest_time_so_far():
    # 22:00, 00:30 the next day, 23:50 (back before midnight: stays in the next day), 01:00.
    evening = 1_767_225_600 + 22 * HOUR  # 2026-01-01
    times = [evening, evening + 2.5 * HOUR, evening + HOUR + 3_000, evening + 3 * HOUR]
    assert running_days([int(t) for t in times]).astype(str).tolist() == ["2026-01-01"] + 3 * ["2026-01-02"]
    assert running_days([evening], latest=evening + 26 * HOUR).astype(str).tolist() == ["2026-01-03"]
    assert running_days([]).tolist() == []


@given(st.lists(st.integers(0, 10**10), min_size=1), st.integers(0, 50))
def test_days_do_not_depend_on_how_heights_are_cut(times, cut):
    head = times[:cut]
    rest = running_days(times[cut:], latest=max(head, default=0))
    assert running_days(times).tolist() == running_days(head).tolist() + rest.tolist()
