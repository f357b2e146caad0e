"""Faults at known places: what suppliers really get wrong, one broken rule per record.

Put here: which cells are spoiled and how, and harmless oddities that must be accepted. Keep out: how files are written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pipelines.demo.people import ID_CHECK, ID_WEIGHTS

Row = dict[str, str]
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@dataclass(frozen=True)
class Fault:
    """One way to spoil a record: the rule it breaks and the new texts; `kind` reject, warn, unreadable or harmless."""

    rule: str
    kind: str
    spoil: Callable[[Row], Row]
    fits: Callable[[Row], bool] = lambda _: True


@dataclass
class Spoiled:
    """A table of texts with faults in it.

    `valid` says which rows are still accepted, `notes` holds row, rule and kind of what was planted, `broken_lines`
    the rows that get a field too many, `touched` every row that is not as the city made it.
    """

    texts: pl.DataFrame
    valid: np.ndarray
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    broken_lines: set[int] = field(default_factory=set)
    touched: set[int] = field(default_factory=set)


def spoil(texts: pl.DataFrame, faults: list[Fault], rng: np.random.Generator, times: int) -> Spoiled:
    """Apply every fault `times` times to rows of their own. Notes hold row (from 0), rule and kind."""
    found = Spoiled(texts, np.ones(texts.height, dtype=bool))
    if texts.height < 8 * len(faults) * times:
        return found
    order = iter(rng.permutation(texts.height))
    changes: dict[int, Row] = {}
    for fault in faults:
        for _ in range(times):
            at, row = next((int(k), row) for k in order if fault.fits(row := texts.row(int(k), named=True)))
            changes[at] = fault.spoil(row)
            found.touched.add(at)
            if fault.kind == "harmless":
                continue
            found.notes.append((at, fault.rule, fault.kind))
            if fault.kind == "unreadable":
                found.broken_lines.add(at)
            if fault.kind in ("reject", "unreadable"):
                found.valid[at] = False
    for name in texts.columns:
        places = [at for at, row in changes.items() if name in row]
        if places:
            column = found.texts[name].scatter(places, [changes[at][name] for at in places])
            found.texts = found.texts.with_columns(column)
    return found


def _set(**values: str) -> Callable[[Row], Row]:
    return lambda _: dict(values)


def _wrong_check(row: Row) -> Row:
    last = row["person_id_no"][17]
    return {"person_id_no": row["person_id_no"][:17] + ("1" if last != "1" else "2")}


def _cut_by_spreadsheet(row: Row) -> Row:
    return {"person_id_no": row["person_id_no"][:15] + "000"}


def _is_18(row: Row) -> bool:
    return len(row["person_id_no"]) == 18


def _breaks_when_cut(row: Row) -> bool:
    """One cut number in eleven has a right check digit by chance and would be another person's, not a wrong one."""
    cut = row["person_id_no"][:15] + "000"
    total = sum(int(digit) * weight for digit, weight in zip(cut, ID_WEIGHTS, strict=False))
    return _is_18(row) and row["person_id_no"] != cut and ID_CHECK[total % 11] != "0"


_WRONG_ID = Fault("person_id_invalid", "reject", _wrong_check, _is_18)
_LOWER_X = Fault(
    "",
    "harmless",
    lambda row: {"person_id_no": " " + row["person_id_no"].lower()},
    lambda row: row["person_id_no"].endswith("X"),
)
_BROKEN = Fault("record_shape", "unreadable", lambda _: {})


def _wide(name: str) -> Fault:
    return Fault("", "harmless", lambda row: {name: row[name].translate(_WIDE)}, lambda row: row[name][:1].isdigit())


