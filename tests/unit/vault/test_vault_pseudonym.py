"""Identifiers against an independent checker, pseudonyms against Python's own HMAC."""

import hashlib
import hmac
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from assets.vault.pseudonym import KEY_LENGTH, canonical_ids, person_keys

# A division that existed in all years, so that the independent checker judges the rest.
_PLACE = "110101"
_BORN = st.dates(date(1900, 1, 1), date(2025, 12, 31)).map("{:%Y%m%d}".format)
_ORDER = st.integers(0, 999).map("{:03d}".format)
_VALID = st.tuples(_BORN, _ORDER).map(lambda parts: _with_check(_PLACE + "".join(parts)))
# ISO 7064 MOD 11-2 worked example of the standard's annex
_KNOWN = "11010519491231002X"


def _with_check(body: str) -> str:
    return body + ric.calc_check_digit(body + "0")


def _classes(values: list[str | None], scheme: str = "cn_id") -> list[tuple[str | None, str | None]]:
    return canonical_ids(pl.Series(values, dtype=pl.String), scheme).select("canonical", "id_class").rows()


@given(st.lists(_VALID, min_size=1, max_size=20))
@settings(deadline=None)
def test_valid_numbers_are_taken_as_they_are(ids):
    assert all(ric.is_valid(item) for item in ids)
    assert _classes(ids) == [(item, "id18") for item in ids]


@given(st.lists(st.tuples(_VALID, st.integers(0, 17), st.sampled_from("0123456789X")), min_size=1, max_size=20))
@settings(deadline=None)
def test_one_changed_place_is_judged_as_the_independent_checker_does(drawn):
    changed = [item[:at] + sign + item[at + 1 :] for item, at, sign in drawn]
    changed = [item for item in changed if item[:6] == _PLACE and item[6:10] >= "1900"]
    expected = [(item, "id18") if ric.is_valid(item) else (None, None) for item in changed]
    assert _classes(changed) == expected


@given(st.lists(st.text("0123456789X ", min_size=14, max_size=19), min_size=1, max_size=20))
@settings(deadline=None)
def test_arbitrary_digits_are_judged_as_the_independent_checker_does(values):
    values = [_PLACE + value[6:] for value in values]
    found = _classes(values)
    for value, (canonical, kind) in zip(values, found, strict=True):
        text = value.strip(" ")
        if kind == "id18":
            assert ric.is_valid(text)
            assert canonical == text
        elif len(text) == 18 and text[6:10] >= "1900" and " " not in text:
            assert not ric.is_valid(text)


@given(st.lists(st.tuples(st.dates(date(1900, 1, 1), date(1999, 12, 31)), _ORDER), min_size=1, max_size=20))
@settings(deadline=None)
def test_fifteen_digits_get_century_and_check_digit(people):
    short = [f"{_PLACE}{born:%y%m%d}{order}" for born, order in people]
    long = [_with_check(f"{_PLACE}{born:%Y%m%d}{order}") for born, order in people]
    assert _classes(short) == [(item, "id15") for item in long]
    assert _classes(long) == [(item, "id18") for item in long]


@given(st.lists(_VALID | st.none() | st.just("110101194912310029"), max_size=20), st.dates(date(1890, 1, 1)))
@settings(deadline=None)
def test_birth_and_sex_are_those_the_independent_checker_reads(ids, latest):
    found = canonical_ids(pl.Series(ids, dtype=pl.String), "cn_id", latest).select("born", "is_male").rows()
    for item, (born, is_male) in zip(ids, found, strict=True):
        if item is None or not ric.is_valid(item) or ric.get_birth_date(item) > latest:
            assert (born, is_male) == (None, None)
        else:
            assert (born, is_male) == (ric.get_birth_date(item), int(item[16]) % 2 == 1)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (_KNOWN, "id18"),
        (_KNOWN.lower(), "id18"),
        (f" {_KNOWN}\t", "id18"),
        (f"'{_KNOWN}", "id18"),
        ("１１０１０５１９４９１２３１００２Ｘ", "id18"),
        ("110105194912310029", None),
        ("11010519491231002", None),
        (_KNOWN + "0", None),
        ("", None),
        (None, None),
        ("110105194912310020X", None),
        ("110105 19491231002X", None),
        ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", None),
        ("١١٠١٠٥٤٩١٢٣١٠٠٢", None),
        ("1.10105E+17", None),
    ],
)
def test_ways_of_writing(written, kind):
    assert _classes([written]) == [(_KNOWN if kind else None, kind)]


@pytest.mark.parametrize(
    ("born", "good"),
    [
        ("18991231", False),
        ("19000101", True),
        ("19000228", True),
        ("19000229", False),
        ("20000229", True),
        ("20010229", False),
        ("20011300", False),
        ("20010431", False),
    ],
)
def test_birth_dates_at_the_boundary(born, good):
    value = _with_check(f"{_PLACE}{born}001")
    assert _classes([value]) == [(value, "id18") if good else (None, None)]


def test_opaque_ids_are_trimmed_and_blank_ones_are_none():
    values = [" a-1 ", "A-1", "", "   ", "\u3000", "\n", None]
    expected = [("a-1", "opaque"), ("A-1", "opaque")] + [(None, None)] * 5
    assert _classes(values, "opaque") == expected
    assert _classes([None], "opaque") == [(None, None)]


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=20), st.binary())
@settings(deadline=None, max_examples=40)
def test_pseudonyms_are_hmac_sha256(ids, key):
    found = person_keys(pl.Series(ids, dtype=pl.String), key).to_list()
    expected = [item and hmac.new(key, item.encode(), hashlib.sha256).hexdigest()[:KEY_LENGTH] for item in ids if item]
    assert [item for item, source in zip(found, ids, strict=True) if source] == expected
    assert all(item is None for item, source in zip(found, ids, strict=True) if source is None)


def test_published_vector_of_the_hmac():
    # RFC 4231, test case 2
    (found,) = person_keys(pl.Series(["what do ya want for nothing?"]), b"Jefe")
    assert found == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"[:KEY_LENGTH]


def test_order_and_repetition_are_kept_and_keys_separate():
    ids = pl.Series(["b", None, "a", "b", "c", "a"])
    found = person_keys(ids, b"k" * 32).to_list()
    assert found[0] == found[3] != found[2] == found[5]
    assert found[1] is None
    assert set(found) & set(person_keys(ids, b"l" * 32).to_list()) == {None}
    assert person_keys(ids.clear(), b"k" * 32).to_list() == []


_NEAR = st.builds("{:017d}{}".format, st.integers(0, 40), st.sampled_from(["", "1", "X", "x", " more"]))


@settings(max_examples=25)
@given(batches=st.lists(st.lists(_NEAR | st.text(min_size=1, max_size=4) | st.none(), max_size=30), max_size=6))
def test_pseudonyms_met_before_are_those_worked_out_anew(batches):
    """Files of a run share people; ids that begin with the same seventeen digits are still different people."""
    for ids in batches:
        found = person_keys(pl.Series(ids, dtype=pl.String), b"one key for all batches").to_list()
        assert found == [
            hmac.new(b"one key for all batches", item.encode(), hashlib.sha256).hexdigest()[:KEY_LENGTH]
            if item is not None
            else None
            for item in ids
        ]
