"""Feed contracts: Open Data Contract Standard documents, read into one typed view per feed and validity date.

Put here: what a contract may say and how it is read. Keep out: reading data files (assets.intake) and schemas
derived from a contract (data_contracts.schemas).
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import Field, field_validator

from data_contracts.closed import Bilingual, Closed, DefinitionError, nearest, parse, parse_foreign, read_yaml
from data_contracts.codes import YES_NO, CodeList, read_code_lists
from data_contracts.periods import Period

if TYPE_CHECKING:
    import polars as pl

_FEEDS = Path(__file__).parent / "feeds"
_OURS = "kangheng"

ColumnType = Literal["text", "code", "integer", "decimal", "money", "date", "boolean"]
MINOR_UNITS_PER = {
    "fen": 1,
    "yuan": 100,
    "wan_yuan": 1_000_000,
    "penny": 1,
    "pound": 100,
    "cent": 1,
    "dollar": 100,
}


class PeriodSource(Closed):
    """Where the reporting period of a file stands when no delivery note says it.

    `file_name` is a pattern with a group `period`, or groups `year` (two or four digits) and `quarter` or `month`.
    """

    column: str | None = None
    file_name: str | None = None
    constant: str | None = None

    @field_validator("file_name")
    @classmethod
    def _names_a_period(cls, pattern: str | None) -> str | None:
        try:
            groups = re.compile(pattern or "(?P<period>)").groupindex
        except re.error as error:
            raise ValueError(f"not a pattern: {error.msg}") from None
        if not {"period", "year"} & set(groups):
            raise ValueError("needs a group 'period', or groups 'year' and 'quarter' or 'month'")
        return pattern


class InstitutionSource(Closed):
    """Where the delivering institution stands: a column of each record, else the folder of the file."""

    column: str | None = None


class FileForm(Closed):
    """Form of the delivered files; `file_names` are globs that decide which files of the folder belong here.

    `encoding`: of text that bears no mark and is not UTF-8, by the name Python knows it by, for example cp1252.
    """

    encoding: str = "gb18030"
    header_rows: int = 1
    footer_markers: list[str] = []
    fill_down: list[str] = []
    delimiter: str = Field(",", min_length=1, max_length=1)
    sheet: str | None = None
    file_names: list[str] = ["*"]

    @field_validator("encoding")
    @classmethod
    def _extends_ascii(cls, encoding: str) -> str:
        plain = bytes(range(128))
        try:
            extends = plain.decode(encoding) == plain.decode("ascii")
        except (LookupError, UnicodeDecodeError):
            raise ValueError("no encoding of that name that holds ASCII; write gb18030, cp1252, latin-1 …") from None
        if not extends:
            raise ValueError("must write ASCII characters as ASCII does; UTF-16 is known by its mark")
        return encoding


class Records(Closed):
    """Which rows of the file are records of this feed; the others are counted as non-data."""

    where: str | None = None


class PersonSource(Closed):
    """The column that identifies a person and how its values are checked (`cn_id`: GB 11643; `opaque`: any text)."""

    column: str
    id_scheme: Literal["cn_id", "opaque"]


class AreaSource(Closed):
    """The column that holds the id of the lowest-level area of a record."""

    column: str


class ConstantArea(Closed):
    """The one area of a level that covers everything, for example the nation."""

    id: str
    name: Bilingual


class Level(Closed):
    """How one level of the area tree stands in a row: id, name and, for the lowest level, whether it is rural."""

    level: str
    id: str | None = None
    name: str | None = None
    name_en: str | None = None
    constant: ConstantArea | None = None
    rural: str | None = None


class Derived(Closed):
    """A column computed from the typed columns of its own row by a SQL expression."""

    name: str
    titles: Bilingual
    type: ColumnType
    scale: int = Field(0, ge=0)
    expression: str
    description: str


class FeedExtras(Closed):
    """What our contracts add to the standard at document level."""

    sender: str
    feed: str
    titles: Bilingual
    kind: Literal["record", "aggregate", "areas", "area_changes"]
    valid_from: date
    delivery: Literal["increment", "snapshot"]
    period: PeriodSource = PeriodSource()
    institution: InstitutionSource = InstitutionSource()
    file: FileForm = FileForm()
    records: Records = Records()
    event_date: str | None = None
    business_key: list[str] = Field(min_length=1)
    person: PersonSource | None = None
    area: AreaSource | None = None
    levels: list[Level] = []
    derived: list[Derived] = []


class ColumnExtras(Closed):
    """What our contracts add to a property. `rounded`: digits beyond `scale` are rounded half up, not refused."""

    titles: Bilingual
    role: Literal["attribute", "key", "person_id", "drop", "fact"] = "attribute"
    type: ColumnType
    scale: int = Field(0, ge=0)
    rounded: bool = False
    unit: str | None = None
    money_unit: Literal["fen", "yuan", "wan_yuan", "penny", "pound", "cent", "dollar"] | None = None
    aliases: list[str] = []
    codes: str | None = None
    missing: list[str] = []
    date_formats: list[str] = []
    fact: str | None = None
    stratum: dict[Literal["sex", "age_band"], str] = {}


class RuleExtras(Closed):
    """What our contracts add to a quality rule: words for the supplier."""

    titles: Bilingual
    fix: Bilingual


@dataclass(frozen=True)
class Column:
    """One column of a feed, everything about it in one place."""

    name: str
    description: str
    required: bool
    examples: tuple[str, ...]
    extras: ColumnExtras
    code_list: CodeList | None

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
    def headers(self) -> tuple[str, ...]:
        """Header texts that mean this column: aliases first, then titles and the canonical name."""
        return tuple(dict.fromkeys([*self.extras.aliases, self.titles.zh, self.titles.en, self.name]))

    @property
    def minor_units(self) -> int:
        """Minor currency units in one delivered unit of a money column."""
        return MINOR_UNITS_PER[self.extras.money_unit or "fen"]

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
    """A feed as agreed with its sender from `valid_from` on."""

    extras: FeedExtras
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    description: str
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
        """Increment (events of the period) or snapshot (state at its end)."""
        return self.extras.delivery

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by canonical name."""
        return {column.name: column for column in self.columns}

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
    kinds = _stored_kinds(contract)
    return [(name, polars_dtype(kind, scale)) for name, kind, scale in kinds]


