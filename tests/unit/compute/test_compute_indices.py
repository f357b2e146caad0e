"""Indices on the road: the risk index and its literal twin, guards, locks, appraisals, and how sure they are."""

import copy
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from assets.compute.appraisals import appraisal_scores
from assets.compute.risk import risk_tables
from assets.compute.scores import score_tables
from data_contracts.closed import DefinitionError, read_yaml
from data_contracts.periods import Period
from data_contracts.settings.loading import REGISTRY, load_settings
from pipelines.locking import lock_settings

NOW = "2025Q3"
RULES = ("national_2017", "platform_2011")
DEMO = Path(__file__).parents[3] / "pipelines" / "demo" / "settings"
AREAS = [f"c{at:02d}" for at in range(12)]
LEAF = {"kind": "structural", "weight": 1, "steps": [{"step": "goalposts", "worst": 0, "best": 100}]}


def values(**figures: Any) -> list[dict[str, Any]]:
    """Rows of ind__values: indicator → value of each area; limits two below and above, counts of 100."""
    return [
        {
            "area_level": "community",
            "area_id": area,
            "indicator_id": indicator,
            "rule_set": rules,
            "stratum": "all",
            "numerator": None if value is None else value,
            "denominator": None if value is None else 100,
            "value": value,
            "lower": None if value is None else max(value - 2, 0.0),
            "upper": None if value is None else value + 2,
            "method": "x",
            "status": "no_data" if value is None else "ok",
        }
        for indicator, column in figures.items()
        for area, value in zip(AREAS, column, strict=False)
        for rules in RULES
    ]


@pytest.fixture
def town(workshop: Any) -> Any:
    shutil.copy(DEMO / "risk.yaml", workshop.home.settings)
    workshop.put_rows("ind__values", NOW, values(
        population_aged_65_plus_pct=[5.0 + 2 * at for at in range(12)],
        welfare_recipients_pct=[12.0 - at for at in range(12)],
        hospital_admissions_per_1k=[20.0, 30.0, 40.0, 50.0, 60.0, 70.0] * 2,
        health_literacy_pct=[20.0 + at for at in range(12)],
        contract_coverage_pct=[30.0 + 2 * at for at in range(12)],
        related_admissions_per_1k=[60.0] * 12,
        archive_coverage_pct=[90.0 - at for at in range(12)],
    ))  # fmt: skip
    return workshop


def own_index(workshop: Any, change: Any = dict, name: str = "risk_structural") -> None:
    """The home's own copy of a shipped index, changed."""
    document = copy.deepcopy(read_yaml(REGISTRY / "indices" / f"{name}.yaml"))
    change(document)
    folder = workshop.home.settings / "indices"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


def risks(workshop: Any) -> dict[str, pl.DataFrame]:
    return risk_tables(workshop.home, workshop.settings, Period.parse(NOW))


def test_the_structural_index_by_hand(town: Any) -> None:
    found = risks(town)["risk__areas"].filter(area_id="c03", rule_set=RULES[0])
    rows = {row["component"]: row for row in found.to_dicts()}
    # 11 lies a fifth of the way from 5 to 35, 9 three quarters from 0 to 12, 50 two thirds from 10 to 70
    assert rows["population_aged_65_plus_pct"]["value"] == 20.0
    assert rows["welfare_recipients_pct"]["value"] == 75.0
    assert rows["total"]["value"] == pytest.approx(0.4 * 20 + 0.3 * 75 + 0.3 * 200 / 3, abs=1e-6)
    assert sum(row["contribution"] for name, row in rows.items() if name != "total") == pytest.approx(
        rows["total"]["value"], abs=1e-9
    )
    # independent errors of 2 in 30, 12 and 60, times the weights; nothing lies at a goalpost
    spread = 100 * ((0.4 * 2 / 30) ** 2 + (0.3 * 2 / 12) ** 2 + (0.3 * 2 / 60) ** 2) ** 0.5
    assert rows["total"]["lower"] == pytest.approx(rows["total"]["value"] - spread, abs=1e-6)
    assert rows["total"]["upper"] == pytest.approx(rows["total"]["value"] + spread, abs=1e-6)


