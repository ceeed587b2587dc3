"""Share counts: which figure of a filing is taken, and on whose split basis it is."""

import pandas as pd
import pytest

from tests.factories import Market

COVER = "dei:EntityCommonStockSharesOutstanding"
AVERAGE = "us-gaap:WeightedAverageNumberOfDilutedSharesOutstanding"


def insert(market, table, frame, source, known_at):
    """Rows of a raw table, as one load brought them."""
    load = {"source": source, "known_at": pd.Timestamp(known_at), "load_id": 1, "payload_id": "payload"}
    market.warehouse.insert(table, frame.assign(**load))
    market.built.clear()
    return market


def filing(market, symbol, filed, facts, form="10-Q", accession=None, unit="shares", known_at=None):
    """One filing's facts, each (tag, first day, last day, value): known, unless told, when the day of filing ended."""
    frame = pd.DataFrame(facts, columns=["tag", "start_date", "end_date", "value"])
    dates = {column: pd.to_datetime(frame[column]) for column in ("start_date", "end_date")}
    frame = frame.assign(value=frame["value"].astype(float), filed_date=pd.Timestamp(filed), **dates)
    frame = frame.assign(symbol=symbol, unit=unit, form=form, accession=accession or f"{symbol} {filed}")
    return insert(market, "raw.facts", frame, "sec", known_at or pd.Timestamp(filed) + pd.Timedelta(days=1))


def on_cover(day, count):
    return (COVER, day, day, count)


def only_row(market):
    (row,) = market.table("core.shares_outstanding").to_dict("records")
    return row


def test_cover_page_goes_before_the_average_of_a_newer_day():
    market = Market("2025-12-31")
    averages = [(AVERAGE, "2025-04-01", "2025-06-30", 15e9)]
    filing(market, "AAPL", "2025-08-01", [on_cover("2025-05-20", 14.8e9), *averages])
    row = only_row(market)
    assert (row["tag"], row["shares_reported"]) == (COVER, 14.8e9)
    assert row["as_of_date"] == row["basis_date"] == pd.Timestamp("2025-05-20")


def test_newest_cover_page_of_a_filing_is_taken():
    market = Market("2025-12-31")
    covers = [on_cover("2024-07-18", 15e9), on_cover("2025-07-18", 14e9), on_cover("2023-07-18", 16e9)]
    assert only_row(filing(market, "AAPL", "2025-08-01", covers))["shares"] == 14e9


def test_without_a_cover_page_the_newest_and_shortest_average_stands_in():
    # Class shares are tagged by class, so that the whole company has no count on its cover page, as at Alphabet.
    facts = [
        (AVERAGE, "2025-01-01", "2025-06-30", 12_245e6),
        (AVERAGE, "2025-04-01", "2025-06-30", 12_198e6),
        (AVERAGE, "2024-04-01", "2024-06-30", 12_495e6),
        (AVERAGE, "2024-01-01", "2024-06-30", 12_511e6),
    ]
    row = only_row(filing(Market("2025-12-31"), "GOOGL", "2025-07-24", facts))
    assert (row["tag"], row["shares_reported"]) == (AVERAGE, 12_198e6)
    assert row["as_of_date"] == pd.Timestamp("2025-06-30")
    assert row["basis_date"] == pd.Timestamp("2025-07-24")


def test_annual_report_gives_the_average_of_the_year():
    # Nothing is subtracted: a quarter's average is not a difference of averages.
    years = [(AVERAGE, "2025-01-01", "2025-12-31", 12_230e6), (AVERAGE, "2024-01-01", "2024-12-31", 12_447e6)]
    facts = [*years, (AVERAGE, "2025-07-01", "2025-09-30", 12_203e6)]
    row = only_row(filing(Market("2026-02-05"), "GOOGL", "2026-02-05", facts, form="10-K"))
    assert row["shares"] == 12_230e6


def test_a_tag_no_longer_used_does_not_come_back():
    market = Market("2025-12-31")
    filing(market, "META", "2012-07-31", [on_cover("2012-07-20", 1.2e9), (AVERAGE, "2012-04-01", "2012-06-30", 2.4e9)])
    filing(market, "META", "2012-10-31", [(AVERAGE, "2012-07-01", "2012-09-30", 2.5e9)])
    found = market.table("core.shares_outstanding")
    assert list(found["tag"]) == [COVER, AVERAGE]
    assert list(found["shares"]) == [1.2e9, 2.5e9]


@pytest.mark.parametrize(("count", "taken"), [(1, 12e9), (1000, 12e9), (99_999, 12e9), (100_000, 100_000)])
def test_placeholder_counts_are_left_out(count, taken):
    facts = [on_cover("2025-07-18", count), (AVERAGE, "2025-04-01", "2025-06-30", 12e9)]
    assert only_row(filing(Market("2025-12-31"), "GOOGL", "2025-07-24", facts))["shares"] == taken


def test_a_filing_with_only_placeholders_gives_no_row():
    market = filing(Market("2025-12-31"), "GOOGL", "2025-07-24", [on_cover("2025-07-18", 100)])
    assert market.table("core.shares_outstanding").empty


def test_figures_in_another_unit_are_not_counts():
    market = filing(Market("2025-12-31"), "AAPL", "2025-08-01", [on_cover("2025-07-18", 14e9)], unit="USD")
    assert market.table("core.shares_outstanding").empty


