"""Senders held against each other: which comparisons a home can make, over which periods, and what failing leaves."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.compute import reconciliation
from assets.compute.marts import build_link, build_mart
from assets.compute.reconciliation import COMPARISONS, hanging_on, reconcile, reconciliation_inputs
from assets.engine.duck import EngineError
from data_contracts.judgement import EXPECTATIONS
from data_contracts.periods import Period

BEFORE, NOW = "2025Q3", "2025Q4"
REGISTER, EXAMS, ENCOUNTERS = "health_bureau.residents", "health_bureau.exams", "hospitals.encounters"
SETTLEMENTS = "insurers.settlements"


def _resident(person: str, status: str = "active") -> dict[str, Any]:
    return {
        "person_key": person, "person_id_class": "id18", "archive_no": person, "sex": "F", "community_id": "c1",
        "birth_date": date(1950, 1, 1), "archive_status": status, "event_date": date(2020, 1, 1),
    }  # fmt: skip


def _exam(person: str, day: date) -> dict[str, Any]:
    return {
        "person_key": person, "person_id_class": "id18", "exam_no": f"{person}{day}", "exam_date": day,
        "event_date": day, "institution_code": "C1",
    }  # fmt: skip


def _stay(person: str, admitted: date, discharged: date) -> dict[str, Any]:
    return {
        "person_key": person, "person_id_class": "id18", "encounter_no": f"{person}{admitted}",
        "institution_code": "H1", "encounter_class": "inpatient", "admit_date": admitted, "event_date": admitted,
        "discharge_date": discharged, "total_cost_fen": 1,
    }  # fmt: skip


def _bill(person: str, day: date) -> dict[str, Any]:
    return {
        "person_key": person, "person_id_class": "id18", "setl_id": f"{person}{day}", "institution_code": "H1",
        "medical_type": "inpatient", "settled_on": day, "event_date": day, "is_reversal": False,
    }  # fmt: skip


@pytest.fixture
def city(workshop: Any) -> Any:
    workshop.stage(REGISTER, BEFORE, [_resident("alive"), _resident("gone", "dead"), _resident("left", "moved")])
    workshop.build(build_link, "link__persons", BEFORE)
    workshop.stage(REGISTER, NOW, [_resident("alive"), _resident("gone", "dead"), _resident("new", "dead")])
    days = (date(2025, 10, 1), date(2025, 12, 1))
    workshop.stage(EXAMS, NOW, [_exam(person, day) for person in ("alive", "gone", "left", "new") for day in days])
    workshop.stage(ENCOUNTERS, BEFORE, [_stay("late", date(2025, 9, 28), date(2025, 10, 2))])
    workshop.stage(ENCOUNTERS, NOW, [_stay("alive", date(2025, 10, 1), date(2025, 10, 9))])
    workshop.stage(SETTLEMENTS, NOW, [_bill("alive", date(2025, 10, 9)), _bill("late", date(2025, 10, 2))])
    for period in (BEFORE, NOW):
        workshop.build(build_link, "link__persons", period)
        for mart in ("mart__residents", "mart__health_bureau__exams", "mart__hospitals__encounters"):
            workshop.build(build_mart, mart, period)
        workshop.build(build_mart, "mart__insurers__settlements", period)
    return workshop


def _rows(city: Any, period: str = NOW) -> pl.DataFrame:
    return reconcile(city.home, city.settings, city.catalog, Period.parse(period))


def _of(rows: pl.DataFrame, expectation: str, feed: str) -> list[tuple[Any, ...]]:
    own = rows.filter(pl.col("expectation") == expectation, pl.col("feed") == feed)
    return sorted(own.select("institution", "against", "matched", "base").rows(), key=str)


def test_without_a_register_of_deaths_who_was_dead_when_the_period_began_counts(city: Any) -> None:
    rows = _rows(city)
    # `new` died within the period and may have been seen before that; `left` is not dead.
    assert _of(rows, "no_contact_after_death", EXAMS) == [("C1", REGISTER, 1, 4), (None, REGISTER, 1, 4)]
    assert _of(rows, "no_contact_after_death", ENCOUNTERS) == [("H1", REGISTER, 0, 1), (None, REGISTER, 0, 1)]
    # The period before that has no register to go by.
    assert _of(_rows(city, BEFORE), "no_contact_after_death", EXAMS) == []


def test_who_was_admitted_in_the_period_before_and_discharged_in_this_one_is_settled_in_it(city: Any) -> None:
    rows = _rows(city)
    assert _of(rows, "admitted_persons_settled", ENCOUNTERS) == [
        ("H1", SETTLEMENTS, 2, 2),
        (None, SETTLEMENTS, 2, 2),
    ]
    assert _of(rows, "settlements_per_admission", SETTLEMENTS) == [("H1", ENCOUNTERS, 2, 2), (None, ENCOUNTERS, 2, 2)]
    assert _of(_rows(city, BEFORE), "admitted_persons_settled", ENCOUNTERS) == []


def test_a_comparison_that_fails_leaves_rows_without_counts(city: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise EngineError("broken")

    monkeypatch.setattr(reconciliation, "query", broken)
    rows = _rows(city)
    assert set(rows["expectation"]) == {
        "no_contact_after_death", "admitted_persons_settled", "settled_persons_admitted", "settlements_per_admission",
    }  # fmt: skip
    assert rows["matched"].null_count() == rows["base"].null_count() == rows.height == 4


def test_a_home_of_one_sender_compares_nothing(workshop: Any) -> None:
    workshop.stage(EXAMS, NOW, [_exam("alive", date(2025, 10, 1))])
    assert _rows(workshop).is_empty()


def test_everything_a_comparison_reads_makes_it_stale(city: Any) -> None:
    named = set(reconciliation_inputs(city.settings, city.catalog, Period.parse(NOW)))
    register = city.catalog.feed(REGISTER).table
    assert named >= {
        (register, BEFORE), ("link__persons", BEFORE), ("mart__health_bureau__exams", NOW),
        ("mart__hospitals__encounters", BEFORE), ("mart__hospitals__encounters", NOW),
        ("mart__insurers__settlements", NOW), ("mart__residents", NOW), ("mart__area_facts", NOW),
    }  # fmt: skip


def test_every_reconciliation_is_made_by_one_comparison() -> None:
    made = [name for comparison in COMPARISONS for name in comparison.expectations]
    assert sorted(made) == sorted(name for name, kind in EXPECTATIONS.items() if kind == "reconciliation")
    assert hanging_on("settlements_per_admission", SETTLEMENTS) == (
        (ENCOUNTERS, "encounter_class"),
        (SETTLEMENTS, "medical_type"),
    )
    assert hanging_on("no_contact_after_death", EXAMS) == ((EXAMS, None),)
    assert hanging_on("volume_against_previous", EXAMS) == ((EXAMS, None),)
