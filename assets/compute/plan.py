"""Which marts a home has, in order, and what each reads. Reads contracts only, so that the desk draws it at once.

Put here: the table of marts and their inputs. Keep out: building them (marts.py) and anything that loads data.
"""

from dataclasses import dataclass

from data_contracts.contracts import Catalog, FeedContract
from data_contracts.periods import Period

LINK = "link__persons"
CLOSURE = "mart__area_closure"
AREAS = "mart__areas"
RESIDENTS = "mart__residents"
CARE = "mart__hypertension_care"
FACTS = "mart__area_facts"
REGISTER = "health_bureau.residents"
FOLLOWUPS = "health_bureau.followups_hypertension"


@dataclass(frozen=True)
class MartPlan:
    """What a mart reads: feeds of its own period, later tables of its own period, later tables of the year to date."""

    feeds: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    year_to_date: tuple[str, ...] = ()


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
    if registered and FOLLOWUPS in catalog.feeds:
        plans[CARE] = MartPlan(tables=(RESIDENTS,), year_to_date=(catalog.feed(FOLLOWUPS).mart,))
    counted = tuple(feed.key for feed in feeds if feed.kind == "aggregate")
    if counted:
        plans[FACTS] = MartPlan(feeds=counted)
    return plans


def area_sources(catalog: Catalog) -> tuple[str, ...]:
    """Feeds that describe areas, most trusted first: those made for it, then the others, each by name."""
    placing = [feed for feed in catalog.current() if feed.extras.levels]
    return tuple(feed.key for feed in sorted(placing, key=lambda feed: (feed.kind != "areas", feed.key)))


def person_feeds(catalog: Catalog) -> tuple[str, ...]:
    """Feeds whose records are about persons."""
    return tuple(feed.key for feed in catalog.current() if feed.extras.person)


def _person_tables(feed: FeedContract, *, registered: bool) -> tuple[str, ...]:
    if feed.extras.person is None:
        return ()
    return (LINK, RESIDENTS) if registered else (LINK,)


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
