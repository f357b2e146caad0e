"""Faults at known places: what suppliers really get wrong, one broken rule per record.

Put here: which faults are planted in which feed. Keep out: planting them (spoiling.py), what changes nothing
(oddities.py), files that are wrong as a whole (hostile.py). Rules are named here by hand, not read from contracts.
"""

from collections.abc import Callable
from typing import Literal
from zlib import crc32

from data_contracts.contracts import Column, FeedContract
from pipelines.demo.oddities import day_written, oddities, person_id_oddities, thousands, wide
from pipelines.demo.people import ID_CHECK, ID_WEIGHTS
from pipelines.demo.spoiling import Fault, Row, Spoiled, put, spoil

__all__ = ["USUAL", "Fault", "Level", "Spoiled", "faults_of", "spoil"]

Level = Literal["usual", "every"]
_ID = "person_id_no"
# Outside every period a home can have files of.
_LONG_AGO, _FAR_OFF = "2010-01-01", "2099-12-31"
# Longer than any form lets a cell be.
_TOO_LONG = 20_001
_UNREADABLE = {
    "integer": ("一百三", "12.5", "1e3", "99999999999999999999", "12O", "约50"),
    "decimal": ("NaN", "六点八", "1/2", "1.234567", ">10", "1e400"),
    "money": ("面议", "12.3456789", "1e400", "￥12.00", '"1,23"', "inf"),
    "date": ("2024/13/45", "1970-02-30", "45292", "昨天", "25-3-9", "0000-00-00"),
    "boolean": ("也许", "2"),
    "code": ("待核实", "77"),
}
# What a spreadsheet makes of a long number.
_MANGLED = ("9.9E+11", "990101.0")
_BLANK = ("", "\u3000", " ")
# What stands in a text where a spreadsheet or a database had no value.
_LOST = ("#N/A", "#REF!", "NULL", "\\N")


def faults_of(contract: FeedContract, level: Level) -> list[Fault]:
    """The faults to plant in files of a feed: the usual ones, or every one that its records can have."""
    if level == "usual":
        return USUAL.get(contract.key, [])
    return [
        *_typed(contract),
        *_required(contract),
        *_persons(contract),
        *_misplaced(contract),
        *NAMED.get(contract.key, []),
        *_shapes(contract),
        *oddities(contract),
    ]


def _kept(contract: FeedContract) -> list[Column]:
    return [column for column in contract.columns if column.role not in ("drop", "person_id")]


def _typed(contract: FeedContract) -> list[Fault]:
    """What cannot be read as its type, or is in no code list; of a text that says which one, a lost number."""
    return [
        Fault(f"{'code' if column.type == 'code' else 'type'}_{column.name}", "reject", put(**{column.name: text}))
        for column in _kept(contract)
        for text in (_MANGLED if column.name in contract.identifying else _UNREADABLE.get(column.type, ()))
    ]


def _required(contract: FeedContract) -> list[Fault]:
    return [
        Fault(f"required_{column.name}", "reject", put(**{column.name: text}))
        for column in _kept(contract)
        if column.required
        for text in (*_BLANK, *(_LOST if column.type == "text" else ()))
    ]


def _persons(contract: FeedContract) -> list[Fault]:
    return WRONG_IDS if any(column.name == _ID for column in contract.columns) else []


def _misplaced(contract: FeedContract) -> list[Fault]:
    """In a text that is kept, a number of a person; where it is a code with a form of its own, something else too."""
    kept = [column for column in _kept(contract) if column.type == "text"]
    return [
        *(_reject(f"identity_{column.name}", _somebody(column.name)) for column in kept),
        *(_reject(f"shape_{column.name}", put(**{column.name: "编码待补"})) for column in kept if column.pattern),
    ]


def _somebody(column: str) -> Callable[[Row], Row]:
    """An identity number of its own for every record."""

    def spoils(row: Row) -> Row:
        number = crc32("".join(row.values()).encode())
        return {column: _with_check_digit(f"110101{1950 + number % 50}0101{number % 1000:03d}")}

    return spoils


