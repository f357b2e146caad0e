"""Row rules of the shipped contracts: a sound row passes, each fault breaks exactly its rule, nothing said is not
judged."""

from datetime import date

import polars as pl
import pytest

from assets.intake.rules import evaluate
from assets.intake.typed import type_columns
from data_contracts.contracts import package_feeds

FEEDS = package_feeds()
START, END = date(2025, 10, 1), date(2025, 12, 31)
BEFORE, AFTER = date(2025, 9, 30), date(2026, 1, 1)

SOUND = {
    "health_bureau.residents": {
        "sex": "F", "birth_date": date(1956, 3, 9), "archive_date": date(2019, 5, 20), "archive_status": "active",
    },
    "health_bureau.followups_hypertension": {
        "followup_date": date(2025, 10, 12), "sbp_mmhg": 138, "dbp_mmhg": 86, "classification": "satisfied",
        "next_date": date(2026, 1, 10),
    },
    "health_bureau.followups_diabetes": {"followup_date": date(2025, 10, 12), "glucose_mmol_l": "6.8"},
    "health_bureau.survey": {"weight": "12.5", "self_rated_health": 4, "service_satisfaction": 3},
    "health_bureau.fund_ledger": {"entry_date": date(2025, 10, 15), "entry_type": "budget", "amount_fen": 1_234_560},
    "hospitals.encounters": {
        "admit_date": date(2025, 11, 2), "discharge_date": date(2025, 11, 9), "total_cost_fen": 352_140,
    },
    "insurers.settlements": {
        "settled_on": date(2025, 11, 10), "total_fee_fen": 352_140, "fund_pay_fen": 210_000, "person_pay_fen": 142_140,
    },
    "civil_affairs.population": {
        f"population_{sex}_{band}": 512 for sex in "mf" for band in ("0_14", "15_34", "35_64", "65_plus")
    },
    "civil_affairs.welfare": {"category": "low_income", "start_date": date(2022, 6, 1)},
    "civil_affairs.areas": {"urban_rural_code": "111"},
    "civil_affairs.area_changes": {"old_id": "990101001001", "new_id": "990101001003", "change_kind": "merge"},
    "health_bureau.contracts": {
        "signed_on": date(2025, 1, 10), "ends_on": date(2026, 1, 9), "items_due": 4, "items_done": 3,
    },
    "health_bureau.device_readings": {"measured_on": date(2025, 10, 12), "sbp_mmhg": 138, "dbp_mmhg": 86},
    "health_bureau.exams": {"exam_date": date(2025, 10, 12), "is_complete": True},
    "health_bureau.followups_dyslipidaemia": {"followup_date": date(2025, 10, 12), "ldl_mmol_l": "2.4"},
    "health_bureau.health_points": {"joined_on": date(2025, 1, 10), "points_earned": 120, "points_redeemed": 30},
    "health_bureau.institutions": {
        "weekly_hours": "56.0", "opened_on": date(2010, 1, 1), "closed_on": date(2025, 6, 30),
    },
    "health_bureau.staff": {"fte": "0.50", "joined_on": date(2019, 3, 1), "left_on": date(2025, 6, 30)},
    "health_bureau.tasks": {"due_on": date(2025, 11, 30), "done_on": date(2025, 11, 20)},
}  # fmt: skip

