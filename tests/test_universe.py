"""The watched universe: mistakes in the file are errors that name what is wrong, and what is asked follows from it."""

import pytest
import yaml
from pydantic import ValidationError

from pipelines.settings import WrongSettings
from pipelines.sources import SOURCES
from pipelines.sources.base import Series
from pipelines.universe import Universe, load_universe

GOOD = """
sources:
  equity: {daily_bars: yahoo}
  etf: {daily_bars: yahoo}
  index: {}
  crypto: {daily_bars: binance}
instruments:
  IBM: {name: IBM, kind: equity}
  VIX: {name: Volatility, kind: index, vendor_symbols: {yahoo: ^VIX}, datasets: {daily_bars: yahoo}}
  SPY: {name: SPDR, kind: etf, datasets: {daily_bars: tiingo}}
  BTC: {name: Bitcoin, kind: crypto, vendor_symbols: {binance: BTCUSDT}, datasets: {onchain: brk}}
baskets:
  mixed: {name: Mixed, members: [IBM, BTC]}
  coins: {name: Coins, members: [BTC]}
correlation_bases: [BTC]
"""


def universe(text=GOOD):
    return Universe.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("members: [IBM, BTC]", "members: [IBM, BTX]", "BTX.*lists no such instrument"),
        ("bases: [BTC]", "bases: [QQQ]", "QQQ.*lists no such instrument"),
        ("{name: IBM, kind: equity}", "{name: IBM, kid: equity}", r"(?s)instruments\.IBM\.kid"),
        ("{name: IBM, kind: equity}", "{name: IBM, kind: stock}", r"instruments\.IBM\.kind"),
        ("vendor_symbols: {binance", "vendor_symbol: {binance", r"instruments\.BTC\.vendor_symbol\b"),
        ("members: [BTC]", "member: [BTC]", r"baskets\.coins\.member\b"),
        ("correlation_bases", "correlation_base", "correlation_base\n"),
        ("{name: Coins, members", "{members", r"baskets\.coins\.name"),
    ],
)
def test_a_mistake_in_the_file_is_an_error_that_names_it(before, after, message):
    assert GOOD.count(before) == 1
    with pytest.raises(ValidationError, match=message):
        universe(GOOD.replace(before, after))


NO_SYMBOLS = ["I'M", 'I"M', "I;M", "I M", "I/M", "../M", "I..M", ".", "-", "", "I\\M", "I%2FM", "I?M", "I#M", "I&M"]
NO_SYMBOLS += ["\u0399", "I\nM", "[red]", "IBM\n", "'; drop table core.prices; --"]


@pytest.mark.parametrize("symbol", NO_SYMBOLS)
@pytest.mark.parametrize("place", ["instrument", "vendor symbol", "basket", "episode"])
def test_a_symbol_that_could_mean_something_else_is_refused(symbol, place):
    if place == "vendor symbol" and symbol == "I/M":
        return
    document = yaml.safe_load(GOOD)
    if place == "vendor symbol":
        document["instruments"]["IBM"]["vendor_symbols"] = {"yahoo": symbol}
    elif place == "episode":
        document["episodes"] = {symbol: {"name": "Fall", "start": "2026-01-01"}}
    else:
        document["instruments" if place == "instrument" else "baskets"][symbol] = (
            {"name": "Odd", "kind": "equity"} if place == "instrument" else {"name": "Odd", "members": ["IBM"]}
        )
    with pytest.raises(ValidationError, match="is no symbol; write it with letters, digits and"):
        Universe.model_validate(document)


@pytest.mark.parametrize("symbol", ["IBM", "BRK.B", "BF-B", "^VIX", "EURUSD=X", "BTC_USD", "0000789019", "a"])
def test_the_symbols_that_vendors_use_are_allowed(symbol):
    document = yaml.safe_load(GOOD)
    vendors = {"yahoo": symbol, "nasdaq": f"stocks/{symbol}"}
    document["instruments"][symbol] = {"name": "Fine", "kind": "equity", "vendor_symbols": vendors}
    assert Universe.model_validate(document).instruments[symbol].vendor_symbols == vendors


