"""Canonical identifiers and keyed pseudonyms, set-wise.

Put here: checking and canonicalising ids (GB 11643-1999), HMAC-SHA256 of distinct ids in the engine.
Keep out: which column holds an id (contracts). An invalid id is never hashed.
"""

import hashlib

import polars as pl

from assets.engine.duck import EngineLimits, query

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_NOT_PLAIN = "[^ -~]"
_BLOCK = 64
KEY_LENGTH = 32


def canonical_ids(values: pl.Series, scheme: str) -> pl.DataFrame:
    """Columns `canonical` and `id_class` (`id18`, `id15`, `opaque`; both null where the id is invalid).

    `cn_id`: 18 digits with a right check digit and a real birth date from 1900, or 15 digits, which get the century
    and the check digit; both after folding width and case. Whether the birth date lies in the future is a matter for
    row rules. `opaque`: any text that is not blank, trimmed and otherwise as it stands.
    """
    text = values.cast(pl.String)
    if scheme == "opaque":
        trimmed = pl.DataFrame({"id": text.str.strip_chars()})
        filled = pl.col("id").str.len_bytes() > 0
        return trimmed.select(
            canonical=pl.when(filled).then("id"), id_class=pl.when(filled).then(pl.lit("opaque", dtype=pl.String))
        )
    if text.str.contains(_NOT_PLAIN).any():
        text = text.str.normalize("NFKC")
    frame = pl.DataFrame({"id": text.str.strip_chars(" \t'").str.to_uppercase()}).with_columns(
        pl.col("id").str.contains("^[0-9]{17}[0-9X]$").alias("long"),
        pl.col("id").str.contains("^[0-9]{15}$").alias("short"),
    )
    body: pl.Expr = pl.col("id").str.slice(0, 17)
    if frame["short"].any():
        century = pl.concat_str(pl.col("id").str.slice(0, 6), pl.lit("19"), pl.col("id").str.slice(6, 9))
        body = pl.when("short").then(century).otherwise(body)
    frame = frame.with_columns(pl.when(pl.col("long") | pl.col("short")).then(body).alias("body"))
    frame = frame.with_columns(pl.col("body").cast(pl.Int64).alias("number"))
    # Digits by integer division: seventeen substrings per id would cost more than everything else together.
    digits = [pl.col("number") // 10 ** (16 - at) % 10 * weight for at, weight in enumerate(_WEIGHTS)]
    expected = (12 - pl.sum_horizontal(digits, ignore_nulls=False) % 11) % 11
    check = pl.when(expected == 10).then(pl.lit("X")).otherwise(expected.cast(pl.String))
    born = pl.col("body").str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    sound = (born >= pl.date(1900, 1, 1)).fill_null(value=False)
    frame = frame.with_columns(check.alias("check"), sound.alias("sound"))
    valid18 = pl.col("sound") & pl.col("long") & pl.col("id").str.ends_with(pl.col("check"))
    valid15 = pl.col("sound") & pl.col("short")
    return frame.select(
        canonical=pl.when(valid18).then("id").when(valid15).then(pl.col("body") + pl.col("check")),
        id_class=pl.when(valid18).then(pl.lit("id18")).when(valid15).then(pl.lit("id15")),
    )


def person_keys(canonical: pl.Series, key: bytes, limits: EngineLimits | None = None) -> pl.Series:
    """HMAC-SHA256 of each canonical id, first 32 hex digits; null stays null. Computed once per distinct id."""
    if len(canonical) == 0:
        return pl.Series("person_key", [], dtype=pl.String)
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    sql = "select substr(sha256($outer || unhex(sha256($inner || encode(id)))), 1, 32) as person_key from ids"
    parameters = {"outer": bytes(b ^ 0x5C for b in block), "inner": bytes(b ^ 0x36 for b in block)}
    coded = canonical.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    distinct = pl.DataFrame({"id": pl.Series(coded.dictionary)})
    keyed = query(sql, {"ids": distinct}, limits=limits, parameters=parameters)["person_key"]
    return keyed.gather(pl.Series(coded.indices))
