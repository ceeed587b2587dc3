"""On-chain metrics of CoinMetrics and BGeometrics."""

import numpy as np
import pytest

from tests.sample_vendors.vendor import ASKED, EARLY, METRICS, ask, chain, unix


def test_market_cap_over_mvrv_is_the_realized_cap() -> None:
    rows = ask(METRICS, **ASKED[METRICS], start_time="2026-01-30", end_time="2026-02-03").json()["data"]
    assert [row["time"] for row in rows] == [
        f"2026-{day}T00:00:00.000000000Z" for day in ("01-30", "01-31", "02-01", "02-02", "02-03")
    ]
    assert {type(row[name]) for row in rows for name in ("PriceUSD", "CapMrktCurUSD", "CapMVRVCur")} == {str}
    realized = [float(row["CapMrktCurUSD"]) / float(row["CapMVRVCur"]) for row in rows]
    np.testing.assert_allclose(realized, chain("realized_cap", "2026-01-30")[:5], rtol=1e-9)
    assert [float(row["PriceUSD"]) for row in rows] == chain("price", "2026-01-30")[:5]


@pytest.mark.parametrize(
    ("paging_from", "pages"),
    [("start", ["01-30 01-31", "02-01 02-02", "02-03"]), ("end", ["02-02 02-03", "01-31 02-01", "01-30"])],
)
def test_coinmetrics_pages(paging_from: str, pages: list[str]) -> None:
    params = {"assets": "btc", "metrics": "PriceUSD", "start_time": "2026-01-30", "end_time": "2026-02-03"}
    found, token = [], {}
    for _ in pages:
        answer = ask(METRICS, **params, page_size=2, paging_from=paging_from, **token).json()
        found.append(" ".join(row["time"][5:10] for row in answer["data"]))
        token = {"next_page_token": answer.get("next_page_token")}
        assert ("next_page_url" in answer) == (token["next_page_token"] is not None)
    assert found == pages
    assert token == {"next_page_token": None}


def test_coinmetrics_refusals() -> None:
    paid = ask(METRICS, assets="btc", metrics="PriceUSD,CapRealUSD")
    assert (paid.status_code, paid.json()["error"]["type"]) == (403, "forbidden")
    for params in ({"assets": "zzz", "metrics": "PriceUSD"}, {"assets": "btc", "metrics": "Nothing"}):
        unknown = ask(METRICS, **params)
        assert (unknown.status_code, unknown.json()["error"]["type"]) == (400, "bad_parameter")


@pytest.mark.parametrize(
    ("kind", "field", "sign"), [("loss", "realizedLossUsd", -1), ("profit", "realizedProfitUsd", 1)]
)
def test_the_second_provider_gives_nearly_the_same_flows(kind: str, field: str, sign: int) -> None:
    rows = ask(f"/v1/realized-{kind}-usd", startday="2025-12-01", endday="2026-02-28").json()
    assert rows[0] | {field: ""} == {"d": "2025-12-01", "unixTs": unix("2025-12-01"), field: ""}
    assert len(rows) == 31 + 31 + 28
    theirs = np.array([float(row[field]) for row in rows])
    ours = np.diff(chain(f"realized_{kind}_cumulative", "2025-11-30"))[: len(rows)]
    ratio = sign * theirs / ours
    assert abs(ratio.mean() - 0.97) < 0.005
    assert 0 < ratio.std() < 0.02


def test_bgeometrics_pages_and_bounds() -> None:
    asked = {"startday": "2026-01-01", "endday": "2026-01-05", "size": 2}
    pages = [[row["d"][-2:] for row in ask("/v1/realized-loss-usd", **asked, page=n).json()] for n in range(4)]
    assert pages == [["01", "02"], ["03", "04"], ["05"], []]
    assert ask("/v1/realized-loss-usd", EARLY).json()[-1]["d"] == "2023-05-09"
    assert ask("/v1/realized-loss-usd", startday="2019-01-01", endday="2020-01-02").json() == []
    assert ask("/v1/realized-nothing").status_code == 404
