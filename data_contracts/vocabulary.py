"""The words a feed contract may use: closed models of the `kangheng` customProperties at every level of a document.

Put here: one model per object a contract may write, with the checks one object allows alone. Keep out: reading
documents and what holds between objects (contracts.py), code lists (codes.py), evaluation (assets.intake).
"""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, field_validator
from pydantic.json_schema import models_json_schema

from data_contracts.closed import Bilingual, Closed
from data_contracts.messages import wrong
from data_contracts.periods import Period

ColumnType = Literal["text", "code", "integer", "decimal", "money", "date", "boolean"]
Severity = Literal["error", "warning"]
MINOR_UNITS_PER = {
    "fen": 1,
    "yuan": 100,
    "wan_yuan": 1_000_000,
    "penny": 1,
    "pound": 100,
    "cent": 1,
    "dollar": 100,
}

# How headers write those units.
MONEY_WORDS = {
    "fen": ("分", "人民币分"),
    "yuan": ("元", "人民币元", "rmb", "cny", "yuan"),
    "wan_yuan": ("万元", "人民币万元"),
    "pound": ("£", "gbp", "pounds"),
    "penny": ("p", "pence"),
    "dollar": ("$", "usd", "dollars"),
    "cent": ("cents",),
}
# What spreadsheets and databases write where they have no value: never a text, least of all a key.
NO_VALUE = ("NULL", "\\N", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
# What people and programs write for a value they do not have; a column may accept some of these as values.
NO_ANSWER = (
    "-", "--", "---", "—", "——", "/", "\\", "?", "??", "???", "*", "**", "***", ".", "N/A", "n/a", "NA", "NaN", "nan",
    "null", "Null", "None", "none", "nil", "(null)", "(空)", "空", "空白", "无", "没有", "暂无", "不详", "未知", "不知",
    "不明", "未填", "未填写", "未录入", "缺", "缺失", "待补", "待查", "待定", "拒绝", "unknown", "Unknown", "UNKNOWN",
)  # fmt: skip


class PeriodSource(Closed):
    """Where the reporting period of a file stands when no delivery note says it.

    Names are read as periods are usually written (2025Q4, 2025年第四季度, 2025-12), unless `file_name` gives a pattern
    of its own, with a group `period`, or groups `year` (two or four digits) and `quarter` or `month`.
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
            raise wrong("contract_pattern", problem=error.msg) from None
        if not {"period", "year"} & set(groups):
            raise wrong("contract_pattern_groups")
        return pattern


class InstitutionSource(Closed):
    """Where the delivering institution stands: a column of each record, else the folder of the file."""

    column: str | None = None


class FileForm(Closed):
    """Form of the delivered files; `file_names` are globs that decide which files of the folder belong here.

    `encoding`: of text that bears no mark and is not UTF-8, by the name Python knows it by, for example cp1252.
    `open_end`: the last line of these files has no line end although nothing is missing; elsewhere a last record
    without one may be cut and is not taken.
    """

    encoding: str = "gb18030"
    open_end: bool = False
    header_rows: int = 1
    footer_markers: list[str] = []
    fill_down: list[str] = []
    # A tab is white space, and a delimiter.
    delimiter: Annotated[str, StringConstraints(strip_whitespace=False, pattern=r"^[!-~\t]$")] = ","
    sheet: str | None = None
    file_names: list[str] = ["*"]

    @field_validator("encoding")
    @classmethod
    def _extends_ascii(cls, encoding: str) -> str:
        plain = bytes(range(128))
        try:
            extends = plain.decode(encoding) == plain.decode("ascii")
        except (LookupError, UnicodeDecodeError):
            raise wrong("wrong_encoding") from None
        if not extends:
            raise wrong("wrong_encoding_ascii")
        return encoding


class Records(Closed):
    """Which rows of the file are records of this feed; the others are counted as non-data."""

    where: str | None = None


class PersonSource(Closed):
    """The column that identifies a person and how its values are checked (`cn_id`: GB 11643; `opaque`: any text).

    `birth` (a date) and `sex` (codes M and F) name columns that say what a `cn_id` says too: they are compared.
    Not `required`: people who have no number yet, such as newborns, are left empty; a wrong number is refused anyway.
    """

    column: str
    id_scheme: Literal["cn_id", "opaque"]
    required: bool = True
    birth: str | None = None
    sex: str | None = None


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


class Dated(Closed):
    """Something that holds for the files of one institution (null: of all) and of periods within `from` … `to`.

    A bound is a period key; a file belongs if the last day of its period does.
    """

    institution: str | None = None
    start: str | None = Field(None, alias="from")
    end: str | None = Field(None, alias="to")

    @field_validator("start", "end")
    @classmethod
    def _is_a_period(cls, key: str | None) -> str | None:
        if key is not None:
            Period.parse(key)
        return key

    def covers(self, period: str, institution: str | None) -> bool:
        """Whether it holds for a file of `period` that comes from `institution` (None: not stated)."""
        if self.institution is not None and self.institution != institution:
            return False
        day = Period.parse(period).end
        begun = self.start is None or Period.parse(self.start).start <= day
        return begun and (self.end is None or day <= Period.parse(self.end).end)


class ColumnMap(Dated):
    """Headers some institution used in some years: their header → our column. Wins over aliases and titles."""

    headers: dict[str, str] = Field(min_length=1)


class Correction(Dated):
    """A known fault of a sender, put right on arrival: `column` becomes `set` where `where` holds.

    Both are SQL expressions over the delivered text of the columns. `open`: applied, and a file it covers that has
    nothing to correct is not taken, so that a correction never outlives its fault. `fixed`: kept for the record.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: str
    where: str
    set: str
    reason: Bilingual
    status: Literal["open", "fixed"]


class Worded(Closed):
    """A rule in words for the supplier: what it asks, and what to do about a violation."""

    titles: Bilingual
    fix: Bilingual


class Reference(Worded):
    """Values that must exist in another feed in force at the period; judged once both feeds have arrived.

    A broken one warns and refuses no record: whether it holds hangs on the files of another sender, which may be late,
    and what is taken of a file hangs on that file alone.
    """

    columns: list[str] = Field(min_length=1)
    feed: str
    target: list[str] = Field(min_length=1)
    severity: Literal["warning"]

    @field_validator("severity", mode="before")
    @classmethod
    def _refuses_nothing(cls, severity: object) -> object:
        if severity == "error":
            raise wrong("contract_reference_severity")
        return severity

    @property
    def id(self) -> str:
        """Name of the rule: the columns and the feed they point to."""
        return f"reference_{'_'.join(self.columns)}_{self.feed.split('.')[-1]}"


class Sequence(Worded):
    """A rule between a record and the one before it, among the records of one file that agree in `by`.

    `holds` is a SQL expression over the stored columns and `previous_<column>`; it does not apply to a first record,
    whose previous columns are NULL. Records are ordered by `order_by`, then as they stand in the file.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    by: list[str] = Field(min_length=1)
    order_by: str
    holds: str
    severity: Severity


class Conversion(Closed):
    """A unit a sender may state in its header instead of ours: `factor` of ours are in one of theirs, exactly.

    The product is rounded half up to the digits of the column.
    """

    unit: str = Field(min_length=1)
    factor: str

    @field_validator("factor")
    @classmethod
    def _is_exact(cls, factor: str) -> str:
        try:
            number = Decimal(factor)
        except InvalidOperation:
            raise wrong("contract_factor_form") from None
        if not number.is_finite() or number <= 0:
            raise wrong("contract_factor_sign")
        return factor


class Descriptions(Closed):
    """The description of a feed in Chinese: of each part that the standard has in English."""

    purpose: str
    usage: str = ""
    limitations: str = ""


class FeedExtras(Closed):
    """What our contracts add to the standard at document level.

    `delivery`: an `increment` holds the events of the period, a `snapshot` the state at its end, a `cumulative` file
    the events of the year so far, each of which belongs to the period of its `event_date`.

    `business_key` tells records apart, so each of its columns is always filled. `empty_in_key`: those of them in which
    to be empty is an answer (not ended yet); records whose keys agree, empty places too, have one key.

    `channel` names the coded column that says how a service was given (online, offline …). `every`: how often its
    sender delivers, where less often than the home reports.
    """

    sender: str
    feed: str
    titles: Bilingual
    descriptions_zh: Descriptions | None = None
    kind: Literal["record", "aggregate", "areas", "area_changes"]
    valid_from: date
    delivery: Literal["increment", "snapshot", "cumulative"]
    every: Literal["month", "quarter", "half_year", "year"] | None = None
    period: PeriodSource = PeriodSource()
    institution: InstitutionSource = InstitutionSource()
    file: FileForm = FileForm()
    records: Records = Records()
    event_date: str | None = None
    business_key: list[str] = Field(min_length=1)
    empty_in_key: list[str] = []
    person: PersonSource | None = None
    area: AreaSource | None = None
    levels: list[Level] = []
    derived: list[Derived] = []
    channel: str | None = None
    references: list[Reference] = []
    sequences: list[Sequence] = []
    maps: list[ColumnMap] = []
    corrections: list[Correction] = []


class ColumnExtras(Closed):
    """What our contracts add to a property. `rounded`: digits beyond `scale` are rounded half up, not refused.

    `description_zh`: what the standard's description says, in Chinese. `standard`: the document the column or its codes
    follow, as it is cited in its own language. `units`: units a header may state instead of `unit`. `missing`: texts
    that mean no value here; `accepts`: texts that mean a value here, although everywhere else they stand for a missing
    one. `in_header`: values may be empty, but a file without the column is refused. `example_aside`: the example is of
    another case than those of the other columns, so the example row of the template leaves the cell empty.
    """

    titles: Bilingual
    description_zh: str | None = Field(None, min_length=1)
    role: Literal["attribute", "key", "person_id", "drop", "fact"] = "attribute"
    type: ColumnType
    scale: int = Field(0, ge=0)
    rounded: bool = False
    standard: str | None = None
    unit: str | None = None
    units: list[Conversion] = []
    money_unit: Literal["fen", "yuan", "wan_yuan", "penny", "pound", "cent", "dollar"] | None = None
    aliases: list[str] = []
    codes: str | None = None
    missing: list[str] = []
    accepts: list[str] = []
    example_aside: bool = False
    date_formats: list[str] = []
    in_header: bool = False
    fact: str | None = None
    stratum: dict[Literal["sex", "age_band"], str] = {}


class RuleExtras(Worded):
    """What our contracts add to a quality rule."""


def vocabulary_schema() -> dict[str, Any]:
    """JSON schema of what our customProperties may hold: `document`, `property` and `quality`, by where they stand."""
    places: dict[str, type[BaseModel]] = {"document": FeedExtras, "property": ColumnExtras, "quality": RuleExtras}
    references, schema = models_json_schema(
        [(model, "validation") for model in places.values()], title="customProperties of Kangheng in an ODCS document"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "type": "object",
        "additionalProperties": False,
        "properties": {place: references[(model, "validation")] for place, model in places.items()},
    }
