"""FRED's index levels."""

import numpy as np

from tests.sample_vendors.vendor import EARLY, ask, unix


def test_index_levels_have_weekdays_without_a_session_empty() -> None:
    response = ask("/graph/fredgraph.csv", id="VIXCLS,SP500", cosd="2026-01-16", coed="2026-01-20")
    assert response.headers["Content-Type"] == "application/csv"
    header, *lines = response.text.splitlines()
    assert header == "observation_date,VIXCLS,SP500"
    # The 17th and 18th are a weekend, the 19th is Martin Luther King's day.
    assert [line.split(",")[0] for line in lines] == ["2026-01-16", "2026-01-19", "2026-01-20"]
    assert lines[1] == "2026-01-19,,"
    for symbol, column, points in (("^VIX", 1, 1), ("SPY", 2, 10)):
        params = {"period1": unix("2026-01-16"), "period2": unix("2026-01-21")}
        quote = ask(f"/v8/finance/chart/{symbol}", **params).json()["chart"]["result"][0]["indicators"]["quote"][0]
        levels = [float(lines[i].split(",")[column]) for i in (0, 2)]
        np.testing.assert_allclose(levels, np.array(quote["close"]) * points, atol=0.005)


def test_index_levels_appear_when_the_day_has_ended() -> None:
    assert ask("/graph/fredgraph.csv", EARLY, id="VIXCLS").text.splitlines()[-1].startswith("2023-05-09,")
    assert ask("/graph/fredgraph.csv", id="VIXCLS").text.splitlines()[-1].startswith("2026-03-31,")
    unknown = ask("/graph/fredgraph.csv", id="NOTHING")
    assert (unknown.status_code, unknown.text[0]) == (404, "<")
