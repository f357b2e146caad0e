"""What a spreadsheet program would run stands in no CSV, and comes back as it was."""

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from reports.harmless import as_meant, harmless, harmless_columns

_TEXT = st.text(alphabet="=+-@＝\t\r\n'1.a甲", max_size=6) | st.text(max_size=6)


@given(st.lists(_TEXT | st.none(), min_size=1))
@example(["=1+1", "'=1", "-12.5", "-", "'-3", "+86", "@x", "＝1", "\tx", "", None])
def test_nothing_can_run_and_everything_comes_back(texts: list[str | None]) -> None:
    column = pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)})
    shown = column.select(harmless_columns(["x"]))
    assert shown["x"].to_list() == [None if text is None else harmless(text) for text in texts]
    for text in shown["x"].drop_nulls():
        number = text[:1] in "+-" and text[1:].replace(".", "", 1).isdecimal()
        assert not text or text[0] not in "=+-@＝＋－＠\t\r\n\0" or number
    assert shown.select(as_meant(pl.col("x"))).equals(column)
