"""The daily job from the command line: lock, watch, run, summarise, exit code."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from pipelines.alerts import alert_failed, alert_published
from pipelines.display import saying, terminal, watching
from pipelines.guard import WarehouseBusy, writing
from pipelines.publish import WrongHome, guard
from pipelines.settings import Profile, Settings, new_run

if TYPE_CHECKING:
    from pipelines.runner import Report

PUBLISHED, NOTHING_PUBLISHED, USAGE, BUSY = 0, 1, 2, 3


def execute(config: dict[str, str], home: Path, started: datetime, *, timings: bool, quiet: bool, verbose: bool) -> int:
    """Run the job under the home's lock; returns the exit code."""
    with terminal() as errors:
        return locked(config, home, started, errors, timings=timings, quiet=quiet, verbose=verbose)


def locked(
    config: dict[str, str],
    home: Path,
    started: datetime,
    errors: Console,
    *,
    timings: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Run the job where no other run does; say on the console of errors why it could not."""
    out = Console(quiet=quiet, width=None if sys.stdout.isatty() else 110)
    if config["profile"] == Profile.SAMPLE:
        out.print("[bold yellow]Sample profile: the market below is SIMULATED.[/]")
    try:
        guard(new_run("", Profile(config["profile"]), home, None, None))
        with (
            saying(errors, quiet=quiet, verbose=verbose),
            writing(home, Settings.load().lock_timeout_seconds),
        ):
            report = watched_run(config, home, errors, quiet=quiet)
            print_report(report, home, out, errors)
            alert(report, home, config)
            if timings:
                out.print(timing_table(report.seconds, started))
            return PUBLISHED if report.published else NOTHING_PUBLISHED
    except WarehouseBusy as busy:
        say(errors, str(busy))
        return BUSY
    except WrongHome as wrong:
        say(errors, str(wrong))
        return USAGE
    except OSError as error:
        say(errors, f"{home}: {error}. Next: {next_step(str(error))}")
        alert_failed(home, kind_of(config), [str(error)])
        return NOTHING_PUBLISHED
    except Exception as error:
        alert_failed(home, kind_of(config), [f"{type(error).__name__}: {error}"])
        raise


def say(errors: Console, message: str) -> None:
    """One line of an error; a path may hold any character."""
    errors.print(f"scaretrade: {message}", soft_wrap=True, highlight=False, markup=False)


def alert(report: "Report", home: Path, config: dict[str, str]) -> None:
    """Send what the published tables say, or that nothing was published."""
    if report.published:
        alert_published(home)
    else:
        alert_failed(home, kind_of(config), report.reasons)


def kind_of(config: dict[str, str]) -> str:
    """What a run's data are, in the words of the published `meta`."""
    return "simulated" if config["profile"] == Profile.SAMPLE else "vendors"


def watched_run(config: dict[str, str], home: Path, errors: Console, *, quiet: bool) -> "Report":
    """Run the job and show how it gets on."""
    from pipelines.runner import run_daily

    with watching(errors, quiet=quiet) as watcher:
        return run_daily(config, home, watcher)


def print_report(report: "Report", home: Path, out: Console, errors: Console) -> None:
    """The summary of what was published, or why nothing was."""
    from pipelines.summary import print_summary

    if report.published:
        print_summary(out, home)
        return
    errors.print("[bold red]Nothing was published;[/] the tables published before stay as they were.")
    for reason in report.reasons:
        hint = "" if "Next:" in reason else f" Next: {next_step(reason)}"
        errors.print(f"  {reason}{hint}", soft_wrap=True, highlight=False, markup=False)


def timing_table(steps: dict[str, float], started: datetime) -> Table:
    """Seconds of each step, of the tables' queries alone, and of the whole process."""
    from pipelines.engines import SECONDS

    table = Table(title="Timings", title_justify="left")
    for column in ("step", "seconds", "of these, building the table"):
        table.add_column(column, justify="left" if column == "step" else "right")
    for step, seconds in steps.items():
        name = step.replace("__", ".")
        table.add_row(name, f"{seconds:.2f}", f"{SECONDS[name]:.2f}" if name in SECONDS else "")
    table.add_row("all steps", f"{sum(steps.values()):.2f}", f"{sum(SECONDS.values()):.2f}")
    table.add_row("whole run", f"{(datetime.now(UTC) - started).total_seconds():.2f}", "")
    return table


def next_step(message: str) -> str:
    """What to do about a failure that does not say so itself."""
    if any(words in message for words in ("No space left", "disk is full", "disk I/O error")):
        return "free some disk space and run again; nothing published was touched"
    if any(words in message for words in ("Read-only", "readonly", "Permission", "unable to open database file")):
        return "make the folder writable, or choose another with --home"
    if "Not a directory" in message or "File exists" in message:
        return "check the folder named by --home or SCARETRADE_HOME"
    return "run again with --verbose; if it stays, look at the run in the UI (`make ui`)"
