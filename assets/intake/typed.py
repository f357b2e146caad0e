"""Text to typed columns, exactly: no float on the way, every cell that does not fit is a named violation.

Put here: sentinels, width variants, code lists, numbers, money, dates, identifiers. Keep out: row rules (rules.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType

import polars as pl

from assets.vault.pseudonym import canonical_ids
from data_contracts.codes import CodeList
from data_contracts.contracts import PERSON_ID_ROUNDED, Column, FeedContract

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%Y年%m月%d日")
PERSON_ID_INVALID = "person_id_invalid"
PERSON_BIRTH_DIFFERS = "person_birth_differs"
PERSON_SEX_DIFFERS = "person_sex_differs"
PERSON_RULES = (PERSON_ID_INVALID, PERSON_ID_ROUNDED, PERSON_BIRTH_DIFFERS, PERSON_SEX_DIFFERS)
_COMPACT_LENGTH = 8
# Types whose plain cells can be read before anything is cleaned; no reading of theirs takes blanks or wide digits.
_PLAIN = ("integer", "decimal", "money")
# A column that says so few different things in its first cells is read thing by thing.
_SAMPLE, _FEW = 4096, 1024
_INT64_DIGITS = 18
_LARGEST = 2**63 - 1
_LONGEST_NUMBER = 64
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]*))?")
_EDGES = " \t\r\n'"
# What spreadsheets make of long digits: 4.4052E+17, or 310.0 for the code 310.
_MANGLED = r"^[0-9]+(?:\.[0-9]+)?[eE]\+[0-9]+$|^[0-9]+\.0$"
# Characters without width or meaning of their own: two keys that differ only in them would look the same.
_UNSEEN = "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
_EXOTIC = "[\u00a0\u00ad\u2000-\u200f\u202a-\u202e\u2060-\u206f\u2160-\u217f\u3000\ufeff\uff00-\uffef]"


@dataclass(frozen=True)
class Typed:
    """Typed columns, canonical person ids where the feed has persons, and violations: rule → true where violated.

    `doubts` are such rules too, but leave the record as it is: true where doubtful, null where nothing can be said.
    """

    frame: pl.DataFrame
    violations: dict[str, pl.Series]
    doubts: dict[str, pl.Series]


def type_columns(
    texts: pl.DataFrame,
    contract: FeedContract,
    yes_no: CodeList,
    units: Mapping[str, str] = MappingProxyType({}),
    latest: date | None = None,
) -> Typed:
    """Type every column of `texts` that the contract keeps; columns the file lacks become null.

    `units`: columns whose numbers are in another unit than the contract's, with the unit, for which it declares a
    conversion. `latest`: the day after which nobody in the file can have been born.

    Rules: `required_<column>` empty but needed, `type_<column>` not readable as its type, `code_<column>` not in its
    code list, `person_id_invalid`; doubts `person_birth_differs` and `person_sex_differs`. Every rule that was looked
    at has an entry, violated or not.
    """
    columns: list[pl.Series] = []
    violations: dict[str, pl.Series] = {}
    told: pl.DataFrame | None = None
    pointing = contract.pointing
    for column in contract.columns:
        name = column.name
        if column.role == "drop":
            continue
        if name not in texts.columns:
            columns.append(pl.repeat(None, texts.height, dtype=column.polars_dtype, eager=True).alias(name))
            continue
        if column.role == "person_id":
            ids = _person_ids(texts[name], column, contract, latest)
            columns.extend([ids["canonical"].alias("person_id_canonical"), ids["id_class"].alias("person_id_class")])
            told = ids.select("born", "is_male")
            needed = contract.extras.person is None or contract.extras.person.required
            unknown = ids["canonical"].is_null()
            violations[PERSON_ID_INVALID] = unknown if needed else unknown & ids["is_filled"]
            continue
        cells = _Cells(column, name in pointing, name in contract.identifying, yes_no, units.get(name))
        value, is_filled = cells.read(texts[name])
        if column.type != "text" or name in contract.identifying:
            kind = "code" if column.type == "code" else "type"
            violations[f"{kind}_{name}"] = value.is_null() & is_filled
        if column.required:
            violations[f"required_{name}"] = ~is_filled
        columns.append(value.alias(name))
    frame = pl.DataFrame([*columns, texts["record_no"], texts["line_no"]])
    return Typed(frame, violations, {} if told is None else _doubts(frame, told, contract))


@dataclass(frozen=True)
class _Cells:
    """How the cells of one column are read; what a cell says does not depend on the others."""

    column: Column
    pointing: bool
    identifying: bool
    yes_no: CodeList
    unit: str | None

    def read(self, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Values, null where there is none to be read, and which cells are filled; each way says the same.

        Columns that say the same few things over and over are read once per thing. Of the others most cells are as
        plain as they should be, and only those that are not are cleaned first, which costs more than reading them.
        """
        texts = texts.fill_null("")
        different = texts.head(_SAMPLE).n_unique()
        if different == 1 and (texts == texts[0]).all():
            value, is_filled = self._one_by_one(texts.head(1))
            return value.new_from_index(0, len(texts)), is_filled.new_from_index(0, len(texts))
        if self.column.type == "date" or (different <= _FEW and len(texts) > _SAMPLE):
            coded = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
            value, is_filled = self._one_by_one(pl.Series(coded.dictionary, dtype=pl.String))
            places = pl.Series(coded.indices)
            return value.gather(places), is_filled.gather(places)
        if self.column.type not in _PLAIN or self.unit is not None:
            return self._one_by_one(texts)
        plain = texts.set(texts.is_in(self._no_value), None)
        value = _as_stored(_quick(plain, _places(self.column)), self.column)
        odd = value.is_null() & (texts != "")
        is_filled = value.is_not_null()
        if odd.any():
            again, filled_again = self._one_by_one(texts.filter(odd))
            places = odd.arg_true()
            value, is_filled = value.scatter(places, again), is_filled.scatter(places, filled_again)
        return value, is_filled

    def _one_by_one(self, texts: pl.Series) -> tuple[pl.Series, pl.Series]:
        raw = cleaned(texts, self.column, pointing=self.pointing)
        value = read_column(raw, self.column, self.yes_no, self.unit)
        return value.set(_mangled(value), None) if self.identifying else value, raw.is_not_null()

    @cached_property
    def _no_value(self) -> list[str]:
        return self.column.no_value(pointing=self.pointing)


