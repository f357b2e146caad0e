"""How well senders share: counts against a naive recount, shares at their edges, nothing for nothing."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from assets.compute.sharing import TABLE, sharing
from data_contracts.tables import output_tables

PERIOD = "2025Q4"
NO_LINKS = {"sender": pl.String(), "person_records": pl.Int64(), "linked_records": pl.Int64()}
SENDERS, FEEDS = ("alpha", "beta"), ("one", "two", "three")
_FILE = st.fixed_dictionaries(
    {
        "sender": st.sampled_from(SENDERS),
        "feed": st.sampled_from(FEEDS),
        "period": st.sampled_from([PERIOD, "2025Q3"]),
        "current": st.integers(0, 5),
        "status": st.sampled_from(["taken", "refused", "withdrawn"]),
        "on_time": st.sampled_from([True, False, None]),
    }
)
_EXPECTED = st.dictionaries(
    st.sampled_from(SENDERS), st.lists(st.sampled_from(FEEDS), unique=True).map(tuple), min_size=0
)


def files(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of quality__files of which only these columns matter here."""
    schema = output_tables()["quality__files"].schema
    plain = {name: 0 if dtype.is_integer() else None for name, dtype in schema.items()}
    return pl.DataFrame([{**plain, **row} for row in rows], schema=schema)


def links(**counts: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame([(key, *pair) for key, pair in counts.items()], schema=NO_LINKS, orient="row")


@given(st.lists(_FILE, max_size=12), _EXPECTED)
def test_counts_are_those_of_a_naive_recount(rows: list[dict[str, Any]], expected: dict[str, tuple[str, ...]]) -> None:
    keys = {sender: [f"{sender}.{feed}" for feed in feeds] for sender, feeds in expected.items()}
    found = sharing(files(rows), links(), keys, PERIOD)
    now = [row for row in rows if row["period"] == PERIOD]
    assert found["sender"].to_list() == sorted({*expected, *(row["sender"] for row in now)})
    for row in found.iter_rows(named=True):
        own = [file for file in now if file["sender"] == row["sender"]]
        wanted = expected.get(row["sender"], ())
        delivered = {file["feed"] for file in own if file["status"] == "taken"} & set(wanted)
        known = [file["on_time"] for file in own if file["on_time"] is not None]
        assert (row["expected_feeds"], row["delivered_feeds"]) == (len(wanted), len(delivered))
        assert (row["files"], row["timed_files"], row["files_on_time"]) == (len(own), len(known), sum(known))
        assert row["records"] == sum(file["current"] for file in own)
        for share, part, whole in (
            ("delivered_pct", "delivered_feeds", "expected_feeds"),
            ("on_time_pct", "files_on_time", "timed_files"),
        ):
            assert row[share] == (round(100 * row[part] / row[whole], 2) if row[whole] else None)
        assert (row["person_records"], row["linked_records"], row["linked_pct"]) == (0, 0, None)


def test_linked_records_are_of_their_sender_and_a_sender_without_files_has_a_row() -> None:
    found = sharing(files([]), links(alpha=(8, 6)), {"alpha": ["alpha.one"], "beta": []}, PERIOD)
    assert found.select("sender", "person_records", "linked_records", "linked_pct").rows() == [
        ("alpha", 8, 6, 75.0),
        ("beta", 0, 0, None),
    ]
    assert found.columns == list(output_tables()[TABLE].columns)


def test_a_refused_file_delivers_no_feed_and_a_late_one_does() -> None:
    row = {"sender": "alpha", "feed": "one", "period": PERIOD}
    refused = {**row, "status": "refused", "on_time": True}
    late = {**row, "feed": "two", "status": "taken", "on_time": False, "current": 3}
    found = sharing(files([refused, late]), links(), {"alpha": ["alpha.one", "alpha.two"]}, PERIOD).row(0, named=True)
    assert (found["delivered_feeds"], found["delivered_pct"], found["on_time_pct"]) == (1, 50.0, 50.0)
