"""Generated chains: a node's blocks in the form of `getblock` with verbosity 3, the same in the public layout, and
spent outputs in any number. Deterministic by seed.
"""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np

from pipelines.chain.blocks import SATOSHI, subsidy
from pipelines.chain.index import BlockSums, Header
from pipelines.chain.outputs import SpentOutputs

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


def sha(*parts):
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def bitcoin(sat):
    """An amount as the node writes it: the shortest decimal of this float has the eight places it came with."""
    return sat / SATOSHI


def transaction(label, spends, makes, fee=0):
    """A transaction that spends (txid, n, satoshi, height) and makes outputs of these satoshi."""
    vin = [
        {"txid": txid, "vout": n, "prevout": {"generated": False, "height": height, "value": bitcoin(sat)}}
        for txid, n, sat, height in spends
    ]
    vout = [{"value": bitcoin(sat), "n": n} for n, sat in enumerate(makes)]
    assert sum(sat for _, _, sat, _ in spends) == sum(makes) + fee
    return {"txid": sha(label), "vin": vin, "vout": vout, "fee": bitcoin(fee)}


def block(height, time, parent, transactions, label=""):
    """A block whose first transaction makes the subsidy and all fees."""
    fees = sum(round(tx["fee"] * SATOSHI) for tx in transactions)
    made = subsidy(height) + fees
    coinbase = {"txid": sha("coinbase", height, label), "vin": [{"coinbase": "00"}]}
    coinbase["vout"] = [{"value": bitcoin(made), "n": 0}]
    identity = {"hash": sha("block", parent, height, time, label), "height": height, "time": time}
    if parent:
        identity["previousblockhash"] = parent
    return {**identity, "confirmations": 1, "tx": [coinbase, *transactions], "nTx": 1 + len(transactions)}


def unspent_outputs(blocks):
    """What a chain leaves to be spent: (txid, n) to (satoshi, height)."""
    found = {}
    for document in blocks:
        for tx in document["tx"]:
            for spends in tx["vin"]:
                found.pop((spends.get("txid"), spends.get("vout")), None)
            for output in tx["vout"]:
                found[tx["txid"], output["n"]] = (round(output["value"] * SATOSHI), document["height"])
    return found


def grow(blocks, n, seed, spacing=7_200):
    """The chain with n more blocks, some of which say that they are earlier than their parent."""
    rng, blocks = np.random.default_rng([seed, len(blocks)]), list(blocks)
    unspent = unspent_outputs(blocks)
    clock = max((b["time"] for b in blocks), default=START)
    for height in range(len(blocks), len(blocks) + n):
        clock += int(rng.exponential(spacing))
        transactions = [spend_some(rng, unspent, f"{seed} {height} {k}", height) for k in range(rng.integers(0, 4))]
        time = clock - int(rng.integers(0, spacing)) if rng.random() < 0.4 else clock
        parent = blocks[-1]["hash"] if blocks else None
        blocks.append(block(height, time, parent, [tx for tx in transactions if tx], f"{seed} {height}"))
        coinbase = blocks[-1]["tx"][0]
        unspent[coinbase["txid"], 0] = (round(coinbase["vout"][0]["value"] * SATOSHI), height)
    return blocks


def spend_some(rng, unspent, label, height):
    """A transaction of a few unspent outputs, which it takes away; None where there are none."""
    keys = [list(unspent)[k] for k in set(rng.integers(0, len(unspent), rng.integers(1, 4)))] if unspent else []
    spends = [(*key, *unspent.pop(key)) for key in keys]
    total = sum(sat for _, _, sat, _ in spends)
    if total < 10_000:
        return None
    fee = int(rng.integers(0, 5_000))
    cut = int(rng.integers(1, total - fee))
    made = [cut, total - fee - cut] if cut < total - fee else [cut]
    tx = transaction(label, spends, made, fee)
    unspent |= {(tx["txid"], n): (sat, height) for n, sat in enumerate(made)}
    return tx


def days_of(blocks):
    """Each block's day as its definition says: of the latest time so far."""
    latest, found = 0, []
    for document in blocks:
        latest = max(latest, document["time"])
        found.append(datetime.fromtimestamp(latest, UTC).date())
    return found


def expected_rows(blocks):
    """Every spent output of a chain, told from the documents alone."""
    days = days_of(blocks)
    return [
        (str(days[b["height"]]), b["height"], t, n, round(i["prevout"]["value"] * SATOSHI), i["prevout"]["height"],
         str(days[i["prevout"]["height"]]))
        for b in blocks for t, tx in enumerate(b["tx"]) for n, i in enumerate(tx["vin"]) if "prevout" in i
    ]  # fmt: skip


