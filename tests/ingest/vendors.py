"""Vendors' answers to what they are asked, as far as the tests need them."""

from datetime import UTC, date, datetime

from pipelines.calendars import sessions


def unix(day):
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def binance(days, path, asked):
    first, last = (datetime.fromtimestamp(int(asked[k]) / 1000, UTC).date() for k in ("startTime", "endTime"))
    found = [day for day in days if first <= day <= last][: int(asked["limit"])]
    times = [(unix(day) * 1000, str(day.day)) for day in found]
    return [[at, "5", "40", "0.5", close, "1", at + 86_399_999, "1", 1, "1", "1", "0"] for at, close in times]


def coinbase(days, path, asked):
    first, last = (datetime.fromisoformat(asked[k]).date() for k in ("start", "end"))
    found = [day for day in reversed(days) if first <= day <= last]
    assert len(found) <= 300
    return [[unix(day), 0.5, 40, 5, day.day, 1.5] for day in found]


def bgeometrics(days, path, asked):
    first, last = (date.fromisoformat(asked[k]) for k in ("startday", "endday"))
    found = [day for day in days if first <= day <= last][: int(asked["size"])]
    return [{"d": str(day), "unixTs": unix(day), "v": day.day} for day in found]


def coinmetrics(days, path, asked, page=400, until_empty=False):
    first, last = (date.fromisoformat(asked[k]) for k in ("start_time", "end_time"))
    at = int(asked.get("next_page_token", "0"))
    rest = [day for day in days if first <= day <= last][at:]
    more = len(rest) >= page if until_empty else len(rest) > page
    rows = [{"asset": "btc", "time": f"{d}T00:00:00.000000000Z", "PriceUSD": str(d.day)} for d in rest[:page]]
    return {"data": rows} | ({"next_page_token": str(at + page), "next_page_url": "https://else.test"} if more else {})


def tiingo(path, asked, closes=None):
    """Sessions at 100 dollars, or at `closes(day)` as traded with the split factor of the day."""
    first, last = (date.fromisoformat(asked[k]) for k in ("startDate", "endDate"))
    days = [day.date() for day in sessions(first, last)["date"]]
    return [tiingo_day(day, *(closes(day) if closes else (100, 1))) for day in days]


def tiingo_day(day, close, split, adjusted=100):
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return {
        "date": f"{day}T00:00:00.000Z",
        **prices,
        "volume": 40,
        "adjClose": adjusted,
        "divCash": 0,
        "splitFactor": split,
    }


def equities(n):
    return [(f"S{i:02}", "equity", f"S{i:02}", ["daily_bars"]) for i in range(n)]
