"""Published figures of the months the story tells of, as bands, never as truth.

A band is as wide as the sources, venues and closing times are apart. `holds` is False where real data do not reproduce
the figure, which is a finding of its own: a test fails as well when such a figure is suddenly met.
"""

from typing import NamedTuple


class Figure(NamedTuple):
    """What was published, of which day, the band it allows, the query that measures it, and whether it holds."""

    name: str
    day: str
    low: float
    high: float
    query: str
    holds: bool = True


def price(column, symbol, day):
    return f"select {column} from core.prices where symbol = '{symbol}' and date = '{day}'"


def change(symbol, start, end, column="close"):
    """Percent from a close to a later price."""
    return f"select 100 * (({price(column, symbol, end)}) / ({price('close', symbol, start)}) - 1)"


def crypto_total(day):
    return f"""select market_cap_usd / 1e12 from core.market_caps
    where symbol = 'CRYPTO_TOTAL' and is_headline and date = '{day}'"""


def crypto_fall(start, end):
    """Trillion USD."""
    return f"select ({crypto_total(start)}) - ({crypto_total(end)})"


def correlation(other, day, sessions, alignment="exchange_close"):
    return f"""select correlation from marts.correlations where base_symbol = 'BTC' and other_symbol = '{other}'
    and date = '{day}' and window_sessions = {sessions} and method = 'pearson' and alignment = '{alignment}'"""


def regime(other, day, sessions, state):
    """1 where the pair was in that state."""
    return f"""select count(*) from marts.correlation_regimes where base_symbol = 'BTC' and other_symbol = '{other}'
    and window_sessions = {sessions} and state = '{state}' and '{day}' between start_date and
    coalesce(end_date, date '9999-12-31')"""


def realized(expression, start, end):
    """Billion USD a day, of brk."""
    return f"""select {expression} / 1e9 from marts.realized_losses
    where provider = 'brk' and date between '{start}' and '{end}'"""


def capex(*symbols):
    """Billion USD, fiscal years that end in 2025."""
    return f"""select sum(capex_usd) / 1e9 from marts.capex
    where symbol in {(*symbols, "")} and period = 'fiscal_year' and year = 2025 and is_latest"""


NET = "avg(realized_profit_usd - realized_loss_usd)"
DRAWDOWN = "select 100 * drawdown from marts.drawdowns where symbol = 'IGV' and basis = 'price' and date = '{0}'"

