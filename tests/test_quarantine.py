"""A bad row waits outside with its reason, and the first good payload brings the day in."""

import json
from datetime import date, timedelta

import pytest

from tests.daily import Home
from tests.published import rows
from tests.tampered import Tampered

DAY, NEXT = "2026-02-03", "2026-02-04"


def zeros(path, body):
    """Microsoft's newest prices are zeros that mean missing."""
    if not path.startswith("/v8/finance/chart/MSFT?"):
        return body
    document = json.loads(body)
    result = document["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    days = [str(date(1970, 1, 1) + timedelta(seconds=at)) for at in result["timestamp"]]
    if DAY in days:
        for name in ("open", "high", "low", "close"):
            quote[name][days.index(DAY)] = 0
    return json.dumps(document).encode()


@pytest.fixture
def wire():
    server = Tampered()
    yield server
    server.close()


def test_a_row_rejected_yesterday_and_good_today_is_in_the_tables_today(tmp_path, wire):
    home, whole = (Home(tmp_path / name, wire) for name in ("home", "whole"))
    prices = f"select close from core.prices where symbol = 'MSFT' and date = '{DAY}'"
    rejected = "select symbol, row_date::varchar, reason, row_json from quality.rejected_rows"
    wire.spoil = zeros
    home.run(DAY)
    assert rows(home.published, prices) == []
    ((symbol, day, reason, row),) = rows(home.published, rejected)
    assert (symbol, day) == ("MSFT", DAY)
    assert reason.endswith(" is above 0.0")
    assert json.loads(row)["close"] == 0
    payload = rows(home.published, "select payload_id from quality.rejected_rows")[0][0]
    assert (home.state / "landing" / payload[:2] / f"{payload}.gz").exists()

    wire.spoil = lambda path, body: body
    home.run(NEXT)
    whole.run(NEXT)
    assert rows(home.published, prices) == rows(whole.published, prices) != []
    assert home.differs_from(whole) == {}
    assert rows(home.published, rejected) == [(symbol, day, reason, row)]
