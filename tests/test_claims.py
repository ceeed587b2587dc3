"""Claims held against a hand-made market: verdicts, reasons, the user's own file, and what their SQL may not say."""

from datetime import date

import pytest
import yaml
from pydantic import ValidationError

from pipelines import claim_queries
from pipelines.claim_queries import UnsafeQuery, ask, checked, filled, readable_tables, tables_read
from pipelines.claims import CLAIMS_FILE, Claim, Window, WrongClaim, load_claims, read_claims
from pipelines.contracts import contracts
from pipelines.ledger import claim_windows, claims_ledger, number
from tests.factories import Market, days

AS_OF = date(2026, 1, 10)
FALL = """
select 100 * (max(close) filter (where date = $end) / max(close) filter (where date = $start) - 1) as value,
    count(*) as n, count(*) / 2.0 as coverage
from core.prices where symbol = $symbol and date in ($start, $end)
"""


def a_claim(**changes):
    """Bitcoin fell 10 % from 5 to 8 January, give or take 1, partly 3."""
    stated = {
        "id": "bitcoin_fell",
        "story": "story",
        "statement": "Bitcoin fell by a tenth",
        "source": "me",
        "unit": "percent",
        "claimed_value": -10,
        "tolerance": 1,
        "partly_tolerance": 3,
        "values": {"symbol": "BTC", "start": date(2026, 1, 5), "end": date(2026, 1, 8)},
        "sql": FALL,
    }
    return Claim.model_validate({**stated, **changes})


@pytest.fixture(scope="module")
def warehouse():
    """Bitcoin from 5 to 10 January, as of the last day: 100, 95, 88, 90, 80, 80."""
    market = Market(AS_OF, since="2026-01-01").bars("BTC", days("2026-01-05", 6), [100, 95, 88, 90, 80, 80])
    return market.build("core.prices", "core.market_caps").warehouse


def judged(warehouse, claim, as_of=AS_OF, remark=""):
    """The claim's row of the ledger."""
    windows = claim_windows(warehouse.connection, [claim], as_of)
    return claims_ledger(warehouse.connection, [claim], windows, as_of, remark).iloc[0]


def asked(warehouse, sql, **changes):
    """The row of a claim of 1 with its own SQL and no values."""
    return judged(warehouse, a_claim(**{"sql": sql, "values": {}, "claimed_value": 1, **changes}))


# Verdicts


@pytest.mark.parametrize(
    ("comparison", "value", "verdict"),
    [
        ("about", 10, "supported"),
        ("about", 11, "supported"),
        ("about", 9, "supported"),
        ("about", 11.001, "partly"),
        ("about", 8.999, "partly"),
        ("about", 13, "partly"),
        ("about", 7, "partly"),
        ("about", 13.001, "not_supported"),
        ("about", 6.999, "not_supported"),
        ("at_least", 1000, "supported"),
        ("at_least", 9, "supported"),
        ("at_least", 8.999, "partly"),
        ("at_least", 7, "partly"),
        ("at_least", 6.999, "not_supported"),
        ("at_most", -1000, "supported"),
        ("at_most", 11, "supported"),
        ("at_most", 11.001, "partly"),
        ("at_most", 13, "partly"),
        ("at_most", 13.001, "not_supported"),
    ],
)
def test_a_claim_of_10_within_1_or_partly_3(comparison, value, verdict):
    assert a_claim(claimed_value=10, comparison=comparison).judge(value) == verdict


def test_the_edge_belongs_to_the_tolerance_in_spite_of_binary_fractions():
    assert 2.6 - 2.5 > 0.1
    assert a_claim(claimed_value=2.6, tolerance=0.1, partly_tolerance=0.1).judge(2.5) == "supported"


def test_a_claim_that_holds(warehouse):
    # From 100 to 90.
    row = judged(warehouse, a_claim())
    assert (row["verdict"], row["measured_value"], row["deviation"]) == (
        "supported",
        pytest.approx(-10),
        pytest.approx(0),
    )
    assert (str(row["window_start"])[:10], str(row["window_end"])[:10], row["n"]) == ("2026-01-05", "2026-01-08", 2)
    assert row["coverage"] == 1
    assert row["reason"] == "Measured -10, claimed about -10 (percent): holds within 1."


def test_a_claim_that_holds_in_part(warehouse):
    # From 100 to 88.
    row = judged(warehouse, a_claim(values={"symbol": "BTC", "start": date(2026, 1, 5), "end": date(2026, 1, 7)}))
    assert (row["verdict"], row["deviation"]) == ("partly", pytest.approx(-2))
    assert row["reason"] == "Measured -12, claimed about -10 (percent): 2 below, not within 1, though within 3."