# feed, rule, what differs from the sound row, whether the rule holds then: the last value inside and the first outside
EDGES = [
    ("health_bureau.residents", "birth_date_plausible", {"birth_date": date(1899, 12, 31)}, False),
    ("health_bureau.residents", "birth_date_plausible", {"birth_date": date(1900, 1, 1)}, True),
    ("health_bureau.residents", "birth_date_plausible", {"birth_date": END}, True),
    ("health_bureau.residents", "birth_date_plausible", {"birth_date": AFTER}, False),
    ("health_bureau.residents", "sex_known", {"sex": "U"}, False),
    ("health_bureau.residents", "sex_known", {"sex": "M"}, True),
    ("health_bureau.residents", "archive_not_later", {"archive_date": END}, True),
    ("health_bureau.residents", "archive_not_later", {"archive_date": AFTER}, False),
    ("health_bureau.followups_hypertension", "sbp_range", {"sbp_mmhg": 49, "dbp_mmhg": 40}, False),
    ("health_bureau.followups_hypertension", "sbp_range", {"sbp_mmhg": 50, "dbp_mmhg": 40}, True),
    ("health_bureau.followups_hypertension", "sbp_range", {"sbp_mmhg": 300, "classification": "adverse"}, True),
    ("health_bureau.followups_hypertension", "sbp_range", {"sbp_mmhg": 301, "classification": "adverse"}, False),
    ("health_bureau.followups_hypertension", "dbp_range", {"dbp_mmhg": 29}, False),
    ("health_bureau.followups_hypertension", "dbp_range", {"dbp_mmhg": 30}, True),
    ("health_bureau.followups_hypertension", "dbp_range",
     {"sbp_mmhg": 250, "dbp_mmhg": 200, "classification": "unsatisfied"}, True),
    ("health_bureau.followups_hypertension", "dbp_range",
     {"sbp_mmhg": 250, "dbp_mmhg": 201, "classification": "unsatisfied"}, False),
    ("health_bureau.followups_hypertension", "sbp_above_dbp", {"sbp_mmhg": 86}, False),
    ("health_bureau.followups_hypertension", "sbp_above_dbp", {"sbp_mmhg": 87}, True),
    ("health_bureau.followups_hypertension", "followup_date_in_period", {"followup_date": BEFORE}, False),
    ("health_bureau.followups_hypertension", "followup_date_in_period", {"followup_date": START}, True),
    ("health_bureau.followups_hypertension", "followup_date_in_period", {"followup_date": END}, True),
    ("health_bureau.followups_hypertension", "followup_date_in_period",
     {"followup_date": AFTER, "next_date": date(2026, 4, 1)}, False),
    ("health_bureau.followups_hypertension", "classification_matches_bp", {"sbp_mmhg": 149, "dbp_mmhg": 89}, True),
    ("health_bureau.followups_hypertension", "classification_matches_bp", {"sbp_mmhg": 150}, False),
    ("health_bureau.followups_hypertension", "classification_matches_bp", {"dbp_mmhg": 90}, False),
    ("health_bureau.followups_hypertension", "classification_matches_bp",
     {"sbp_mmhg": 150, "classification": "unsatisfied"}, True),
    ("health_bureau.followups_hypertension", "next_after_visit", {"next_date": date(2025, 10, 12)}, False),
    ("health_bureau.followups_hypertension", "next_after_visit", {"next_date": date(2025, 10, 13)}, True),
    ("health_bureau.followups_diabetes", "glucose_range", {"glucose_mmol_l": "0.9"}, False),
    ("health_bureau.followups_diabetes", "glucose_range", {"glucose_mmol_l": "1.0"}, True),
    ("health_bureau.followups_diabetes", "glucose_range", {"glucose_mmol_l": "50.0"}, True),
    ("health_bureau.followups_diabetes", "glucose_range", {"glucose_mmol_l": "50.1"}, False),
    ("health_bureau.followups_diabetes", "followup_date_in_period", {"followup_date": BEFORE}, False),
    ("health_bureau.followups_diabetes", "followup_date_in_period", {"followup_date": AFTER}, False),
    ("health_bureau.survey", "weight_positive", {"weight": "0"}, False),
    ("health_bureau.survey", "weight_positive", {"weight": "0.0001"}, True),
    ("health_bureau.survey", "health_scale", {"self_rated_health": 0}, False),
    ("health_bureau.survey", "health_scale", {"self_rated_health": 1}, True),
    ("health_bureau.survey", "health_scale", {"self_rated_health": 5}, True),
    ("health_bureau.survey", "health_scale", {"self_rated_health": 6}, False),
    ("health_bureau.survey", "satisfaction_scale", {"service_satisfaction": 0}, False),
    ("health_bureau.survey", "satisfaction_scale", {"service_satisfaction": 6}, False),
    ("health_bureau.fund_ledger", "entry_date_in_period", {"entry_date": BEFORE}, False),
    ("health_bureau.fund_ledger", "entry_date_in_period", {"entry_date": AFTER}, False),
    ("health_bureau.fund_ledger", "budget_not_negative", {"amount_fen": -1}, False),
    ("health_bureau.fund_ledger", "budget_not_negative", {"amount_fen": 0}, True),
    ("health_bureau.fund_ledger", "budget_not_negative", {"amount_fen": -1, "entry_type": "spending"}, True),
    ("hospitals.encounters", "discharge_not_before_admit", {"discharge_date": date(2025, 11, 1)}, False),
    ("hospitals.encounters", "discharge_not_before_admit", {"discharge_date": date(2025, 11, 2)}, True),
    ("hospitals.encounters", "cost_not_negative", {"total_cost_fen": -1}, False),
    ("hospitals.encounters", "cost_not_negative", {"total_cost_fen": 0}, True),
    ("hospitals.encounters", "admit_date_in_period", {"admit_date": BEFORE}, False),
    ("hospitals.encounters", "admit_date_in_period", {"admit_date": AFTER, "discharge_date": AFTER}, False),
    ("insurers.settlements", "fee_adds_up", {"total_fee_fen": 352_141}, False),
    ("insurers.settlements", "fee_adds_up", {"total_fee_fen": 352_139}, False),
    ("insurers.settlements", "settled_on_in_period", {"settled_on": BEFORE}, False),
    ("insurers.settlements", "settled_on_in_period", {"settled_on": AFTER}, False),
    *[("civil_affairs.population", "no_negative_population", {name: -1}, False)
      for name in SOUND["civil_affairs.population"]],
    ("civil_affairs.population", "no_negative_population", {"population_m_0_14": 0}, True),
    ("civil_affairs.welfare", "start_not_later", {"start_date": END}, True),
    ("civil_affairs.welfare", "start_not_later", {"start_date": AFTER}, False),
    ("civil_affairs.area_changes", "code_changes_or_splits", {"new_id": "990101001001"}, False),
    ("civil_affairs.area_changes", "code_changes_or_splits",
     {"new_id": "990101001001", "change_kind": "split"}, True),
    ("health_bureau.contracts", "ends_after_signing", {"ends_on": date(2025, 1, 10)}, False),
    ("health_bureau.contracts", "ends_after_signing", {"ends_on": date(2025, 1, 11)}, True),
    ("health_bureau.contracts", "signed_not_later", {"signed_on": END}, True),
    ("health_bureau.contracts", "signed_not_later", {"signed_on": AFTER}, False),
    ("health_bureau.contracts", "items_not_negative", {"items_due": -1}, False),
    ("health_bureau.contracts", "items_not_negative", {"items_done": -1}, False),
    ("health_bureau.contracts", "items_not_negative", {"items_due": 0, "items_done": 0}, True),
    ("health_bureau.device_readings", "sbp_range", {"sbp_mmhg": 49}, False),
    ("health_bureau.device_readings", "sbp_range", {"sbp_mmhg": 50}, True),
    ("health_bureau.device_readings", "sbp_range", {"sbp_mmhg": 300}, True),
    ("health_bureau.device_readings", "sbp_range", {"sbp_mmhg": 301}, False),
    ("health_bureau.device_readings", "measured_on_in_period", {"measured_on": BEFORE}, False),
    ("health_bureau.device_readings", "measured_on_in_period", {"measured_on": AFTER}, False),
    ("health_bureau.exams", "exam_date_in_period", {"exam_date": BEFORE}, False),
    ("health_bureau.exams", "exam_date_in_period", {"exam_date": AFTER}, False),
    ("health_bureau.followups_dyslipidaemia", "ldl_range", {"ldl_mmol_l": "0.1"}, False),
    ("health_bureau.followups_dyslipidaemia", "ldl_range", {"ldl_mmol_l": "0.2"}, True),
    ("health_bureau.followups_dyslipidaemia", "ldl_range", {"ldl_mmol_l": "15.0"}, True),
    ("health_bureau.followups_dyslipidaemia", "ldl_range", {"ldl_mmol_l": "15.1"}, False),
    ("health_bureau.followups_dyslipidaemia", "followup_date_in_period", {"followup_date": BEFORE}, False),
    ("health_bureau.followups_dyslipidaemia", "followup_date_in_period", {"followup_date": AFTER}, False),
    ("health_bureau.health_points", "points_not_negative", {"points_earned": -1}, False),
    ("health_bureau.health_points", "points_not_negative", {"points_redeemed": -1}, False),
    ("health_bureau.health_points", "joined_not_later", {"joined_on": END}, True),
    ("health_bureau.health_points", "joined_not_later", {"joined_on": AFTER}, False),
    ("health_bureau.institutions", "weekly_hours_range", {"weekly_hours": "168.0"}, True),
    ("health_bureau.institutions", "weekly_hours_range", {"weekly_hours": "168.1"}, False),
    ("health_bureau.institutions", "closed_after_opened", {"closed_on": date(2010, 1, 1)}, True),
    ("health_bureau.institutions", "closed_after_opened", {"closed_on": date(2009, 12, 31)}, False),
    ("health_bureau.staff", "fte_range", {"fte": "1.00"}, True),
    ("health_bureau.staff", "fte_range", {"fte": "1.01"}, False),
    ("health_bureau.staff", "left_after_joined", {"left_on": date(2019, 3, 1)}, True),
    ("health_bureau.staff", "left_after_joined", {"left_on": date(2019, 2, 28)}, False),
    ("health_bureau.tasks", "done_not_later", {"done_on": END}, True),
    ("health_bureau.tasks", "done_not_later", {"done_on": AFTER}, False),
]  # fmt: skip