def _shapes(contract: FeedContract) -> list[Fault]:
    """Records whose fields cannot be told."""
    first, second, *_, last = (column.name for column in contract.columns)
    return [
        _BROKEN,
        Fault("record_shape", "unreadable", lambda row: {first: '"' + row[first], second: row[second] + '"'}),
        Fault("record_shape", "unreadable", lambda row: {last: row[last] + ",多余,"}),
        Fault("record_shape", "unreadable", lambda row: {last: f'"{row[last]}"乙'}),
        Fault("unclosed_quote", "unreadable", lambda row: {last: '"' + row[last]}),
        Fault("field_too_long", "unreadable", put(**{first: "长" * _TOO_LONG})),
    ]


def _wrong_id(change: Callable[[str], str], fits: Callable[[str], bool] = lambda _: True) -> Fault:
    """A changed identity number of 18 digits."""

    def suits(row: Row) -> bool:
        return len(row[_ID]) == 18 and fits(row[_ID])

    return Fault("person_id_invalid", "reject", lambda row: {_ID: change(row[_ID])}, suits)


def _check_digit(body: str) -> str:
    return ID_CHECK[sum(int(digit) * weight for digit, weight in zip(body, ID_WEIGHTS, strict=True)) % 11]


def _with_check_digit(body: str) -> str:
    return body + _check_digit(body)


def _wrong_check(text: str) -> str:
    return text[:17] + ("1" if text[17] != "1" else "2")


def _cut_by_spreadsheet(text: str) -> str:
    return text[:15] + "000"


def _breaks_when_cut(text: str) -> bool:
    """One cut number in eleven has a right check digit by chance and would be another person's, not a wrong one."""
    return text != _cut_by_spreadsheet(text) and _check_digit(text[:15] + "00") != "0"


_WRONG_CHECK, _CUT = _wrong_id(_wrong_check), _wrong_id(_cut_by_spreadsheet, _breaks_when_cut)
WRONG_IDS = [
    _WRONG_CHECK,
    _CUT,
    _wrong_id(lambda text: f"{int(text[:17]) * 10:.5E}"),
    _wrong_id(lambda text: text[:17]),
    _wrong_id(lambda text: text + "0"),
    _wrong_id(lambda text: text[:16] + "X" + text[17]),
    _wrong_id(lambda text: text[:3] + "O" + text[4:]),
    _wrong_id(lambda text: text[:17] + "Х", lambda text: text.endswith("X")),
    _wrong_id(lambda text: f"{text}、{text}"),
    _wrong_id(lambda text: f"{text[:6]} {text[6:14]} {text[14:]}"),
    _wrong_id(lambda text: f"{text[:6]}********{text[14:]}"),
    _wrong_id(lambda text: _with_check_digit(f"{text[:10]}0230{text[14:17]}")),
    _wrong_id(lambda text: _with_check_digit(f"{text[:10]}1332{text[14:17]}")),
    _wrong_id(lambda text: _with_check_digit(f"{text[:6]}1899{text[10:17]}")),
    _wrong_id(lambda text: f"{text[:6]}501332{text[14:17]}"),
    _wrong_id(lambda _: "E12345678"),
    _wrong_id(lambda _: "不详"),
    *(_wrong_id(lambda _, text=text: text) for text in (*_BLANK, *_LOST)),  # type: ignore[misc]
]
_BROKEN = Fault("record_shape", "unreadable", lambda _: {})


def _reject(rule: str, spoils: Callable[[Row], Row], fits: Callable[[Row], bool] = lambda _: True) -> Fault:
    return Fault(rule, "reject", spoils, fits)


def _warn(rule: str, spoils: Callable[[Row], Row], fits: Callable[[Row], bool] = lambda _: True) -> Fault:
    return Fault(rule, "warn", spoils, fits)


def _high_but_satisfied(row: Row) -> bool:
    return row["sbp_mmhg"].isdigit() and int(row["sbp_mmhg"]) >= 150


def _pressure(sbp: str, dbp: str) -> Callable[[Row], Row]:
    """Readings that say nothing against their classification."""
    return put(sbp_mmhg=sbp, dbp_mmhg=dbp, classification="控制不满意")


