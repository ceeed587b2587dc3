"""The command line: run the daily job, ask the published file, open the UI."""

import gc
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import click

from pipelines.chain.commands import chain
from pipelines.correlate import correlate
from pipelines.settings import Profile, Settings, WrongSettings

BUSY = 3

HOME = click.option(
    "--home", type=click.Path(path_type=Path), help="Folder of all state  [default: SCARETRADE_HOME, else warehouse/]"
)
PROFILE = click.option(
    "--profile",
    type=click.Choice([p.value for p in Profile]),
    help="The simulated sample market, or the vendors' data  [default: SCARETRADE_PROFILE, else sample]",
)


class Day(click.ParamType[date]):
    """A date such as 2026-02-05."""

    name = "date"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or a usage error."""
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write it as 2026-02-05", param, ctx)


class Commands(click.Group):
    """A wrong environment is a usage error of every command; a disk that refuses has a next step, too."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except WrongSettings as wrong:
            raise click.UsageError(str(wrong), ctx) from wrong
        except OSError as error:
            from pipelines.job import next_step

            raise click.ClickException(f"{error}. Next: {next_step(str(error))}") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="scaretrade")
def main() -> None:
    """Measure the AI scare trade: ingest, check, derive, publish; then ask with SQL.

    \b
    Examples
      scaretrade run                                  the daily job on the simulated sample market, offline
      scaretrade run --profile live                   the daily job on the vendors' data
      scaretrade query                                list the ready-made questions
      scaretrade query deepest_drawdowns              ask one of them
      scaretrade query "from marts.drawdowns limit 5" --format csv
      scaretrade sources                              each vendor: key, terms, last success, what to do
      scaretrade correlate --parquet pairs.parquet    every pair's rolling correlation, as a file
      scaretrade tables                               what every table holds
      scaretrade alerts --test                        send a test alert to each channel
      scaretrade status                               what is published, what is late, what failed
      scaretrade rebuild --profile live               make the warehouse anew from the landing, without a request
      scaretrade verify --profile live                check hashes, keys, contracts and what is published
      scaretrade chain sync                           count spent outputs of an own Bitcoin Core node
      scaretrade ui                                   Dagster UI with its daemon on http://127.0.0.1:3000

    \b
    Environment (or a .env file; SCARETRADE_ENV_FILE names another)
      SCARETRADE_HOME, SCARETRADE_PROFILE, SCARETRADE_AS_OF, SCARETRADE_CONTACT, SCARETRADE_<VENDOR>_URL
    """


main.add_command(chain)
main.add_command(correlate)