FIGURES = [
    Figure("bitcoin's all-time high", "2025-10-06", 125_500, 126_500, price("high", "BTC", "2025-10-06")),
    Figure("bitcoin below 107k", "2025-10-30", 105_500, 107_000, price("low", "BTC", "2025-10-30")),
    Figure("bitcoin closed below 107k", "2025-10-30", 0, 107_000, price("close", "BTC", "2025-10-30"), holds=False),
    Figure("bitcoin below 100k", "2025-11-04", 98_000, 100_000, price("low", "BTC", "2025-11-04")),
    Figure("bitcoin quoted at 101.1k", "2025-11-04", 100_500, 102_000, price("close", "BTC", "2025-11-04")),
    Figure("bitcoin's dip to 83,460", "2026-01-29", 83_000, 83_900, price("low", "BTC", "2026-01-29")),
    Figure("bitcoin over 84,000 last Friday", "2026-01-30", 84_000, 84_800, price("close", "BTC", "2026-01-30")),
    Figure("bitcoin's low", "2026-02-06", 59_500, 60_500, price("low", "BTC", "2026-02-06")),
    Figure("bitcoin's day", "2026-02-05", -15, -12, change("BTC", "2026-02-04", "2026-02-05")),
    Figure("bitcoin's rebound to 71,469", "2026-02-06", 71_200, 72_000, price("high", "BTC", "2026-02-06")),
    Figure("bitcoin up to 13 %", "2026-02-06", 11, 14.5, change("BTC", "2026-02-05", "2026-02-06", "high")),
    Figure(
        "bitcoin 52 % below its high",
        "2026-02-06",
        -53.4,
        -51.4,
        "select 100 * (min(low) / max(high) - 1) from core.prices"
        " where symbol = 'BTC' and date between '2025-10-01' and '2026-02-10'",
    ),
    Figure("bitcoin in January", "2026-01-31", -10.77, -9.57, change("BTC", "2025-12-31", "2026-01-31")),
    Figure("bitcoin in February", "2026-02-28", -15.54, -14.34, change("BTC", "2026-01-31", "2026-02-28")),
    Figure("all crypto 2.97 T", "2026-01-01", 2.87, 3.07, crypto_total("2026-01-01")),
    Figure("all crypto 3.25 T", "2026-01-14", 3.15, 3.35, crypto_total("2026-01-14")),
    Figure("all crypto about 2.95 T", "2026-01-29", 2.85, 3.05, crypto_total("2026-01-29")),
    Figure("all crypto's high of 4.38 T", "2025-10-06", 4.23, 4.53, crypto_total("2025-10-06")),
    Figure("1 T lost from 29 January", "2026-02-05", 0.9, 1.1, crypto_fall("2026-01-29", "2026-02-05"), holds=False),
    Figure("0.70 to 0.81 T instead", "2026-02-05", 0.65, 0.83, crypto_fall("2026-01-29", "2026-02-05")),
    Figure("1 T lost from 14 January", "2026-02-05", 0.9, 1.1, crypto_fall("2026-01-14", "2026-02-05")),
    Figure(
        "GN 7-day loss over 1.26 B",
        "2026-02-04",
        1.26,
        1.9,
        realized("max(loss_7d_mean_usd)", "2026-02-04", "2026-02-04"),
    ),
    Figure(
        "7-day loss 2.3 B",
        "2026-02-07",
        2.2,
        2.4,
        realized("max(loss_7d_mean_reported_usd)", "2026-02-07", "2026-02-07"),
    ),
    Figure(
        "7-day loss 2.6 B",
        "2026-02-06",
        2.55,
        2.65,
        realized("max(loss_7d_mean_usd)", "2026-02-06", "2026-02-12"),
        holds=False,
    ),
    Figure(
        "7-day loss, wide band", "2026-02-06", 2.0, 2.9, realized("max(loss_7d_mean_usd)", "2026-02-06", "2026-02-12")
    ),
    Figure("7-day net P/L -1.99 B", "2026-02-07", -2.2, -1.7, realized(NET, "2026-02-01", "2026-02-07")),
    Figure("7-day net P/L -1.73 B", "2026-02-10", -1.9, -1.5, realized(NET, "2026-02-04", "2026-02-10")),
    Figure(
        "raw loss 5.4 to 6.05 B",
        "2026-02-05",
        5.4,
        6.05,
        realized("max(realized_loss_usd)", "2026-02-05", "2026-02-05"),
    ),
    Figure("over 2 B a day too", "2025-11-22", 2.0, 2.9, realized("max(loss_7d_mean_usd)", "2025-11-15", "2025-11-30")),
    Figure(
        "GN realized price 55.6 to 55.8k",
        "2026-02-10",
        55_700 * 0.98,
        55_700 * 1.02,
        "select realized_price_usd from core.onchain where provider = 'brk' and date = '2026-02-10'",
    ),
    Figure("BTC-IGV 0.73", "2026-02-04", 0.68, 0.78, correlation("IGV", "2026-02-04", 30), holds=False),
    Figure(
        "BTC-IGV 0.73, joined on the date",
        "2026-02-04",
        0.68,
        0.78,
        correlation("IGV", "2026-02-04", 30, "naive"),
        holds=False,
    ),
    Figure("BTC-equity about 0.5", "2026-03-06", 0.4, 0.6, correlation("QQQ", "2026-03-06", 90)),
    Figure("BTC-NDX about 0.80", "2025-11-20", 0.75, 0.85, correlation("QQQ", "2025-11-20", 30), holds=False),
    Figure("BTC-NDX about 0.03", "2023-06-15", -0.12, 0.18, correlation("QQQ", "2023-06-15", 30)),
    Figure("decoupled from the Nasdaq", "2023-06-15", 1, 1, regime("QQQ", "2023-06-15", 30, "decoupled")),
    Figure("BTC-SPX about 0.65", "2022-08-15", 0.6, 0.7, correlation("SPY", "2022-08-15", 90)),
    Figure("coupled to the S&P 500", "2022-08-15", 1, 1, regime("SPY", "2022-08-15", 90, "coupled")),
    Figure("IGV year to date -20.19 %", "2026-02-04", -20.8, -19.6, change("IGV", "2025-12-31", "2026-02-04")),
    Figure("IGV 27 to 30 % below its peak", "2026-02-04", -30, -27, DRAWDOWN.format("2026-02-04")),
    Figure("IGV -26 to -33 % by mid-February", "2026-02-05", -33, -26, DRAWDOWN.format("2026-02-05")),
    Figure("IGV closed at 79.67", "2026-02-05", 79.665, 79.675, price("close", "IGV", "2026-02-05")),
    Figure("IGV -4.97 %", "2026-02-05", -4.98, -4.96, change("IGV", "2026-02-04", "2026-02-05")),
    Figure("software -13 % in five sessions", "2026-02-04", -14, -12, change("IGV", "2026-01-28", "2026-02-04")),
    Figure(
        "AMZN -14 % in the week", "2026-02-06", -14.5, -13.5, change("AMZN", "2026-01-30", "2026-02-06"), holds=False
    ),
    Figure("MSFT -8 % in the week", "2026-02-06", -9, -6.5, change("MSFT", "2026-01-30", "2026-02-06")),
    Figure("META -8 % in the week", "2026-02-06", -9, -6.5, change("META", "2026-01-30", "2026-02-06")),
    Figure("MSFT -11 % within the day", "2026-01-29", -13, -10.5, change("MSFT", "2026-01-28", "2026-01-29", "low")),
    Figure("META about -10 %", "2025-10-30", -12, -9, change("META", "2025-10-29", "2025-10-30")),
    Figure("MSFT -3 %", "2025-10-30", -3.5, -2.5, change("MSFT", "2025-10-29", "2025-10-30")),
    Figure("GOOGL capex 91.4 B", "2025-12-31", 91.35, 91.45, capex("GOOGL")),
    Figure("AMZN capex 131.8 B", "2025-12-31", 131.7, 131.9, capex("AMZN")),
    # Theirs has the principal of finance leases in it.
    Figure("META capex 72.22 B", "2025-12-31", 72.1, 72.3, capex("META"), holds=False),
    Figure("capex of three over 200 B", "2025-12-31", 200, 260, capex("GOOGL", "META", "MSFT")),
    # Theirs is the calendar year, of which Microsoft's filings here have no quarters.
    Figure("capex of three about 247 B", "2025-12-31", 244, 250, capex("GOOGL", "META", "MSFT"), holds=False),
]