# Every row rule of the contracts, broken just across its boundary where the boundary is in the record itself.
NAMED: dict[str, list[Fault]] = {
    "civil_affairs.area_changes": [
        _reject("code_changes_or_splits", lambda row: {"new_id": row["old_id"], "change_kind": "合并"}),
        _reject("code_changes_or_splits", lambda row: {"new_id": row["old_id"], "change_kind": "改码"}),
    ],
    "civil_affairs.population": [
        _reject("no_negative_population", put(**{f"population_{sex}_{ages}": "-1"}))
        for sex in ("m", "f")
        for ages in ("0_14", "15_34", "35_64", "65_plus")
    ],
    "civil_affairs.welfare": [_reject("start_not_later", put(start_date=_FAR_OFF))],
    "health_bureau.contracts": [
        _reject("ends_after_signing", lambda row: {"ends_on": row["signed_on"]}),
        _reject("signed_not_later", put(signed_on="2099-01-01", ends_on=_FAR_OFF)),
        _reject("items_not_negative", put(items_due="-1")),
        _reject("items_not_negative", put(items_done="-1")),
    ],
    "health_bureau.device_readings": [
        _reject("sbp_range", put(sbp_mmhg="301")),
        _reject("sbp_range", put(sbp_mmhg="49")),
        _reject("dbp_range", put(dbp_mmhg="201")),
        _reject("dbp_range", put(dbp_mmhg="29")),
        _reject("measured_on_in_period", put(measured_on=_LONG_AGO)),
        _reject("measured_on_in_period", put(measured_on=_FAR_OFF)),
    ],
    "health_bureau.exams": [
        _reject("exam_date_in_period", put(exam_date=_LONG_AGO)),
        _reject("exam_date_in_period", put(exam_date=_FAR_OFF)),
    ],
    "health_bureau.followups_diabetes": [
        _reject("glucose_range", put(glucose_mmol_l="118")),
        _reject("glucose_range", put(glucose_mmol_l="50.1")),
        _reject("glucose_range", put(glucose_mmol_l="0.9")),
        _reject("followup_date_in_period", put(followup_date=_LONG_AGO)),
        _reject("followup_date_in_period", put(followup_date=_FAR_OFF)),
    ],
    "health_bureau.followups_dyslipidaemia": [
        _reject("ldl_range", put(ldl_mmol_l="15.1")),
        _reject("ldl_range", put(ldl_mmol_l="0.1")),
        _reject("followup_date_in_period", put(followup_date=_LONG_AGO)),
        _reject("followup_date_in_period", put(followup_date=_FAR_OFF)),
    ],
    "health_bureau.followups_hypertension": [
        _reject("sbp_range", _pressure("400", "95")),
        _reject("sbp_range", _pressure("301", "95")),
        _reject("sbp_range", _pressure("49", "48")),
        _reject("dbp_range", _pressure("120", "20")),
        _reject("dbp_range", _pressure("120", "29")),
        _reject("dbp_range", _pressure("300", "201")),
        _reject("sbp_above_dbp", _pressure("80", "95")),
        _reject("sbp_above_dbp", _pressure("90", "90")),
        _reject("followup_date_in_period", put(followup_date=_LONG_AGO)),
        _reject("followup_date_in_period", put(followup_date="2099-01-01", next_date=_FAR_OFF)),
        _warn("classification_matches_bp", put(classification="控制满意"), _high_but_satisfied),
        _warn("next_after_visit", lambda row: {"next_date": row["followup_date"]}),
    ],
    "health_bureau.fund_ledger": [
        _reject("entry_date_in_period", put(entry_date=_LONG_AGO)),
        _reject("entry_date_in_period", put(entry_date=_FAR_OFF)),
        _reject("budget_not_negative", put(entry_type="预算", amount_fen="-0.01")),
    ],
    "health_bureau.health_points": [
        _reject("points_not_negative", put(points_earned="-1")),
        _reject("points_not_negative", put(points_redeemed="-1")),
        _reject("joined_not_later", put(joined_on=_FAR_OFF)),
    ],
    "health_bureau.serves": [
        _reject("share_range", put(share="0")),
        _reject("share_range", put(share="1.0001")),
        _reject("served_to_not_before_from", put(served_from="2024-01-02", served_to="2024-01-01")),
    ],
    "health_bureau.institutions": [
        _reject("weekly_hours_range", put(weekly_hours="168.1")),
        _reject("weekly_hours_range", put(weekly_hours="-0.1")),
        _reject("closed_after_opened", put(opened_on="2010-06-01", closed_on="2010-05-31")),
    ],
    "health_bureau.residents": [
        _reject("birth_date_plausible", put(birth_date="1899-12-31")),
        _reject("birth_date_plausible", put(birth_date=_FAR_OFF)),
        _warn("sex_known", put(sex="未知")),
        _warn("archive_not_later", put(archive_date=_FAR_OFF)),
    ],
    "health_bureau.staff": [
        _reject("fte_range", put(fte="1.01")),
        _reject("fte_range", put(fte="-0.01")),
        _reject("left_after_joined", put(joined_on="2018-07-01", left_on="2018-06-30")),
    ],
    "health_bureau.survey": [
        _reject("weight_positive", put(weight="0")),
        _reject("weight_positive", put(weight="-0.0001")),
        _reject("health_scale", put(self_rated_health="0")),
        _reject("health_scale", put(self_rated_health="6")),
        _reject("satisfaction_scale", put(service_satisfaction="0")),
        _reject("satisfaction_scale", put(service_satisfaction="6")),
        _reject("literacy_score_range", put(literacy_score="101")),
        _reject("literacy_score_range", put(literacy_score="-1")),
        _reject("age_range", put(age_years="121")),
        _reject("age_range", put(age_years="-1")),
    ],
    "health_bureau.tasks": [_reject("done_not_later", put(done_on=_FAR_OFF))],
    "hospitals.encounters": [
        _reject("discharge_not_before_admit", put(discharge_date=_LONG_AGO)),
        _reject("cost_not_negative", put(total_cost_fen="-0.01")),
        _reject("admit_date_in_period", put(admit_date=_LONG_AGO)),
        _reject("admit_date_in_period", put(admit_date="2099-01-01", discharge_date=_FAR_OFF)),
    ],
    "insurers.settlements": [
        _reject("fee_adds_up", put(total_fee_fen="9.00", fund_pay_fen="6.00", person_pay_fen="2.99", is_reversal="0")),
        _reject("settled_on_in_period", put(settled_on=f"{_LONG_AGO} 08:00:00")),
        _reject("settled_on_in_period", put(settled_on=f"{_FAR_OFF} 08:00:00")),
        _reject("reversal_takes_back", put(is_reversal="1"), lambda row: row["total_fee_fen"][:1] not in ("-", "0")),
    ],
}

