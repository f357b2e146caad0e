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
INSTITUTIONS = ("H1", "H2", None)
_FILE = st.fixed_dictionaries(
    {
        "sender": st.sampled_from(SENDERS),
        "feed": st.sampled_from(FEEDS),
        "institution": st.sampled_from(INSTITUTIONS),
        "period": st.sampled_from([PERIOD, "2025Q3"]),
        "current": st.integers(0, 5),
        "status": st.sampled_from(["taken", "refused", "withdrawn"]),
        "on_time": st.sampled_from([True, False, None]),
    }
)
_NAMES = st.lists(st.sampled_from(["H1", "H2", "H3"]), unique=True)
_EXPECTED = st.dictionaries(st.sampled_from(SENDERS), st.dictionaries(st.sampled_from(FEEDS), _NAMES), min_size=0)


def files(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of quality__files of which only these columns matter here."""
    schema = output_tables()["quality__files"].schema
    plain = {name: 0 if dtype.is_integer() else None for name, dtype in schema.items()}
    return pl.DataFrame([{**plain, **row} for row in rows], schema=schema)


def links(**counts: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame([(key, *pair) for key, pair in counts.items()], schema=NO_LINKS, orient="row")


@given(st.lists(_FILE, max_size=12), _EXPECTED)
def test_counts_are_those_of_a_naive_recount(
    rows: list[dict[str, Any]], expected: dict[str, dict[str, list[str]]]
) -> None:
    keys = {sender: {f"{sender}.{feed}": names for feed, names in feeds.items()} for sender, feeds in expected.items()}
    found = sharing(files(rows), links(), keys, PERIOD)
    now = [row for row in rows if row["period"] == PERIOD]
    assert found["sender"].to_list() == sorted({*expected, *(row["sender"] for row in now)})
    for row in found.iter_rows(named=True):
        own = [file for file in now if file["sender"] == row["sender"]]
        wanted = expected.get(row["sender"], {})
        delivered = {file["feed"] for file in own if file["status"] == "taken"} & set(wanted)
        assert (row["expected_feeds"], row["delivered_feeds"]) == (len(wanted), len(delivered))
        places = [(feed, name) for feed, names in wanted.items() for name in (names or [None])]
        made = timed = on_time = 0
        for feed, name in places:
            of_feed = [file for file in own if file["feed"] == feed]
            named = [file for file in of_feed if file["institution"] == name]
            if not any(file["status"] == "taken" for file in named):
                named = [file for file in of_feed if file["institution"] is None]
            taken = any(file["status"] == "taken" for file in named)
            said = {file["on_time"] for file in named if file["status"] != "refused"} - {None}
            made += taken
            timed += not taken or bool(said)
            on_time += taken and True in said
        assert (row["expected_deliveries"], row["deliveries"]) == (len(places), made)
        assert (row["timed_deliveries"], row["deliveries_on_time"]) == (timed, on_time)
        assert row["files"] == len(own)
        assert row["refused_files"] == sum(file["status"] == "refused" for file in own)
        assert row["records"] == sum(file["current"] for file in own)
        for share, part, whole in (
            ("delivered_pct", "deliveries", "expected_deliveries"),
            ("on_time_pct", "deliveries_on_time", "timed_deliveries"),
        ):
            assert row[share] == (round(100 * row[part] / row[whole], 2) if row[whole] else None)
        assert (row["person_records"], row["linked_records"], row["linked_pct"]) == (0, 0, None)


def test_linked_records_are_of_their_sender_and_a_sender_without_files_has_a_row() -> None:
    found = sharing(files([]), links(alpha=(8, 6)), {"alpha": {"alpha.one": []}, "beta": {}}, PERIOD)
    assert found.select("sender", "person_records", "linked_records", "linked_pct").rows() == [
        ("alpha", 8, 6, 75.0),
        ("beta", 0, 0, None),
    ]
    assert found.columns == list(output_tables()[TABLE].columns)


def shares(rows: list[dict[str, Any]], names: list[str]) -> tuple[Any, ...]:
    """Expected and made deliveries of a feed, those whose time counts, those on time."""
    base = {"sender": "alpha", "feed": "one", "period": PERIOD, "status": "taken", "institution": None}
    found = sharing(files([{**base, **row} for row in rows]), links(), {"alpha": {"alpha.one": names}}, PERIOD)
    return found.select("expected_deliveries", "deliveries", "timed_deliveries", "deliveries_on_time").row(0)


def test_a_refused_file_delivers_nothing_until_a_good_one_arrives() -> None:
    refused = {"status": "refused", "on_time": True}
    assert shares([refused], []) == (1, 0, 1, 0)
    assert shares([refused, {"on_time": False}], []) == (1, 1, 1, 0)
    assert shares([refused, {"on_time": True}], []) == (1, 1, 1, 1)


def test_an_institution_that_is_silent_lowers_both_shares() -> None:
    first, second = ({"institution": name, "on_time": True} for name in ("H1", "H2"))
    assert shares([first, second], ["H1", "H2"]) == (2, 2, 2, 2)
    assert shares([first], ["H1", "H2"]) == (2, 1, 2, 1)
    assert shares([], ["H1", "H2"]) == (2, 0, 2, 0)


def test_a_file_corrected_late_was_delivered_in_time_and_one_of_unknown_time_counts_for_neither() -> None:
    assert shares([{"status": "withdrawn", "on_time": True}, {"on_time": False}], []) == (1, 1, 1, 1)
    assert shares([{"on_time": None}], []) == (1, 1, 0, 0)


def test_a_file_that_names_no_institution_stands_for_all() -> None:
    assert shares([{"on_time": True}], ["H1", "H2"]) == (2, 2, 2, 2)
