"""What was planted in a demo city and what intake found, in the same words."""

from pathlib import Path

import polars as pl

from assets.intake import ledger
from assets.stages.road import Road

Fault = tuple[str, int, str, str]
_WORDS = {"error": "reject", "warning": "warn"}


def planted_faults(home: Path) -> set[Fault]:
    """File, record (0 for a whole file), rule or sentence, kind."""
    rows = pl.read_csv(home / "truth/faults.csv", infer_schema=False).rows()
    return {
        (file, int(record), rule or "", "reject" if kind == "unreadable" else kind) for file, record, rule, kind in rows
    }


def found_faults(road: Road) -> set[Fault]:
    """Every refused or flagged record, every record that is not current, every refused file."""
    found = {(item["name"], 0, item["sentence"], "refused") for item in ledger.refusals(road.home)}
    for contract in road.catalog.current():
        for period in road.periods_up_to(road.settings.home.calendar.last):
            verdicts = road.intake.not_current(contract, period.key)
            for item in road.intake.staged(contract.key, period.key):
                name, file_id = item.entry.landing_name, item.entry.file_id
                if item.refused is not None:
                    found.add((name, 0, item.refused.sentence, "refused"))
                    continue
                fixes = road.intake.fixes(item, contract)
                said = {(row["record_no"], row["rule"]): row["severity"] for row in fixes.iter_rows(named=True)}
                for (record, rule), severity in said.items():
                    # A birth date that nobody can have differs from the identity number too.
                    if rule != "person_birth_differs" or (record, "birth_date_plausible") not in said:
                        found.add((name, record, rule, _WORDS[severity]))
                for row in verdicts.filter(pl.col("file_id") == file_id).iter_rows(named=True):
                    found.add((name, row["record_no"], "", row["verdict"]))
    return found