_LOWER_X = person_id_oddities(_ID)[1]
USUAL: dict[str, list[Fault]] = {
    "civil_affairs.area_changes": [day_written("changed_on", "{y}年{m_}月{d_}日")],
    "civil_affairs.welfare": [_WRONG_CHECK, _reject("code_category", put(category="优抚"))],
    "health_bureau.contracts": [
        _WRONG_CHECK,
        _reject("ends_after_signing", lambda row: {"ends_on": row["signed_on"]}),
        _reject("signed_not_later", put(signed_on="2099-01-01", ends_on=_FAR_OFF)),
        _reject("type_items_due", put(items_due="四项")),
        day_written("signed_on", "{y}/{m}/{d}"),
        _LOWER_X,
    ],
    "health_bureau.device_readings": [
        _WRONG_CHECK,
        _reject("sbp_range", put(sbp_mmhg="999")),
        _reject("type_sbp_mmhg", put(sbp_mmhg="Err")),
        _reject("measured_on_in_period", put(measured_on=_LONG_AGO)),
        _BROKEN,
        day_written("measured_on", "{y}{m}{d}"),
    ],
    "health_bureau.exams": [
        _WRONG_CHECK,
        _reject("exam_date_in_period", put(exam_date=_LONG_AGO)),
        _reject("code_exam_type", put(exam_type="学生")),
        _reject("required_is_complete", put(is_complete="")),
        day_written("exam_date", "{y}.{m}.{d}"),
        _LOWER_X,
    ],
    "health_bureau.followups_diabetes": [
        _WRONG_CHECK,
        _reject("glucose_range", put(glucose_mmol_l="118")),
        _reject("type_glucose_mmol_l", put(glucose_mmol_l="6.85")),
        wide("glucose_mmol_l"),
    ],
    "health_bureau.followups_dyslipidaemia": [
        _WRONG_CHECK,
        _reject("ldl_range", put(ldl_mmol_l="24")),
        _reject("type_ldl_mmol_l", put(ldl_mmol_l="2.45")),
        _reject("required_followup_no", put(followup_no="")),
        wide("ldl_mmol_l"),
    ],
    "health_bureau.followups_hypertension": [
        _WRONG_CHECK,
        _reject("sbp_range", _pressure("400", "95")),
        _reject("dbp_range", _pressure("120", "20")),
        _reject("sbp_above_dbp", _pressure("80", "95")),
        _reject("type_followup_date", put(followup_date="2024/13/45")),
        _reject("followup_date_in_period", put(followup_date=_LONG_AGO)),
        _reject("code_visit_mode", put(visit_mode="7")),
        _reject("required_followup_no", put(followup_no="")),
        _reject("type_sbp_mmhg", put(sbp_mmhg="一百三")),
        _warn("classification_matches_bp", put(classification="控制满意"), _high_but_satisfied),
        _BROKEN,
        day_written("followup_date", "{y}{m}{d}"),
        wide("sbp_mmhg"),
        _LOWER_X,
    ],
    "health_bureau.fund_ledger": [
        _reject("code_entry_type", put(entry_type="其他"), lambda row: row["entry_type"] == "支出"),
        _reject("type_amount_fen", put(amount_fen="12.345"), lambda row: row["entry_type"] == "支出"),
    ],
    "health_bureau.health_points": [
        _WRONG_CHECK,
        _reject("points_not_negative", put(points_redeemed="-20")),
        _reject("joined_not_later", put(joined_on=_FAR_OFF)),
        wide("points_earned"),
    ],
    "health_bureau.serves": [day_written("served_from", "{y}/{m}/{d}"), wide("share")],
    "health_bureau.institutions": [day_written("opened_on", "{y}/{m}/{d}"), wide("weekly_hours")],
    "health_bureau.residents": [
        _WRONG_CHECK,
        _CUT,
        _reject("type_birth_date", put(birth_date="1970-02-30")),
        _reject("required_birth_date", put(birth_date="")),
        _reject("code_sex", put(sex="7")),
        _reject("birth_date_plausible", put(birth_date="1899-12-31")),
        _warn("sex_known", put(sex="未知")),
        _warn("archive_not_later", put(archive_date=_FAR_OFF)),
        _BROKEN,
        _LOWER_X,
        day_written("birth_date", "{y}/{m}/{d}"),
    ],
    "health_bureau.staff": [
        _reject("fte_range", put(fte="10")),
        _reject("left_after_joined", put(joined_on="2018-07-01", left_on="2018-06-30")),
        _reject("code_post", put(post="保安")),
        day_written("joined_on", "{y}.{m}.{d}"),
    ],
    "health_bureau.survey": [
        _reject("health_scale", put(self_rated_health="7")),
        _reject("weight_positive", put(weight="0")),
        _reject("type_weight", put(weight="NaN")),
    ],
    "health_bureau.tasks": [
        _reject("done_not_later", put(done_on=_FAR_OFF)),
        _reject("type_due_on", put(due_on="年底前")),
        _reject("required_department", put(department="")),
        day_written("due_on", "{y}/{m_}/{d_}"),
    ],
    "hospitals.encounters": [
        _WRONG_CHECK,
        _reject("discharge_not_before_admit", put(discharge_date=_LONG_AGO), lambda row: bool(row["discharge_date"])),
        _reject("cost_not_negative", put(total_cost_fen="-10.00")),
        _reject("required_institution_code", put(institution_code="")),
        _reject("admit_date_in_period", put(admit_date=_LONG_AGO)),
        _reject("code_encounter_class", put(encounter_class="体检")),
        _reject("type_total_cost_fen", put(total_cost_fen="1e400")),
        _BROKEN,
        thousands("total_cost_fen"),
    ],
    "insurers.settlements": [
        _WRONG_CHECK,
        _reject("fee_adds_up", put(fund_pay_fen="0.01")),
        _reject("code_medical_type", put(medical_type="99")),
        _reject("settled_on_in_period", put(settled_on=f"{_LONG_AGO} 08:00:00")),
        Fault("", "harmless", put(insurance_type="310.0"), lambda row: row["insurance_type"] == "310"),
    ],
}
