"""Persons in columns that are not about persons: identity numbers, mobile numbers and names in kept columns of text.

Put here: finding them, and the shape a contract asks of codes. Keep out: the person column itself (typed.py), columns
that are never kept. Looked at are distinct values that could hold one, never row by row; no value leaves here.
"""

import re
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from assets.vault.pseudonym import canonical_ids
from data_contracts.contracts import Column, FeedContract
from data_contracts.vocabulary import NO_ANSWER

IDENTITY, SHAPE = "identity", "shape"
_FEWEST = 11
_PHONE = r"^(?:0{0,2}86)?(1[3-9][0-9])[0-9]{8}$"
_MOBILE, _SHORT, _LONG = 11, 15, 18
# Numbers handed out in order share their first digits or their year; numbers of persons do not.
_VARIED = 4
_FORM = ["form", "worded"]
# Of fewer numbers most may fit by chance: one in eleven does.
_FEW = 20
_SHORTEST_NAME = 2
_OLDEST = 115
# The data element "name" of WS 363.
_NAME = "DE02.01.039.00"
# Codes of institutions that begin like a mobile number: those of Hebei, Shanxi and Inner Mongolia.
_REGIONAL = re.compile(r"1(?:[34](?:0[1-9]|1[01])|5(?:0[1-9]|2[2569]))[0-9]{7}")
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_REGISTERED = re.compile(r"[159][1239][0-9]{6}[0-9A-Z]{10}")


@dataclass
class Seen:
    """The numbers met so far in a file, which is read in blocks: column, form, worded → how many, how many fit."""

    counts: dict[tuple[str, int, bool], tuple[int, int]] = field(default_factory=dict)

    def is_of_persons(self, key: tuple[str, int, bool], numbers: int, fitting: int) -> bool:
        """Whether most numbers of a form fit: those of this block, and where they are few those before with them."""
        before, fitted = self.counts.get(key, (0, 0))
        self.counts[key] = (before + numbers, fitted + fitting)
        return fitting * 2 > numbers and (numbers >= _FEW or (fitted + fitting) * 2 > before + numbers)


def names_of_persons(contract: FeedContract) -> list[Column]:
    """The columns, never kept, in which a record names a person."""
    dropped = [c for c in contract.columns if c.role == "drop" and c.type == "text"]
    return [c for c in dropped if f"_{c.name}".endswith("_name") or _NAME in (c.extras.standard or "")]


def found(
    texts: pl.DataFrame, typed: pl.DataFrame, contract: FeedContract, latest: date, seen: Seen
) -> dict[str, pl.Series]:
    """Rule → true where violated, of every kept column of text: `identity_<column>`, and `shape_<column>` of codes.

    `texts` as delivered, `typed` the same rows typed. `identity`: a resident identity number (nobody is born after
    `latest`), a mobile number, or in a column of words the name that a column not kept gives to a person of the record.
    `seen` is that of the file and is added to.
    """
    names = [texts[c.name] for c in names_of_persons(contract) if c.name in texts.columns]
    rules: dict[str, pl.Series] = {}
    for column in contract.kept_texts:
        if column.name not in texts.columns:
            continue
        values = typed[column.name]
        if column.pattern is None:
            hit = _among(values, _numbers(values, latest, seen, whole=column.name in contract.identifying))
            rules[f"{IDENTITY}_{column.name}"] = _or_named(hit, values, names)
        else:
            known = values.unique().drop_nulls()
            numbers = _personal(known, latest)
            form = re.compile(column.pattern)
            rules[f"{IDENTITY}_{column.name}"] = _among(values, numbers)
            misshapen = {value for value in known if not form.fullmatch(value)} - numbers
            rules[f"{SHAPE}_{column.name}"] = _among(values, misshapen)
    return rules


def _among(values: pl.Series, some: set[str]) -> pl.Series:
    if not some:
        return pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
    return values.is_in(sorted(some)).fill_null(value=False)


def _or_named(hit: pl.Series, values: pl.Series, names: list[pl.Series]) -> pl.Series:
    """Also true where a cell is the name that the same row gives to a person."""
    for name in names:
        same = (values == name).fill_null(value=False)
        if same.any():
            told = (values.str.len_chars() >= _SHORTEST_NAME) & ~values.is_in(NO_ANSWER)
            hit = hit | (same & told.fill_null(value=False))
    return hit


