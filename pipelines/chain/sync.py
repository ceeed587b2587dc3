"""Brings the partitions up to an own node: headers first, then the blocks that are missing, batch by batch."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from pipelines.chain.blocks import Block, SpentOutput, parse_block
from pipelines.chain.days import Days, running_days
from pipelines.chain.index import BlockSums, Header
from pipelines.chain.node import Node, NodeError, Reorganized
from pipelines.chain.outputs import SpentOutputs

PROVIDER = "own_node"
HEADERS_A_BATCH = 2_000
BLOCKS_A_BATCH = 20
# The chain may change while it is read; a node that disagrees with itself this often is broken.
ROUNDS = 5

Progress = Callable[[str, int, int], None]


@dataclass
class Synced:
    """What a sync did."""

    tip: int = 0
    counted: int = 0
    rolled_back: int = 0


def sync(
    node: Node,
    outputs: SpentOutputs,
    first: int = 0,
    last: int | None = None,
    *,
    progress: Progress = lambda what, done, total: None,
    blocks_a_batch: int = BLOCKS_A_BATCH,
) -> Synced:
    """Count every block from height `first` to `last` (the node's tip) that is not counted yet.

    What is done stays done however it ends. Blocks that left the node's best chain are rolled back, and nothing else.
    Raises NodeError, or BadBlock where a block cannot be counted.
    """
    done = Synced()
    for _ in range(ROUNDS):
        try:
            follow(node, outputs, done, progress)
            count(
                node, outputs, first, done.tip if last is None else min(last, done.tip), done, progress, blocks_a_batch
            )
            return done
        except Reorganized as changed:
            reason = changed
    raise NodeError(f"own_node: its chain changed {ROUNDS} times during the sync. Next: run again later") from reason


def follow(node: Node, outputs: SpentOutputs, done: Synced, progress: Progress) -> None:
    """Bring the headers up to the node's tip, after rolling back what is no longer in its chain."""
    done.tip = int(node.call("getblockcount"))
    fork = fork_height(node, outputs, done.tip)
    known = outputs.index.tip(PROVIDER)
    if known and fork <= known.height:
        done.rolled_back += known.height + 1 - fork
        outputs.drop_from(PROVIDER, fork)
        outputs.index.roll_back(PROVIDER, fork)
    for start in range(fork, done.tip + 1, HEADERS_A_BATCH):
        stop = min(start + HEADERS_A_BATCH, done.tip + 1)
        outputs.index.add_headers(PROVIDER, headers(node, outputs, start, stop))
        progress("headers", stop, done.tip + 1)


def fork_height(node: Node, outputs: SpentOutputs, tip: int) -> int:
    """The first height at which the node's chain differs from the one known, or is not known."""
    known = outputs.index.tip(PROVIDER)
    height = min(known.height, tip) if known else -1
    while height >= 0:
        first = max(height - 99, 0)
        theirs = node.calls("getblockhash", [[h] for h in range(first, height + 1)])
        ours = outputs.index.hashes(PROVIDER, first, height)
        same = [h for h, a, b in zip(range(first, height + 1), ours, theirs, strict=True) if a == b]
        if same:
            return same[-1] + 1
        height = first - 1
    if known:
        raise NodeError(
            "own_node: not even its first block is the one known here, so it follows another chain."
            " Next: check SCARETRADE_BITCOIN_RPC_URL; for another network choose another --home"
        )
    return 0


def headers(node: Node, outputs: SpentOutputs, start: int, stop: int) -> list[Header]:
    """Headers of the heights from `start` to before `stop`, each checked to follow the one before."""
    hashes = node.calls("getblockhash", [[height] for height in range(start, stop)])
    found = node.calls("getblockheader", [[block_hash] for block_hash in hashes])
    before: list[str | None] = [*outputs.index.hashes(PROVIDER, start - 1, start - 1)] or [None]
    for parent, header in zip([*before, *hashes[:-1]], found, strict=True):
        if header.get("previousblockhash") != parent:
            raise Reorganized(f"own_node block {header['height']}: its parent changed meanwhile. Next: run again")
    times = [int(header["time"]) for header in found]
    days = running_days(times, outputs.index.latest_time(PROVIDER))
    numbered = zip(range(start, stop), hashes, times, days, strict=True)
    return [Header(height, block_hash, time, str(day)) for height, block_hash, time, day in numbered]


def count(
    node: Node,
    outputs: SpentOutputs,
    first: int,
    last: int,
    done: Synced,
    progress: Progress,
    blocks_a_batch: int,
) -> None:
    """Fetch and store the missing blocks of a span, a batch at a time."""
    days = outputs.index.days_by_height(PROVIDER)
    while wanted := outputs.index.uncounted(PROVIDER, first, last, blocks_a_batch):
        blocks = [fetch(node, header) for header in wanted]
        for day, group in groupby(zip(wanted, blocks, strict=True), key=lambda pair: pair[0].day):
            store(outputs, day, [block for _, block in group], days)
        done.counted += len(blocks)
        progress("blocks", wanted[-1].height + 1 - first, last + 1 - first)


def fetch(node: Node, header: Header) -> Block:
    """A header's block with what it spends; raises Reorganized where it left the best chain."""
    document = node.call("getblock", header.hash, 3)
    if document["confirmations"] < 0:
        raise Reorganized(f"own_node block {header.height}: no longer in the best chain. Next: run again")
    return parse_block(document)


def store(outputs: SpentOutputs, day: str, blocks: list[Block], days: Days) -> None:
    """Write blocks' rows into their day's file, then list them as counted."""
    rows = pd.DataFrame([output for block in blocks for output in block.spent], columns=SpentOutput._fields)
    made = rows["created_height"].astype("int64")
    outputs.merge(PROVIDER, day, rows.assign(created_date=days[made].astype("datetime64[s]")))
    sums = [BlockSums(b.height, len(b.spent), b.spent_sat, b.created_sat, b.coinbase_sat, b.fee_sat) for b in blocks]
    outputs.index.add_blocks(PROVIDER, sums, {day})
