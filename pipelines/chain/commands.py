"""`scaretrade chain`: count realized profit and loss from an own node or the public Parquet layout."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.settings import Profile, Settings

if TYPE_CHECKING:
    from pipelines.chain.outputs import SpentOutputs

FAILED, BUSY = 1, 3
HOME = click.option(
    "--home", type=click.Path(path_type=Path), help="Folder of all state [SCARETRADE_HOME, else warehouse/]"
)


@click.group()
def chain() -> None:
    """Count realized losses from spent outputs.

    The next live run takes in what was counted; docs/chain.md says what it needs. Exit code: 0 counted, 1 nothing or a
    part counted, 2 usage, 3 another program counts.
    """


@chain.command()
@click.option("--from-height", "first", type=click.IntRange(min=0), default=0, show_default=True, help="First block")
@click.option("--to-height", "last", type=click.IntRange(min=0), help="Last block  [default: the node's tip]")
@HOME
def sync(first: int, last: int | None, home: Path | None) -> None:
    """Count the blocks of an own Bitcoin Core node that are not counted yet; stop and go on whenever you like."""
    from pipelines.chain.node import Node
    from pipelines.chain.sync import sync as sync_outputs

    if last is not None and last < first:
        raise click.UsageError(f"--to-height {last} lies below --from-height {first}")
    settings = Settings.load()
    with (
        writing_outputs(home or settings.home) as outputs,
        Node(longest_wait=settings.longest_retry_wait_seconds) as node,
    ):
        done = sync_outputs(node, outputs, first, last, progress=shown())
    rolled = f", {done.rolled_back} orphaned ones rolled back" if done.rolled_back else ""
    click.echo(
        f"Counted {done.counted} blocks{rolled}; the node's tip is {done.tip}. Next: scaretrade run --profile live"
    )


@chain.command(name="import")
@click.argument("folder")
@HOME
def import_(folder: str, home: Path | None) -> None:
    """Count the days of FOLDER, which holds blocks/date=*/ and transactions/date=*/ (or s3://bucket/prefix)."""
    from pipelines.chain.public_parquet import import_layout

    with writing_outputs(home or Settings.load().home) as outputs:
        done = import_layout(folder, outputs, progress=shown())
    click.echo(f"Counted {done.days} days. Next: scaretrade run --profile live")
    if done.unknown:
        click.echo(
            f"Of their spent outputs {done.unknown} were made before the folder begins: without a price at making they"
            " are in neither profit nor loss. Next: import a folder that begins with the first block",
            err=True,
        )


@contextmanager
def writing_outputs(home: Path) -> Iterator["SpentOutputs"]:
    """The live market's spent outputs, held against other writers; failures end the program with their message.

    A chain is real, so the simulated market never sees it.
    """
    from pipelines.chain.blocks import BadBlock
    from pipelines.chain.node import NodeError
    from pipelines.chain.outputs import SpentOutputs
    from pipelines.chain.partitions import folder_of
    from pipelines.chain.public_parquet import BadLayout
    from pipelines.guard import WarehouseBusy, writing

    folder = folder_of(home.absolute() / Profile.LIVE)
    try:
        with writing(folder, Settings.load().lock_timeout_seconds), SpentOutputs(folder) as outputs:
            yield outputs
    except WarehouseBusy as busy:
        fail(str(busy), BUSY)
    except (BadBlock, BadLayout, NodeError) as error:
        fail(f"{error}. What was counted before stays", FAILED)
    except OSError as error:
        fail(f"{folder}: {error}. Next: make room or make the folder writable, then run again", FAILED)


def fail(message: str, code: int) -> None:
    """Say why, and end."""
    click.echo(f"scaretrade: {message}", err=True)
    sys.exit(code)


def shown() -> Callable[[str, int, int], None]:
    """Progress on one line of a terminal, or a line every tenth elsewhere."""
    said: dict[str, int] = {}

    def show(what: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {done:,} of {total:,}", err=True, nl=done >= total)
        elif (tenth := 10 * done // max(total, 1)) > said.get(what, 0):
            said[what] = tenth
            click.echo(f"{what}: {done:,} of {total:,}", err=True)

    return show