def _person_ids(texts: pl.Series, column: Column, contract: FeedContract, latest: date | None) -> pl.DataFrame:
    """As `canonical_ids`, and `is_filled`; only what is no sound number as it stands is cleaned first."""
    texts = texts.fill_null("")
    scheme = contract.extras.person.id_scheme if contract.extras.person else "opaque"
    if scheme == "opaque":
        raw = cleaned(texts, column, pointing=column.name in contract.pointing)
        ids = canonical_ids(raw.set(_mangled(raw), None), scheme, latest)
        return ids.with_columns(raw.is_not_null().alias("is_filled"))
    ids = canonical_ids(texts, scheme, latest).with_columns(pl.lit(value=True).alias("is_filled"))
    odd = ids["canonical"].is_null()
    if not odd.any():
        return ids
    raw = cleaned(texts.filter(odd), column, pointing=column.name in contract.pointing)
    again = canonical_ids(raw, scheme, latest).with_columns(raw.is_not_null().alias("is_filled"))
    places = odd.arg_true()
    return ids.select(ids[name].scatter(places, again[name]) for name in ids.columns)


def cleaned(raw: pl.Series, column: Column, *, pointing: bool = False) -> pl.Series:
    """Trimmed text, width variants folded in the cells that have any, sentinels of the column turned into null.

    In a column of text the marks of a missing value are empty too, and where the text is needed or points at
    something (`pointing`) so are the words people write for one; elsewhere both cannot be read and are named.
    """
    text = _folded(raw.str.strip_chars(_EDGES))
    return text.set(text.is_in(column.no_value(pointing=pointing)), None)


