"""Baselines of areas that changed since the base year: counted anew where that is exact, else passed on; marked."""

from datetime import date
from decimal import Decimal
from typing import Any

from assets.compute.allocation import allocate
from data_contracts.periods import Period
from tests.unit.compute.test_compute_allocation import ALLOCATION, MANAGED, NOW, RULES, city, counted, valued

__all__ = ["city"]
THEN = "2024Q4"
# c1 and x became c1; c2 was never touched; the old c3 was divided into c3 and c4, and y joined c4.
OLD = {"c1": (10, 100), "x": (30, 100), "c2": (50, 80), "c3": (20, 50), "y": (10, 10)}
PEOPLE = {"c1": 3000, "c2": 1000, "c3": 500, "c4": 500}
CHANGES = [("x", "c1", "merge"), ("c3", "c3", "split"), ("c3", "c4", "split"), ("y", "c4", "merge")]


def figures(area: str, counts: tuple[int, int] | None, status: str) -> list[dict[str, Any]]:
    top, bottom = counts or (None, None)
    return [
        {"area_level": "community", "area_id": area, "indicator_id": MANAGED, "rule_set": rule, "stratum": "all",
         "numerator": None if top is None else Decimal(top), "method": "x", "status": status,
         "denominator": None if bottom is None else Decimal(bottom)}
        for rule in RULES
    ]  # fmt: skip


def grown(city: Any) -> Any:
    improving = ALLOCATION.replace("score: achievement", "score: best_of_achievement_and_improvement")
    city.write_settings(
        "allocation", improving.replace("denominator: denominator}", "denominator: denominator, baseline: baseline}")
    )
    above = ("t", "n", "s")
    city.put_tree(THEN, dict.fromkeys(OLD, above))
    city.put_tree(NOW, dict.fromkeys(PEOPLE, above))
    areas = [
        {"area_level": "community", "area_id": area, "area_name": area, "is_rural": False, "leaf_count": 1}
        for area in PEOPLE
    ]
    city.put_rows("mart__areas", NOW, areas)
    counted(city, "population", PEOPLE)
    valued(city, dict.fromkeys(PEOPLE, (60, 100, "ok")))
    before = [row for area, counts in OLD.items() for row in figures(area, counts, "ok")]
    city.put_rows("ind__values", THEN, [{**row, "value": 1.0} for row in before])
    anew = [
        *figures("c1", (38, 190), "ok"), *figures("c3", None, "not_applicable"), *figures("c4", None, "not_applicable"),
    ]  # fmt: skip
    rows = [{**row, "period": THEN, "geography": NOW, "value": 1.0 if row["status"] == "ok" else None} for row in anew]
    city.put_rows("ind__rebased", NOW, rows)
    changes = [
        {"old_id": old, "new_id": new, "changed_on": date(2025, 2, 1), "change_kind": kind, "level": "community"}
        for old, new, kind in CHANGES
    ]
    city.stage("civil_affairs.area_changes", "2025Q1", changes)
    return city


def baselines(city: Any, catalog: Any) -> dict[str, tuple[Decimal | None, str | None]]:
    found = allocate(city.home, city.settings, Period.parse(NOW), catalog=catalog)
    assert found.status == "ok", found.message
    rows = found.tables["alloc__performance"].filter(indicator=MANAGED)
    return {own: (base, mark) for own, base, mark in rows.select("payee_id", "baseline", "baseline_from").iter_rows()}


def test_what_became_of_an_area_keeps_its_baseline(city: Any) -> None:
    assert baselines(grown(city), city.catalog) == {
        # A person in both old areas counts once: what was counted anew, not the sum of what was published.
        "c1": (Decimal("0.2"), "recounted"),
        "c2": (Decimal("0.625"), "own"),
        # Nobody knows who lived in which part: both have that of the whole, c4 together with what joined it.
        "c3": (Decimal("0.4"), "inherited"),
        "c4": (Decimal("0.5"), "inherited"),
    }


def test_without_recorded_changes_a_divided_area_has_no_baseline(city: Any) -> None:
    grown(city)
    city.stage("civil_affairs.area_changes", "2025Q1", [])
    assert baselines(city, city.catalog) == {
        "c1": (Decimal("0.2"), "recounted"), "c2": (Decimal("0.625"), "own"), "c3": (None, None), "c4": (None, None),
    }  # fmt: skip
