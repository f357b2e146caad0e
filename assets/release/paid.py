"""What published releases say was paid: the record that later periods are settled against.

Put here: which release of a period was paid, and its tables. Keep out: settling (evaluations, assets.compute), what is
in force (publish). A release that was published and not withdrawn may have been paid, also one that a later release of
its period has superseded; where such releases pay differently, nobody here can know which was.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import read_json, sha256_file
from assets.lake.home import Home
from assets.release.publish import PROFILE, releases_of
from assets.release.records import is_withdrawn, read
from data_contracts.tables import RELEASE
from evaluations.allocation.snapshot import DataError

_PAYMENTS, _SETTLEMENT, _CARRIED = "alloc__payments", "alloc__settlement", "alloc__carried"
_MONEY = (_PAYMENTS, _SETTLEMENT, _CARRIED)


def released_money(home: Home, period: str) -> Mapping[str, pl.DataFrame] | None:
    """The tables of money of the release of `period` that was paid, and RELEASE, its name; or None.

    These are alloc__payments, alloc__settlement and alloc__carried, as far as the release has them. Raises DataError
    where published releases pay differently, or the tables are not those of the manifest.
    """
    found = {}
    for release in releases_of(home, period):
        manifest = read_json(release / PROFILE / "manifest.json")
        if _was_published(release, manifest):
            found[_hash(manifest, _PAYMENTS)] = (release, manifest)
    if not found:
        return None
    if len(found) > 1:
        names = ", ".join(release.name for release, _ in found.values())
        raise DataError("allocation_two_payments", period=period, count=len(found), releases=names)
    release, manifest = next(iter(found.values()))
    own = {name: _table(release, manifest, name) for name in _MONEY if name in manifest["tables"]}
    return {**own, RELEASE: pl.DataFrame({RELEASE: [release.name]})}


def paid_mark(home: Home, period: str) -> str:
    """Fingerprint of what published releases of `period` paid."""
    marks = []
    for release in releases_of(home, period):
        manifest = read_json(release / PROFILE / "manifest.json")
        if _was_published(release, manifest):
            marks += [_hash(manifest, name) for name in _MONEY]
    return "|".join(marks)


def _was_published(release: Path, manifest: Mapping[str, Any]) -> bool:
    known, _ = read(release)
    published = manifest["status"] == "released" or any(record.act == "published" for record in known)
    return published and not is_withdrawn(known, manifest["content_hash"])


def _path(name: str) -> str:
    return f"tables/{name}.parquet"


def _hash(manifest: Mapping[str, Any], name: str) -> str:
    return next((item["sha256"] for item in manifest["outputs"] if item["path"] == _path(name)), "")


def _table(release: Path, manifest: Mapping[str, Any], name: str) -> pl.DataFrame:
    path = release / PROFILE / _path(name)
    if not path.is_file() or sha256_file(path) != _hash(manifest, name):
        raise DataError("allocation_release_changed", release=release.name)
    return pl.read_parquet(path)
