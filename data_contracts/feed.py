"""One feed as agreed with its sender: columns, rules, and the columns of the table its records are staged in.

Put here: the typed view of a contract and what follows from it alone. Keep out: reading documents (contracts.py), what
must hold between parts of one (coherence.py).
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from data_contracts.closed import Bilingual
from data_contracts.codes import CodeList
from data_contracts.messages import wrong
from data_contracts.vocabulary import (
    MINOR_UNITS_PER,
    MONEY_WORDS,
    NO_ANSWER,
    NO_VALUE,
    ColumnExtras,
    ColumnType,
    FeedExtras,
    RuleExtras,
)

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Column:
    """One column of a feed, everything about it in one place. `headers` are the header texts that mean it."""

    name: str
    description: Bilingual
    required: bool
    examples: tuple[str, ...]
    extras: ColumnExtras
    code_list: CodeList | None
    headers: tuple[str, ...]
    # The form the standard's logicalTypeOptions ask of a code, as a regular expression for the whole value.
    pattern: str | None = None

    @property
    def titles(self) -> Bilingual:
        """Chinese and English title."""
        return self.extras.titles

    @property
    def type(self) -> ColumnType:
        """Logical type in our words."""
        return self.extras.type

    @property
    def role(self) -> str:
        """attribute, key, person_id, drop (never stored) or fact."""
        return self.extras.role

    @property
    def example(self) -> str:
        """The example as a template offers it: of a coded column the entry of its drop-down; empty text for none."""
        first = self.examples[0] if self.examples else ""
        code = self.code_list.map.get(first) if self.code_list else None
        return self.code_list.values[code].zh if self.code_list and code else first

    @property
    def filled(self) -> str:
        """What the example row of a template holds in this column."""
        return "" if self.extras.example_aside else self.example

    @property
    def label(self) -> str:
        """The header, with the Chinese title behind it where the header is a field name of some system."""
        header = self.headers[0]
        return f"{header}（{self.titles.zh}）" if header.isascii() and header != self.titles.zh else header

    @property
    def in_header(self) -> bool:
        """Whether a file must have the column: what a record needs, and what makes a file one of this feed."""
        return self.required or self.role == "person_id" or self.extras.in_header

    @property
    def minor_units(self) -> int:
        """Minor currency units in one delivered unit of a money column."""
        return MINOR_UNITS_PER[self.extras.money_unit or "fen"]

    @property
    def own_units(self) -> tuple[str, ...]:
        """How a header may write the unit the values are in; empty where the column has none."""
        if self.type == "money":
            return MONEY_WORDS[self.extras.money_unit or "fen"]
        return (self.extras.unit,) if self.extras.unit else ()

    def no_value(self, *, pointing: bool) -> list[str]:
        """Texts that mean no value in this column; `pointing`: as in a key, also the words people write for one."""
        if self.type != "text":
            return ["", *self.extras.missing]
        words = dict.fromkeys(["", *self.extras.missing, *NO_VALUE, *(NO_ANSWER if pointing else ())])
        return [word for word in words if word not in self.extras.accepts]

    @property
    def polars_dtype(self) -> "pl.DataType":
        """Type of the column in a stg part."""
        return polars_dtype(self.type, self.extras.scale)


@dataclass(frozen=True)
class Rule:
    """A named row rule: TRUE holds, FALSE violates, NULL does not apply. `error` quarantines, `warning` flags."""

    id: str
    severity: Literal["error", "warning"]
    expression: str
    description: str
    extras: RuleExtras


@dataclass(frozen=True)
class FeedContract:
    """A feed as agreed with its sender from `valid_from` on. Usage and limitations are empty where nothing is said."""

    extras: FeedExtras
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    purpose: Bilingual
    usage: Bilingual
    limitations: Bilingual
    source: str
    fingerprint: str = field(repr=False)

    @property
    def key(self) -> str:
        """`sender.feed`, as commands name it."""
        return f"{self.extras.sender}.{self.extras.feed}"

    @property
    def table(self) -> str:
        """Name of the staging table."""
        return f"stg_{self.extras.sender}__{self.extras.feed}"

    @property
    def mart(self) -> str:
        """Name of the record mart that holds its accepted records."""
        return f"mart__{self.extras.sender}__{self.extras.feed}"

    @property
    def sender(self) -> str:
        """Id of the sender."""
        return self.extras.sender

    @property
    def feed(self) -> str:
        """Id of the feed within its sender."""
        return self.extras.feed

    @property
    def kind(self) -> str:
        """record, aggregate, areas or area_changes."""
        return self.extras.kind

    @property
    def delivery(self) -> str:
        """Increment (events of the period), snapshot (state at its end) or cumulative (events of the year so far)."""
        return self.extras.delivery

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by canonical name."""
        return {column.name: column for column in self.columns}

    def for_file(self, period: str, institution: str | None) -> "FeedContract":
        """This contract with the headers of the column maps that cover a file: those win over all other headers."""
        theirs: dict[str, tuple[str, str]] = {}
        for item in self.extras.maps:
            for header, name in item.headers.items() if item.covers(period, institution) else ():
                known = theirs.setdefault(normal_header(header), (header, name))[1]
                if known != name:
                    raise wrong("contract_header_twice", where=self.source, header=header, one=known, other=name)
        if not theirs:
            return self
        mapped = {name: tuple(header for header, own in theirs.values() if own == name) for name in self.by_name}
        columns = (
            replace(
                column, headers=(*mapped[column.name], *(h for h in column.headers if normal_header(h) not in theirs))
            )
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))

    @cached_property
    def kept_texts(self) -> tuple[Column, ...]:
        """The columns of text whose values are stored as they are: none of them may say who somebody is."""
        return tuple(c for c in self.columns if c.type == "text" and c.role not in ("drop", "person_id"))

    @cached_property
    def identifying(self) -> frozenset[str]:
        """Columns of text that say which one: of a key, an institution, an area, a person, another feed."""
        extras = self.extras
        ids = {
            # A part of a key that may be empty is a description, and 1.0 may be one.
            *(name for name in extras.business_key if name in self.by_name and self.by_name[name].required),
            extras.institution.column,
            extras.area.column if extras.area else None,
            extras.person.column if extras.person else None,
            *(level.id for level in extras.levels),
            *(name for reference in extras.references for name in reference.columns),
        }
        return frozenset(column.name for column in self.columns if column.type == "text" and column.name in ids)

    @cached_property
    def pointing(self) -> frozenset[str]:
        """Columns of text that are needed or say which one: a word for nothing there would make one of many records."""
        needed = {column.name for column in self.columns if column.type == "text" and column.required}
        return self.identifying | needed

    @cached_property
    def wording(self) -> dict[str, tuple[Bilingual, Bilingual]]:
        """Titles and advice of every rule the contract words itself: of rows, sequences and references."""
        rules = {rule.id: (rule.extras.titles, rule.extras.fix) for rule in self.rules}
        rules |= {item.id: (item.titles, item.fix) for item in self.extras.sequences}
        return rules | {item.id: (item.titles, item.fix) for item in self.extras.references}

    @cached_property
    def facts(self) -> tuple[Column, ...]:
        """The columns of an aggregate feed that hold a counted or summed fact."""
        return tuple(column for column in self.columns if column.role == "fact")