def test_a_claim_that_does_not_hold_names_the_windows_under_which_it_would(warehouse):
    # From 100: 95 on the 6th, 90 on the 8th, 80 on the 9th. From 88 to 80: -9.09 %.
    windows = [
        {"label": "to the 8th", "values": {"end": date(2026, 1, 8)}},
        {"label": "to the 9th", "values": {"end": date(2026, 1, 9)}},
        {"label": "from the 7th to the 9th", "values": {"start": date(2026, 1, 7), "end": date(2026, 1, 9)}},
        {"label": "by another definition", "sql": "select -10.5 as value"},
        {"label": "of another coin", "values": {"symbol": "ETH"}},
    ]
    claim = a_claim(values={"symbol": "BTC", "start": date(2026, 1, 5), "end": date(2026, 1, 6)}, windows=windows)
    row = judged(warehouse, claim)
    assert row["verdict"] == "not_supported"
    assert row["reason"] == (
        "Measured -5, claimed about -10 (percent): 5 above, not within 1. It would hold in 3 of 4 other windows"
        " measured: to the 8th (-10); from the 7th to the 9th (-9.091); by another definition (-10.5)."
    )
    found = claim_windows(warehouse.connection, [claim], AS_OF).set_index("label")
    assert found["would_hold"].fillna(value=False).tolist() == [True, False, True, True, False]
    assert found.loc["to the 9th", "deviation"] == pytest.approx(-10)
    assert found["measured_value"].isna().tolist() == found["window_end"].isna().tolist() == [False] * 4 + [True]
    assert found.loc["of another coin", "reason"] == (
        "no value in core.prices for symbol ETH, start 2026-01-05, end 2026-01-06"
    )


def test_a_claim_that_holds_in_no_window_says_so(warehouse):
    row = asked(warehouse, "select 5 as value", tolerance=0, windows=[{"label": "other", "sql": "select 6 as value"}])
    assert (
        row["reason"]
        == "Measured 5, claimed about 1 (percent): 4 above. It would hold in no other window measured (1)."
    )


def test_the_query_shown_is_the_one_that_ran(warehouse):
    row = judged(warehouse, a_claim())
    assert warehouse.scalar(row["sql"]) == row["measured_value"]


def test_a_remark_stands_before_the_reason(warehouse):
    assert judged(warehouse, a_claim(), remark="Simulated data. ")["reason"].startswith("Simulated data. Measured")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (2.61603, "2.616"), (-0.0721, "-0.0721"), (108322.88, "108,323"), (999.96, "1000")]
)
def test_figures_in_sentences(value, text):
    assert number(value) == text


# What cannot be measured


def test_coverage_below_the_minimum_shows_the_value_and_no_verdict(warehouse):
    half = "select -10 as value, coverage from (select 0.5 as coverage) as half"
    row = asked(warehouse, half, claimed_value=-10, min_coverage=0.6)
    assert (row["verdict"], row["measured_value"]) == ("not_measurable", -10)
    assert row["reason"] == (
        "Not measurable: data cover 50 % of what it needs, less than 60 % (where there are data: -10 percent)."
    )
    assert asked(warehouse, half, claimed_value=-10, min_coverage=0.5)["verdict"] == "supported"


def test_nothing_is_measured_before_its_last_day(warehouse):
    late = {"symbol": "BTC", "start": date(2026, 1, 5), "end": date(2026, 1, 11)}
    row = judged(warehouse, a_claim(values=late))
    assert row["reason"] == "Not measurable: the window ends on 2026-01-11, after the data do on 2026-01-10."
    assert row[["measured_value", "deviation", "window_start", "window_end"]].isna().all()
    # On the 8th itself the day has ended.
    assert judged(warehouse, a_claim(), as_of=date(2026, 1, 8))["verdict"] == "supported"
    assert judged(warehouse, a_claim(), as_of=date(2026, 1, 7))["verdict"] == "not_measurable"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select max(market_cap_usd) as value from core.market_caps", "core.market_caps is empty"),
        ("select close as value from core.prices where symbol = 'ETH'", "no value in core.prices"),
        ("select null as value, 1 as n from core.prices limit 1", "no value in core.prices"),
        ("select 'many' as value from core.prices limit 1", "no value in core.prices"),
        ("select exp(1000.0) as value from core.prices limit 1", "no value in core.prices"),
        ("select 0.0 / 0 as value from core.prices limit 1", "no value in core.prices"),
        ("select close as value from core.prices", "the query gave several rows instead of one"),
        ("select clse as value from core.prices", 'the query failed: Binder Error: Referenced column "clse" not found'),
        ("select car as value from marts.event_studies", "the query failed: Catalog Error: Table with name event_stud"),
        ("select cast('x' as double) as value from core.prices", "the query failed: Conversion Error"),
    ],
)
def test_a_query_without_one_number_says_why(warehouse, sql, reason):
    row = asked(warehouse, sql)
    assert row["verdict"] == "not_measurable"
    assert reason in row["reason"]
    assert "\n" not in row["reason"]
    assert row[["measured_value", "deviation", "window_end"]].isna().all()


