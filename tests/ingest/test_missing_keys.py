"""Series that need a key are left out without it."""

from urllib.parse import urlsplit

from tests.ingest.world import HIDDEN
from tests.test_coingecko import coin, snapshot

COINS = [
    ("CRYPTO_TOTAL", "market", "global", ["market_snapshots", "market_caps"]),
    ("BTC", "crypto", "bitcoin", ["market_caps"]),
    ("ETH", "crypto", "ethereum", ["market_caps"]),
]


def coingecko(path, asked):
    return snapshot() if path == "/api/v3/global" else coin()


def test_a_series_without_its_key_is_left_out_and_the_others_are_asked(world, log):
    world.vendor = coingecko
    batch = world.run("coingecko", COINS)
    assert [urlsplit(call.url).path for call in world.calls] == ["/api/v3/global"]
    either, pro = (
        "COINGECKO_PRO_API_KEY or COINGECKO_DEMO_API_KEY is not set",
        "COINGECKO_PRO_API_KEY is not set",
    )
    assert world.loads("symbol, dataset, outcome, reason") == [
        ("BTC", "market_caps", "skipped", either),
        ("CRYPTO_TOTAL", "market_caps", "skipped", pro),
        ("CRYPTO_TOTAL", "market_snapshots", "ok", None),
        ("ETH", "market_caps", "skipped", either),
    ]
    assert batch.failures == []
    assert [record.getMessage() for record in log.records if "left out" in record.getMessage()] == [
        f"coingecko: {pro}, so left out: CRYPTO_TOTAL market_caps",
        f"coingecko: {either}, so left out: BTC market_caps, ETH market_caps",
    ]
    assert world.warehouse.scalar("select count(*) from raw.market_snapshots") == 1


def test_a_key_opens_what_it_opens_and_is_sent(world, monkeypatch):
    monkeypatch.setenv("COINGECKO_DEMO_API_KEY", HIDDEN)
    world.vendor = coingecko
    world.run("coingecko", COINS)
    assert {call.headers["x-cg-demo-api-key"] for call in world.calls} == {HIDDEN}
    outcomes = [("BTC", "ok"), ("CRYPTO_TOTAL", "skipped"), ("CRYPTO_TOTAL", "ok"), ("ETH", "ok")]
    assert world.loads() == outcomes