def polars_dtype(kind: str, scale: int = 0) -> "pl.DataType":
    """The Polars type of a logical type; money is integer minor units."""
    import polars as pl  # the orchestrator reads contracts without loading the data library

    plain: dict[str, pl.DataType] = {
        "text": pl.String(),
        "code": pl.String(),
        "integer": pl.Int64(),
        "money": pl.Int64(),
        "date": pl.Date(),
        "boolean": pl.Boolean(),
        "record number": pl.Int32(),
        "hash": pl.UInt64(),
    }
    return pl.Decimal(28, scale) if kind == "decimal" else plain[kind]


# Built-in rules between the records of a file: one key, several contents; ids in a file where some lost digits.
KEY_CONFLICT = "key_conflict"
PERSON_ID_ROUNDED = "person_id_rounded"
# A column of our templates that marks the filled example; a row with text in it is no record of the sender.
EXAMPLE_MARK, EXAMPLE_HEADER = "example mark", "样例标记"
META_COLUMNS = (
    ("file_id", "text"),
    ("record_no", "record number"),
    ("period", "text"),
    ("institution_id", "text"),
    ("event_date", "date"),
)
# What a feed of kind area_changes must have; `changed_on` is a date, `change_kind` one of the kinds.
AREA_CHANGE_KINDS = ("recode", "merge", "split")
AREA_CHANGE_COLUMNS = ("old_id", "new_id", "changed_on", "change_kind")
PERSON_COLUMNS = (("person_key", "text"), ("person_id_class", "text"))
TAIL_COLUMNS = (("warnings", "text"), ("row_hash", "hash"))


def stored_columns(contract: FeedContract) -> "list[tuple[str, pl.DataType]]":
    """Columns of a stg part in order: technical ones, pseudonym, the contract's own, derived, flags and hash."""
    kinds = stored_kinds(contract)
    return [(name, polars_dtype(kind, scale)) for name, kind, scale in kinds]


def stored_names(contract: FeedContract) -> list[str]:
    """Names of the columns of a stg part, without loading the data library."""
    return [name for name, _, _ in stored_kinds(contract)]


def stored_kinds(contract: FeedContract) -> list[tuple[str, str, int]]:
    """Name, type and scale of the columns of a stg part in order."""
    own = [(c.name, c.type, c.extras.scale) for c in contract.columns if c.role not in ("drop", "person_id")]
    derived = [(d.name, d.type, d.scale) for d in contract.extras.derived]
    persons = PERSON_COLUMNS if contract.extras.person else ()
    fixed = [(name, kind, 0) for name, kind in (*META_COLUMNS, *persons)]
    return [*fixed, *own, *derived, *((name, kind, 0) for name, kind in TAIL_COLUMNS)]


def normal_header(header: str) -> str:
    """A header text without width variants, spaces and case: two texts that agree so mean the same column."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", header)).casefold()