def judged(contract, row):
    """The verdict of every rule on one row of typed cells; columns the row does not name are empty."""
    typed = [column for column in contract.columns if column.role not in ("drop", "person_id")]
    frame = pl.DataFrame(
        [pl.Series(column.name, [row.get(column.name)]).cast(column.polars_dtype) for column in typed]
    ).with_columns(period_start=pl.lit(START), period_end=pl.lit(END))
    return {rule: verdict.item() for rule, verdict in evaluate(frame, contract.rules).items()}


def sound(catalog, feed):
    """The row stated above over the example of the contract."""
    contract = catalog.feed(feed)
    texts = pl.DataFrame({column.name: [column.examples[0]] for column in contract.columns})
    numbered = texts.with_columns(record_no=pl.lit(1), line_no=pl.lit(1))
    (example,) = type_columns(numbered, contract, catalog.code_lists["yes_no"]).frame.rows(named=True)
    return {**example, **SOUND.get(feed, {})}


@pytest.mark.parametrize("feed", FEEDS)
def test_a_sound_row_breaks_no_rule_and_meets_every_one(catalog, feed):
    verdicts = judged(catalog.feed(feed), sound(catalog, feed))
    assert verdicts == dict.fromkeys(verdicts, True)


@pytest.mark.parametrize("feed", FEEDS)
def test_no_rule_judges_an_empty_row(catalog, feed):
    verdicts = judged(catalog.feed(feed), {})
    assert verdicts == dict.fromkeys(verdicts)