def test_a_query_that_takes_too_long_is_stopped(warehouse, monkeypatch):
    monkeypatch.setattr(claim_queries, "SECONDS_ALLOWED", 0.2)
    product = ", ".join(f"core.prices as p{i}" for i in range(14))
    row = asked(warehouse, f"select sum(p0.close * p13.close) as value from {product}")
    assert row["reason"] == "Not measurable: the query took over 0.2 seconds."
    assert asked(warehouse, "select 1 as value")["verdict"] == "supported"


def test_odd_columns_beside_the_value_do_no_harm(warehouse):
    row = asked(warehouse, "select true as value, 'x' as n, 'y' as coverage, 'z' as window_start, 5 as window_end")
    assert (row["verdict"], row["measured_value"]) == ("supported", 1)
    assert row[["n", "coverage", "window_start", "window_end"]].isna().all()


# The user's own file


def a_file(tmp_path, *claims):
    file = tmp_path / "claims.yaml"
    entries = [c if isinstance(c, dict) else c.model_dump(mode="python") for c in claims]
    file.write_text(yaml.safe_dump({"claims": entries}))
    return file


def test_a_users_claims_are_added_and_replace_shipped_ones(tmp_path, monkeypatch):
    shipped = load_claims()
    replaced = a_claim(id=shipped[3].id, statement="My own reading")
    monkeypatch.setenv("SCARETRADE_CLAIMS", str(a_file(tmp_path, a_claim(), replaced)))
    found = load_claims()
    assert [c.id for c in found] == [*(c.id for c in shipped), "bitcoin_fell"]
    assert found[3] == replaced
    assert found[-1] == a_claim()
    assert [c for c in found if c.id not in ("bitcoin_fell", replaced.id)] == [*shipped[:3], *shipped[4:]]


def test_a_missing_file_is_named_with_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SCARETRADE_CLAIMS", str(tmp_path / "none.yaml"))
    with pytest.raises(WrongClaim, match=r"none\.yaml cannot be read: No such file.* Next: correct SCARETRADE_CLAIMS"):
        load_claims()


def test_a_file_that_is_no_yaml_or_no_list_of_claims(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("claims: [")
    with pytest.raises(WrongClaim, match=r"wrong\.yaml is no YAML"):
        read_claims(file)
    file.write_bytes(b"claims: \xff")
    with pytest.raises(WrongClaim, match=r"wrong\.yaml is no YAML"):
        read_claims(file)
    file.write_text("- id: x")
    with pytest.raises(WrongClaim, match="the file: Input should be"):
        read_claims(file)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tolerence": 1}, "the claim bitcoin_fell, tolerence: Extra inputs are not permitted"),
        ({"claimed_value": "ten"}, "the claim bitcoin_fell, claimed_value: Input should be a valid number"),
        ({"claimed_value": float("inf")}, "claimed_value: Input should be a finite number"),
        ({"comparison": "around"}, "the claim bitcoin_fell, comparison: Input should be 'about'"),
        ({"tolerance": 4}, "the claim bitcoin_fell: partly_tolerance 3 is below tolerance 4; raise it"),
        ({"values": {"end": "2026-01-08"}}, "the claim bitcoin_fell: end is no day; write it as 2026-02-05"),
        ({"values": {}}, r"the claim bitcoin_fell: `\$\w+` has no value; give it one under `values`"),
        ({"sql": "select 1; select 2"}, "the claim bitcoin_fell: its SQL is not one SELECT"),
        ({"windows": [{"label": "a", "sql": "x"}]}, "the claim bitcoin_fell: its SQL is not .*window 'a'"),
        ({"windows": [{"label": "a"}, {"label": "a"}]}, "the claim bitcoin_fell: two windows have the same label"),
        ({"id": "Bitcoin fell"}, "the claim Bitcoin fell, id: String should match"),
    ],
)
def test_a_wrong_claim_is_named_with_the_next_step(tmp_path, changes, complaint):
    entry = {**a_claim().model_dump(mode="python"), **changes}
    with pytest.raises(WrongClaim, match=complaint) as refused:
        read_claims(a_file(tmp_path, entry))
    assert str(refused.value).endswith("Next: correct it there")


