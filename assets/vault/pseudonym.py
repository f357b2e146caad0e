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
# The check digit by the remainder of the weighed sum.
_CHECKS = b"10X98765432"
_CHECK_DIGITS = pl.Series(list(_CHECKS.decode()))
_EDGES = " \t'"
_SHORT, _LONG = 15, 18
# What the 17 digits weigh in the check sum, the year, the month and the day.
_MEANINGS = np.zeros((17, 4), dtype=np.float32)
_MEANINGS[:, 0] = _WEIGHTS
_MEANINGS[6:10, 1] = 1000, 100, 10, 1
_MEANINGS[10:12, 2] = _MEANINGS[12:14, 3] = 10, 1
# First days of the months from 1900 on, counted from the epoch: nobody alive was born before.
_FIRST_YEAR, _EPOCH = 1900, date(1970, 1, 1)
_MONTHS = np.arange(f"{_FIRST_YEAR}-01", "2200-01", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int32)
_BLOCK = 64
KEY_LENGTH = 32
_NUMBERED = 17
_WORTH_SORTING = 64


def canonical_ids(values: pl.Series, scheme: str, latest: date | None = None) -> pl.DataFrame:
    """Columns `canonical`, `id_class` (`id18`, `id15`, `opaque`), `born`, `is_male`; all null where the id is invalid.

    `cn_id`: 18 digits with a right check digit and a real birth date from 1900, or 15 digits, which get the century
    and the check digit; both after folding width and case. Nobody is born after `latest`. `opaque`: any text that is
    not blank, trimmed and otherwise as it stands; it tells neither birth nor sex.
    """
    text = values.cast(pl.String)
    if scheme == "opaque":
        trimmed = pl.DataFrame({"id": text.str.strip_chars()})
        filled = pl.col("id").str.len_bytes() > 0
        return trimmed.select(
            canonical=pl.when(filled).then("id"),
            id_class=pl.when(filled).then(pl.lit("opaque", dtype=pl.String)),
            born=pl.lit(None, pl.Date),
            is_male=pl.lit(None, pl.Boolean),
        )
    # Nearly all numbers stand as they should and need neither folding nor a new text.
    plain = (text.str.len_bytes() == _LONG).fill_null(value=False)
    found = _taken_apart(text if plain.all() else text.filter(plain), latest or date.max)
    sure = found["is_sound"] & found["is_checked"]
    ids = text if plain.all() else text.filter(plain)
    own = found.select(ids.alias("canonical"), pl.lit("id18", dtype=pl.String).alias("id_class"), "born", "is_male")
    if sure.all() and plain.all():
        return own
    if not plain.all():
        own, sure = _spread(own, plain), _spread(sure.to_frame("sure"), plain)["sure"].fill_null(value=False)
    careful, places = _folded_ids(text.filter(~sure), latest or date.max), (~sure).arg_true()
    return own.select(own[name].scatter(places, careful[name]) for name in own.columns)


def _folded_ids(text: pl.Series, latest: date) -> pl.DataFrame:
    """As `canonical_ids` of numbers, for texts of any form."""
    if (text.str.len_bytes() > text.str.len_chars()).any():
        text = text.str.normalize("NFKC")
    ids = text.str.strip_chars(_EDGES).str.to_uppercase()
    length = ids.str.len_bytes().fill_null(0)
    short = length == _SHORT
    if short.any():
        # The number of the last century's form, with the century and a check digit yet to come.
        grown = ids.filter(short).str.slice(0, 6) + "19" + ids.filter(short).str.slice(6) + "0"
        ids, length = ids.scatter(short.arg_true(), grown), length.scatter(short.arg_true(), _LONG)
    long = length == _LONG
    if not long.all():
        short, ids = short.filter(long), ids.filter(long)
    found = _taken_apart(ids, latest)
    classes = pl.repeat("id18", len(ids), dtype=pl.String, eager=True)
    if short.any():
        places = short.arg_true()
        whole = ids.gather(places).str.slice(0, _NUMBERED) + _CHECK_DIGITS.gather(found["remainder"].gather(places))
        ids, classes = ids.scatter(places, whole), classes.scatter(places, "id15")
    sound = found["is_sound"] & (found["is_checked"] | short)
    own = found.select(ids.alias("canonical"), classes.alias("id_class"), "born", "is_male")
    if not sound.all():
        own = own.select(pl.when(sound).then(pl.all()))
    return own if long.all() else _spread(own, long)


def _spread(own: pl.DataFrame, where: pl.Series) -> pl.DataFrame:
    """Rows put back where they were, null elsewhere."""
    places = pl.DataFrame({"place": where.cum_sum() - 1, "there": where})
    return places.select(pl.lit(c).gather(pl.when("there").then("place")).alias(c.name) for c in own)


def _taken_apart(ids: pl.Series, latest: date) -> pl.DataFrame:
    """What texts of 18 bytes say, byte by byte for all at once: strings would cost ten times as much.

    Columns `is_sound` (17 digits, a real birth date), `is_checked`, `remainder` of the weighed sum, `born`, `is_male`.
    """
    codes = np.frombuffer(ids.str.join("").item().encode() if len(ids) else b"", dtype=np.uint8).reshape(-1, _LONG)
    digits = codes[:, :_NUMBERED] - ord("0")
    # Whole numbers of this size are exact in single precision, whose product of matrices is the fastest there is.
    weighed, year, month, day = (digits.astype(np.float32) @ _MEANINGS).astype(np.int32).T
    remainder = weighed % 11
    months = (year - _FIRST_YEAR) * 12 + month - 1
    known = (month >= 1) & (month <= 12) & (months >= 0) & (months < len(_MONTHS) - 1)
    place = np.where(known, months, 0)
    born = _MONTHS[place] + day - 1
    real = known & (day >= 1) & (born < _MONTHS[place + 1]) & (born <= (latest - _EPOCH).days)
    return pl.DataFrame(
        {
            "is_sound": (digits.max(axis=1, initial=0) <= 9) & real,
            "is_checked": codes[:, _NUMBERED] == np.frombuffer(_CHECKS, dtype=np.uint8)[remainder],
            "remainder": remainder,
            "born": pl.Series(born, dtype=pl.Int32).cast(pl.Date),
            "is_male": digits[:, _NUMBERED - 1] % 2 == 1,
        }
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
