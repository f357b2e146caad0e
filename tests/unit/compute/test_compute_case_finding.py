"""A city where more patients are found and nobody is sicker: health is not read as worse, nor do settings allow it."""

import shutil
from typing import Any

import polars as pl
import pytest
import yaml

from assets.compute.risk import risk_tables
from data_contracts.closed import DefinitionError, read_yaml
from data_contracts.periods import Period
from data_contracts.settings.loading import REGISTRY, load_settings
from tests.unit.compute.test_compute_indices import AREAS, DEMO, NOW, RULES, three_dimensions, values

FIGURES = {
    "population_aged_65_plus_pct": [5.0 + 2 * at for at in range(12)],
    "welfare_recipients_pct": [12.0 - at for at in range(12)],
    "hospital_admissions_per_1k": [20.0, 30.0, 40.0, 50.0, 60.0, 70.0] * 2,
    "health_literacy_pct": [20.0 + at for at in range(12)],
    "contract_coverage_pct": [30.0 + 2 * at for at in range(12)],
    "related_admissions_per_1k": [60.0] * 12,
    "archive_coverage_pct": [90.0 - at for at in range(12)],
}


def measured(workshop: Any, registered: dict[str, int]) -> dict[str, pl.DataFrame]:
    """The risk tables when so many chronic patients of a thousand residents are registered."""
    rows = values(**FIGURES)
    for row in rows:
        if row["indicator_id"] == "related_admissions_per_1k":
            row["denominator"] = registered[row["area_id"]]
        if row["indicator_id"] == "archive_coverage_pct":
            row["denominator"] = 1000
    workshop.put_rows("ind__values", NOW, rows)
    return risk_tables(workshop.home, workshop.settings, Period.parse(NOW))


def totals(tables: dict[str, pl.DataFrame], name: str) -> dict[str, float]:
    rows = tables[name].filter(component="total", rule_set=RULES[0])
    return dict(rows.select("area_id", "value").iter_rows())


def test_finding_more_patients_moves_the_literal_index_only(workshop: Any) -> None:
    """Prevalence on the register from 10 to 14 percent: 4/40 of the way, weight 40, so 4 points more literal risk."""
    shutil.copy(DEMO / "risk.yaml", workshop.home.settings)
    before = measured(workshop, dict.fromkeys(AREAS, 100))
    after = measured(workshop, {**dict.fromkeys(AREAS, 100), AREAS[3]: 140})
    assert totals(before, "risk__areas") == totals(after, "risk__areas")
    was, now = totals(before, "risk__compared"), totals(after, "risk__compared")
    moved = {area: round(now[area] - was[area], 6) for area in AREAS if now[area] != was[area]}
    assert moved == {AREAS[3]: pytest.approx(4.0)}
    # What is wrong with it is told in numbers: one percent more patients found is a point more, one fewer a point less.
    told = after["risk__incentives"].filter(component="chronic_prevalence", rule_set=RULES[0])
    assert told["losing"].to_list() == [12]
    assert told["mean_loss"].to_list() == [pytest.approx(1.0)]


def test_ranks_by_risk_say_which_choice_they_depend_on(workshop: Any) -> None:
    shutil.copy(DEMO / "risk.yaml", workshop.home.settings)
    found = measured(workshop, {area: 60 + 10 * at for at, area in enumerate(AREAS)})["risk__sensitivity"]
    assert set(found["index_id"]) == {"risk_structural", "risk_literal"}
    assert set(found["choice"]) == {"combine", "weights", "sampling"}
    assert (
        found.select(pl.col("total_lower") <= pl.col("total"), pl.col("total") <= pl.col("total_upper"))
        .to_numpy()
        .all()
    )


@pytest.mark.parametrize(("posts", "refused"), [({"low": 30, "high": 5}, True), ({"low": 5, "high": 30}, False)])
def test_a_policy_does_not_lose_points_by_finding_patients(workshop: Any, posts: dict[str, int], refused: bool) -> None:
    """The registry says that the indicator rises with case finding; a policy may not score less of it as better."""
    entry = read_yaml(REGISTRY / "indicators.yaml")["welfare_recipients_pct"] | {"rises_with_case_finding": True}
    workshop.write_settings("indicators", yaml.safe_dump({"welfare_recipients_pct": entry}, allow_unicode=True))
    document = yaml.safe_load(three_dimensions({"prevention": (50, 30, 20)}))
    document["policies"]["p_prevention"]["indicators"]["health_outcome"] = [
        {"indicator": "welfare_recipients_pct", "weight": 100, **posts}
    ]
    workshop.write_settings("policies", yaml.safe_dump(document))
    if not refused:
        assert load_settings(workshop.home.path).policy_document
        return
    with pytest.raises(DefinitionError) as caught:
        load_settings(workshop.home.path)
    assert "p_prevention" in caught.value.words("en")
    assert "'welfare_recipients_pct' rises when more patients are found" in caught.value.words("en")
    assert "“welfare_recipients_pct”会因多发现病人而升高" in caught.value.words("zh")