# Published figures that the data at hand cannot measure, and why; the claim that says so, where there is one.
NOT_MEASURABLE = {
    "realized loss 3.2 B in a day, entity-adjusted": ("Glassnode's paid variant", "realized_loss_record_day"),
    "net realized P/L -317 M, GN 3-day mean": ("Glassnode's paid variant", None),
    "realized loss 889 M": ("the variant is not stated", None),
    "short-term holders 1.14 B, long-term 0.225 B": ("the split by holder is not among the metrics asked for", None),
    "7-day mean exceeded once, in June 2022": ("the series begins in October 2023", "realized_loss_exceeded_once"),
    "7.325 B in three days of June 2022": ("the series begins in October 2023", None),
    "Glassnode's ranking of November 2022": ("the series begins in October 2023", None),
    "tech and AI -1 T": ("share counts are served of 3 companies", "tech_value_lost"),
    "big tech -1 T in the week": ("share counts are served of 3 companies", "big_tech_value_lost"),
    "software -1 T since 28 January": ("share counts are served of 3 companies", "software_value_lost"),
    "software and data -285 B on 3 February": (
        "share counts are served of 3 companies",
        "software_value_lost_in_a_day",
    ),
    "MSFT -357 B": ("no share count of Microsoft is served", "microsoft_value_lost_in_a_day"),
    "S&P software and services -4.6 % on 5 February": ("the index is not served; IGV fell 4.97 %", None),
    "TRI -15.83 %": ("no prices are served", "thomson_reuters_fell"),
    "IBM -13.2 % to 223.35": ("no prices are served", "ibm_fell"),
    "LZ -19.68 %, RELX -14 %": ("not watched; no prices are served", None),
    "valuations of software fell": ("filings of one of nine companies are served", "software_valuations_fell"),
    "margins of software fell": ("filings of one of nine companies are served", "software_margins_fell"),
    "MSFT capex about 83 B": ("no quarterly filings of Microsoft are served; its fiscal year ends in June", None),
    "capex guidance for 2026": ("guidance is in no filing's figures", None),
    "software's forward P/E from 39 to 21": ("estimates are in no source", None),
    "all crypto at hours of 5 and 6 February": ("one value a day", None),
    "bitcoin's lower lows of June 2026": ("after the day of this run", None),
}

# What the ledger says of the shipped claims as of a day by which all their windows have ended.
VERDICTS = {
    "supported": """bitcoin_closer_to_tech_in_stress_raw bitcoin_equity_correlation_march bitcoin_low_below_107000
        meta_fell_that_day microsoft_fell_that_day bitcoin_below_100000 bitcoin_high bitcoin_low bitcoin_drawdown
        bitcoin_january bitcoin_february realized_loss_7d_mean_cryptoquant realized_loss_percentile
        realized_loss_extremes_are_rare realized_loss_two_events realized_loss_raw_day software_below_peak
        software_year_to_date software_five_sessions software_on_3_february software_after_opus_4_6 capex_of_three
        capex_alphabet capex_amazon""",
    "partly": "amazon_week crypto_total_high bitcoin_closer_to_tech_in_stress realized_loss_7d_mean capex_meta",
    "not_supported": """crypto_total_loss crypto_total_loss_percent bitcoin_software_correlation
        bitcoin_nasdaq_correlation_november bitcoin_close_below_107000 bitcoin_first_close_below_107000
        software_after_cowork_plugins software_after_model_releases capex_of_three_about_247""",
    "not_measurable": """tech_value_lost big_tech_value_lost software_value_lost software_value_lost_in_a_day
        microsoft_value_lost_in_a_day realized_loss_exceeded_once realized_loss_record_day software_valuations_fell
        software_margins_fell thomson_reuters_fell ibm_fell""",
}