def test_a_filing_counts_from_the_next_day_on():
    row = only_row(filing(Market("2025-12-31"), "AAPL", "2025-10-31", [on_cover("2025-10-17", 14_776_353_000)]))
    assert row["known_from"] == pd.Timestamp("2025-11-01")
    assert row["known_at"] == pd.Timestamp("2025-11-01")


def test_an_amendment_filed_beside_a_newer_report_does_not_bring_the_old_count_back():
    market = Market("2010-12-31", since="2009-01-01")
    filing(market, "AAPL", "2010-01-25", [on_cover("2010-01-15", 907e6)], accession="10-012085")
    filing(market, "AAPL", "2010-01-25", [on_cover("2009-10-16", 901e6)], form="10-K/A", accession="10-012091")
    assert only_row(market)["shares"] == 907e6


def test_of_two_counts_of_one_day_the_later_accession_counts():
    market = Market("2025-12-31")
    for accession, count in [("25-000073", 14e9), ("25-000074", 15e9), ("25-000072", 16e9)]:
        filing(market, "AAPL", "2025-08-01", [on_cover("2025-07-18", count)], accession=accession)
    assert only_row(market)["shares"] == 15e9


# Splits.


def test_cover_page_before_a_split_is_multiplied_and_after_it_not():
    market = Market("2024-12-31").split("NVDA", "2024-06-10", 10)
    filing(market, "NVDA", "2024-05-29", [on_cover("2024-05-24", 2.46e9)])
    filing(market, "NVDA", "2024-08-28", [on_cover("2024-08-23", 24.5e9)])
    found = market.table("core.shares_outstanding")
    assert list(found["split_factor"]) == [10, 1]
    assert list(found["shares"]) == [24.6e9, 24.5e9]
    assert list(found["shares_reported"]) == [2.46e9, 24.5e9]


def test_cover_page_older_than_the_split_is_multiplied_though_filed_after_it():
    market = Market("2024-12-31").split("NVDA", "2024-06-10", 10)
    filing(market, "NVDA", "2024-06-12", [on_cover("2024-06-07", 2.46e9)])
    assert only_row(market)["shares"] == 24.6e9


def test_averages_are_on_the_basis_of_the_day_they_are_filed():
    market = Market("2022-12-31").split("GOOGL", "2022-07-18", 20)
    filing(market, "GOOGL", "2022-04-27", [(AVERAGE, "2022-01-01", "2022-03-31", 669e6)])
    # Its period ended before the split, and it was restated for it.
    filing(market, "GOOGL", "2022-07-27", [(AVERAGE, "2022-04-01", "2022-06-30", 13_234e6)])
    found = market.table("core.shares_outstanding")
    assert list(found["split_factor"]) == [20, 1]
    assert list(found["shares"]) == [13_380e6, 13_234e6]


@pytest.mark.parametrize(("day", "factor"), [("2022-07-17", 20), ("2022-07-18", 1)])
def test_the_first_day_on_the_new_basis_is_on_it(day, factor):
    market = Market("2022-12-31").split("GOOGL", "2022-07-18", 20)
    assert only_row(filing(market, "GOOGL", "2022-07-20", [on_cover(day, 1e9)]))["split_factor"] == factor


def test_splits_multiply_and_may_be_reverse():
    market = Market("2025-12-31").split("AAPL", "2014-06-09", 7).split("AAPL", "2020-08-31", 4)
    market.split("AAPL", "2023-01-03", 1, 8)
    filing(market, "AAPL", "2014-04-24", [on_cover("2014-04-11", 861_381_000)])
    row = only_row(market)
    assert row["split_factor"] == 3.5
    assert row["shares"] == 861_381_000 * 3.5


def test_only_splits_of_the_instrument_and_its_source_count():
    market = Market("2025-12-31").split("MSFT", "2024-06-10", 10).split("AAPL", "2024-06-10", 10, source="nasdaq")
    assert only_row(filing(market, "AAPL", "2024-05-03", [on_cover("2024-04-19", 15e9)]))["split_factor"] == 1


def test_a_split_does_not_count_before_it_happens():
    market = Market("2022-07-17").split("GOOGL", "2022-07-18", 20, known_at="2022-07-01")
    assert only_row(filing(market, "GOOGL", "2022-04-27", [on_cover("2022-04-19", 660e6)]))["shares"] == 660e6


@pytest.mark.parametrize("day", ["2014-04-23", "2014-04-24", "2014-06-08", "2014-06-09", "2014-07-23", "2020-12-31"])
def test_filings_until_a_day_do_not_depend_on_what_comes_later(day):
    def as_of(last):
        market = Market(last, since="2014-01-01").split("AAPL", "2014-06-09", 7)
        filing(market, "AAPL", "2014-01-28", [on_cover("2014-01-10", 891_989_000)])
        filing(market, "AAPL", "2014-04-24", [on_cover("2014-04-11", 861_381_000)])
        filing(market, "AAPL", "2014-07-23", [on_cover("2014-07-11", 5_987_867_000)])
        return market.table("core.shares_outstanding")

    later = as_of("2021-12-31")
    past = later[later["filed_date"] <= day].drop(columns=["split_factor", "shares"])
    pd.testing.assert_frame_equal(as_of(day).drop(columns=["split_factor", "shares"]), past)