@pytest.mark.parametrize("symbol", ["/MSFT", "stocks/", "stocks//MSFT", "../MSFT", "stocks/../MSFT", "a/./b", "/"])
def test_a_vendor_symbol_stays_in_its_place_of_the_path(symbol):
    document = yaml.safe_load(GOOD)
    document["instruments"]["IBM"]["vendor_symbols"] = {"nasdaq": symbol}
    with pytest.raises(ValidationError, match="is no symbol"):
        Universe.model_validate(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("members: [BTC]", "members: [XYZ]"), "names ['XYZ'] but lists no such instrument; add it there"),
        (GOOD.replace("IBM: {name: IBM, kind: equity}", '"I;M": {name: IBM, kind: equity}'), "instruments.I;M: 'I;M'"),
        (GOOD.replace("kind: equity}", "kind: stock}", 1), "instruments.IBM.kind: Input should be 'equity'"),
        (GOOD.replace("kind: equity}", "kind: [", 1), "it is no YAML: while parsing"),
        (None, "No such file or directory"),
    ],
)
def test_a_mistake_in_a_file_on_disk_is_named_with_the_file_and_the_next_step(tmp_path, monkeypatch, text, message):
    file = tmp_path / "universe.yaml"
    if text:
        file.write_text(text)
    monkeypatch.setenv("SCARETRADE_UNIVERSE", str(file))
    with pytest.raises(WrongSettings) as refused:
        load_universe()
    assert str(refused.value).startswith(f"the universe {file}: ")
    assert message in str(refused.value)
    assert str(refused.value).endswith(". Next: correct it there, or set SCARETRADE_UNIVERSE")


def test_series_follow_the_kind_and_the_instruments_overrides():
    assert universe().series("yahoo") == [Series("IBM", "IBM", "daily_bars"), Series("VIX", "^VIX", "daily_bars")]
    assert universe().series("tiingo") == [Series("SPY", "SPY", "daily_bars")]
    assert universe().series("binance") == [Series("BTC", "BTCUSDT", "daily_bars")]
    assert universe().series("brk") == [Series("BTC", "BTC", "onchain")]
    assert universe().series("nobody") == []


def test_frames_list_instruments_then_baskets():
    frame = universe().instruments_frame().set_index("symbol")
    assert list(frame.index) == ["IBM", "VIX", "SPY", "BTC", "basket:mixed", "basket:coins"]
    assert frame["daily_source"].tolist()[:4] == ["yahoo", "yahoo", "tiingo", "binance"]
    assert frame["calendar"].tolist() == ["XNYS", "XNYS", "XNYS", "24/7", "XNYS", "24/7"]
    assert frame.index[frame["is_correlation_base"]].tolist() == ["BTC"]
    members = universe().basket_members_frame()
    assert members.to_numpy().tolist() == [["basket:mixed", "IBM"], ["basket:mixed", "BTC"], ["basket:coins", "BTC"]]


def test_the_first_source_is_used_and_the_others_stand_beside_it():
    both = universe(GOOD.replace("datasets: {daily_bars: yahoo}", "datasets: {daily_bars: [fred, yahoo]}"))
    assert both.series("fred") == [Series("VIX", "VIX", "daily_bars")]
    assert Series("VIX", "^VIX", "daily_bars") in both.series("yahoo")
    assert both.instruments_frame().set_index("symbol").loc["VIX", "daily_source"] == "fred"


def test_an_empty_list_asks_nobody():
    nobody = universe(
        GOOD.replace("{name: IBM, kind: equity}", "{name: IBM, kind: equity, datasets: {daily_bars: []}}")
    )
    assert nobody.series("yahoo") == [Series("VIX", "^VIX", "daily_bars")]
    assert nobody.instruments_frame().set_index("symbol").loc["IBM", "daily_source"] != "yahoo"


def test_a_file_of_ones_own_is_named_by_the_environment(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").write_text(GOOD)
    monkeypatch.setenv("SCARETRADE_UNIVERSE", str(tmp_path / "mine.yaml"))
    assert list(load_universe().instruments) == ["IBM", "VIX", "SPY", "BTC"]


def test_the_projects_own_file_asks_only_sources_that_exist():
    found = load_universe()
    asked = {source for i in found.instruments.values() for named in found.datasets(i).values() for source in named}
    # Each alternative is one line away: see the head of the file.
    assert set(SOURCES) - asked == {"tiingo", "nasdaq", "cboe"}
    assert asked <= set(SOURCES)
    for source in asked:
        series = found.series(source)
        assert len(series) == len(set(series)) > 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("datasets: {onchain: brk}", None),
        ("datasets: {onchain: bkr}", "BTC onchain from bkr, no source here. Next: brk"),
        (
            "datasets: {onchain: [brk, binance]}",
            "from binance. Next: ask it for daily_bars, hourly_bars only",
        ),
    ],
)
def test_a_series_is_asked_only_from_a_source_that_gives_it(tmp_path, line, message):
    file = tmp_path / "universe.yaml"
    file.write_text(GOOD.replace("datasets: {onchain: brk}", line))
    if message is None:
        load_universe(file)
        return
    with pytest.raises(WrongSettings, match=message):
        load_universe(file)