@main.command()
@PROFILE
@click.option(
    "--as-of",
    type=Day(),
    help="Last day of the world, UTC; nothing later is asked for or used  [default: now; of the sample, its last day]",
)
@click.option("--since", type=Day(), help="First day of history  [default: 2015-01-01]")
@HOME
@click.option("--timings", is_flag=True, help="Print the seconds of every step")
@click.option("--quiet", is_flag=True, help="Print warnings and errors only, and no progress")
@click.option("--verbose", is_flag=True, help="Explain each request: why it is asked, what came and how fast")
def run(
    profile: str | None,
    as_of: date | None,
    since: date | None,
    home: Path | None,
    timings: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run the daily job once: ingest, build, audit, publish.

    In a terminal each source shows how far it is, at what rate, what is left and what it waits for; elsewhere a
    plain line says so now and then, if it takes long.

    \b
    Examples
      scaretrade run                                     the simulated sample market, offline
      scaretrade run --profile live --verbose            the vendors' data, each request explained
      scaretrade run --profile live --quiet              from cron
      scaretrade run --profile live --as-of 2026-02-05   the world as of the end of that day (UTC)

    Exit code: 0 published, 1 published nothing because of data, 2 usage, 3 another run holds the warehouse.
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    started = datetime.now(UTC)
    settings = Settings.load()
    folder = (home or settings.home).absolute()
    config = {"profile": profile or settings.profile.value, "home": str(folder)}
    as_of = as_of or settings.as_of
    config |= {k: str(v) for k, v in (("as_of", as_of), ("since", since)) if v}
    refuse_impossible(config["profile"], as_of, since)
    check_alerts()
    # A run makes millions of lasting objects while importing; looking through them for garbage costs a second.
    gc.set_threshold(100_000, 50, 100)
    from pipelines.job import execute

    sys.exit(execute(config, folder, started, timings=timings, quiet=quiet, verbose=verbose))


def refuse_impossible(profile: str, as_of: date | None, since: date | None) -> None:
    """Usage errors that need no data to be seen."""
    if as_of and as_of > datetime.now(UTC).date():
        raise click.UsageError(f"--as-of {as_of} lies in the future; the newest possible day is today")
    if profile == Profile.SAMPLE:
        from pipelines.sources.sample import SAMPLE_END

        if as_of and as_of > SAMPLE_END:
            raise click.UsageError(f"the simulated sample market ends on {SAMPLE_END}; --as-of {as_of} is later")
    if since and since >= (as_of or datetime.now(UTC).date()):
        raise click.UsageError(f"--since {since} must lie before the as-of day")


def check_alerts() -> None:
    """A wrong rule or channel is found before a run; raises WrongSettings."""
    from pipelines.alert_channels import channels
    from pipelines.alert_rules import load_rules

    load_rules()
    channels()


@main.command()
@click.argument("question", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="For people, for spreadsheets, for programs",
)
@HOME
def query(question: str | None, form: str, home: Path | None) -> None:
    """Ask the published file by name or in SQL.

    QUESTION is the name of a ready-made question, or SQL; without it, the ready-made questions are listed.

    \b
    Examples
      scaretrade query                                          list the ready-made questions
      scaretrade query deepest_drawdowns                        ask one of them
      scaretrade query "from marts.drawdowns limit 5"           ask in SQL
      scaretrade query "from meta" --format csv > meta.csv      for another program

    Other programs may open the file themselves: docs/sql.md. Exit code: 0 answered, 2 usage, an unknown name or wrong
    SQL, or nothing is published.
    """
    from pipelines.query import QueryError, ask, ready_made

    if question is None:
        for name, meaning in ready_made().items():
            click.echo(f"{name:32} {meaning}")
        return
    try:
        answer = ask((home or Settings.load().home).absolute(), question)
    except QueryError as error:
        raise click.UsageError(str(error)) from error
    if form == "csv":
        click.echo(answer.to_csv(index=False), nl=False)
    elif form == "json":
        click.echo(answer.to_json(orient="records", date_format="iso"))
    else:
        from rich.console import Console

        from pipelines.summary import frame_table

        Console(width=None if sys.stdout.isatty() else 140).print(frame_table("", answer))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs")
@HOME
def sources(as_json: bool, home: Path | None) -> None:
    """Say of each vendor: key, terms, last success, what to do.

    Also what it feeds, and when it last failed. Exit code: 0 said, 2 usage.
    """
    from pipelines.vendors import lines, sources_report

    report = sources_report((home or Settings.load().home).absolute())
    click.echo(report.to_json(orient="records", date_format="iso") if as_json else "\n".join(lines(report)))


@main.command()
@click.option("--test", is_flag=True, help="Send a test alert to each channel; exit code 1 if one does not take it")
@click.option("--json", "as_json", is_flag=True, help="For machines")
@HOME
def alerts(test: bool, as_json: bool, home: Path | None) -> None:
    """List the alert rules, the channels and the last alerts.

    Exit code: 0 said, 1 with --test where a channel did not take its alert, 2 usage.
    """
    from pipelines.alert_report import facts, lines, tried

    folder = (home or Settings.load().home).absolute()
    found = {"test": tried()} if test else facts(folder)
    click.echo(json.dumps(found) if as_json else "\n".join(lines(found)))
    if test and not (found["test"] and all(outcome == "delivered" for outcome in found["test"].values())):
        sys.exit(1)


@main.command()
@click.option("--columns", is_flag=True, help="Every column of every table too")
def tables(columns: bool) -> None:
    """Print what every table holds, as Markdown.

    One line a table: its name, its key, its meaning; with --columns each column's type, unit and meaning too.
    Exit code: 0 printed, 2 usage.
    """
    from pipelines.dictionary import dictionary, overview

    click.echo(dictionary() if columns else overview(), nl=False)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs")
@HOME
def status(as_json: bool, home: Path | None) -> None:
    """Say what ran, is published, late or failing.

    Also the rows kept out, the disk used and the next scheduled run. Exit code: 0 said, whatever it says; 2 usage,
    nothing is published or it cannot be read.
    """
    from pipelines.status import facts, lines

    found = facts((home or Settings.load().home).absolute())
    click.echo(json.dumps(found, default=str) if as_json else "\n".join(lines(found)))
    if found["trouble"]:
        raise click.UsageError(found["trouble"])


@main.command()
@PROFILE
@HOME
def rebuild(profile: str | None, home: Path | None) -> None:
    """Make the working file anew from the landing.

    Without one request; publishing is left to the next run. Exit code: 0 rebuilt, 1 impossible or the disk refused,
    2 usage, 3 another run holds the warehouse.
    """
    import duckdb

    from pipelines.display import terminal, watching
    from pipelines.guard import WarehouseBusy
    from pipelines.job import next_step
    from pipelines.landing import DamagedManifest
    from pipelines.rebuild import NothingLanded, rebuild_from_landing

    settings = Settings.load()
    folder, chosen = (home or settings.home).absolute(), Profile(profile or settings.profile)
    try:
        with terminal() as console, watching(console, quiet=False) as watcher:
            for line in rebuild_from_landing(folder, chosen, settings.lock_timeout_seconds, watcher):
                # click.echo would write into the bar, which only what goes through sys.stdout moves out of the way.
                print(line)
    except WarehouseBusy as busy:
        click.echo(f"scaretrade: {busy}", err=True)
        sys.exit(BUSY)
    except (NothingLanded, DamagedManifest) as impossible:
        raise click.ClickException(str(impossible)) from impossible
    except duckdb.IOException as error:
        raise click.ClickException(f"{error}. Next: {next_step(str(error))}") from error


@main.command()
@PROFILE
@HOME
def verify(profile: str | None, home: Path | None) -> None:
    """Check what is stored and what is published.

    Hashes of the landing, keys and contracts of the working file, and the published tables against it.
    Exit code: 0 everything holds, 1 something does not, 2 usage, 3 another run holds the warehouse.
    """
    from pipelines.guard import WarehouseBusy
    from pipelines.verify import NothingThere
    from pipelines.verify import verify as findings

    settings = Settings.load()
    folder, chosen = (home or settings.home).absolute(), Profile(profile or settings.profile)
    held = True
    try:
        for finding in findings(folder, chosen, settings.lock_timeout_seconds, watched):
            click.echo(finding)
            held &= finding.passed
    except WarehouseBusy as busy:
        click.echo(f"scaretrade: {busy}", err=True)
        sys.exit(BUSY)
    except NothingThere as nothing:
        raise click.ClickException(str(nothing)) from nothing
    sys.exit(0 if held else 1)


def watched(payloads: list[str]) -> Iterator[str]:
    """The payloads, with a bar in a terminal that shows how far their reading is."""
    with click.progressbar(payloads, label="Reading the landing", file=sys.stderr) as shown:
        yield from shown


@main.command()
@PROFILE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on")
@click.option("--port", default=3000, show_default=True, help="Port to listen on")
@HOME
def ui(profile: str | None, host: str, port: int, home: Path | None) -> None:
    """Open the Dagster UI with its daemon.

    Assets, checks, runs and the daily schedule, until Ctrl-C. The profile is what runs launched or scheduled there use.
    Exit code: 2 usage, else that of Dagster.
    """
    from pipelines.runner import prepare_instance

    settings = Settings.load()
    check_alerts()
    folder = (home or settings.home).absolute()
    prepare_instance(folder)
    os.environ["SCARETRADE_HOME"] = str(folder)
    os.environ["SCARETRADE_PROFILE"] = profile or settings.profile.value
    dagster = Path(sys.executable).with_name("dagster")
    arguments = ["dev", "-m", "pipelines.definitions", "-h", host, "-p", str(port)]
    os.execv(dagster, [str(dagster), *arguments])  # noqa: S606 - our own environment's program, no shell
