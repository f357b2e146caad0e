"""Rules between the records of one file: keys that contradict each other, sequences, ids that lost their last digits.

Put here: judging a file as a whole once its chunks are known, and the second pass that acts on it. Keep out: rules of
one record (rules.py), duplicates across files (assets.lake.selection), references to other feeds (assets.compute).

Most files hold nothing to object to and are read once, chunk by chunk, with only hashes kept. Where something is found
the pass is thrown away and made again, now knowing which records are refused or flagged: so they meet the same
accounting, quarantine and fix list as any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import polars as pl
import sqlglot
from sqlglot import expressions as sx

from assets.intake import rules
from assets.intake.account import Account
from assets.intake.identities import Seen
from data_contracts.contracts import KEY_CONFLICT, PERSON_ID_ROUNDED, FeedContract
from data_contracts.vocabulary import Sequence

# Two hashes of 64 bits: that keys differ and hashes agree is not to be expected in the life of a bureau.
_SEEDS = (1, 2)
# What is left of an id that was a number for a while: 110101199003072156 becomes 110101199003072000.
_ZEROS, _LOST_DIGITS = "000", r"^'?[0-9]{15}000$"
_FOUND = {"record_no": pl.Int32(), "rule": pl.String(), "severity": pl.String()}
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Known:
    """What is known of the records of a file before a pass: violated rules, and how often each rule was looked at.

    `violations` has a row (record_no, rule, severity) per record and rule; `counts` are arguments of Account.count.
    """

    violations: pl.DataFrame
    counts: tuple[tuple[str, str, int, int, int], ...] = ()

    def among(self, record_no: pl.Series) -> dict[str, tuple[str, pl.Series]]:
        """Rule → severity and where it is violated, for records of these numbers."""
        if self.violations.is_empty():
            return {}
        return {
            rule: (severity, record_no.is_in(numbers.implode()))
            for rule, severity in self.violations.select("rule", "severity").unique().sort("rule").rows()
            for numbers in [self.violations.filter(pl.col("rule") == rule)["record_no"]]
        }


NOTHING = Known(pl.DataFrame(schema=_FOUND))


class FoundAcross(Exception):  # noqa: N818  (a finding that asks for another pass, not a fault)
    """Records of the file contradict each other; `known` is what the next pass has to know."""

    def __init__(self, known: Known) -> None:
        self.known = known
        super().__init__("records of a file contradict each other")


def in_passes(one: Callable[[Known], Outcome]) -> Outcome:
    """The outcome of a pass over a file; of a second one where the first found rules between records violated."""
    try:
        return one(NOTHING)
    except FoundAcross as found:
        return one(found.known)


class Across:
    """Gathers of each chunk what the rules between records need, and judges at the end."""

    def __init__(self, contract: FeedContract, known: Known) -> None:
        self.known, self._contract = known, contract
        self.seen = Seen()
        self._keys: list[pl.DataFrame] = []
        self._rows: list[pl.DataFrame] = []
        needed = {name for item in contract.extras.sequences for name in _needed(item)}
        self._sequenced = ["record_no", *sorted(needed)]
        self._zeros: list[pl.Series] = []
        self._ids, self._digits_were_lost = 0, False

    def add_ids(self, texts: pl.DataFrame, typed: pl.DataFrame, is_record: pl.Series) -> None:
        """Keep which ids end in zeros, and whether some are no ids because a spreadsheet kept fifteen digits of them.

        `texts` as delivered, `typed` with person_id_canonical.
        """
        person = self._contract.extras.person
        if person is None or person.id_scheme != "cn_id" or "person_id_canonical" not in typed.columns:
            return
        ids = typed["person_id_canonical"]
        self._ids += int(is_record.sum())
        self._zeros.append(typed["record_no"].filter(is_record & ids.str.ends_with(_ZEROS).fill_null(value=False)))
        invalid = texts[person.column].filter(is_record & ids.is_null()).str.strip_chars()
        self._digits_were_lost |= bool(invalid.str.contains(_LOST_DIGITS).any())

    def add(self, accepted: pl.DataFrame) -> None:
        """Keep what is needed of accepted rows, in the shape of a stg part."""
        if self.known is not NOTHING:
            return
        key = accepted.select(self._contract.extras.business_key)
        hashes = [key.hash_rows(seed).alias(f"key{seed}") for seed in _SEEDS]
        self._keys.append(accepted.select("record_no", "row_hash", *hashes))
        if len(self._sequenced) > 1:
            self._rows.append(accepted.select(self._sequenced))

    def close(self, account: Account) -> None:
        """Count every rule; raises FoundAcross in a first pass that found one violated."""
        known = self.known if self.known is not NOTHING else self._judged(account.accepted)
        if self.known is NOTHING and known.violations.height:
            raise FoundAcross(known)
        for count in known.counts:
            account.count(*count)

    def _judged(self, accepted: int) -> Known:
        numbers = _conflicting(self._keys)
        outcomes = [(KEY_CONFLICT, "error", numbers, 0, accepted)]
        if self._zeros:
            zeros = pl.concat(self._zeros) if self._digits_were_lost else self._zeros[0].clear()
            outcomes.append((PERSON_ID_ROUNDED, "error", zeros, 0, self._ids))
        if self._rows:
            rows = pl.concat(self._rows)
            for item in self._contract.extras.sequences:
                held = _in_order(rows, item)
                broken = held.filter(~pl.col("held"))["record_no"]
                unsaid = accepted - int(held["held"].is_not_null().sum())
                outcomes.append((item.id, item.severity, broken, unsaid, accepted))
        frames = [
            pl.DataFrame({"record_no": numbers}, schema={"record_no": pl.Int32}).with_columns(
                pl.lit(rule).alias("rule"), pl.lit(severity).alias("severity")
            )
            for rule, severity, numbers, _, _ in outcomes
        ]
        counts = tuple((rule, severity, len(found), unsaid, all_) for rule, severity, found, unsaid, all_ in outcomes)
        return Known(pl.concat(frames), counts)


def _conflicting(keys: list[pl.DataFrame]) -> pl.Series:
    """Numbers of the records that share their key with a record of other content; the key tells them not apart."""
    if not keys:
        return pl.Series("record_no", [], dtype=pl.Int32)
    keyed = pl.concat(keys)
    shared = keyed.filter(keyed["key1"].is_duplicated())
    varying = shared.group_by("key1", "key2").agg(pl.col("row_hash").n_unique()).filter(pl.col("row_hash") > 1)
    return shared.join(varying, on=["key1", "key2"], how="semi")["record_no"].sort()


def _needed(item: Sequence) -> set[str]:
    """The stored columns a sequence looks at."""
    tree = sqlglot.parse_one(item.holds, read="duckdb")
    return {*item.by, item.order_by, *(node.name.removeprefix(rules.PREVIOUS) for node in tree.find_all(sx.Column))}


def _in_order(rows: pl.DataFrame, item: Sequence) -> pl.DataFrame:
    """Columns record_no and held: whether the rule holds between a record and the one before it, null for a first."""
    placed = rows.drop_nulls([*item.by, item.order_by]).sort(*item.by, item.order_by, "record_no")
    others = [name for name in placed.columns if name != "record_no"]
    paired = placed.with_columns(
        pl.col(name).shift(1).over(item.by).alias(f"{rules.PREVIOUS}{name}") for name in others
    )
    return paired.select("record_no", rules.judged(paired, item.holds, item.id).alias("held"))