def stored_names(contract: FeedContract) -> list[str]:
    """Names of the columns of a stg part, without loading the data library."""
    return [name for name, _, _ in _stored_kinds(contract)]


def _stored_kinds(contract: FeedContract) -> list[tuple[str, str, int]]:
    own = [(c.name, c.type, c.extras.scale) for c in contract.columns if c.role not in ("drop", "person_id")]
    derived = [(d.name, d.type, d.scale) for d in contract.extras.derived]
    persons = PERSON_COLUMNS if contract.extras.person else ()
    fixed = [(name, kind, 0) for name, kind in (*META_COLUMNS, *persons)]
    return [*fixed, *own, *derived, *((name, kind, 0) for name, kind in TAIL_COLUMNS)]


def _ours(properties: list[Any] | None, where: str) -> Any:
    values = [p.value for p in properties or [] if p.property == _OURS]
    if len(values) != 1:
        raise DefinitionError(f"{where}: needs exactly one customProperties entry '{_OURS}'")
    return values[0]


def read_feed(path: Path, code_lists: dict[str, CodeList]) -> FeedContract:
    """Read one contract file; every mistake is named with file, place and the nearest known word."""
    document = read_yaml(path)
    where = f"{path.parent.name}/{path.name}"
    standard = parse_foreign(OpenDataContractStandard, document, where)
    if not standard.schema_ or len(standard.schema_) != 1:
        raise DefinitionError(f"{where}: needs exactly one schema object")
    table = standard.schema_[0]
    extras = parse(FeedExtras, _ours(standard.customProperties, where), where)
    columns = tuple(_column(item, where, code_lists) for item in table.properties or [])
    rules = tuple(_rule(item, where) for item in table.quality or [])
    lists = {YES_NO if c.type == "boolean" else c.extras.codes for c in columns}
    used = {name: sorted(code_lists[name].map.items()) for name in lists if name is not None}
    text = json.dumps([document, used], sort_keys=True, ensure_ascii=False, default=str)
    description = (standard.description.purpose if standard.description else None) or extras.titles.en
    contract = FeedContract(extras, columns, rules, description, where, hashlib.sha256(text.encode()).hexdigest())
    _check(contract, path)
    return contract


def _column(item: Any, where: str, code_lists: dict[str, CodeList]) -> Column:
    if not item.name:
        raise DefinitionError(f"{where}: a property has no name")
    place = f"{where}: {item.name}"
    extras = parse(ColumnExtras, _ours(item.customProperties, place), place)
    codes = None
    if extras.codes is not None:
        if extras.codes not in code_lists:
            raise DefinitionError(
                f"{place}: no code list '{extras.codes}'; nearest: {nearest(extras.codes, sorted(code_lists))}"
            )
        codes = code_lists[extras.codes]
    if (extras.type == "code") != (codes is not None):
        raise DefinitionError(f"{place}: a column of type code, and only such a column, names a code list")
    if (extras.type == "money") != (extras.money_unit is not None):
        raise DefinitionError(f"{place}: a column of type money, and only such a column, states its money_unit")
    examples = tuple(str(example) for example in item.examples or [])
    return Column(item.name, item.description or "", bool(item.required), examples, extras, codes)


def _rule(item: Any, where: str) -> Rule:
    place = f"{where}: rule {item.name}"
    if item.type != "custom" or item.engine != _OURS or item.severity not in ("error", "warning"):
        raise DefinitionError(f"{place}: write type: custom, engine: {_OURS}, severity: error or warning")
    if not item.name or not item.implementation:
        raise DefinitionError(f"{place}: a rule needs a name and an implementation")
    extras = parse(RuleExtras, _ours(item.customProperties, place), place)
    return Rule(item.name, item.severity, str(item.implementation), item.description or "", extras)