def test_contributions_sum_to_the_last_digit_everywhere(town: Any) -> None:
    for name in ("risk__areas", "risk__compared"):
        frame = risks(town)[name]
        whole = pl.col("component") == "total"
        sums = frame.group_by("area_id", "rule_set").agg(
            (pl.col("contribution").filter(~whole).sum() * 10**6).round(0).alias("parts"),
            (pl.col("value").filter(whole).first() * 10**6).round(0).alias("whole"),
        )
        assert (sums["parts"] == sums["whole"]).all()
        assert sums.height == 24


def test_the_literal_index_is_computed_beside_and_shows_that_improving_loses(town: Any) -> None:
    found = risks(town)
    assert set(found["risk__areas"]["index_id"]) == {"risk_structural"}
    assert set(found["risk__compared"]["index_id"]) == {"risk_literal"}
    defects = found["risk__incentives"].filter(rule_set=RULES[0])
    assert set(defects["index_id"]) == {"risk_literal"}
    rows = {row["component"]: row for row in defects.to_dicts()}
    assert set(rows) == {"chronic_prevalence", "health_literacy_pct", "contract_coverage_pct"}
    # literacy weighs 30 over goalposts 50 apart: one point more of it takes 0.6 of the index, from everybody
    assert rows["health_literacy_pct"]["mean_loss"] == pytest.approx(0.3 * 100 / 50, abs=1e-6)
    assert rows["contract_coverage_pct"]["mean_loss"] == pytest.approx(0.3 * 100 / 70, abs=1e-6)
    assert all(row["losing"] == row["units"] == 12 for name, row in rows.items() if name != "chronic_prevalence")


def test_a_structural_index_has_no_incentive_to_tell_and_a_controllable_part_has(town: Any) -> None:
    own_index(town, lambda d: d["tree"]["parts"][1].update(kind="controllable"))
    found = risks(town)["risk__incentives"].filter(rule_set=RULES[0], index_id="risk_structural")
    assert found["component"].to_list() == ["welfare_recipients_pct"]
    # an area at the lower goalpost has nothing left to lose: c11 has 1 %, so all twelve still lose
    assert found["losing"].to_list() == [12]


def test_ranks_have_intervals_and_chances_sum_to_one(town: Any) -> None:
    found = risks(town)
    ranks = found["risk__ranks"].filter(index_id="risk_structural", rule_set=RULES[0])
    assert ranks["of"].to_list() == [12] * 12
    assert (ranks["lower"] <= ranks["median"]).all()
    assert (ranks["median"] <= ranks["upper"]).all()
    assert (ranks["upper"] - ranks["lower"]).max() > 1
    index = found["risk__areas"].filter(component="total", rule_set=RULES[0]).sort("area_id")["value"].to_list()
    assert ranks["rank"].to_list() == [1 + sum(other > value for other in index) for value in index]
    sums = found["risk__grades"].group_by("index_id", "area_id", "rule_set").agg(pl.col("chance").sum())["chance"]
    assert ((sums - 1).abs() < 1e-3).all()


def test_the_same_seed_gives_the_same_rows(town: Any) -> None:
    first, again = risks(town), risks(town)
    for name, frame in first.items():
        assert frame.equals(again[name])


def test_an_index_that_learns_from_units_learns_within_level_and_rule_set(town: Any) -> None:
    """Ranks of a min–max index in one rule set do not see figures of the other: doubled figures give the same index."""
    own_index(town, lambda d: [part.update(steps=[{"step": "min_max"}]) for part in d["tree"]["parts"]])
    before = risks(town)["risk__areas"].filter(rule_set=RULES[0], component="total")["value"]
    from assets.lake import parts

    rows = parts.read_table(town.home, "ind__values", [NOW])
    assert rows is not None
    other = pl.col("rule_set") == RULES[1]
    town.put("ind__values", NOW, rows.with_columns(
        *(pl.when(other).then(pl.col(name) * 7 + 1).otherwise(name).alias(name) for name in ("value", "lower", "upper"))
    ))  # fmt: skip
    found = risks(town)["risk__areas"].filter(component="total")
    assert found.filter(rule_set=RULES[0])["value"].equals(before)
    assert found.filter(rule_set=RULES[1])["value"].round(5).equals(before.round(5))


def refuse(workshop: Any) -> str:
    with pytest.raises(DefinitionError) as caught:
        load_settings(workshop.home.path)
    assert caught.value.words("zh") != caught.value.words("en")
    return caught.value.words("en")


