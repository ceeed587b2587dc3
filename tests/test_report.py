"""The report: every exhibit answers on the sample market, says where it is from, and lets nothing through as markup."""

import json
import re
import shutil
from html.parser import HTMLParser

import duckdb
import pytest
import yaml

from pipelines.engines import model_names, tables_in
from pipelines.publish import publish
from pipelines.report.answers import ask, datasets_behind, filled
from pipelines.report.entries import QUERY_FOLDERS, REPORT_FILE, sections
from pipelines.report.figures import figure
from pipelines.report.lines import shaded
from pipelines.report.packing import pack
from pipelines.report.words import MISSING, shown
from pipelines.report.write import write_report
from pipelines.settings import Profile
from tests.factories import Market, sessions_of
from tests.test_publish import a_run

EXHIBITS = {exhibit.id: exhibit for section in sections() for exhibit in section.exhibits}
# Of a market without a fault these have nothing to show.
MAY_BE_EMPTY = {"late_series", "failed_checks", "rejected_rows"}
ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&<!--"
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """A page's elements, each with its attributes and the text below it."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def all(self, tag, **attributes):
        return [
            e
            for e in self.elements
            if e["tag"] == tag and all(e.get(k.rstrip("_")) == v for k, v in attributes.items())
        ]

    @property
    def data(self):
        (block,) = self.all("script", id="data")
        return json.loads(block["text"])


@pytest.fixture(scope="module")
def page(sample_home):
    return Page((sample_home / "report" / "index.html").read_text())


@pytest.fixture
def answered(sample_home):
    with duckdb.connect(str(sample_home / "market.duckdb"), read_only=True) as connection:
        yield lambda name: ask(connection, EXHIBITS[name], "2026-03-31")


def rewritten(home, folder, statement):
    """The report of a copy of the published file after a change to it."""
    shutil.copy(home / "market.duckdb", folder / "market.duckdb")
    with duckdb.connect(str(folder / "market.duckdb")) as connection:
        connection.execute(statement, {"attack": ATTACK} if "$attack" in statement else None)
    return Page(write_report(folder / "market.duckdb", folder / "report").read_text())


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_exhibit_has_rows_on_the_sample_market(answered, name):
    assert len(answered(name)) > 0 or name in MAY_BE_EMPTY


@pytest.mark.parametrize("name", EXHIBITS)
def test_the_shown_sql_is_the_one_behind_the_exhibit(sample_home, answered, name):
    answer = answered(name)
    with duckdb.connect(str(sample_home / "market.duckdb"), read_only=True) as connection:
        assert len(connection.execute(answer.sql).fetchall()) == len(answer)
    assert set(answer.tables) == tables_in(filled(EXHIBITS[name]))


@pytest.mark.parametrize("name", [name for name, exhibit in EXHIBITS.items() if exhibit.is_chart])
def test_every_chart_says_unit_source_day_and_sql_and_can_be_downloaded(page, answered, name):
    (exhibit,) = page.all("figure", id=f"exhibit-{name}")
    answer = answered(name)
    for text in (f"Unit: {EXHIBITS[name].unit}", f"As of {answer.as_of}", answer.tables[0], answer.sources[0]):
        assert text in exhibit["text"]
    assert answer.sql in exhibit["text"]
    assert page.data[name]["figure"]["data"]
    (link,) = [link for link in page.all("a", **{"data-exhibit": name}) if "download" in link]
    assert link["download"] == f"simulated-{name}-2026-03-31.csv"
    (chart,) = page.all("div", **{"data-exhibit": name})
    assert (chart["role"], chart["aria-label"].startswith(f"Chart: {EXHIBITS[name].title}")) == ("img", True)


def test_the_parts_that_were_asked_for_are_there(page):
    assert [heading["text"] for heading in page.all("h2")] == [section.title for section in sections()]
    assert len(page.all("tr")) > 49
    text = page.all("main")[0]["text"]
    for part in ("not supported", "Underwater curves", "Diamonds mark extreme days", "95 % interval", "Data freshness"):
        assert part in text


def test_every_claim_stands_in_a_table_with_its_verdict_reason_and_sql(sample_home, page):
    with duckdb.connect(str(sample_home / "market.duckdb"), read_only=True) as connection:
        claims = connection.execute("select claim_id, verdict, statement, reason, sql from marts.claims").fetchall()
    assert len(claims) > 40
    for claim_id, verdict, *texts in claims:
        (row,) = page.all("tr", id=f"claim-{claim_id}")
        assert all(text in row["text"] for text in (verdict.replace("_", " "), *texts))


def test_simulated_data_are_called_so_and_vendors_data_are_not(sample_home, page, tmp_path):
    assert "Simulated sample data" in page.all("div", class_="banner")[0]["text"]
    assert "simulated" in page.all("title")[0]["text"]
    statement = (
        "update meta set value = case key when 'data' then 'vendors' else 'live' end where key in ('data', 'profile')"
    )
    real = rewritten(sample_home, tmp_path, statement)
    assert real.all("div", class_="banner") == []
    outside_the_data = [e["text"] for e in real.all("header") + real.all("title") + real.all("footer")]
    assert "imulated" not in "".join(outside_the_data)
    assert not [link for link in real.all("a") if "simulated" in link.get("download", "")]


@pytest.mark.parametrize(
    "statement",
    [
        "update marts.claims set statement = $attack, reason = $attack, source = $attack, sql = $attack",
        "update marts.claims set story = $attack, unit = $attack",
        "update core.instruments set name = $attack where symbol in ('BTC', 'basket:saas')",
        "update core.events set subject = $attack, organization = $attack",
        "update quality.coverage set status = 'late', symbol = $attack",
        "update meta set value = $attack where key in ('run_id', 'published_at')",
    ],
)
def test_what_data_say_stays_text(sample_home, page, tmp_path, statement):
    attacked = rewritten(sample_home, tmp_path, statement)
    assert len(attacked.all("script")) == len(page.all("script")) == 3
    assert attacked.all("img") == []
    assert any(ATTACK in element["text"] for element in attacked.elements)
    assert not attacked.open


def test_only_the_two_own_scripts_may_run_and_nothing_may_be_fetched(page):
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none';")
    assert len(re.findall(r"'sha256-[A-Za-z0-9+/]{43}='", policy["content"])) == 2
    assert "unsafe-inline" not in policy["content"].split("script-src")[1]
    fetched = [e for e in page.elements if any(str(e.get(k, "")).startswith(("http", "//")) for k in ("src", "href"))]
    assert fetched == []


def test_the_page_stays_small_enough_to_mail(sample_home):
    assert (sample_home / "report" / "index.html").stat().st_size < 8_000_000


def test_a_market_without_anything_to_show_has_a_report_that_says_so(tmp_path):
    market = Market("2026-02-05", "2025-10-01")
    dates = sessions_of("2025-10-01", "2026-02-05")
    market.bars("QQQ", dates, [100 + i % 7 for i in range(len(dates))])
    publish(
        market.build(*model_names()).warehouse, a_run(market, tmp_path, profile=Profile.LIVE), "2026-02-06T00:00:00Z"
    )
    bare = Page((tmp_path / "report" / "index.html").read_text())
    (losses,) = bare.all("figure", id="exhibit-realized_losses")
    assert "The data hold nothing to show here." in losses["text"]
    assert bare.data["realized_losses"]["figure"] is None
    assert bare.data["underwater"]["figure"]["data"][0]["name"] == "QQQ"


def test_the_second_sources_and_unrelated_vendors_are_not_given_as_source(answered):
    assert answered("capex").sources == ["sec"]
    assert answered("realized_losses").sources == ["bgeometrics", "brk", "coinmetrics"]
    assert datasets_behind(["marts.realized_losses"], {"core.spent_output_days"}) == {"onchain"}
    assert "daily_bars" in datasets_behind(["marts.realized_losses"], set())


def test_extreme_days_are_marked_and_no_others(answered):
    answer = answered("realized_losses")
    expected = {n for n, is_extreme in enumerate(answer.columns["is_extreme"]) if is_extreme}
    marked = [row for t in figure(answer)["data"] if t["mode"] == "markers" for row in t["x"]["rows"]]
    assert set(marked) == expected != set()
    assert len(marked) == len(expected)


def test_an_interval_reaches_from_low_to_high(answered):
    answer = answered("events_igv")
    for trace in figure(answer)["data"]:
        for row, up, down in zip(
            trace["x"]["rows"], *(trace["error_x"][k] for k in ("array", "arrayminus")), strict=True
        ):
            point = answer.row(row)
            assert point["car_percent"] + up == pytest.approx(point["high_percent"])
            assert point["car_percent"] - down == pytest.approx(point["low_percent"])
            assert point["is_rare"] == (trace["marker"]["symbol"] == "diamond")


def test_regimes_are_shaded_from_their_first_session_to_the_next_ones():
    shapes = shaded(["d1", "d2", "d3", "d4", "d5"], ["decoupled", "coupled", "coupled", None, "inverse"])
    assert [(s["fillcolor"], s["x0"], s["x1"]) for s in shapes] == [
        ("--coupled", "d2", "d4"),
        ("--inverse", "d5", "d5"),
    ]


def test_a_line_is_the_slice_of_its_series(answered):
    answer = answered("underwater")
    for trace in figure(answer)["data"]:
        part = trace["y"]
        assert set(answer.columns["name"][part["from"] : part["to"]]) == {trace["name"]}
    lengths = [t["y"]["to"] - t["y"]["from"] for t in figure(answer)["data"]]
    assert sum(lengths) == len(answer)


def test_columns_are_packed_without_loss():
    for values in (["a", "a", "b", None, "a", "a"], ["a", "b"], [1, 2.5, None], []):
        packed = pack(values)
        back = [packed["distinct"][n] for n in packed["rows"]] if isinstance(packed, dict) else packed
        assert back == values
    assert pack([1.0, float("nan"), float("inf")]) == [1.0, None, None]


def test_cells_are_written_for_people():
    assert [shown(v) for v in (None, float("nan"), True, 0.65313, 96270.4, 12, "x")] == [
        MISSING, MISSING, "yes", "0.6531", "96,270", "12", "x",
    ]  # fmt: skip


def test_every_query_is_used_and_begins_with_its_question():
    used = {exhibit.query for exhibit in EXHIBITS.values()}
    for file in QUERY_FOLDERS[0].glob("*.sql"):
        assert file.stem in used
        first = file.read_text().splitlines()[0]
        assert (first[:3], first[-1]) == ("-- ", "?")
    assert len(EXHIBITS) == sum(len(s["exhibits"]) for s in yaml.safe_load(REPORT_FILE.read_text()))
