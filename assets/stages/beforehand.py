"""What a home says about a file before it is delivered: everything that a check of the file alone cannot see.

Put here: comparing the accepted rows of one file with what the home holds; nothing is written but scratch files. Keep
out: the verdict on the file itself (assets.intake.check), and wording.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from assets.compute.inputs import contract_in_force
from assets.compute.plan import LINK, REGISTER
from assets.compute.references import known_values
from assets.intake import ledger
from assets.intake.account import Account
from assets.intake.findings import Finding
from assets.intake.ledger import Entry
from assets.lake import parts
from data_contracts.contracts import FeedContract
from data_contracts.judgement import Bound
from data_contracts.messages import LANGUAGES
from data_contracts.periods import Period
from data_contracts.vocabulary import Reference

if TYPE_CHECKING:
    from assets.stages.road import Road

_AREAS, _VOLUME = "mart__areas", "volume_against_previous"


@dataclass(frozen=True)
class Comparison:
    """`findings` are what was found, also that nothing is amiss; `not_checked` are sentence ids."""

    findings: list[Finding]
    not_checked: list[str]


def compare(road: "Road", entry: Entry, account: Account, accepted: pl.DataFrame) -> Comparison:
    """Hold a file with its `accepted` rows against the home; pseudonyms must be made with the home's own key."""
    contract = road.catalog.feed(entry.key, entry.period)
    extras = contract.extras
    outcomes = [("selection", _selection(road, contract, entry, account, accepted))]
    if extras.person and contract.key != REGISTER:
        outcomes.append(("linkage", _linkage(road, entry, accepted)))
    if extras.area and contract.kind not in ("areas", "area_changes"):
        outcomes.append(("areas", _areas(road, extras.area.column, entry, accepted)))
    outcomes += [("references", _reference(road, item, entry, accepted)) for item in extras.references]
    outcomes.append(("volume", _volume(road, entry, account)))
    lacking = [f"intake_unchecked_{name}" for name, found in outcomes if found is None]
    return Comparison([found for _, found in outcomes if found is not None], list(dict.fromkeys(lacking)))


def _selection(
    road: "Road", contract: FeedContract, entry: Entry, account: Account, accepted: pl.DataFrame
) -> Finding | None:
    """How rows of the file and rows the home has would stand to each other."""
    known = {item.file_id: item for item in ledger.entries(road.home)}
    if entry.file_id in known:
        return Finding("check_home_known", {"name": known[entry.file_id].landing_name})
    if contract.delivery == "cumulative" or not road.intake.is_staged(contract.key, entry.period):
        return None
    with TemporaryDirectory(dir=road.home.temporary) as folder:
        path = Path(folder) / "part.parquet"
        accepted.write_parquet(path)
        chosen = road.intake.selection_with(entry, path, account)
    own = chosen.verdicts.filter(pl.col("file_id") == entry.file_id)["verdict"]
    replaced = chosen.verdicts.height - own.len() - _already(road, contract, entry)
    counts = {"duplicate": (own == "duplicate").sum(), "superseded": (own == "superseded").sum(), "replaces": replaced}
    return Finding("check_home_selection" if any(counts.values()) else "check_home_selection_none", counts)


def _already(road: "Road", contract: FeedContract, entry: Entry) -> int:
    """Rows the home has that are not current now."""
    return road.intake.not_current(contract, entry.period).height


def _latest(road: "Road", table: str, period: str) -> tuple[str, pl.DataFrame] | None:
    """A table of the newest period up to `period` that has it."""
    for step in reversed(road.periods_up_to(period)):
        frame = parts.read_table(road.home, table, [step.key])
        if frame is not None and frame.height:
            return step.key, frame
    return None


def _linkage(road: "Road", entry: Entry, accepted: pl.DataFrame) -> Finding | None:
    found = _latest(road, LINK, entry.period)
    if found is None or not found[1]["in_register"].any():
        return None
    period, link = found
    known = accepted["person_key"].is_in(link.filter("in_register")["person_key"].implode())
    counts = {"count": accepted.height - int(known.sum()), "records": accepted.height, "period": period}
    return Finding("check_home_linkage", counts)


def _areas(road: "Road", column: str, entry: Entry, accepted: pl.DataFrame) -> Finding | None:
    found = _latest(road, _AREAS, entry.period)
    if found is None:
        return None
    period, areas = found
    lowest = areas.filter(pl.col("area_level") == road.settings.levels[0])["area_id"]
    named = accepted[column].drop_nulls()
    unknown = int((~named.is_in(lowest.implode())).sum())
    return Finding("check_home_areas", {"count": unknown, "records": accepted.height, "period": period})


def _reference(road: "Road", reference: Reference, entry: Entry, accepted: pl.DataFrame) -> Finding | None:
    step, first = Period.parse(entry.period), Period.parse(road.settings.home.calendar.first)
    known = known_values(road.home, road.settings, road.catalog, reference, step, first)
    if known is None:
        return None
    values = accepted.select(pl.col(reference.columns).cast(pl.String)).drop_nulls()
    missing = values.join(known, on=reference.columns, how="anti").height
    rule = {language: reference.titles.get(language) for language in LANGUAGES}
    return Finding("check_home_reference", {"count": missing, "records": values.height, "rule": rule})


def _volume(road: "Road", entry: Entry, account: Account) -> Finding | None:
    """Accepted records against those in force from the same institution for the period before."""
    step = Period.parse(entry.period).shift(-1)
    before, contract = step.key, contract_in_force(road.catalog, entry.key, step)
    if contract is None or not road.intake.is_staged(entry.key, before):
        return None
    files = [
        item for item in road.intake.staged(entry.key, before) if item.entry.institution_id == entry.institution_id
    ]
    gone = road.intake.not_current(contract, before)["file_id"].is_in([item.entry.file_id for item in files]).sum()
    last = sum(item.account.accepted for item in files) - int(gone)
    if last <= 0:
        return None
    bound = road.settings.judgement[_VOLUME].bound(entry.key, None, Period.parse(entry.period))
    counts = {"now": account.accepted, "last": last, "period": before}
    usual = bound is None or last < bound.minimum or _within(account.accepted / last, bound)
    return Finding("check_home_volume" if usual else "check_home_volume_unusual", counts)


def _within(ratio: float, bound: Bound) -> bool:
    return (bound.low is None or bound.low <= ratio) and (bound.high is None or ratio <= bound.high)
