"""Text to typed columns, exactly: no float on the way, every cell that does not fit is a named violation.

Put here: sentinels, width variants, code lists, numbers, money, dates, identifiers. Keep out: row rules (rules.py).
"""

import re
from dataclasses import dataclass

import polars as pl

from assets.vault.pseudonym import canonical_ids
from data_contracts.codes import CodeList
from data_contracts.contracts import Column, FeedContract

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%Y年%m月%d日")
PERSON_ID_INVALID = "person_id_invalid"
_COMPACT_LENGTH = 8
_INT64_DIGITS = 18
_LARGEST = 2**63 - 1
_LONGEST_NUMBER = 64
_NUMBER = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]*))?")
_EDGES = " \t\r\n'"
# What spreadsheets and databases write where they have no value: never a text, least of all a key.
_NO_VALUE = ("NULL", "\\N", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
_EXOTIC = "[\u00a0\u2000-\u200b\u2160-\u217f\u3000\ufeff\uff00-\uffef]"


@dataclass(frozen=True)
class Typed:
    """Typed columns, canonical person ids where the feed has persons, and violations: rule → true where violated."""

    frame: pl.DataFrame
    violations: dict[str, pl.Series]


def type_columns(texts: pl.DataFrame, contract: FeedContract, yes_no: CodeList) -> Typed:
    """Type every column of `texts` that the contract keeps; columns the file lacks become null.

    Rules: `required_<column>` empty but needed, `type_<column>` not readable as its type, `code_<column>` not in its
    code list, `person_id_invalid`. Every rule that was looked at has an entry, violated or not.
    """
    columns: list[pl.Series] = []
    violations: dict[str, pl.Series] = {}
    for column in contract.columns:
        if column.role == "drop":
            continue
        if column.name not in texts.columns:
            columns.append(pl.Series(column.name, [None] * texts.height, dtype=column.polars_dtype))
            continue
        raw = cleaned(texts[column.name], column)
        if column.role == "person_id":
            scheme = contract.extras.person.id_scheme if contract.extras.person else "opaque"
            ids = canonical_ids(raw, scheme)
            columns.extend([ids["canonical"].alias("person_id_canonical"), ids["id_class"].alias("person_id_class")])
            violations[PERSON_ID_INVALID] = ids["canonical"].is_null()
            continue
        value = read_column(raw, column, yes_no)
        if column.type != "text":
            kind = "code" if column.type == "code" else "type"
            violations[f"{kind}_{column.name}"] = value.is_null() & raw.is_not_null()
        if column.required:
            violations[f"required_{column.name}"] = raw.is_null()
        columns.append(value.alias(column.name))
    return Typed(pl.DataFrame([*columns, texts["record_no"], texts["line_no"]]), violations)


def cleaned(raw: pl.Series, column: Column) -> pl.Series:
    """Trimmed text, width variants folded in the cells that have any, sentinels of the column turned into null.

    In a column of text the marks of a missing value are empty too; elsewhere they cannot be read and are named.
    """
    text = _folded(raw.str.strip_chars(_EDGES))
    sentinels = ["", *column.extras.missing, *(_NO_VALUE if column.type == "text" else ())]
    return text.set(text.is_in(sentinels), None)


def _folded(text: pl.Series) -> pl.Series:
    if not (text.str.len_bytes() > text.str.len_chars()).any():
        return text
    exotic = text.str.contains(_EXOTIC).fill_null(value=False)
    if not exotic.any():
        return text
    folded = text.filter(exotic).str.normalize("NFKC").str.strip_chars(_EDGES + "\u200b\ufeff")
    return text.clone().scatter(exotic.arg_true(), folded)


def read_column(raw: pl.Series, column: Column, yes_no: CodeList) -> pl.Series:
    """Cleaned text as the column's type; null where it cannot be read as such."""
    if column.code_list is not None:
        return _coded(raw, column.code_list)
    if column.type == "boolean":
        return _coded(raw, yes_no) == "true"
    if column.type == "text":
        return raw
    if column.type == "date":
        return _dates(raw, tuple(column.extras.date_formats) or DATE_FORMATS)
    rounded = column.extras.rounded
    if column.type == "integer":
        return _scaled(raw, 0, rounded=rounded)
    if column.type == "money":
        return _scaled(raw, len(str(column.minor_units)) - 1, rounded=rounded)
    scaled = _scaled(raw, column.extras.scale, rounded=rounded)
    return pl.select(_shifted(scaled, column.extras.scale)).to_series()


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
    found = pl.Series([None] * len(raw), dtype=pl.Date)
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
    sound = date.dt.year().is_between(1000, 9999)
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
