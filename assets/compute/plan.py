"""Which marts a home has, in order, and what each reads. Reads contracts only, so that the desk draws it at once.

Put here: the table of marts and their inputs. Keep out: building them (marts.py) and anything that loads data.
"""

from dataclasses import dataclass
from typing import Literal

from data_contracts.contracts import Catalog, FeedContract, stored_names
from data_contracts.periods import Period

LINK = "link__persons"
CLOSURE = "mart__area_closure"
AREAS = "mart__areas"
RESIDENTS = "mart__residents"
FACTS = "mart__area_facts"
REGISTER = "health_bureau.residents"
CARE = "mart__chronic_care"
CONDITIONS = {
    "hypertension": "health_bureau.followups_hypertension",
    "diabetes": "health_bureau.followups_diabetes",
    "dyslipidaemia": "health_bureau.followups_dyslipidaemia",
}
_EXAMS = "health_bureau.exams"
_CONTRACTS = "health_bureau.contracts"
_INSTITUTIONS = "health_bureau.institutions"
_ENCOUNTERS = "hospitals.encounters"
_SETTLEMENTS = "insurers.settlements"


_WINDOWS = ("in_period", "year_to_date")


@dataclass(frozen=True)
class Reading:
    """A feed that a hand-written mart reads, with the columns its SQL counts on.

    `window`: of the period or of the year to date. `optional`: where the home lacks the feed, the mart goes without.
    `whole`: a mart without every period of the window is not there; otherwise its SQL is told (`ref__incomplete`).
    """

    feed: str
    columns: tuple[str, ...]
    window: Literal["in_period", "year_to_date"] = "in_period"
    optional: bool = False
    whole: bool = True


# Marts written by hand in sql/, beside residents and areas: what each reads of other marts and of feeds.
_READS: dict[str, tuple[tuple[str, ...], tuple[Reading, ...]]] = {
    CARE: (
        (RESIDENTS,),
        (
            Reading(
                CONDITIONS["hypertension"],
                ("followup_no", "visit_mode", "sbp_mmhg", "dbp_mmhg"),
                "year_to_date",
                optional=True,
                whole=False,
            ),
            Reading(
                CONDITIONS["diabetes"],
                ("followup_no", "visit_mode", "glucose_mmol_l", "glucose_test"),
                "year_to_date",
                optional=True,
                whole=False,
            ),
            Reading(
                CONDITIONS["dyslipidaemia"],
                ("followup_no", "visit_mode", "ldl_mmol_l"),
                "year_to_date",
                optional=True,
                whole=False,
            ),
            Reading(_EXAMS, ("is_complete",), "year_to_date", optional=True, whole=False),
        ),
    ),
    "mart__elderly_care": ((RESIDENTS,), (Reading(_EXAMS, ("is_complete",), "year_to_date"),)),
    "mart__contract_renewals": ((), (Reading(_CONTRACTS, ("contract_no", "signed_on", "ends_on")),)),
    "mart__encounters": (
        (RESIDENTS,),
        (
            Reading(
                _ENCOUNTERS,
                ("encounter_no", "encounter_class", "admission_route", "diagnosis_code", "institution_code"),
            ),
            Reading(_INSTITUTIONS, ("institution_code", "institution_level"), optional=True, whole=False),
        ),
    ),
    "mart__chronic_costs": (
        (CARE,),
        (
            Reading(_SETTLEMENTS, ("total_fee_fen", "is_reversal"), "year_to_date"),
            # Patients of one condition cost something else than those of all.
            *(Reading(feed, ("followup_no",), "year_to_date", optional=True) for feed in CONDITIONS.values()),
        ),
    ),
    # Only where the follow-ups of all three conditions arrived: a joint figure over two of them means another thing.
    "mart__three_highs": (
        (CARE,),
        tuple(Reading(feed, ("followup_no",), "year_to_date") for feed in CONDITIONS.values()),
    ),
}


# Parameters of the rule sets that a mart's SQL counts on.
RULES_READ: dict[str, tuple[str, ...]] = {
    CARE: (
        "any_glucose_test",
        "any_visit_mode",
        "days_per_visit",
        "dbp_target_elderly_mmhg",
        "dbp_target_mmhg",
        "elderly_age_years",
        "exam_at_year_end",
        "glucose_after_meal_target_tenths",
        "glucose_target_tenths",
        "ldl_target_tenths",
        "managed_by_exam",
        "patient_age_years",
        "sbp_target_elderly_mmhg",
        "sbp_target_mmhg",
        "visits_due_by",
        "visits_per_year_diabetes",
        "visits_per_year_dyslipidaemia",
        "visits_per_year_hypertension",
    ),
    "mart__elderly_care": ("elderly_age_at", "elderly_age_years"),
    "mart__contract_renewals": ("renewal_grace_days",),
}

OPTIONAL_READINGS = {mart: tuple(r for r in readings if r.optional) for mart, (_, readings) in _READS.items()}


