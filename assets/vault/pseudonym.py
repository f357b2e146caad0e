"""Canonical identifiers and keyed pseudonyms, set-wise.

Put here: checking and canonicalising ids (GB 11643-1999), HMAC-SHA256 of distinct ids in the engine.
Keep out: which column holds an id (contracts). An invalid id is never hashed.
"""

import hashlib

import polars as pl

from assets.engine.duck import EngineLimits, query

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
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
    frame = pl.DataFrame({"id": text.str.normalize("NFKC").str.strip_chars(" \t'").str.to_uppercase()})
    long = pl.when(pl.col("id").str.len_chars() == 15).then(
        pl.col("id").str.slice(0, 6) + pl.lit("19") + pl.col("id").str.slice(6, 9)
    )
    frame = frame.with_columns(long.otherwise(pl.col("id").str.slice(0, 17)).alias("body"))
    digits = [pl.col("body").str.slice(i, 1).cast(pl.Int32, strict=False) * weight for i, weight in enumerate(_WEIGHTS)]
    check = pl.lit(list(_CHECK_DIGITS)).list.get(pl.sum_horizontal(digits, ignore_nulls=False) % 11)
    born = pl.col("body").str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    frame = frame.with_columns(
        check.alias("check"),
        (pl.col("body").str.contains("^[0-9]{17}$") & born.is_not_null() & (born.dt.year() >= 1900)).alias("sound"),
        pl.col("id").str.len_chars().alias("length"),
    )
    valid18 = pl.col("sound") & (pl.col("length") == 18) & (pl.col("id").str.slice(17, 1) == pl.col("check"))
    valid15 = pl.col("sound") & (pl.col("length") == 15)
    return frame.select(
        canonical=pl.when(valid18 | valid15).then(pl.col("body") + pl.col("check")).otherwise(None),
        id_class=pl.when(valid18).then(pl.lit("id18")).when(valid15).then(pl.lit("id15")).otherwise(None),
    )


def person_keys(canonical: pl.Series, key: bytes, limits: EngineLimits | None = None) -> pl.Series:
    """HMAC-SHA256 of each canonical id, first 32 hex digits; null stays null. Computed once per distinct id."""
    if len(canonical) == 0:
        return pl.Series("person_key", [], dtype=pl.String)
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    sql = """
        select id, substr(sha256($outer || unhex(sha256($inner || encode(id)))), 1, 32) as person_key
        from ids
    """
    ids = pl.DataFrame({"id": canonical.drop_nulls().unique(maintain_order=True)})
    parameters = {"outer": bytes(b ^ 0x5C for b in block), "inner": bytes(b ^ 0x36 for b in block)}
    keyed = query(sql, {"ids": ids}, limits=limits, parameters=parameters)
    frame = pl.DataFrame({"id": canonical})
    return frame.join(keyed, on="id", how="left", maintain_order="left")["person_key"]
