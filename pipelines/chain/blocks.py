"""A node's block as it comes from `getblock <hash> 3`: what it spends and when that was made. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

SATOSHI = 100_000_000
HALVING = 210_000


class BadBlock(Exception):
    """A block that does not say what is needed, or whose amounts do not add up; it names the next step."""


class SpentOutput(NamedTuple):
    """One output at the moment it is spent: where, how much, and the height that made it."""

    spent_height: int
    transaction_index: int
    input_index: int
    value_sat: int
    created_height: int


@dataclass(frozen=True)
class Block:
    """A block's spent outputs and its sums, all in satoshi."""

    height: int
    hash: str
    spent: list[SpentOutput]
    created_sat: int
    coinbase_sat: int
    fee_sat: int

    @property
    def spent_sat(self) -> int:
        """Value of everything spent."""
        return sum(output.value_sat for output in self.spent)


def satoshi(bitcoin: Decimal | int) -> int:
    """An amount in satoshi, exactly; raises BadBlock for one that is finer, negative or no amount.

    Amounts must have been read as decimals: 0.29 bitcoin as a float is not 29,000,000 satoshi.
    """
    amount = Decimal(bitcoin) * SATOSHI
    if amount != amount.to_integral_value() or not 0 <= amount <= 21_000_000 * SATOSHI:
        raise BadBlock(f"{bitcoin} is no amount of bitcoin")
    return int(amount)


def subsidy(height: int) -> int:
    """New satoshi that a block may make: 50 bitcoin, halved every 210,000 blocks."""
    return 50 * SATOSHI >> height // HALVING


def parse_block(document: dict[str, Any]) -> Block:
    """A block from the node's answer, its numbers read as decimals.

    Raises BadBlock where an input lacks its output (the node has no undo data) or satoshi are not conserved: every
    transaction spends what it makes plus its fee, and the first makes no more than the subsidy and all fees.
    """
    height = int(document["height"])
    try:
        coinbase, *others = document["tx"]
        coinbase_sat = made(coinbase)
        spent = [output for n, tx in enumerate(others, start=1) for output in outputs_spent(tx, height, n)]
        fees = [fee(tx) for tx in others]
        if coinbase_sat > subsidy(height) + sum(fees):
            raise BadBlock(f"its first transaction makes {coinbase_sat} satoshi, more than subsidy and fees")
    except (KeyError, TypeError, ValueError) as error:
        raise BadBlock(
            f"own_node block {height}: not as `getblock` with verbosity 3 gives it ({type(error).__name__}: {error})."
            " Next: check that the address is a Bitcoin Core node of version 23 or newer"
        ) from error
    except BadBlock as bad:
        raise BadBlock(f"own_node block {height}: {bad}") from bad
    created = coinbase_sat + sum(made(tx) for tx in others)
    return Block(height, str(document["hash"]), spent, created, coinbase_sat, sum(fees))


def made(transaction: dict[str, Any]) -> int:
    """Satoshi in a transaction's own outputs."""
    return sum(satoshi(output["value"]) for output in transaction["vout"])


def outputs_spent(transaction: dict[str, Any], height: int, index: int) -> Iterator[SpentOutput]:
    """The outputs that a transaction spends."""
    for n, spends in enumerate(transaction["vin"]):
        if "prevout" not in spends:
            raise BadBlock(
                f"input {n} of transaction {index} comes without the output it spends: the node has no undo data of"
                " this block, or is older than version 23. Next: upgrade it, or restart it once with"
                " -reindex-chainstate; a pruned node has to download the chain anew"
            )
        output = spends["prevout"]
        yield SpentOutput(height, index, n, satoshi(output["value"]), int(output["height"]))


def fee(transaction: dict[str, Any]) -> int:
    """A transaction's fee: what it spends less what it makes, which must be what the node says."""
    spent = sum(satoshi(spends["prevout"]["value"]) for spends in transaction["vin"])
    paid, said = spent - made(transaction), transaction.get("fee")
    if paid < 0 or (said is not None and satoshi(said) != paid):
        raise BadBlock(
            f"transaction {transaction.get('txid')} spends {spent} satoshi and makes {made(transaction)}, which does"
            f" not leave its fee of {said} bitcoin. Next: run again; if it stays, the node's data are damaged"
        )
    return paid
