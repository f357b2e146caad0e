"""Text to typed columns, exactly: no float on the way, every cell that does not fit is a named violation.

Put here: sentinels, width variants, code lists, numbers, money, dates, identifiers. Keep out: row rules (rules.py).
"""

from dataclasses import dataclass

import polars as pl

from assets.vault.pseudonym import canonical_ids
from data_contracts.codes import CodeList
from data_contracts.contracts import Column, FeedContract

DATE_FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%Y年%m月%d日")
_EXOTIC = "[\u00a0\u2000-\u200b\u2160-\u217f\u3000\ufeff\uff00-\uffef]"


@dataclass(frozen=True)
class Typed:
    """Typed columns, canonical person ids where the feed has persons, and violations: rule → true where violated."""

    frame: pl.DataFrame
    violations: dict[str, pl.Series]


def type_columns(texts: pl.DataFrame, contract: FeedContract, yes_no: CodeList) -> Typed:
    """Type every column of `texts` that the contract keeps; columns the file lacks become null.

    Rules: `required_<column>` empty but needed, `type_<column>` not readable as its type, `code_<column>` not in its
    code list, `person_id_invalid`.
    """
    columns: list[pl.Series] = []
    violations: dict[str, pl.Series] = {}

    def note(rule: str, where: pl.Series) -> None:
        if where.any():
            violations[rule] = where

    for column in contract.columns:
        if column.role == "drop":
            continue
        if column.name not in texts.columns:
            columns.append(pl.Series(column.name, [None] * texts.height, dtype=column.polars_dtype))
            continue
        raw = _cleaned(texts[column.name], column)
        if column.role == "person_id":
            scheme = contract.extras.person.id_scheme if contract.extras.person else "opaque"
            ids = canonical_ids(raw, scheme)
            columns.extend([ids["canonical"].alias("person_id_canonical"), ids["id_class"].alias("person_id_class")])
            note("person_id_invalid", ids["canonical"].is_null())
            continue
        value = _typed(raw, column, yes_no)
        kind = "code" if column.type == "code" else "type"
        note(f"{kind}_{column.name}", value.is_null() & raw.is_not_null())
        if column.required:
            note(f"required_{column.name}", raw.is_null())
        columns.append(value.alias(column.name))
    return Typed(pl.DataFrame([*columns, texts["record_no"], texts["line_no"]]), violations)


def _cleaned(raw: pl.Series, column: Column) -> pl.Series:
    """Trimmed text, width variants folded, sentinels of the column turned into null."""
    text = raw.str.strip_chars(" \t\r\n'")
    if text.str.contains(_EXOTIC).any():
        text = text.str.normalize("NFKC").str.strip_chars(" \t\r\n'\u200b\ufeff")
    sentinels = ["", *column.extras.missing]
    return pl.select(pl.when(text.is_in(sentinels)).then(None).otherwise(text)).to_series()


def _typed(raw: pl.Series, column: Column, yes_no: CodeList) -> pl.Series:
    if column.code_list is not None:
        return _coded(raw, column.code_list)
    if column.type == "boolean":
        return _coded(raw, yes_no).replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)
    if column.type == "text":
        return raw
    if column.type == "date":
        return _dates(raw, tuple(column.extras.date_formats) or DATE_FORMATS)
    if column.type == "integer":
        return _scaled(raw, 0, rounded=column.extras.rounded)
    if column.type == "money":
        digits = len(str(column.minor_units)) - 1
        return _scaled(raw, digits, rounded=column.extras.rounded)
    scaled = _scaled(raw, column.extras.scale, rounded=column.extras.rounded, limit=18)
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
    mapped = raw.replace_strict(codes.map, default=None, return_dtype=pl.String)
    odd = mapped.is_null() & raw.is_not_null()
    if odd.any():
        # Workbooks and database exports write the code 310 as 310.0.
        again = raw.str.strip_suffix(".0").replace_strict(codes.map, default=None, return_dtype=pl.String)
        mapped = mapped.zip_with(~odd, again)
    return mapped


def _dates(raw: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    found = pl.Series([None] * len(raw), dtype=pl.Date)
    for form in formats:
        missing = found.is_null() & raw.is_not_null()
        if not missing.any():
            break
        rest = raw.set(~missing, None)
        if "%H" in form:
            parsed = rest.str.to_datetime(form, strict=False, time_unit="us").dt.date()
        else:
            parsed = rest.str.to_date(form, strict=False)
        found = found.zip_with(~missing, parsed)
    return found


def _scaled(raw: pl.Series, scale: int, *, rounded: bool, limit: int = 16) -> pl.Series:
    """Decimal text as an integer of 10^-scale units; null where it is no number or has too many digits."""
    text = raw
    if text.str.contains(",", literal=True).any():
        grouped = text.str.contains(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$")
        text = text.zip_with(~grouped.fill_null(value=False), text.str.replace_all(",", "", literal=True))
    if scale == 0 and not rounded:
        quick = text.cast(pl.Int64, strict=False)
        if quick.null_count() == text.null_count():
            return quick
    parts = text.str.extract_groups(rf"^([+-]?)(\d{{1,{limit}}})(?:\.(\d*))?$").struct.unnest()
    parts.columns = ["sign", "whole", "part"]
    part = pl.col("part").fill_null("")
    kept = part.str.slice(0, scale).str.pad_end(scale, "0")
    beyond = part.str.slice(scale).str.strip_chars("0")
    value = (pl.col("whole") + kept).cast(pl.Int64, strict=False)
    up = part.str.slice(scale, 1).cast(pl.Int64, strict=False).fill_null(0) >= 5
    size = value + up.cast(pl.Int64) if rounded else pl.when(beyond == "").then(value).otherwise(None)
    return parts.select(pl.when(pl.col("sign") == "-").then(-size).otherwise(size)).to_series()
