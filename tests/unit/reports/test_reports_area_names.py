"""Names that stand twice: readers can tell the areas apart, and nothing else of the table moves."""

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reports.area_names import told_apart

COLUMNS = {
    "period": pl.String, "area_level": pl.String, "area_id": pl.String, "area_name": pl.String,
    "area_name_en": pl.String, "parent_id": pl.String, "leaf_count": pl.Int64,
}  # fmt: skip


def areas(*rows):
    return pl.DataFrame([(*row, 1) for row in rows], schema=COLUMNS, orient="row")


TOWNS = (
    ("2025Q4", "township", "01", "青石镇", "Qingshi", None),
    ("2025Q4", "township", "02", "白沙镇", None, None),
)


def named(*rows, column="area_name"):
    return told_apart(areas(*TOWNS, *rows)).filter(area_level="community")[column].to_list()


def test_villages_called_alike_are_told_apart_by_their_townships():
    rows = [
        ("2025Q4", "community", "0101", "梅塘村", "Meitang", "01"),
        ("2025Q4", "community", "0201", "梅塘村", "Meitang", "02"),
        ("2025Q4", "community", "0202", "柳河村", None, "02"),
    ]
    assert named(*rows) == ["梅塘村（青石镇）", "梅塘村（白沙镇）", "柳河村"]
    # The second township has no name in English, so the code is all there is.
    assert named(*rows, column="area_name_en") == ["Meitang (Qingshi)", "Meitang (0201)", None]


def test_villages_called_alike_in_one_township_are_told_apart_by_their_codes():
    rows = [
        ("2025Q4", "community", "0101", "梅塘村", None, "01"),
        ("2025Q4", "community", "0102", "梅塘村", None, "01"),
        ("2025Q4", "community", "0201", "梅塘村", None, "02"),
    ]
    assert named(*rows) == ["梅塘村（0101）", "梅塘村（0102）", "梅塘村（白沙镇）"]


def test_a_name_that_stands_once_in_its_level_and_period_stays():
    rows = [
        ("2025Q4", "community", "0101", "青石镇", None, "01"),
        ("2025Q3", "community", "0101", "梅塘村", None, "01"),
        ("2025Q4", "community", "0102", "梅塘村", None, "01"),
    ]
    assert named(*rows) == ["青石镇", "梅塘村", "梅塘村"]


AREA = st.tuples(st.sampled_from(["甲", "乙", None]), st.sampled_from(["01", "02", "03", None]))


@given(st.lists(AREA, max_size=12))
def test_no_two_areas_of_a_level_share_a_name_and_nothing_else_moves(drawn):
    rows = [("2025Q4", "community", f"9{at:02d}", name, None, above) for at, (name, above) in enumerate(drawn)]
    before = areas(*TOWNS, *rows)
    after = told_apart(before)
    assert after.drop("area_name").equals(before.drop("area_name"))
    counted = Counter(name for name in after.filter(area_level="community")["area_name"] if name is not None)
    assert set(counted.values()) <= {1}
    for old, new in zip(before["area_name"], after["area_name"], strict=True):
        assert (old is None) == (new is None)
        assert old is None or new.startswith(old)