@pytest.mark.parametrize(("feed", "rule", "change", "holds"), EDGES)
def test_a_fault_breaks_exactly_its_rule(catalog, feed, rule, change, holds):
    verdicts = judged(catalog.feed(feed), SOUND[feed] | change)
    assert [name for name, verdict in verdicts.items() if verdict is False] == ([] if holds else [rule])


@pytest.mark.parametrize(
    ("feed", "empty", "silent"),
    [
        ("hospitals.encounters", "discharge_date", ["discharge_not_before_admit"]),
        ("health_bureau.followups_diabetes", "glucose_mmol_l", ["glucose_range"]),
        ("health_bureau.followups_hypertension", "next_date", ["next_after_visit"]),
        ("health_bureau.followups_hypertension", "sbp_mmhg",
         ["sbp_range", "sbp_above_dbp", "classification_matches_bp"]),
        ("health_bureau.survey", "self_rated_health", ["health_scale"]),
        ("insurers.settlements", "fund_pay_fen", ["fee_adds_up"]),
    ],
)  # fmt: skip
def test_a_rule_does_not_apply_where_its_cell_is_empty(catalog, feed, empty, silent):
    before = judged(catalog.feed(feed), SOUND[feed])
    verdicts = judged(catalog.feed(feed), SOUND[feed] | {empty: None})
    assert [rule for rule, verdict in verdicts.items() if verdict is None and before[rule] is not None] == silent
    assert all(verdict is before[rule] for rule, verdict in verdicts.items() if rule not in silent)