PAYING = """
classes:
  service: {titles: {zh: x, en: x}, reference: x,
            weights: {health_outcome: 100, service_process: 0, policy_effectiveness: 0}}
grades: {good: {titles: {zh: x, en: x}, from_score: 80}, poor: {titles: {zh: x, en: x}, from_score: 0}}
policies:
  care:
    titles: {zh: x, en: x}
    policy_class: service
    target_group: {zh: x, en: x}
    document: x
    valid_from: "2017-02-28"
    owner: {zh: x, en: x}
    indicators:
      health_outcome: [{indicator: welfare_recipients_pct, weight: 100, low: 12, high: 0}]
"""
REASON = {"by": "x", "on": "2025-01-01", "reason": {"zh": "x", "en": "x"}}


def test_what_pays_may_not_be_need_unless_somebody_signed(town: Any) -> None:
    """Blood-pressure control earns performance money in the demo."""
    shutil.copytree(DEMO, town.home.settings, dirs_exist_ok=True)
    assert load_settings(town.home.path)
    paid = "chronic_hypertension_control_pct"

    def reads(column: str, **more: Any) -> None:
        own_index(town, lambda d: d["tree"]["parts"][1].update({"id": "hidden", "column": column, **more}))

    reads(paid)
    words = refuse(town)
    assert "indices/risk_structural.yaml" in words
    assert f"'hidden' reads indicator '{paid}', which earns performance money" in words
    assert "signed_reason" in words
    reads(paid, signed_reason=REASON)
    # Words alone are no signature: who signs, and what of, is in test_compute_signed_reasons.
    assert "kangheng sign" in refuse(town)
    # hidden behind a count or a limit it pays all the same
    for column in (f"{paid}.numerator", f"{paid}.lower"):
        reads(column)
        assert f"'{paid}', which earns performance money" in refuse(town)
    reads("welfare_recipients_pct", sampling={"lower": f"{paid}.lower", "upper": f"{paid}.upper"})
    assert f"'{paid}', which earns performance money" in refuse(town)


def test_case_finding_is_not_read_as_worse_health(town: Any) -> None:
    own_index(town, lambda d: d["tree"]["parts"][0].update(rises_with_case_finding=True))
    assert "detected_by" in refuse(town)
    own_index(
        town,
        lambda d: d["tree"]["parts"][0].update(rises_with_case_finding=True, detected_by="hospital_admissions_per_1k"),
    )
    assert load_settings(town.home.path)
    own_index(town, lambda d: d["tree"]["parts"][0].update(rises_with_case_finding=True, detected_by="nothing"))
    assert "nothing" in refuse(town)


def test_an_indicator_marked_in_the_registry_is_guarded_whatever_the_index_says(town: Any) -> None:
    entry = read_yaml(REGISTRY / "indicators.yaml")["welfare_recipients_pct"] | {"rises_with_case_finding": True}
    town.write_settings("indicators", yaml.safe_dump({"welfare_recipients_pct": entry}, allow_unicode=True))
    words = refuse(town)
    assert "welfare_recipients_pct" in words
    assert "signed_reason" in words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda d: d["tree"]["parts"][0].update(column="welfare_recipients_pc"),
            "did you mean 'welfare_recipients_pct'",
        ),
        (lambda d: d["tree"]["parts"][0]["sampling"].update(lower="welfare_recipients_pct.low"), "no column"),
        (lambda d: d.update(purpose="performance"), "purpose: need"),
        (lambda d: d.update(id="other"), "make them the same"),
        (lambda d: d.update(unit="area_level"), "spec.unit must be area_id"),
    ],
)
def test_a_wrong_index_is_named(town: Any, change: Any, said: str) -> None:
    own_index(town, change)
    assert said in refuse(town)


def test_an_unknown_index_is_named_with_the_nearest(town: Any) -> None:
    town.write_settings("risk", 'valid_from: "2023-01-01"\nuses: risk_structual\n')
    assert "did you mean 'risk_structural'" in refuse(town)


def test_a_home_of_before_reads_as_it_did(town: Any) -> None:
    short = """
titles: {zh: x, en: x}
reference: x
valid_from: "2023-01-01"
components:
  - {indicator: population_aged_65_plus_pct, weight: 40, low: 5, high: 35, kind: structural}
  - {indicator: welfare_recipients_pct, weight: 30, low: 0, high: 12, kind: structural}
  - {indicator: hospital_admissions_per_1k, weight: 30, low: 10, high: 70, kind: structural}
"""
    new = risks(town)["risk__areas"].drop("index_id")
    town.write_settings("risk", short)
    assert risks(town)["risk__areas"].drop("index_id").equals(new)
    town.write_settings("risk", short + "uses: risk_structural\n")
    assert "settings/indices" in refuse(town)