def _mangled(text: pl.Series) -> pl.Series:
    """Where a spreadsheet has made a number of an identifier: its digits, or its leading zeros, are lost."""
    suspect = text.str.contains(r"[eE]\+|\.0").fill_null(value=False)
    return suspect & text.str.contains(_MANGLED).fill_null(value=False) if suspect.any() else suspect


def _doubts(frame: pl.DataFrame, told: pl.DataFrame, contract: FeedContract) -> dict[str, pl.Series]:
    """Where birth date or sex of a record are not what its resident identity number tells (`born`, `is_male`)."""
    person = contract.extras.person
    doubts: dict[str, pl.Series] = {}
    if person is not None and person.birth:
        doubts[PERSON_BIRTH_DIFFERS] = told["born"] != frame[person.birth]
    if person is not None and person.sex:
        stated = pl.when(pl.col(person.sex).is_in(["M", "F"])).then(pl.col(person.sex) == "M")
        doubts[PERSON_SEX_DIFFERS] = told["is_male"] != frame.select(stated).to_series()
    return doubts


def _folded(text: pl.Series) -> pl.Series:
    if not (text.str.len_bytes() > text.str.len_chars()).any():
        return text
    exotic = text.str.contains(_EXOTIC).fill_null(value=False)
    if not exotic.any():
        return text
    folded = text.filter(exotic).str.normalize("NFKC").str.replace_all(_UNSEEN, "").str.strip_chars(_EDGES)
    return text.clone().scatter(exotic.arg_true(), folded)


def read_column(raw: pl.Series, column: Column, yes_no: CodeList, unit: str | None = None) -> pl.Series:
    """Cleaned text as the column's type; null where it cannot be read as such. `unit`: converted from it."""
    if column.code_list is not None:
        return _coded(raw, column.code_list)
    if column.type == "boolean":
        return _coded(raw, yes_no) == "true"
    if column.type == "text":
        return raw
    if column.type == "date":
        return _dates(raw, tuple(column.extras.date_formats) or DATE_FORMATS)
    if unit is None:
        scaled = _scaled(raw, _places(column), rounded=column.extras.rounded)
    else:
        scaled = _rescaled(raw, _places(column), next(item.factor for item in column.extras.units if item.unit == unit))
    return _as_stored(scaled, column)


def _places(column: Column) -> int:
    """Digits behind the point of a column of numbers."""
    return {"integer": 0, "money": len(str(column.minor_units)) - 1}.get(column.type, column.extras.scale)


def _as_stored(scaled: pl.Series, column: Column) -> pl.Series:
    return pl.select(_shifted(scaled, _places(column))).to_series() if column.type == "decimal" else scaled


def _rescaled(raw: pl.Series, places: int, factor: str) -> pl.Series:
    """Numbers in another unit times `factor`, exactly, then rounded half up to an integer of 10^-places units."""
    known: dict[str, int | None] = {}
    for text in raw.drop_nulls().unique():
        match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
        known[text] = None
        if match and (match[2] or match[3]):
            units = abs(Fraction(text.replace(",", ""))) * Fraction(factor) * 10**places
            size = int(units + Fraction(1, 2))
            known[text] = None if size > _LARGEST else -size if match[1] == "-" else size
    return raw.replace_strict(known, default=None, return_dtype=pl.Int64)


