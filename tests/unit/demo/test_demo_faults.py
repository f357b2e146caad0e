"""Every planted fault stands where truth/faults.csv says, breaks the rule it names, and nothing else is wrong."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

from stdnum.cn import ric

from pipelines.demo.faults import USUAL
from pipelines.demo.generator import generate
from tests.unit.demo.conftest import Files, Record, day

Violates = Callable[[Record], bool]


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(unicodedata.normalize("NFKC", text).replace(",", ""))
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < 10**16 else None


def _digits_after_point(text: str) -> int:
    return len(text.partition(".")[2])


def _id_is_wrong(record: Record) -> bool:
    text = record.cells["person_id_no"].strip().upper()
    if len(text) == 15:
        return not text.isdigit()
    if len(text) != 18 or not text[:17].isdigit():
        return True
    return text[17] != ric.calc_check_digit(text)


def _bad_date(name: str) -> Violates:
    return lambda r: bool(r.cells[name]) and day(r.cells[name]) is None


def _bad_number(name: str, digits: int) -> Violates:
    def violates(record: Record) -> bool:
        text = record.cells[name]
        if text in ("", "未测", "拒答"):
            return False
        return _number(text) is None or _digits_after_point(text) > digits

    return violates


def _outside(name: str, low: int, high: int) -> Violates:
    def violates(record: Record) -> bool:
        value = _number(record.cells[name])
        return value is not None and not low <= value <= high

    return violates


def _not_among(name: str, *values: str) -> Violates:
    return lambda r: r.cells[name] not in values


def _not_in_period(name: str) -> Violates:
    def violates(record: Record) -> bool:
        at = day(record.cells[name])
        return at is not None and not record.period.start <= at <= record.period.end

    return violates


def _born_too_early(record: Record) -> bool:
    born = day(record.cells["birth_date"])
    return born is not None and not (born.year >= 1900 and born <= record.period.end)


def _readings(record: Record) -> tuple[Decimal | None, Decimal | None]:
    return _number(record.cells["sbp_mmhg"]), _number(record.cells["dbp_mmhg"])


def _upper_not_above_lower(record: Record) -> bool:
    sbp, dbp = _readings(record)
    return sbp is not None and dbp is not None and sbp <= dbp


def _wrongly_satisfied(record: Record) -> bool:
    sbp, dbp = _readings(record)
    satisfied = record.cells["classification"] == "控制满意"
    return satisfied and ((sbp is not None and sbp >= 150) or (dbp is not None and dbp >= 90))


def _later(name: str) -> Violates:
    def violates(record: Record) -> bool:
        at = day(record.cells[name])
        return at is not None and at > record.period.end

    return violates


def _not_after(name: str, before: str, *, same: bool) -> Violates:
    """A day that lies before another one; `same`: the same day is wrong too."""

    def violates(record: Record) -> bool:
        first, second = day(record.cells[before]), day(record.cells[name])
        return first is not None and second is not None and (second < first or (same and second == first))

    return violates


def _below_zero(*names: str) -> Violates:
    return lambda r: any((value := _number(r.cells[name])) is not None and value < 0 for name in names)


def _empty(name: str) -> Violates:
    return lambda r: not r.cells[name].strip()


def _does_not_add_up(record: Record) -> bool:
    total, fund, own = (_number(record.cells[f"{x}_fen"]) for x in ("total_fee", "fund_pay", "person_pay"))
    return total is not None and fund is not None and own is not None and total != fund + own


MODES = ("门诊", "家庭", "电话", "短信", "网络", "其他")
RULES: dict[str, dict[str, Violates]] = {
    "health_bureau.residents": {
        "person_id_invalid": _id_is_wrong,
        "type_birth_date": _bad_date("birth_date"),
        "required_birth_date": lambda r: not r.cells["birth_date"],
        "code_sex": _not_among("sex", "男", "女", "未知"),
        "sex_known": lambda r: r.cells["sex"] == "未知",
        "birth_date_plausible": _born_too_early,
        "archive_not_later": _later("archive_date"),
        "code_archive_status": _not_among("archive_status", "正常", "死亡", "迁出"),
        "type_is_hypertension_registered": _not_among("is_hypertension_registered", "是", "否"),
    },
    "health_bureau.followups_hypertension": {
        "person_id_invalid": _id_is_wrong,
        "required_followup_no": lambda r: not r.cells["followup_no"],
        "type_followup_date": _bad_date("followup_date"),
        "followup_date_in_period": _not_in_period("followup_date"),
        "code_visit_mode": _not_among("visit_mode", *MODES),
        "type_sbp_mmhg": _bad_number("sbp_mmhg", 0),
        "type_dbp_mmhg": _bad_number("dbp_mmhg", 0),
        "sbp_range": _outside("sbp_mmhg", 50, 300),
        "dbp_range": _outside("dbp_mmhg", 30, 200),
        "sbp_above_dbp": _upper_not_above_lower,
        "classification_matches_bp": _wrongly_satisfied,
        "next_after_visit": _not_after("next_date", "followup_date", same=True),
    },
    "health_bureau.contracts": {
        "person_id_invalid": _id_is_wrong,
        "type_signed_on": _bad_date("signed_on"),
        "type_items_due": _bad_number("items_due", 0),
        "ends_after_signing": _not_after("ends_on", "signed_on", same=True),
        "signed_not_later": _later("signed_on"),
        "items_not_negative": _below_zero("items_due", "items_done"),
    },
    "health_bureau.device_readings": {
        "person_id_invalid": _id_is_wrong,
        "type_measured_on": _bad_date("measured_on"),
        "type_sbp_mmhg": _bad_number("sbp_mmhg", 0),
        "sbp_range": _outside("sbp_mmhg", 50, 300),
        "measured_on_in_period": _not_in_period("measured_on"),
    },
    "health_bureau.exams": {
        "person_id_invalid": _id_is_wrong,
        "type_exam_date": _bad_date("exam_date"),
        "exam_date_in_period": _not_in_period("exam_date"),
        "code_exam_type": _not_among("exam_type", "老年人", "慢性病患者"),
        "required_is_complete": _empty("is_complete"),
    },
    "health_bureau.followups_dyslipidaemia": {
        "person_id_invalid": _id_is_wrong,
        "required_followup_no": _empty("followup_no"),
        "followup_date_in_period": _not_in_period("followup_date"),
        "code_visit_mode": _not_among("visit_mode", *MODES),
        "type_ldl_mmol_l": _bad_number("ldl_mmol_l", 1),
        "ldl_range": lambda r: (value := _number(r.cells["ldl_mmol_l"])) is not None and not 1 <= value * 5 <= 75,
    },
    "health_bureau.health_points": {
        "person_id_invalid": _id_is_wrong,
        "type_points_earned": _bad_number("points_earned", 0),
        "points_not_negative": _below_zero("points_earned", "points_redeemed"),
        "joined_not_later": _later("joined_on"),
    },
    "health_bureau.institutions": {
        "type_opened_on": _bad_date("opened_on"),
        "type_weekly_hours": _bad_number("weekly_hours", 1),
        "weekly_hours_range": _outside("weekly_hours", 0, 168),
        "closed_after_opened": _not_after("closed_on", "opened_on", same=False),
    },
    "health_bureau.staff": {
        "type_joined_on": _bad_date("joined_on"),
        "code_post": _not_among("post", "全科医生", "护士", "公卫医师", "乡村医生", "其他"),
        "fte_range": _outside("fte", 0, 1),
        "left_after_joined": _not_after("left_on", "joined_on", same=False),
    },
    "health_bureau.tasks": {
        "type_due_on": _bad_date("due_on"),
        "required_department": _empty("department"),
        "done_not_later": _later("done_on"),
    },
    "health_bureau.followups_diabetes": {
        "person_id_invalid": _id_is_wrong,
        "followup_date_in_period": _not_in_period("followup_date"),
        "code_visit_mode": _not_among("visit_mode", *MODES),
        "type_glucose_mmol_l": _bad_number("glucose_mmol_l", 1),
        "glucose_range": _outside("glucose_mmol_l", 1, 50),
    },
    "health_bureau.survey": {
        "type_weight": _bad_number("weight", 4),
        "weight_positive": lambda r: _number(r.cells["weight"]) == 0,
        "health_scale": _outside("self_rated_health", 1, 5),
        "satisfaction_scale": _outside("service_satisfaction", 1, 5),
    },
    "health_bureau.fund_ledger": {
        "code_entry_type": _not_among("entry_type", "预算", "拨款", "支出"),
        "type_amount_fen": _bad_number("amount_fen", 2),
        "entry_date_in_period": _not_in_period("entry_date"),
        "budget_not_negative": lambda r: r.cells["entry_type"] == "预算" and r.cells["amount_fen"].startswith("-"),
    },
    "hospitals.encounters": {
        "person_id_invalid": _id_is_wrong,
        "admit_date_in_period": _not_in_period("admit_date"),
        "discharge_not_before_admit": _not_after("discharge_date", "admit_date", same=False),
        "code_encounter_class": _not_among("encounter_class", "门诊", "急诊", "住院"),
        "required_institution_code": _empty("institution_code"),
        "type_total_cost_fen": _bad_number("total_cost_fen", 2),
        "cost_not_negative": lambda r: r.cells["total_cost_fen"].startswith("-"),
    },
    "civil_affairs.welfare": {
        "person_id_invalid": _id_is_wrong,
        "code_category": _not_among("category", "低保", "特困", "高龄津贴", "残疾补贴"),
        "start_not_later": _later("start_date"),
    },
    "insurers.settlements": {
        "person_id_invalid": _id_is_wrong,
        "code_medical_type": _not_among("medical_type", "11", "14", "21"),
        "code_insurance_type": _not_among("insurance_type", "310", "310.0", "390"),
        "settled_on_in_period": _not_in_period("settled_on"),
        "fee_adds_up": _does_not_add_up,
    },
}


def _violations(files: Files) -> list[tuple[str, int, str]]:
    found = []
    for key, rules in RULES.items():
        for record in files.records(key):
            if not record.whole:
                found.append((record.file, record.number, "record_shape"))
                continue
            found.extend((record.file, record.number, rule) for rule, violates in rules.items() if violates(record))
    return sorted(found)


def test_what_is_wrong_in_the_files_is_exactly_what_truth_says(spoiled_city: Files) -> None:
    planted = [(file, number, rule) for file, number, rule, _ in spoiled_city.faults() if rule]
    assert _violations(spoiled_city) == sorted(planted)
    assert len(planted) > 200


def test_every_fault_that_can_be_planted_is_planted_with_its_kind(spoiled_city: Files) -> None:
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file, _, rule, kind in spoiled_city.faults():
        kinds[(".".join(file.split("/")[:2]), rule)].add(kind)
    for key, faults in USUAL.items():
        for fault in faults:
            if fault.kind != "harmless":
                assert kinds[key, fault.rule] == {fault.kind}, (key, fault.rule)


def test_a_duplicate_has_a_later_record_of_the_same_bytes(spoiled_city: Files) -> None:
    for key in ("health_bureau.residents", "hospitals.encounters", "insurers.settlements"):
        marked = {(file, number) for file, number, _, kind in spoiled_city.faults() if kind == "duplicate"}
        places: dict[tuple[str, ...], list[tuple[str, int]]] = defaultdict(list)
        for record in spoiled_city.records(key):
            places[(record.file, *record.cells.values())].append((record.file, record.number))
        repeated = [where for where in places.values() if len(where) > 1]
        assert repeated
        assert {where[0] for where in repeated} == {
            place for place in marked if place[0].startswith(key.replace(".", "/"))
        }
        assert all(len(where) == 2 for where in repeated)


def test_a_second_delivery_mends_refused_records_and_replaces_accepted_ones(spoiled_city: Files) -> None:
    records = list(spoiled_city.records("health_bureau.followups_hypertension"))
    second = [record for record in records if "更正" in record.file]
    first = {record.cells["followup_no"]: record for record in records if "更正" not in record.file}
    assert second
    faults = {(file, number): (rule, kind) for file, number, rule, kind in spoiled_city.faults()}
    answered = [first[record.cells["followup_no"]] for record in second]
    kinds = {faults[record.file, record.number] for record in answered}
    assert kinds == {("", "superseded"), ("sbp_range", "reject"), ("sbp_above_dbp", "reject")}
    for record, before in zip(second, answered, strict=True):
        assert record.cells["sbp_mmhg"] == "126"
        assert record.cells != before.cells
    superseded = {(file, number) for file, number, _, kind in spoiled_city.faults() if kind == "superseded"}
    assert superseded <= {(record.file, record.number) for record in answered}
    for file in {record.file for record in second}:
        note = spoiled_city.home / "landing" / f"{file}.note.yaml"
        count = sum(record.file == file for record in second)
        assert "sequence: 2\n" in note.read_text("utf-8")
        assert f"rows: {count}\n" in note.read_text("utf-8")


def test_the_same_bytes_come_twice_under_two_names(tmp_path: Path) -> None:
    """In third quarters the survey of a county lies there a second time."""
    generate(tmp_path, residents=500, seed=3, first="2025Q3", last="2025Q3")
    files = list((tmp_path / "landing/health_bureau/survey/990101").glob("*.csv"))
    assert len(files) == 2
    assert len({path.read_bytes() for path in files}) == 1


def test_oddities_that_must_be_accepted_are_there(spoiled_city: Files) -> None:
    def cells(key: str, name: str) -> set[str]:
        return {record.cells[name] for record in spoiled_city.records(key)}

    ids = cells("health_bureau.residents", "person_id_no")
    assert any(text.startswith(" ") and text.endswith("x") for text in ids)
    assert any(len(text) == 15 for text in cells("civil_affairs.welfare", "person_id_no"))
    assert any(len(text) == 15 for text in cells("insurers.settlements", "person_id_no"))
    readings = cells("health_bureau.followups_hypertension", "sbp_mmhg")
    assert any("０" <= text[:1] <= "９" for text in readings)
    assert {"", "未测"} <= readings
    assert any("," in text for text in cells("hospitals.encounters", "total_cost_fen"))
    assert any("/" in text for text in cells("health_bureau.residents", "birth_date"))
    assert any(text.isdigit() for text in cells("health_bureau.followups_hypertension", "followup_date"))
    assert "310.0" in cells("insurers.settlements", "insurance_type")


def test_a_clean_city_has_nothing_wrong(clean_city: Files) -> None:
    assert clean_city.faults() == []
    assert _violations(clean_city) == []
    assert not list(clean_city.home.rglob("*.note.yaml"))
    for key in RULES:
        rows = [(record.file, *record.cells.values()) for record in clean_city.records(key)]
        assert len(set(rows)) == len(rows)