def test_locked_weights_refuse_any_others_until_somebody_says_why(town: Any) -> None:
    town.write_settings("policies", PAYING)
    done = lock_settings(town.home.path, "甲")
    assert {lock.entry for lock in done.added} == {"policy:care", "index:risk_structural", "index:risk_literal"}
    assert all(len(lock.hash) == 64 and lock.at for lock in done.added)
    assert load_settings(town.home.path)
    assert lock_settings(town.home.path, "甲").added == ()
    for old, new in (("low: 12", "low: 13"), ("weights: {health_outcome: 100, service_process: 0",
                                            "weights: {health_outcome: 90, service_process: 10")):  # fmt: skip
        town.write_settings("policies", PAYING.replace(old, new))
        words = refuse(town)
        assert "policy:care" in words
        assert "kangheng settings --home DIR --lock" in words
    with pytest.raises(DefinitionError, match="--reason"):
        lock_settings(town.home.path, "甲")
    again = lock_settings(town.home.path, "乙", "办法修订")
    assert [(lock.entry, lock.by, lock.reason) for lock in again.added] == [("policy:care", "乙", "办法修订")]
    assert len(load_settings(town.home.path).locks.locks) == 4
    # words that decide nothing unlock nothing
    town.write_settings("policies", PAYING.replace(old, new).replace("owner: {zh: x", "owner: {zh: y"))
    assert load_settings(town.home.path)
    with pytest.raises(DefinitionError, match="--by"):
        lock_settings(town.home.path, " ")


def test_a_lock_holds_an_index_too(town: Any) -> None:
    lock_settings(town.home.path, "x")
    own_index(town, lambda d: d["tree"]["parts"][0].update(weight=41))
    assert "index:risk_structural" in refuse(town)


CLASSES = {"prevention": (50, 30, 20), "service": (30, 50, 20), "governance": (30, 30, 40)}


def three_dimensions(classes: dict[str, tuple[int, int, int]]) -> str:
    names = ("health_outcome", "service_process", "policy_effectiveness")
    columns = ("population_aged_65_plus_pct", "welfare_recipients_pct", "hospital_admissions_per_1k")
    words = {"zh": "x", "en": "x"}
    policy = {
        "titles": words, "target_group": words, "document": "x", "valid_from": "2017-02-28", "owner": words,
        "indicators": {
            name: [{"indicator": column, "weight": 100, "low": 0, "high": 100}]
            for name, column in zip(names, columns, strict=True)
        },
    }  # fmt: skip
    document = {
        "classes": {
            key: {"titles": words, "reference": "x", "weights": dict(zip(names, weights, strict=True))}
            for key, weights in classes.items()
        },
        "grades": {
            key: {"titles": words, "from_score": score}
            for key, score in {"excellent": 90, "good": 80, "fair": 60, "poor": 0}.items()
        },
        "policies": {f"p_{key}": {**policy, "policy_class": key} for key in classes},
    }
    return yaml.safe_dump(document)


