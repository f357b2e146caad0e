"""Judging the deliveries of one home: the counts of columns, and verdicts that are renewed when a bound changes.

Put here: what these tables depend on and are made from. Keep out: arithmetic (assets.compute), counting
(assets.intake), what the desk says (checks.py).
"""

from typing import TYPE_CHECKING

import polars as pl

from assets.compute import deliveries
from assets.compute.readers import hurt_by
from assets.intake.profiles import profile_mark, profile_rows
from assets.lake import parts
from assets.lake.fingerprint import code_fingerprint, combine
from assets.lake.parts import Manifest, read_manifest
from data_contracts.closed import fingerprint
from data_contracts.periods import Period
from data_contracts.tables import output_tables

if TYPE_CHECKING:
    from assets.stages.road import Road

_CODE = ("assets/compute", "data_contracts/tables.py", "data_contracts/judgement.py")


def profiles(road: "Road", period: str) -> int:
    """Bring quality__profiles up to date for every period up to `period`; returns the rows of that period."""
    files, rows = _files(road, period), 0
    for step in road.periods_up_to(period):
        mark = profile_mark(road.intake, step.key, files)
        manifest = read_manifest(road.home, deliveries.PROFILES, step.key)
        if manifest is None or manifest.fingerprint != mark:
            counted = profile_rows(road.intake, step.key, files)
            manifest = parts.put_table(road.home, deliveries.PROFILES, step.key, mark, counted)
        rows = manifest.rows
    return rows


def judged(road: "Road", period: str) -> Manifest:
    """Bring quality__deliveries of `period` up to date; bounds alone need no file to be read again."""
    step, files = Period.parse(period), _files(road, period)
    read = deliveries.gathered_from(road.catalog, road.periods_up_to(period))
    found = [read_manifest(road.home, table, key) for table, key in read]
    below = [manifest.content if manifest else "-" for manifest in found]
    hurts = hurt_by(road.settings, road.catalog)
    bounds = fingerprint({key: item.model_dump(mode="json") for key, item in road.settings.judgement.items()})
    limits = road.settings.limits
    mark = combine(
        *(deliveries.TABLE, period, code_fingerprint(*_CODE), files.write_csv(), *below),
        *(bounds, str(limits.quarantine_share), str(sorted(hurts.items(), key=str))),
    )
    manifest = read_manifest(road.home, deliveries.TABLE, period)
    if manifest is None or manifest.fingerprint != mark:
        counts = deliveries.gathered(road.home, road.settings, road.catalog, step, files)
        judge = deliveries.Judge(road.settings.judgement, float(limits.quarantine_share), hurts)
        manifest = parts.put_table(
            road.home, deliveries.TABLE, period, mark, deliveries.judge_deliveries(counts, judge)
        )
    return manifest


def _files(road: "Road", period: str) -> pl.DataFrame:
    """The accounting of every period up to `period`, as the step before has left it."""
    found = parts.read_table(road.home, "quality__files", [period])
    return output_tables()["quality__files"].empty() if found is None else found