@dataclass(frozen=True)
class MartPlan:
    """What a mart reads: feeds of its own period, later tables of its own period, later tables of the year to date."""

    feeds: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    year_to_date: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()


def mart_plans(catalog: Catalog) -> dict[str, MartPlan]:
    """The marts of a home in the order they are built. A mart whose feeds the home lacks is not there."""
    feeds = catalog.current()
    plans: dict[str, MartPlan] = {}
    placing = area_sources(catalog)
    if placing:
        plans[CLOSURE] = MartPlan(feeds=placing)
        plans[AREAS] = MartPlan(feeds=placing, tables=(CLOSURE,))
    registered = REGISTER in catalog.feeds
    if registered:
        plans[RESIDENTS] = MartPlan(feeds=(REGISTER,), tables=(LINK,))
    for feed in feeds:
        if feed.kind == "record" and feed.key != REGISTER:
            plans[feed.mart] = MartPlan(feeds=(feed.key,), tables=_person_tables(feed, registered=registered))
    for mart, (others, readings) in _READS.items():
        plan = _hand_written(catalog, plans, others, readings)
        if plan:
            plans[mart] = plan
    counted = tuple(feed.key for feed in feeds if feed.kind == "aggregate")
    if counted:
        plans[FACTS] = MartPlan(feeds=counted)
    return plans


def _hand_written(
    catalog: Catalog, plans: dict[str, MartPlan], others: tuple[str, ...], readings: tuple[Reading, ...]
) -> MartPlan | None:
    """The plan of a hand-written mart; None where the home lacks a mart, feed or column that it cannot go without."""
    known = [reading for reading in readings if _offers(catalog, reading)]
    lacking = [reading for reading in readings if reading not in known and not reading.optional]
    if lacking or not known or any(mart not in plans for mart in others):
        return None
    marts = {window: [catalog.feed(r.feed).mart for r in known if r.window == window] for window in _WINDOWS}
    return MartPlan(
        tables=(*others, *marts["in_period"]), year_to_date=tuple(marts["year_to_date"]), readings=tuple(known)
    )


def _offers(catalog: Catalog, reading: Reading) -> bool:
    """Whether the home has the feed with every column the reading needs."""
    if reading.feed not in catalog.feeds:
        return False
    return set(stored_names(catalog.feed(reading.feed))).issuperset(reading.columns)


def area_sources(catalog: Catalog) -> tuple[str, ...]:
    """Feeds that describe areas, most trusted first: those made for it, then the others, each by name."""
    placing = [feed for feed in catalog.current() if feed.extras.levels]
    return tuple(feed.key for feed in sorted(placing, key=lambda feed: (feed.kind != "areas", feed.key)))


def change_feeds(catalog: Catalog) -> tuple[str, ...]:
    """Feeds that say which areas became which."""
    return tuple(feed.key for feed in catalog.current() if feed.kind == "area_changes")


def person_feeds(catalog: Catalog) -> tuple[str, ...]:
    """Feeds whose records are about persons."""
    return tuple(feed.key for feed in catalog.current() if feed.extras.person)


def _person_tables(feed: FeedContract, *, registered: bool) -> tuple[str, ...]:
    if feed.extras.person is None:
        return ()
    return (LINK, RESIDENTS) if registered else (LINK,)


def feed_mart(feed: str) -> str:
    """The mart that holds the records of a feed."""
    return f"mart__{feed.replace('.', '__')}"


def marts_and_inputs(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Marts in the order they are built, each with the names of the tables it reads."""
    return {
        mart: (*(catalog.feed(key).table for key in plan.feeds), *plan.tables, *plan.year_to_date)
        for mart, plan in mart_plans(catalog).items()
    }


def mart_inputs(catalog: Catalog, mart: str, period: Period) -> list[tuple[str, str]]:
    """Every (table, period) whose parts decide the content of `mart` in `period`, selections included."""
    plan = mart_plans(catalog)[mart]
    return [
        *feed_inputs(catalog, plan.feeds, period),
        *((table, period.key) for table in plan.tables),
        *((table, step.key) for table in plan.year_to_date for step in period.window("year_to_date")),
    ]


def link_inputs(catalog: Catalog, period: Period) -> list[tuple[str, str]]:
    """Every (table, period) whose parts decide the crosswalk of persons of `period`."""
    return feed_inputs(catalog, person_feeds(catalog), period)


def feed_inputs(catalog: Catalog, feeds: tuple[str, ...], period: Period) -> list[tuple[str, str]]:
    """Staging table and selection of each feed for one period."""
    contracts = [catalog.feed(key) for key in feeds]
    return [(table, period.key) for feed in contracts for table in (feed.table, selection_table(feed))]


def selection_table(feed: FeedContract) -> str:
    """The table that names the rows of a feed that are not current."""
    return f"sel__{feed.sender}__{feed.feed}"
