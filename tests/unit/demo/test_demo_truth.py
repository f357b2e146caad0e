"""truth/indicators.csv equals a count written out record by record from the files of a city without faults."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from data_contracts.periods import Period, periods_between
from tests.unit.demo.conftest import FIRST, LAST, Files, Record, day

Count = dict[str, Decimal]
LEVELS = {"community": 12, "township": 9, "county": 6, "city": 4}
LEAVES = 60


def _by_period(files: Files, key: str) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in files.records(key):
        if "最终版" not in record.file:
            found[record.period.key].append(record)
    return found


def _whole_id(text: str) -> str:
    """The first 17 digits of an identity number, which are different for every person."""
    return text[:6] + "19" + text[6:15] if len(text) == 15 else text[:17]


def _person(record: Record) -> str:
    return _whole_id(record.cells["person_id_no"])


def _age(born: date, at: date) -> int:
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def _ones(areas: Iterable[str]) -> Count:
    total: Count = defaultdict(Decimal)
    for area in areas:
        total[area] += 1
    return total


def _patients(register: list[Record]) -> dict[str, Record]:
    return {
        _person(record): record
        for record in register
        if record.cells["archive_status"] == "正常" and record.cells["is_hypertension_registered"] == "是"
    }


def _specification(visit: Record) -> bool:
    face_to_face = visit.cells["visit_mode"] in ("门诊", "家庭")
    return face_to_face and visit.cells["sbp_mmhg"].isdigit() and visit.cells["dbp_mmhg"].isdigit()


def _control(register: list[Record], year: list[Record], end: date) -> tuple[Count, Count]:
    last: dict[str, Record] = {}
    managed = {_person(visit) for visit in year}
    for visit in sorted(year, key=lambda v: (v.cells["followup_date"], v.cells["followup_no"])):
        if _specification(visit):
            last[_person(visit)] = visit
    top, bottom = [], []
    for person, patient in _patients(register).items():
        if person not in managed:
            continue
        bottom.append(patient.cells["community_id"])
        born = day(patient.cells["birth_date"])
        assert born is not None
        limit = 150 if _age(born, end) >= 65 else 140
        if person in last and int(last[person].cells["sbp_mmhg"]) < limit and int(last[person].cells["dbp_mmhg"]) < 90:
            top.append(patient.cells["community_id"])
    return _ones(top), _ones(bottom)


def _followup(register: list[Record], visits: list[Record]) -> tuple[Count, Count]:
    seen = {_person(visit) for visit in visits if _specification(visit)}
    patients = _patients(register)
    top = _ones(record.cells["community_id"] for person, record in patients.items() if person in seen)
    return top, _ones(record.cells["community_id"] for record in patients.values())


def _population(files: Files, period: Period) -> tuple[Count, Count]:
    """Everybody and those from 65 on, from the workbooks."""
    everybody: Count = {}
    old: Count = {}
    for path in sorted((files.home / "landing/civil_affairs/population").rglob(f"*{period.key}.xlsx")):
        sheet = pl.read_excel(path, engine="calamine", has_header=False, drop_empty_rows=False)
        for row in sheet.rows():
            if row[0] is not None and len(str(row[0])) == 12:
                counts = [int(float(cell)) for cell in row[2:10]]
                everybody[row[0]], old[row[0]] = Decimal(sum(counts)), Decimal(counts[3] + counts[7])
    return everybody, old


def _money(year: list[Record], progress: Decimal) -> tuple[Count, Count]:
    sums: dict[str, Count] = defaultdict(lambda: defaultdict(Decimal))
    for entry in year:
        sums[entry.cells["entry_type"]][entry.cells["community_id"]] += Decimal(entry.cells["amount_fen"]) * 100
    return sums["支出"], {area: amount * progress for area, amount in sums["预算"].items()}


def _survey(answers: list[Record]) -> tuple[Count, Count]:
    top: Count = defaultdict(Decimal)
    bottom: Count = defaultdict(Decimal)
    for answer in answers:
        if answer.cells["self_rated_health"] == "拒答":
            continue
        bottom[answer.cells["community_id"]] += Decimal(answer.cells["weight"])
        if int(answer.cells["self_rated_health"]) >= 4:
            top[answer.cells["community_id"]] += Decimal(answer.cells["weight"])
    return top, bottom


def _expected(files: Files) -> dict[tuple[str, str], tuple[Count, Count]]:
    feeds = {
        name: _by_period(files, name)
        for name in (
            "health_bureau.residents",
            "health_bureau.followups_hypertension",
            "health_bureau.fund_ledger",
            "health_bureau.survey",
            "hospitals.encounters",
            "civil_affairs.welfare",
        )
    }
    found = {}
    for period in periods_between(FIRST, LAST):
        register = feeds["health_bureau.residents"][period.key]
        visits, ledger = feeds["health_bureau.followups_hypertension"], feeds["health_bureau.fund_ledger"]
        year = [f"{period.year}Q{number}" for number in range(1, period.index + 1)]
        home = {_person(r): r.cells["community_id"] for r in register if r.cells["archive_status"] == "正常"}
        stays = [r for r in feeds["hospitals.encounters"][period.key] if r.cells["encounter_class"] == "住院"]
        everybody, old = _population(files, period)
        poor = {(_person(r), r.cells["community_id"]) for r in feeds["civil_affairs.welfare"][period.key]}
        rows = {
            "chronic_hypertension_control_pct": _control(register, [v for q in year for v in visits[q]], period.end),
            "chronic_hypertension_followup_pct": _followup(register, visits[period.key]),
            "hospital_admissions_per_1k": (_ones(home[_person(r)] for r in stays if _person(r) in home), everybody),
            "fund_execution_against_time_pct": _money(
                [entry for q in year for entry in ledger[q]], Decimal(period.index) / 4
            ),
            "self_rated_health_good_pct": _survey(feeds["health_bureau.survey"][period.key]),
            "population_aged_65_plus_pct": (old, everybody),
            "welfare_recipients_pct": (_ones(area for _, area in poor), everybody),
        }
        found.update({(period.key, indicator): counts for indicator, counts in rows.items()})
    return found


@pytest.fixture(scope="module")
def truth(clean_city: Files) -> list[dict[str, str]]:
    with (clean_city.home / "truth/indicators.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_truth_agrees_with_a_count_from_the_files(clean_city: Files, truth: list[dict[str, str]]) -> None:
    expected = _expected(clean_city)
    assert {(row["period"], row["indicator_id"]) for row in truth} == set(expected)
    for row in truth:
        for name, counts in zip(
            ("numerator", "denominator"), expected[row["period"], row["indicator_id"]], strict=True
        ):
            inside = sum((value for area, value in counts.items() if area.startswith(row["area_id"])), Decimal())
            assert Decimal(row[name]) == inside, (row, name)


def test_truth_lists_every_area_of_every_level_once(truth: list[dict[str, str]]) -> None:
    indicators, periods = {row["indicator_id"] for row in truth}, periods_between(FIRST, LAST)
    areas = {(row["area_level"], row["area_id"]) for row in truth}
    assert len(truth) == len(areas) * len(indicators) * len(periods)
    assert len(indicators) == 7
    assert {level: sum(at == level for at, _ in areas) for level in LEVELS} == {
        "community": LEAVES,
        "township": 10,
        "county": 2,
        "city": 1,
    }
    assert all(len(area) == LEVELS[level] for level, area in areas)
    assert {(row["rule_set"], row["stratum"]) for row in truth} == {("national_2017", "all")}


def test_indicators_differ_between_communities_and_are_shares(truth: list[dict[str, str]]) -> None:
    for indicator in ("chronic_hypertension_followup_pct", "self_rated_health_good_pct"):
        rows = [r for r in truth if r["indicator_id"] == indicator and r["area_level"] == "community"]
        values = [Decimal(r["numerator"]) / Decimal(r["denominator"]) for r in rows if Decimal(r["denominator"])]
        assert len(set(values)) > LEAVES // 2
        assert all(0 <= value <= 1 for value in values)