FAULTS: dict[str, list[Fault]] = {
    "health_bureau.residents": [
        _WRONG_ID,
        Fault("person_id_invalid", "reject", _cut_by_spreadsheet, _breaks_when_cut),
        Fault("type_birth_date", "reject", _set(birth_date="1970-02-30")),
        Fault("required_birth_date", "reject", _set(birth_date="")),
        Fault("code_sex", "reject", _set(sex="7")),
        Fault("birth_date_plausible", "reject", _set(birth_date="1899-12-31")),
        Fault("sex_known", "warn", _set(sex="未知")),
        Fault("archive_not_later", "warn", _set(archive_date="2031-01-01")),
        _BROKEN,
        _LOWER_X,
        Fault("", "harmless", lambda row: {"birth_date": row["birth_date"].replace("-", "/")}),
    ],
    "health_bureau.followups_hypertension": [
        _WRONG_ID,
        Fault("sbp_range", "reject", _set(sbp_mmhg="400", classification="控制不满意")),
        Fault("dbp_range", "reject", _set(sbp_mmhg="120", dbp_mmhg="20", classification="控制不满意")),
        Fault("sbp_above_dbp", "reject", _set(sbp_mmhg="80", dbp_mmhg="95", classification="控制不满意")),
        Fault("type_followup_date", "reject", _set(followup_date="2024/13/45")),
        Fault("followup_date_in_period", "reject", _set(followup_date="2019-05-05")),
        Fault("code_visit_mode", "reject", _set(visit_mode="7")),
        Fault("required_followup_no", "reject", _set(followup_no="")),
        Fault("type_sbp_mmhg", "reject", _set(sbp_mmhg="一百三")),
        Fault(
            "classification_matches_bp",
            "warn",
            _set(classification="控制满意"),
            lambda row: row["sbp_mmhg"].isdigit() and int(row["sbp_mmhg"]) >= 150,
        ),
        _BROKEN,
        Fault("", "harmless", lambda row: {"followup_date": row["followup_date"].replace("-", "")}),
        _wide("sbp_mmhg"),
        _LOWER_X,
    ],
    "health_bureau.followups_diabetes": [
        _WRONG_ID,
        Fault("glucose_range", "reject", _set(glucose_mmol_l="118")),
        Fault("type_glucose_mmol_l", "reject", _set(glucose_mmol_l="6.85")),
        _wide("glucose_mmol_l"),
    ],
    "health_bureau.survey": [
        Fault("health_scale", "reject", _set(self_rated_health="7")),
        Fault("weight_positive", "reject", _set(weight="0")),
        Fault("type_weight", "reject", _set(weight="NaN")),
    ],
    "health_bureau.fund_ledger": [
        Fault("code_entry_type", "reject", _set(entry_type="其他"), lambda row: row["entry_type"] == "支出"),
        Fault("type_amount_fen", "reject", _set(amount_fen="12.345"), lambda row: row["entry_type"] == "支出"),
    ],
    "hospitals.encounters": [
        _WRONG_ID,
        Fault(
            "discharge_not_before_admit",
            "reject",
            _set(discharge_date="2018-01-01"),
            lambda row: bool(row["discharge_date"]),
        ),
        Fault("cost_not_negative", "reject", _set(total_cost_fen="-10.00")),
        Fault("admit_date_in_period", "reject", _set(admit_date="2018-01-01")),
        Fault("code_encounter_class", "reject", _set(encounter_class="体检")),
        Fault("type_total_cost_fen", "reject", _set(total_cost_fen="1e400")),
        _BROKEN,
        Fault(
            "",
            "harmless",
            lambda row: {"total_cost_fen": f'"{float(row["total_cost_fen"]):,.2f}"'},
            lambda row: len(row["total_cost_fen"]) > 6,
        ),
    ],
    "civil_affairs.welfare": [
        _WRONG_ID,
        Fault("code_category", "reject", _set(category="优抚")),
    ],
    "insurers.settlements": [
        _WRONG_ID,
        Fault("fee_adds_up", "reject", _set(fund_pay_fen="0.01")),
        Fault("code_medical_type", "reject", _set(medical_type="99")),
        Fault("settled_on_in_period", "reject", _set(settled_on="2018-01-01 08:00:00")),
        Fault("", "harmless", _set(insurance_type="310.0"), lambda row: row["insurance_type"] == "310"),
    ],
}