def _numbers(values: pl.Series, latest: date, seen: Seen, *, whole: bool) -> set[str]:
    """The values that hold a number of a person; `whole`: only those that are one, as where a value is a code.

    By chance one in eleven numbers of the right form is an identity number, and numbers that count days look like
    mobile numbers: where a column is full of such numbers they are persons' only if most of them fit and they vary.
    Those that stand among words need not vary: nobody writes "call" before a serial number.
    """
    length = values.str.len_chars()
    if whole:
        fitting = length.is_in([_SHORT, _LONG]) | ((length == _MOBILE) & values.str.starts_with("1"))
    else:
        fitting = length >= _FEWEST
    if not fitting.any():
        return set()
    runs = _runs(values.filter(fitting.fill_null(value=False)).unique(), latest, whole=whole)
    marked = pl.col("mark").is_not_null()
    tallies = runs.group_by(_FORM).agg(
        pl.col("run").n_unique().alias("all"),
        pl.col("run").filter(marked).n_unique().alias("hits"),
        pl.col("mark").drop_nulls().n_unique().alias("marks"),
    )
    told = [
        (form, worded)
        for form, worded, numbers, fitting, marks in tallies.rows()
        if seen.is_of_persons((values.name, form, worded), numbers, fitting)
        and (worded or marks >= min((fitting + 1) // 2, _VARIED))
    ]
    forms = pl.DataFrame(told, schema={name: runs.schema[name] for name in _FORM}, orient="row")
    sure = runs.filter(marked).join(forms, on=_FORM, how="semi")
    return set(sure["value"])


def _runs(values: pl.Series, latest: date, *, whole: bool) -> pl.DataFrame:
    """Every run of digits long enough: `value` it stands in, `run`, `form`, and what tells it is a person's, or null.

    `form` and `worded` (among Chinese words) are what runs are judged together by. `mark`: the year of birth, or the
    first digits of a mobile number.
    """
    runs = (
        pl.DataFrame({"value": values})
        .with_columns(pl.col("value").str.extract_all(rf"[0-9]{{{_FEWEST},}}[Xx]?").alias("run"))
        .explode("run")
        .drop_nulls()
    )
    if whole:
        runs = runs.filter(pl.col("run") == pl.col("value"))
    length = runs["run"].str.len_chars()
    # A number that begins with a year begins with no region.
    numbered = length.is_in([_SHORT, _LONG]) & ~runs["run"].str.contains("^(?:19|20)")
    born = canonical_ids(runs["run"].set(~numbered, None), "cn_id", latest)["born"].dt.year()
    # Short numbers have no check digit: codes of international lists would be people of the year 1900.
    living = born.set((length == _SHORT) & (born < latest.year - _OLDEST), None)
    phone = runs["run"].str.extract(_PHONE).cast(pl.Int32)
    worded = runs["value"].str.contains(r"\p{Han}")
    return runs.with_columns(
        length.alias("form"), worded.alias("worded"), living.zip_with(numbered, phone).alias("mark")
    )


def _personal(codes: pl.Series, latest: date) -> set[str]:
    """The distinct codes of institutions that are numbers of persons; a code that could be both is one of a region."""
    runs = _runs(codes.filter(codes.str.len_chars() >= _FEWEST), latest, whole=True)
    told = runs.filter(pl.col("mark").is_not_null())["value"].to_list()
    provinces = codes.str.slice(0, 2).mode().to_list() if told else []
    regional = {code for code in told if code[:2] in provinces and _REGIONAL.fullmatch(code)}
    return {code for code in told if not _registered(code)} - regional


def _registered(code: str) -> bool:
    """Whether a code is a credit code (GB 32100) or one of a region and an organisation (WS 218), by check digits."""
    if len(code) == _SHORT:
        return _organisation(code[6:])
    if not _REGISTERED.fullmatch(code) or not set(code) <= set(_CREDIT):
        return False
    total = sum(_CREDIT.index(sign) * pow(3, at, 31) for at, sign in enumerate(code[:17]))
    return _organisation(code[8:17]) and _CREDIT[-total % 31] == code[17]


def _organisation(code: str) -> bool:
    """Whether nine characters are an organisation code (GB 11714)."""
    total = sum(int(sign, 36) * weight for sign, weight in zip(code, (3, 7, 9, 10, 5, 8, 4, 2), strict=False))
    return code[8] == "0123456789X"[-total % 11]