def _shifted(scaled: pl.Series, scale: int) -> pl.Expr:
    """Unscaled integers as decimals of `scale` digits, exactly, by way of their text."""
    if scale == 0:
        return pl.lit(scaled).cast(pl.Decimal(28, 0))
    sign = pl.when(pl.lit(scaled) < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    digits = pl.lit(scaled).abs().cast(pl.String).str.zfill(scale + 1)
    whole, part = digits.str.slice(0, digits.str.len_chars() - scale), digits.str.tail(scale)
    return (sign + whole + pl.lit(".") + part).cast(pl.Decimal(28, scale))


def _coded(raw: pl.Series, codes: CodeList) -> pl.Series:
    spellings = _folded(pl.Series(list(codes.map), dtype=pl.String).str.strip_chars(_EDGES)).to_list()
    known = dict(zip(spellings, codes.map.values(), strict=True))
    mapped = raw.replace_strict(known, default=None, return_dtype=pl.String)
    odd = mapped.is_null() & raw.is_not_null()
    if odd.any():
        # Workbooks and database exports write the code 310 as 310.0.
        again = raw.str.strip_suffix(".0").replace_strict(known, default=None, return_dtype=pl.String)
        mapped = mapped.zip_with(~odd, again)
    return mapped


def _dates(raw: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    found = pl.repeat(None, len(raw), dtype=pl.Date, eager=True)
    for form in formats:
        missing = found.is_null() & raw.is_not_null()
        if not missing.any():
            break
        found = found.zip_with(~missing, _dated(raw.set(~missing, None), form))
    return found


def _dated(raw: pl.Series, form: str) -> pl.Series:
    """Dates of one format. Years have four digits; a format without separators takes digits of exact number only."""
    if re.search("%[HT]", form):
        date = raw.str.to_datetime(form, strict=False, time_unit="us").dt.date()
    else:
        date = raw.str.to_date(form, strict=False)
    # The reader of dates takes a sign before the year; nobody who writes one means a date.
    sound = date.dt.year().is_between(1000, 9999) & ~raw.str.starts_with("+")
    if re.fullmatch("(%[Ymd]){3}", form):
        sound = sound & (raw.str.len_bytes() == _COMPACT_LENGTH)
    return date.set(~sound.fill_null(value=False), None)


def _scaled(raw: pl.Series, scale: int, *, rounded: bool) -> pl.Series:
    """Decimal text as an integer of 10^-scale units; null where it is no number or has too many digits.

    Plain cells are read by arithmetic on columns, the others (thousands separators, digits to round, garbage) one by
    one; both readings agree where both apply.
    """
    quick = _quick(raw, scale)
    odd = quick.is_null() & raw.is_not_null()
    if not odd.any():
        return quick
    exact = {text: _exact(text, scale, rounded=rounded) for text in raw.filter(odd).unique()}
    return quick.zip_with(~odd, raw.replace_strict(exact, default=None, return_dtype=pl.Int64))


def _quick(raw: pl.Series, scale: int) -> pl.Series:
    if scale == 0:
        return raw.cast(pl.Int64, strict=False)
    text = pl.col("text")
    parts = pl.DataFrame({"text": raw}).select(
        text.str.replace(".", "", literal=True, n=1).cast(pl.Int64, strict=False).alias("digits"),
        text.str.len_bytes().cast(pl.Int64).alias("length"),
        text.str.find(".", literal=True).cast(pl.Int64).alias("point"),
    )
    point, length = pl.col("point"), pl.col("length")
    places = pl.when(point.is_null()).then(0).otherwise(length - point - 1)
    plain = (length <= _INT64_DIGITS - scale) & (places <= scale) & (point.is_null() | (point > 0))
    power = places.replace_strict({n: 10 ** (scale - n) for n in range(scale + 1)}, default=None, return_dtype=pl.Int64)
    return parts.select(pl.when(plain).then(pl.col("digits") * power)).to_series()


def _exact(text: str, scale: int, *, rounded: bool) -> int | None:
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if match is None or not (match[2] or match[3]):
        return None
    whole, part = (match[2] or "").replace(",", ""), match[3] or ""
    kept, beyond = part[:scale].ljust(scale, "0"), part[scale:]
    if beyond.strip("0") and not rounded:
        return None
    size = int(whole + kept or "0") + (beyond[:1] >= "5")
    if size > _LARGEST:
        return None
    return -size if match[1] == "-" else size