LAYOUT = {
    "blocks": {
        "date": "date", "hash": "varchar", "number": "bigint", "timestamp": "timestamp",
        "previousblockhash": "varchar", "transaction_count": "bigint",
    },
    "transactions": {
        "date": "date", "hash": "varchar", "block_hash": "varchar", "block_number": "bigint",
        "block_timestamp": "timestamp", "index": "bigint", "input_value": "double", "output_value": "double",
        "is_coinbase": "boolean", "fee": "double",
        "inputs": 'struct("index" bigint, spent_transaction_hash varchar, spent_output_index bigint, value double)[]',
        "outputs": 'struct("index" bigint, value double)[]',
    },
}  # fmt: skip


def write_layout(blocks, folder):
    """The chain in the public Parquet layout: blocks and transactions by the date of the block's own time."""
    rows = {"blocks": [], "transactions": []}
    for document in blocks:
        moment = datetime.fromtimestamp(document["time"], UTC)
        dated = {"date": str(moment.date())}
        stamp = f"{moment:%Y-%m-%d %H:%M:%S}"
        parent = document.get("previousblockhash")
        facts = {"hash": document["hash"], "number": document["height"], "timestamp": stamp}
        rows["blocks"].append({**dated, **facts, "previousblockhash": parent, "transaction_count": document["nTx"]})
        for index, tx in enumerate(document["tx"]):
            rows["transactions"].append(dated | layout_transaction(document, stamp, index, tx))
    for table, found in rows.items():
        write_table(found, table, folder)


def layout_transaction(document, stamp, index, tx):
    """One row of the layout's transactions; a coinbase has no inputs there."""
    inputs = [
        {"index": n, "spent_transaction_hash": i["txid"], "spent_output_index": i["vout"],
         "value": i["prevout"]["value"]}
        for n, i in enumerate(tx["vin"]) if "prevout" in i
    ]  # fmt: skip
    made = sum(round(o["value"] * SATOSHI) for o in tx["vout"])
    return {
        "hash": tx["txid"], "block_hash": document["hash"], "block_number": document["height"],
        "block_timestamp": stamp, "index": index, "is_coinbase": index == 0, "fee": tx.get("fee"), "inputs": inputs,
        "input_value": bitcoin(sum(round(i["value"] * SATOSHI) for i in inputs)), "output_value": bitcoin(made),
        "outputs": [{"index": o["n"], "value": o["value"]} for o in tx["vout"]],
    }  # fmt: skip


def write_table(rows, table, folder):
    """Rows as Parquet by date, as far as there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / f"{table}.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in LAYOUT[table].items())
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * from read_json('{lines}', format = 'newline_delimited', columns = {{{columns}}}))"
            f" to '{folder / table}' (format parquet, partition_by (date), overwrite_or_ignore true)"
        )
    lines.unlink()


# Ages fall off as on the chain: most outputs are hours old, some years. All of it follows from the row's number.
OUTPUTS = """
select
    {first_height} + i % {n_blocks} as spent_height, 1 + i // {n_blocks} // 3 as transaction_index,
    (i // {n_blocks}) % 3 as input_index, 1000 + hash(i, {seed}) % 100_000_000 as value_sat,
    greatest({first_height} + i % {n_blocks} - age * {n_blocks}, 0) as created_height,
    date '{day}' - cast(least(age, {most}) as integer) as created_date
from (select i, cast(floor(pow(hash(i, {seed}, 'age') % 1_000_000 / 1e6, 4) * 2_000) as bigint) as age
    from range({n}) as r(i))
"""


def write_spent_outputs(folder, n_rows, n_days=365, first=date(2025, 1, 1), seed=1, n_blocks=144, provider="own_node"):
    """Partitions and index of n_rows spent outputs over n_days whole days, a day a statement: a hundred million are
    a matter of minutes. Returns the rows written."""
    a_day = n_rows // n_days
    with SpentOutputs(folder) as outputs:
        headers = [
            Header(h, sha(provider, seed, h), 0, str(first + timedelta(days=h // n_blocks)))
            for h in range((n_days + 1) * n_blocks)
        ]
        outputs.index.add_headers(provider, headers)
        for number in range(n_days):
            day, height = str(first + timedelta(days=number)), number * n_blocks
            query = OUTPUTS.format(
                first_height=height, n_blocks=n_blocks, seed=seed + number, day=day, most=number, n=a_day
            )
            outputs.write(provider, day, query)
            by_height = (
                f"select spent_height, count(*), sum(value_sat) from '{outputs.file(provider, day)}' group by all"
            )
            sums = {h: (n, sat) for h, n, sat in outputs.connection.execute(by_height).fetchall()}
            found = {h: sums.get(h, (0, 0)) for h in range(height, height + n_blocks)}
            counted = [BlockSums(h, n, sat, sat + subsidy(h), subsidy(h), 0) for h, (n, sat) in found.items()]
            outputs.index.add_blocks(provider, counted, {day})
    return a_day * n_days
