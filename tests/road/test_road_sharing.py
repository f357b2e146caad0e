"""Sharing as it is released: counts against the files that were delivered and the records that were linked."""

from pathlib import Path

import polars as pl

from assets.lake.home import Home
from assets.lake.parts import read_table
from data_contracts.contracts import Catalog
from tests.road.conftest import LAST, released


def test_every_sender_is_measured_against_its_files_and_marts(city: Path, release: Path) -> None:
    sharing = released(release, "quality__sharing")
    files = released(release, "quality__files").filter(pl.col("period") == LAST)
    assert sharing["sender"].to_list() == ["civil_affairs", "health_bureau", "hospitals", "insurers"]
    assert (sharing["delivered_feeds"] == sharing["expected_feeds"]).all()
    catalog = Catalog.load()
    for row in sharing.iter_rows(named=True):
        own = files.filter(pl.col("sender") == row["sender"])
        assert (row["files"], row["records"]) == (own.height, own["current"].sum())
        assert row["expected_feeds"] == len(set(own["feed"]) - {"area_changes"})
        linked = [
            value
            for feed in own["feed"].unique()
            if (contract := catalog.feed(f"{row['sender']}.{feed}")).extras.person and feed != "residents"
            for value in read_table(Home(city), contract.mart, [LAST])["is_in_register"]
        ]
        assert (row["person_records"], row["linked_records"]) == (len(linked), sum(linked))
        assert row["linked_records"] < row["person_records"]
