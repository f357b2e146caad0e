"""The data dictionary of a feed, from its contract alone: what the page of the report and the workbook show.

Put here: contract → entries in both languages. Keep out: layout (reports) and reading contracts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data_contracts.closed import Bilingual
from data_contracts.contracts import KEY_CONFLICT, Column, FeedContract
from data_contracts.deliveries import delivery_rules
from data_contracts.drift import changes_between
from data_contracts.messages import LANGUAGES, both, catalogue, text
from data_contracts.vocabulary import ColumnType, PersonSource, Severity

_TITLE = "rule_title_"
_OF_COLUMNS = ("type", "code", "required", "cumulative", "identity", "shape")


@dataclass(frozen=True)
class CodeEntry:
    """A value of a code list as stored, its titles, and other spellings that are read as it."""

    value: str
    titles: Bilingual
    spellings: tuple[str, ...]


@dataclass(frozen=True)
class RuleEntry:
    """A rule and what to do about a violation; `columns` are those its expression names."""

    id: str
    severity: Severity
    titles: Bilingual
    fix: Bilingual
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnEntry:
    """A column to fill in. `header` is what to write above it; empty text or tuple where there is nothing to say.

    `kept`: its values are stored as they are. `in_header`: the column must be there, though cells may be empty.
    `example_aside`: the example is of another case than those of the other columns.
    """

    name: str
    header: str
    titles: Bilingual
    meaning: Bilingual
    type: ColumnType
    required: bool
    unit: str
    units: tuple[str, ...]
    standard: str
    codes: tuple[CodeEntry, ...]
    code_list: Bilingual | None
    example: str
    aliases: tuple[str, ...]
    missing: tuple[str, ...]
    kept: bool
    rules: tuple[str, ...]
    in_header: bool = False
    example_aside: bool = False

    @property
    def filled(self) -> str:
        """What the example row holds."""
        return "" if self.example_aside else self.example


@dataclass(frozen=True)
class FeedEntry:
    """A feed as its sender has to know it.

    In words: `corrections`, what is put right on arrival; `resends`, what becomes of files sent again; `changes` since
    the version of the contract before.
    """

    key: str
    titles: Bilingual
    purpose: Bilingual
    usage: Bilingual
    limitations: Bilingual
    sender: str
    valid_from: str
    delivery: Bilingual
    business_key: tuple[str, ...]
    columns: tuple[ColumnEntry, ...]
    rules: tuple[RuleEntry, ...]
    corrections: tuple[Bilingual, ...]
    resends: tuple[Bilingual, ...]
    changes: tuple[Bilingual, ...] = ()
    sheet: str | None = None
    header_rows: int = 1


def dictionary_of(contract: FeedContract, earlier: FeedContract | None = None) -> FeedEntry:
    """The entry of a feed; columns and rules in the order of the contract. `earlier`: the version before, if any."""
    extras = contract.extras
    rules = tuple(_rules(contract))
    return FeedEntry(
        contract.key,
        extras.titles,
        contract.purpose,
        contract.usage,
        contract.limitations,
        contract.sender,
        extras.valid_from.isoformat(),
        _said(f"dictionary_delivery_{extras.delivery}"),
        tuple(_header(contract, name) for name in extras.business_key),
        tuple(_column(column, extras.person, rules) for column in contract.columns),
        rules,
        tuple(correction.reason for correction in extras.corrections if correction.status == "open"),
        tuple(_said(sentence) for sentence in delivery_rules(contract)),
        tuple(changes_between(earlier, contract)) if earlier else (),
        extras.file.sheet,
        extras.file.header_rows,
    )


def rule_titles(contract: FeedContract) -> dict[str, Bilingual]:
    """Short names of all rules a record of the feed can violate: its own and those every contract brings with it."""
    own = {rule: titles for rule, (titles, _) in contract.wording.items()}
    of_columns = {
        f"{kind}_{name}": Bilingual(
            **{language: text(f"{_TITLE}{kind}", language, column=titles.get(language)) for language in LANGUAGES}
        )
        for name, titles in (
            *((column.name, column.titles) for column in contract.columns),
            *((derived.name, derived.titles) for derived in contract.extras.derived),
        )
        for kind in _OF_COLUMNS
    }
    fixed = [sentence for sentence in catalogue() if sentence.startswith(_TITLE)]
    built_in = {sentence.removeprefix(_TITLE): _said(sentence) for sentence in fixed if not _names_column(sentence)}
    return built_in | of_columns | own


def _names_column(sentence: str) -> bool:
    return sentence.removeprefix(_TITLE) in _OF_COLUMNS


def _said(sentence: str) -> Bilingual:
    return Bilingual(**both(sentence))


def _header(contract: FeedContract, name: str) -> str:
    """What a sender writes above a column of the key; of persons, days and institutions above the one it comes from."""
    extras, person = contract.extras, contract.extras.person
    behind = {"event_date": extras.event_date, "institution_id": extras.institution.column}
    if person:
        behind |= dict.fromkeys(("person_key", "person_id_class"), person.column)
    source = behind.get(name) or name
    return contract.by_name[source].headers[0] if source in contract.by_name else name


def _rules(contract: FeedContract) -> Iterator[RuleEntry]:
    names = list(contract.by_name)
    for rule in contract.rules:
        used = tuple(name for name in names if re.search(rf"\b{re.escape(name)}\b", rule.expression))
        yield RuleEntry(rule.id, rule.severity, rule.extras.titles, rule.extras.fix, used)
    for item in contract.extras.sequences:
        used = tuple(name for name in names if re.search(rf"\b(?:previous_)?{re.escape(name)}\b", item.holds))
        yield RuleEntry(item.id, item.severity, item.titles, item.fix, used)
    for reference in contract.extras.references:
        yield RuleEntry(reference.id, reference.severity, reference.titles, reference.fix, tuple(reference.columns))
    kept = contract.kept_texts
    for kind, columns in (("identity", kept), ("shape", [column for column in kept if column.pattern])):
        if columns:
            words = (_said(f"dictionary_rule_{kind}"), _said(f"dictionary_fix_{kind}"))
            yield RuleEntry(kind, "error", *words, tuple(column.name for column in columns))
    yield RuleEntry(
        KEY_CONFLICT,
        "error",
        _said(f"intake_rule_{KEY_CONFLICT}"),
        _said(f"intake_fix_{KEY_CONFLICT}"),
        tuple(name for name in contract.extras.business_key if name in contract.by_name),
    )


def _column(column: Column, person: PersonSource | None, rules: tuple[RuleEntry, ...]) -> ColumnEntry:
    extras, codes = column.extras, column.code_list
    return ColumnEntry(
        column.name,
        column.headers[0],
        column.titles,
        column.description,
        column.type,
        column.required or (column.role == "person_id" and person is not None and person.required),
        column.own_units[0] if column.own_units else "",
        tuple(item.unit for item in extras.units),
        extras.standard or (codes.reference if codes else ""),
        tuple(
            CodeEntry(value, titles, tuple(raw for raw, own in codes.map.items() if own == value and raw != titles.zh))
            for value, titles in codes.values.items()
        )
        if codes
        else (),
        codes.titles if codes else None,
        column.example,
        column.headers[1:],
        tuple(extras.missing),
        column.role not in ("drop", "person_id"),
        tuple(rule.id for rule in rules if column.name in rule.columns),
        column.in_header,
        extras.example_aside,
    )