def test_three_dimensional_scores_by_class_of_policy(workshop: Any) -> None:
    """Outcome 72, process 85, effectiveness 64: 74.30, 76.90 and 72.70 by class, all of them fair."""
    workshop.write_settings("policies", three_dimensions(CLASSES))
    workshop.put_tree(NOW, {"c00": ["t", "k", "s"]})
    workshop.put_rows("ind__values", NOW, values(
        population_aged_65_plus_pct=[72.0], welfare_recipients_pct=[85.0], hospital_admissions_per_1k=[64.0]
    ))  # fmt: skip
    found = score_tables(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    totals = found["score__policies"].filter(dimension="total", rule_set=RULES[0])
    assert {row["policy_id"]: (row["value"], row["grade"]) for row in totals.to_dicts()} == {
        "p_prevention": (74.3, "fair"),
        "p_service": (76.9, "fair"),
        "p_governance": (72.7, "fair"),
    }
    sums = found["score__indicators"].group_by("policy_id", "rule_set").agg(pl.col("contribution").sum().round(6))
    assert sorted(set(sums["contribution"])) == [72.7, 74.3, 76.9]
    sure = found["score__grades"].filter(policy_id="p_prevention", rule_set=RULES[0])
    assert dict(sure.select("grade", "chance").iter_rows())["fair"] > 0.9


def test_appraisal_of_townships_beside_the_score_they_submit(workshop: Any) -> None:
    spec = {
        "id": "yearly", "titles": {"zh": "x", "en": "x"}, "reference": "x", "unit": "area_id", "digits": 2,
        "tree": {
            "id": "total", "combine": {"how": "sum", "missing": "refuse"}, "submitted": "welfare_recipients_pct",
            "ranks": [{"ties": "min"}],
            "grades": [{"how": "fixed", "classes": [{"id": "poor"}, {"id": "fair", "at": 60}]}],
            "parts": [
                {"id": "care", "column": "chronic_hypertension_control_pct", "weight": 1,
                 "steps": [{"step": "appraise", "how": "at_least", "full": 60, "baseline": 62}]},
                {"id": "files", "column": "archive_coverage_pct", "weight": 1,
                 "steps": [{"step": "appraise", "how": "interval", "full": 40, "floor": 50, "baseline": 90}]},
            ],
        },
    }  # fmt: skip
    folder = workshop.home.settings / "appraisals"
    folder.mkdir()
    document = {"of": "community", "valid_from": "2025-01-01", "spec": spec}
    (folder / "yearly.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    workshop.put_rows("ind__values", NOW, values(
        chronic_hypertension_control_pct=[31.0, 62.0, 70.0], archive_coverage_pct=[70.0, 90.0, None],
        welfare_recipients_pct=[55.0, 100.0, 80.0],
    ))  # fmt: skip
    found = appraisal_scores(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))
    rows = {row["unit_id"]: row for row in found.filter(part="total", rule_set=RULES[0]).to_dicts()}
    # half of 60 and half of 40; full marks; a part missing gives no total
    assert (rows["c00"]["value"], rows["c00"]["submitted"], rows["c00"]["difference"]) == (50.0, 55.0, 5.0)
    assert (rows["c01"]["value"], rows["c01"]["difference"], rows["c01"]["rank"]) == (100.0, 0.0, 1.0)
    assert (rows["c00"]["grade"], rows["c01"]["grade"], rows["c00"]["rank"]) == ("poor", "fair", 2.0)
    assert (rows["c02"]["value"], rows["c02"]["grade"], rows["c02"]["status"]) == (None, None, "no_data")
    assert rows["c02"]["submitted"] == 80.0
    before = appraisal_scores(workshop.home, workshop.settings, workshop.catalog, Period.parse("2024Q4"))
    assert before.is_empty()


def test_appraisal_of_institutions_reads_its_feed_and_nothing_else(workshop: Any) -> None:
    spec = {
        "id": "posts", "titles": {"zh": "x", "en": "x"}, "reference": "x", "unit": "institution_code",
        "tree": {
            "id": "total", "combine": {"how": "sum", "missing": "refuse"},
            "parts": [{"id": "hours", "column": "weekly_hours", "weight": 1, "submitted": "beds",
                       "steps": [{"step": "appraise", "how": "at_least", "full": 10, "baseline": 40}]}],
        },
    }  # fmt: skip
    folder = workshop.home.settings / "appraisals"
    folder.mkdir()
    document = {"of": "institution", "valid_from": "2025-01-01", "spec": spec}
    path = folder / "posts.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert "must name the feed" in refuse(workshop)
    feed = {"key": "health_bureau.institutions", "unit": "institution_code"}
    path.write_text(yaml.safe_dump({**document, "feed": feed}), encoding="utf-8")
    workshop.stage("health_bureau.institutions", NOW, [
        {"institution_code": "A", "weekly_hours": 40, "beds": 9},
        {"institution_code": "B", "weekly_hours": 20, "beds": 5},
    ])  # fmt: skip
    now = Period.parse(NOW)
    found = appraisal_scores(workshop.home, workshop.settings, workshop.catalog, now).filter(part="hours")
    shown = {row["unit_id"]: (row["unit_kind"], row["value"], row["submitted"], row["difference"])
             for row in found.to_dicts()}  # fmt: skip
    assert shown == {"A": ("institution", 10.0, 9.0, -1.0), "B": ("institution", 5.0, 5.0, 0.0)}
    path.write_text(
        yaml.safe_dump({**document, "feed": {**feed, "key": "health_bureau.institution"}}), encoding="utf-8"
    )
    with pytest.raises(DefinitionError, match=r"no feed 'health_bureau\.institution'"):
        appraisal_scores(workshop.home, workshop.settings, workshop.catalog, now)