def test_the_same_id_twice_in_a_file_is_refused(tmp_path):
    with pytest.raises(WrongClaim, match="the id bitcoin_fell is given twice"):
        read_claims(a_file(tmp_path, a_claim(), a_claim()))


# What a claim's SQL may not say


@pytest.mark.parametrize(
    "sql",
    [
        "copy core.prices to '{folder}/out.csv'",
        "copy (select 1) to '{folder}/out.parquet'",
        "export database '{folder}/out'",
        "attach '{folder}/other.duckdb' as other",
        "install httpfs",
        "load httpfs",
        "pragma version",
        "call pragma_version()",
        "set enable_external_access = true",
        "explain select 1",
        "describe core.prices",
        "values (1)",
        "",
        "not sql at all",
        "select 'unclosed",
        "select 1 as value; drop table core.prices",
        "drop table core.prices",
        "insert into core.prices select * from core.prices",
        "delete from core.prices",
        "update core.prices set close = 1",
        "create table core.mine as select 1 as value",
        "select 1 as value into core.mine",
        "with gone as (delete from core.prices returning close) select close as value from gone",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from core.read_text('/etc/passwd')",
        "select * from glob('/etc/*')",
        "select * from range(3)",
        "select * from query('drop table core.prices')",
        "select * from query_table('core.prices')",
        "select * from duckdb_settings()",
        "select * from '{folder}/in.csv'",
        'select * from "{folder}/in.csv"',
        "select * from 'https://example.org/in.parquet'",
        "select * from (summarize '{folder}/in.csv')",
        "select (select count(*) from '{folder}/in.csv') as value from core.prices",
        "select 1 as value from core.prices where close in (select close from '{folder}/in.csv')",
        'with "{folder}/in.csv" as (select 1 as a) select * from "{folder}/in.csv"',
        "select (with prices as (select 1 as a) select a from prices) as value from prices",
        "with recursive t as (select 1 as a union all select a + 1 from t) select a as value from t",
        "select getenv('HOME') as value",
        "select current_setting('memory_limit') as value",
        "select nextval('s') as value",
        "select content as value from core.prices, lateral (select * from read_text('/etc/passwd'))",
        "select close as value from prices",
        "select close as value from raw.daily_bars",
        "select close as value from latest.daily_bars",
        "select message as value from quality.check_results",
        "select sql as value from information_schema.tables",
        "select path as value from other.core.prices",
        "select measured_value as value from marts.claims",
        "select measured_value as value from marts.claim_windows",
        "pivot core.prices on symbol",
    ],
)
def test_a_claim_may_only_ask_our_tables(tmp_path, sql):
    (tmp_path / "in.csv").write_text("a\n1\n")
    with pytest.raises(UnsafeQuery, match=r"^(its SQL|it may not read|`)"):
        checked(sql.format(folder=tmp_path))
    with pytest.raises(ValidationError):
        a_claim(sql=sql.format(folder=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    "sql",
    [
        "select close as value from core.prices order by date desc limit 1",
        "from core.prices select max(close) as value",
        "with a as (select close from core.prices), b as (select close from a) select max(close) as value from b",
        "select count(*) filter (where is_extreme) as value from marts.realized_losses having count(*) > 0",
        "select 1 as value union all select 2",
        "select max(n_missing) as value from quality.coverage",
        "select value from (select close as value from core.prices qualify row_number() over (order by date) = 1) as x",
        "select arg_max(close, date) as value, median(close), quantile_cont(close, 0.5), stddev_samp(close),"
        " corr(close, volume), min(date) + interval 1 day, date '2026-01-01', case when max(close) > 1 then 1 end"
        " from core.prices where symbol in ('BTC', 'ETH') and close between 1 and 2 and symbol not like 'basket:%'",
    ],
)
def test_plain_questions_are_allowed(sql):
    assert checked(sql)


def test_values_are_values_and_never_sql():
    filled_in = filled("select close as value from core.prices where symbol = $symbol", {"symbol": "x' or 1=1; --"})
    assert filled_in == "SELECT close AS value FROM core.prices WHERE symbol = 'x'' or 1=1; --'"
    assert filled("select $a + $b as value", {"a": -1.5, "b": 2}) == "SELECT -1.5 + 2 AS value"
    assert filled("select $day as value", {"day": date(2026, 2, 5)}) == "SELECT CAST('2026-02-05' AS DATE) AS value"
    assert filled("select 'costs $a' as value /* $b */", {}) == "SELECT 'costs $a' AS value"


SMUGGLED = [
    # Where a name is written as it stands, a quoted one could hold anything.
    "select extract(\"day from date '2026-01-01') as value; commit; drop table core.prices; --\" from now) as value",
    "select extract(\"day from date '2026-01-01'), (from read_text('/etc/hostname')) --\" from now) as value",
    "select extract(\"day from date '2026-01-01') as value union all select 1 from raw.facts --\" from now) as value",
    'select cast(1 as "int); commit; drop table core.prices; --") as value',
    'select 1::"struct(a int)); commit; --" as value',
    # What would make the database fetch an extension.
    "select symbol collate de as value from core.prices",
    'select collate(symbol, "x; commit") as value from core.prices',
]


@pytest.mark.parametrize("sql", SMUGGLED)
def test_nothing_is_smuggled_in_by_a_name(warehouse, sql):
    with pytest.raises(UnsafeQuery):
        filled(sql, {})
    with pytest.raises(ValidationError):
        a_claim(sql=sql, values={})
    assert warehouse.scalar("select count(*) from core.prices") == 12


@pytest.mark.parametrize("value", ["'; commit; drop table core.prices; --", "\\'; commit; --", '"', "$$", "\x00", "/*"])
def test_a_value_is_asked_as_it_is(warehouse, value):
    sql = "select count(*) as value from core.prices where symbol <> $symbol"
    assert asked(warehouse, sql, values={"symbol": value})["measured_value"] == 12


def test_even_two_statements_that_passed_would_not_be_run(warehouse):
    for sql in ("commit; delete from core.prices", "select 1 as value; rollback; drop table core.prices", ""):
        with warehouse.connection.cursor() as cursor:
            assert ask(cursor, sql).failure == "the query failed: it is not one SELECT"
    assert warehouse.scalar("select count(*) from core.prices") == 12


def test_even_a_query_that_passed_could_not_write(warehouse):
    warehouse.execute("create sequence core.numbers")
    with warehouse.connection.cursor() as cursor:
        answer = ask(cursor, "select nextval('core.numbers') as value")
        assert answer.failure
        assert "read-only" in answer.failure
        # Bitcoin's six days, and those of the basket it is in.
        assert ask(cursor, "select count(*) as value from core.prices").row == {"value": 12}


# The shipped claims


def test_the_ledger_comes_after_every_table_a_claim_may_read():
    assert set(contracts()["marts.claim_windows"].inputs) == readable_tables()
    assert set(contracts()["marts.claims"].inputs) == readable_tables() | {"marts.claim_windows"}


@pytest.mark.parametrize("claim", load_claims(), ids=lambda claim: claim.id)
def test_every_shipped_claim_reads_tables_that_are_listed(claim):
    questions = [claim.question(w) for w in (None, *claim.windows)]
    assert {t for q in questions for t in tables_read(q)} <= set(contracts()["marts.claims"].inputs)
    assert len(claim.statement) > 30
    assert len(claim.source) > 2


def test_every_sentence_of_the_story_has_claims():
    stories = [claim.story for claim in load_claims()]
    words = ("trillion USD of tech", "total crypto", "more closely in stress", "107,000", "2.6 billion", "margins")
    words += ("triggers", "capex")
    for word in words:
        assert any(word in story for story in stories), word


def test_no_query_of_a_shipped_claim_fails_where_there_are_no_data():
    market = Market("2026-12-31", since="2026-12-01").build("marts.claims")
    claims, windows = market.rows("marts.claims"), market.rows("marts.claim_windows")
    assert len(claims) == len(load_claims())
    assert len(windows) == sum(len(claim.windows) for claim in load_claims())
    assert set(claims["verdict"]) == {"not_measurable"}
    reasons = [*claims["reason"], *windows["reason"].dropna()]
    assert not [reason for reason in reasons if "failed" in reason]
    assert claims["reason"].str.startswith("Simulated data. Not measurable: ").all()


def test_the_file_shows_no_name_twice_and_windows_are_of_the_claim():
    assert len({c.id for c in read_claims(CLAIMS_FILE)}) == len(read_claims(CLAIMS_FILE)) >= 25
    for claim in load_claims():
        for window in claim.windows:
            assert isinstance(window, Window)
            assert claim.question(window) != claim.question(), f"{claim.id}: {window.label} asks the same"
