"""Canonical identifiers and keyed pseudonyms, set-wise.

Put here: checking and canonicalising ids (GB 11643-1999), HMAC-SHA256 of distinct ids in the engine.
Keep out: which column holds an id (contracts). An invalid id is never hashed.
"""

import hashlib
import threading
from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from assets.engine.duck import EngineLimits, query

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_NOT_PLAIN = "[^ -~]"
_BLOCK = 64
KEY_LENGTH = 32
_NUMBERED = 17
_WORTH_SORTING = 64


def canonical_ids(values: pl.Series, scheme: str, latest: date | None = None) -> pl.DataFrame:
    """Columns `canonical` and `id_class` (`id18`, `id15`, `opaque`; both null where the id is invalid).

    `cn_id`: 18 digits with a right check digit and a real birth date from 1900, or 15 digits, which get the century
    and the check digit; both after folding width and case. Nobody is born after `latest`. `opaque`: any text that is
    not blank, trimmed and otherwise as it stands.
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
    sound = born.is_between(date(1900, 1, 1), latest or date.max).fill_null(value=False)
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
    coded = canonical.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    keyed = _book(key).keys_of(pl.Series(coded.dictionary, dtype=pl.String), limits)
    return keyed.gather(pl.Series(coded.indices)).alias("person_key")


@lru_cache(maxsize=1)
def _book(key: bytes) -> "_Book":
    return _Book(key)


class _Book:
    """Keys worked out so far in this process: every file of a home names the same people, and hashing is dear.

    Only ids whose first 17 characters are digits are entered, in order of that number.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._numbers = np.empty(0, dtype=np.int64)
        self._entries = pl.DataFrame(schema={"id": pl.String(), "person_key": pl.String()})
        self._lock = threading.Lock()

    def keys_of(self, ids: pl.Series, limits: EngineLimits | None) -> pl.Series:
        """The keys of distinct ids."""
        numbers = ids.str.slice(0, _NUMBERED).cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
        order = np.argsort(numbers)
        ids, numbers = ids.gather(order), numbers[order]
        with self._lock:
            known, entries = self._numbers, self._entries
        if len(known):
            places = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
            found = entries[places]
            # The number alone is not the id: of an opaque one the rest may differ.
            keys = found["person_key"].set(~found["id"].eq_missing(ids), None)
        else:
            keys = pl.Series("person_key", [None] * len(ids), dtype=pl.String)
        missing = keys.is_null() & ids.is_not_null()
        if missing.any():
            new = ids.filter(missing)
            worked_out = _hmac(new, self._key, limits)
            keys = keys.scatter(missing.arg_true(), worked_out)
            self._enter(numbers[missing.to_numpy()], new, worked_out)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return keys.gather(back)

    def _enter(self, numbers: np.ndarray, ids: pl.Series, keys: pl.Series) -> None:
        """Remember new keys; a few newcomers are sooner hashed again than sorted in."""
        with self._lock:
            if len(numbers) * _WORTH_SORTING < len(self._numbers):
                return
            all_numbers = np.concatenate([self._numbers, numbers])
            entries = pl.concat([self._entries, pl.DataFrame({"id": ids, "person_key": keys})])
            _, first = np.unique(all_numbers, return_index=True)
            first = first[all_numbers[first] >= 0]
            self._numbers, self._entries = all_numbers[first], entries[first]


def _hmac(ids: pl.Series, key: bytes, limits: EngineLimits | None) -> pl.Series:
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    sql = "select substr(sha256($outer || unhex(sha256($inner || encode(id)))), 1, 32) as person_key from ids"
    parameters = {"outer": bytes(b ^ 0x5C for b in block), "inner": bytes(b ^ 0x36 for b in block)}
    return query(sql, {"ids": pl.DataFrame({"id": ids})}, limits=limits, parameters=parameters)["person_key"]