def normal_header(header: str) -> str:
    """A header text without width variants, spaces and case: two texts that agree so mean the same column."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", header)).casefold()


def _check(contract: FeedContract, path: Path) -> None:
    extras, where = contract.extras, contract.source
    if path.parent.name != contract.key or path.stem != extras.valid_from.isoformat():
        raise DefinitionError(f"{where}: sender, feed and valid_from must agree with folder and file name")
    _check_names(contract)
    _check_references(contract)
    persons = [column.name for column in contract.columns if column.role == "person_id"]
    if persons != ([extras.person.column] if extras.person else []):
        raise DefinitionError(f"{where}: person.column must name the one property with role person_id")


def _check_names(contract: FeedContract) -> None:
    where = contract.source
    names = [name for name, _, _ in _stored_kinds(contract)]
    raw = [column.name for column in contract.columns]
    if len(set(raw)) != len(raw) or len(set(names)) != len(names):
        raise DefinitionError(f"{where}: two columns share a name")
    rules = [rule.id for rule in contract.rules]
    if len(set(rules)) != len(rules):
        raise DefinitionError(f"{where}: two rules share a name")
    owner: dict[str, str] = {}
    for column in contract.columns:
        for header in column.headers:
            first = owner.setdefault(normal_header(header), column.name)
            if first != column.name:
                raise DefinitionError(f"{where}: header '{header}' means both {first} and {column.name}")


def _check_references(contract: FeedContract) -> None:
    extras, where = contract.extras, contract.source
    kinds = {name: kind for name, kind, _ in _stored_kinds(contract)}
    wanted = [
        *extras.business_key,
        *(
            name
            for name in (
                extras.event_date,
                extras.institution.column,
                extras.area.column if extras.area else None,
                *(part for level in extras.levels for part in (level.id, level.name, level.name_en, level.rural)),
            )
            if name
        ),
    ]
    unknown = sorted({name for name in wanted if name not in kinds})
    if unknown:
        near = nearest(unknown[0], list(kinds))
        raise DefinitionError(f"{where}: '{unknown[0]}' is not a stored column; nearest: {near}")
    if extras.event_date and kinds[extras.event_date] != "date":
        raise DefinitionError(f"{where}: event_date must name a column of type date")
    if extras.kind == "area_changes":
        _check_area_changes(contract, kinds)


def _check_area_changes(contract: FeedContract, kinds: dict[str, str]) -> None:
    missing = [name for name in AREA_CHANGE_COLUMNS if name not in kinds]
    if missing:
        raise DefinitionError(f"{contract.source}: a feed of kind area_changes needs column '{missing[0]}'")
    if kinds["changed_on"] != "date":
        raise DefinitionError(f"{contract.source}: changed_on must be a column of type date")


@dataclass(frozen=True)
class Catalog:
    """All feeds a home knows: those of the package, replaced by whole documents of the home."""

    feeds: dict[str, tuple[FeedContract, ...]]
    code_lists: dict[str, CodeList]

    @classmethod
    def load(cls, contracts: Path | None = None, use: list[str] | None = None) -> "Catalog":
        """Read package contracts, then those below `contracts` (a home's folder); `use` keeps only these feeds."""
        own_codes = [contracts / "codes"] if contracts else []
        code_lists = read_code_lists(*own_codes)
        paths: dict[str, list[Path]] = {}
        for root in [_FEEDS, *([contracts / "feeds"] if contracts else [])]:
            for folder in sorted(root.glob("*.*")) if root.is_dir() else []:
                paths[folder.name] = sorted(folder.glob("*.yaml"))
        if use is not None:
            missing = sorted(set(use) - set(paths))
            if missing:
                raise DefinitionError(f"no feed '{missing[0]}'; nearest: {nearest(missing[0], sorted(paths))}")
            paths = {key: paths[key] for key in sorted(use)}
        feeds = {key: tuple(read_feed(path, code_lists) for path in files) for key, files in sorted(paths.items())}
        return cls({key: versions for key, versions in feeds.items() if versions}, code_lists)

    def feed(self, key: str, period: str | None = None) -> FeedContract:
        """The contract of a feed in force at the end of `period`, or the newest one."""
        if key not in self.feeds:
            raise DefinitionError(f"no feed '{key}'; nearest: {nearest(key, sorted(self.feeds))}")
        versions = self.feeds[key]
        if period is None:
            return versions[-1]
        last_day = Period.parse(period).end
        in_force = [version for version in versions if version.extras.valid_from <= last_day]
        if not in_force:
            first = versions[0].extras.valid_from
            raise DefinitionError(f"feed {key} has no contract in force in {period}; the first is valid from {first}")
        return in_force[-1]

    def current(self) -> list[FeedContract]:
        """The newest contract of every feed, by key."""
        return [versions[-1] for _, versions in sorted(self.feeds.items())]
