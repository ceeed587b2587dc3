"""Keys and addresses from the environment: the best one counts, `.env` stands behind it, and no value is ever said."""

import pytest

from pipelines.keys import key_in_use, missing_key
from pipelines.settings import WrongSettings, base_url
from pipelines.sources import SOURCES
from pipelines.sources.base import Series
from pipelines.sources.http import VendorSession

PRO, DEMO = "COINGECKO_PRO_API_KEY", "COINGECKO_DEMO_API_KEY"
COINGECKO = SOURCES["coingecko"]
HISTORY, TOTAL = Series("BTC", "bitcoin", "market_caps"), Series("CRYPTO_TOTAL", "global", "market_caps")
SNAPSHOT = Series("CRYPTO_TOTAL", "global", "market_snapshots")


def used(source=COINGECKO):
    found = key_in_use(source)
    return found and (found[0].variable, found[1])


@pytest.fixture
def env_file(monkeypatch, tmp_path):
    def write(text):
        (tmp_path / "own.env").write_text(text)
        monkeypatch.setenv("SCARETRADE_ENV_FILE", str(tmp_path / "own.env"))

    return write


def test_the_best_key_that_is_set_is_used(monkeypatch):
    assert used() is None
    monkeypatch.setenv(DEMO, "free")
    assert used() == (DEMO, "free")
    monkeypatch.setenv(PRO, "paid")
    assert used() == (PRO, "paid")
    monkeypatch.setenv(PRO, "")
    assert used() == (DEMO, "free")


def test_a_source_without_keys_uses_none():
    assert used(SOURCES["binance"]) is None


def test_the_environment_goes_before_the_env_file(monkeypatch, env_file):
    env_file(f"{DEMO}=of-the-file\n{PRO}=\n")
    assert used() == (DEMO, "of-the-file")
    monkeypatch.setenv(DEMO, "of-the-environment")
    assert used() == (DEMO, "of-the-environment")


def test_an_empty_variable_leaves_the_env_file_to_say(monkeypatch, env_file):
    env_file(f"{DEMO}=of-the-file\n")
    monkeypatch.setenv(DEMO, "")
    assert used() == (DEMO, "of-the-file")


@pytest.mark.parametrize("value", ["s3cr3t\n", " s3cr3t", "s3 cr3t", "s3cr3t\u2026", "s3cr3t\u00e9", "s3cr3t\x00"])
def test_a_key_that_no_request_could_carry_is_named_without_its_value(monkeypatch, tmp_path, value):
    file = tmp_path / "own.env"
    file.write_text(f'{DEMO}="{value}"', encoding="utf-8")
    monkeypatch.setenv("SCARETRADE_ENV_FILE", str(file))
    with pytest.raises(WrongSettings, match=rf"^{DEMO} holds .+\. Next: correct it in the environment") as caught:
        used()
    assert "s3" not in str(caught.value)


def test_what_cannot_be_asked_names_the_variables_of_which_one_opens_it(monkeypatch):
    wanted = (HISTORY, TOTAL, SNAPSHOT)
    reasons = [f"{PRO} or {DEMO} is not set", f"{PRO} is not set", None]
    assert [missing_key(COINGECKO, series) for series in wanted] == reasons
    monkeypatch.setenv(DEMO, "free")
    assert [missing_key(COINGECKO, series) for series in wanted] == [None, f"{PRO} is not set", None]
    monkeypatch.setenv(PRO, "paid")
    assert [missing_key(COINGECKO, series) for series in wanted] == [None, None, None]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("binance", None),
        ("bgeometrics", None),
        ("tiingo", "TIINGO_API_KEY is not set"),
        ("glassnode", "GLASSNODE_API_KEY is not set"),
        ("sec", "SCARETRADE_CONTACT is not set"),
    ],
)
def test_each_source_says_what_it_needs(source, reason):
    assert missing_key(SOURCES[source], Series("ABC", "abc", "daily_bars")) == reason


def test_a_key_that_is_valid_elsewhere_is_sent_there_unless_an_address_is_configured(monkeypatch):
    monkeypatch.setenv(PRO, "paid")
    for configured, address in ((None, "https://pro-api.coingecko.com"), ("https://mine.test", "https://mine.test")):
        with VendorSession(COINGECKO, configured, key=key_in_use(COINGECKO)) as session:
            assert session.base_url == address


def test_an_address_comes_from_the_environment_or_the_env_file(monkeypatch, env_file):
    assert base_url("yahoo") is None
    env_file("SCARETRADE_YAHOO_URL=https://file.test/yahoo/\n")
    assert base_url("yahoo") == "https://file.test/yahoo"
    monkeypatch.setenv("SCARETRADE_YAHOO_URL", "http://127.0.0.1:8899/yahoo")
    assert base_url("yahoo") == "http://127.0.0.1:8899/yahoo"


@pytest.mark.parametrize(
    "value", ["s3cr3t", "s3cr3t://host", "https://s3cr3t:pa55@host:port/", "ftp://s3cr3t@host", "https://"]
)
def test_an_address_that_is_none_is_named_without_its_value(monkeypatch, value):
    monkeypatch.setenv("SCARETRADE_YAHOO_URL", value)
    with pytest.raises(
        WrongSettings, match=r"^SCARETRADE_YAHOO_URL: .+\. Next: correct it in the environment"
    ) as caught:
        base_url("yahoo")
    assert "s3cr3t" not in str(caught.value)
    assert "pa55" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