def test_worked_numbers_of_the_exponential_transform_on_the_road(town: Any) -> None:
    """Fractions 0, .1, .25, .5, .75, .9, .95, .99 and 1 of the English deprivation index."""
    own_index(town, lambda d: d["tree"].update(parts=[
        {"id": "population_aged_65_plus_pct", "weight": 1, "kind": "structural",
         "steps": [{"step": "exponential", "of": "fraction"}]}
    ]))  # fmt: skip
    fractions = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
    town.put_rows("ind__values", NOW, values(population_aged_65_plus_pct=[float(share) for share in fractions]))
    found = risks(town)["risk__areas"].filter(component="total", rule_set=RULES[0]).sort("area_id")["value"].to_list()
    wanted = [0, 2.3903, 6.5177, 15.6468, 31.0091, 50.4267, 63.8476, 86.9573, 100]
    assert found == pytest.approx(wanted, abs=5e-5)


def test_worked_numbers_of_the_z_score_on_the_road(town: Any) -> None:
    """100 ± 10 of 12, 15, 18, 21, 24 with the deviation of the population."""
    own_index(town, lambda d: d["tree"].update(parts=[
        {"id": "welfare_recipients_pct", "weight": 1, "kind": "structural",
         "steps": [{"step": "z", "ddof": 0, "scale": 10, "shift": 100}]}
    ]))  # fmt: skip
    town.put_rows("ind__values", NOW, values(welfare_recipients_pct=[12.0, 15.0, 18.0, 21.0, 24.0]))
    found = risks(town)["risk__areas"].filter(component="total", rule_set=RULES[1]).sort("area_id")["value"].to_list()
    assert found == pytest.approx([85.8579, 92.9289, 100, 107.0711, 114.1421], abs=5e-5)


def test_worked_weights_of_pairwise_comparison_on_the_road(town: Any) -> None:
    own_index(town, lambda d: d["tree"].update(
        weights={"how": "ahp", "comparison": [[1, 3, 5], ["1/3", 1, 3], ["1/5", "1/3", 1]]}
    ))  # fmt: skip
    found = risks(town)["risk__weights"].filter(index_id="risk_structural", rule_set=RULES[0])
    shares = dict(found.select("part", "share").iter_rows())
    assert [shares[name] for name in ("population_aged_65_plus_pct", "welfare_recipients_pct",
                                      "hospital_admissions_per_1k")] == pytest.approx(
        [0.636986, 0.258285, 0.104729], abs=5e-7)  # fmt: skip


def test_a_step_the_figures_do_not_allow_is_named_with_its_index(town: Any) -> None:
    def geometric(document: dict[str, Any]) -> None:
        document["tree"]["combine"] = {"how": "geometric", "missing": "reweigh"}
        document.pop("uncertainty")

    own_index(town, geometric)
    with pytest.raises(DefinitionError, match="risk_structural"):
        risks(town)


def test_policies_are_ranked_among_each_other_in_the_whole_area(workshop: Any) -> None:
    """76.90 before 74.30 before 72.70."""
    workshop.write_settings("policies", three_dimensions(CLASSES))
    workshop.put_tree(NOW, {"c00": ["t", "k", "s"]})
    low = values(
        population_aged_65_plus_pct=[72.0], welfare_recipients_pct=[85.0], hospital_admissions_per_1k=[64.0]
    )  # fmt: skip
    workshop.put_rows("ind__values", NOW, [*low, *({**row, "area_level": "city", "area_id": "s"} for row in low)])
    found = score_tables(workshop.home, workshop.settings, workshop.catalog, Period.parse(NOW))["score__ranks"]
    among = found.filter(among="policies", rule_set=RULES[0])
    assert set(among["area_id"]) == {"s"}
    rows = {row["policy_id"]: row for row in among.to_dicts()}
    assert {name: (row["rank"], row["of"]) for name, row in rows.items()} == {
        "p_service": (1.0, 3), "p_prevention": (2.0, 3), "p_governance": (3.0, 3)
    }  # fmt: skip
    assert all(1 <= row["lower"] <= row["median"] <= row["upper"] <= 3 for row in rows.values())
    assert found.filter(among="areas", area_level="city")["of"].to_list() == [1] * 6