@pytest.mark.parametrize(
    ("feed", "name", "row", "expected"),
    [
        ("health_bureau.contracts", "is_in_force", {"signed_on": END, "ends_on": AFTER}, True),
        ("health_bureau.contracts", "is_in_force", {"signed_on": START, "ends_on": END}, True),
        ("health_bureau.contracts", "is_in_force", {"signed_on": START, "ends_on": date(2025, 12, 30)}, False),
        ("health_bureau.contracts", "is_in_force", {"signed_on": AFTER, "ends_on": date(2026, 12, 31)}, False),
        ("health_bureau.contracts", "is_in_force", {"signed_on": START, "ends_on": AFTER, "ended_on": AFTER}, True),
        ("health_bureau.contracts", "is_in_force", {"signed_on": START, "ends_on": AFTER, "ended_on": END}, False),
        ("civil_affairs.welfare", "has_ended", {"end_date": date(2025, 12, 30)}, True),
        ("civil_affairs.welfare", "has_ended", {"end_date": END}, False),
        ("civil_affairs.welfare", "has_ended", {"end_date": None}, None),
        ("health_bureau.contracts", "is_fulfilled", {"items_due": 4, "items_done": 3}, False),
        ("health_bureau.contracts", "is_fulfilled", {"items_due": 4, "items_done": 4}, True),
        ("health_bureau.contracts", "is_fulfilled", {"items_due": 4, "items_done": 5}, True),
        ("health_bureau.staff", "is_in_post", {"joined_on": END, "left_on": None}, True),
        ("health_bureau.staff", "is_in_post", {"joined_on": AFTER, "left_on": None}, False),
        ("health_bureau.staff", "is_in_post", {"joined_on": START, "left_on": END}, False),
        ("health_bureau.staff", "is_in_post", {"joined_on": START, "left_on": AFTER}, True),
        ("health_bureau.tasks", "is_due", {"due_on": END}, True),
        ("health_bureau.tasks", "is_due", {"due_on": AFTER}, False),
        ("health_bureau.tasks", "is_due", {"due_on": date(2025, 1, 1)}, True),
        ("health_bureau.tasks", "is_due", {"due_on": date(2024, 12, 31)}, False),
        ("health_bureau.tasks", "is_done_on_time", {"due_on": BEFORE, "done_on": BEFORE}, True),
        ("health_bureau.tasks", "is_done_on_time", {"due_on": BEFORE, "done_on": START}, False),
        ("health_bureau.tasks", "is_done_on_time", {"due_on": BEFORE, "done_on": None}, False),
    ],
)
def test_derived_flags_at_their_edges(catalog, feed, name, row, expected):
    contract = catalog.feed(feed)
    (derived,) = [item for item in contract.extras.derived if item.name == name]
    cells = {column.name: pl.Series([row.get(column.name)]).cast(column.polars_dtype) for column in contract.columns}
    frame = pl.DataFrame(cells).with_columns(period_start=pl.lit(START), period_end=pl.lit(END))
    assert frame.select(pl.sql_expr(derived.expression)).item() is expected
