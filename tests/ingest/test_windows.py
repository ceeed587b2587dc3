"""What a run asks: the whole of history where it comes so, else a window with an overlap."""

from datetime import date
from functools import partial

from pipelines.calendars import sessions


def cboe(first_close, path, asked):
    """One file with every session from the 2nd of January to the 9th of February 2026, whatever the window."""
    days = [day.date() for day in sessions(date(2026, 1, 2), date(2026, 2, 9))["date"]]
    closes = [first_close, *([20] * (len(days) - 1))]
    rows = [f"{day:%m/%d/%Y},{close},{close},{close},{close}" for day, close in zip(days, closes, strict=True)]
    return 200, {"Content-Type": "text/csv"}, "\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *rows, ""])


def test_what_comes_whole_is_read_from_the_start_of_history_in_every_run(world, log):
    def run(day):
        world.run("cboe", [("VIX", "index", "VIX", ["daily_bars"])], as_of=day)
        assert len(world.calls) == 1
        assert world.loads("outcome, window_since, window_until") == [("ok", date(2026, 1, 2), date.fromisoformat(day))]
        return world.loads("rows_parsed - rows_running, rows_written")

    world.vendor = partial(cboe, 20)
    # Sessions: 20 in January without the 19th, a holiday, and 6 in February.
    assert run("2026-02-05") == [(24, 24)]
    assert run("2026-02-06") == [(25, 1)]
    # A value older than any overlap is seen to have changed, without another request.
    world.vendor = partial(cboe, 19)
    assert run("2026-02-09") == [(26, 2)]
    assert log.text.count("(whole with every answer)") == 3
    assert world.warehouse.rows("select close from raw.daily_bars where date = '2026-01-02' order by load_id") == [
        (20.0,),
        (19.0,),
    ]


def test_what_comes_by_window_is_asked_with_an_overlap(world, log):
    def fred(path, asked):
        days = sessions(date.fromisoformat(asked["cosd"]), date.fromisoformat(asked["coed"]))["date"]
        return (
            200,
            {"Content-Type": "text/csv"},
            "\n".join(["observation_date,X", *(f"{d:%Y-%m-%d},1" for d in days), ""]),
        )

    world.vendor = fred
    for day, since in (("2026-02-05", "2026-01-02"), ("2026-02-06", "2026-01-26")):
        world.run("fred", [("X", "index", "X", ["daily_bars"])], as_of=day)
        assert (world.asked("cosd"), world.asked("coed")) == ([since], [day])
    world.run("fred", [("X", "index", "X", ["daily_bars"])], as_of="2026-02-09", since="2025-12-01")
    assert world.asked("cosd") == ["2025-12-01"]
    assert log.text.count("for 2025-12-01 to 2026-02-09 (gap: asked from 2026-01-02 on so far)") == 1
