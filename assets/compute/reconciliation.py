"""What one sender says held against what another says: raw counts, so that bounds may change without counting again.

Put here: which comparisons a home can make and what each query is given. Keep out: the comparisons (sql/chk__*.sql),
bounds (settings) and verdicts (deliveries.py). A comparison that fails or has no rows leaves a row without counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from assets.compute.inputs import contract_in_force, current_rows, engine_limits, literal, period_table, quoted
from assets.compute.marts import mart_columns, mart_names
from assets.compute.plan import CLOSURE, FACTS, LINK, REGISTER, RESIDENTS, feed_inputs, feed_mart
from assets.engine.duck import EngineError, Table, View, query
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.periods import Period, periods_between
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from sql.text import read

TABLE = "quality__reconciliation"
_DEATHS = "cdc.deaths"
_ENCOUNTERS = "hospitals.encounters"
_SETTLEMENTS = "insurers.settlements"
_POPULATION = "civil_affairs.population"
# A settlement is made when the bill is paid, which may be after the patient has died.
_DAYS_ALLOWED = {_SETTLEMENTS: 90}

Tables = dict[str, Table]
# Engine tables, and the feed that each feed is held against.
Given = tuple[Tables, dict[str, str]]


@dataclass(frozen=True)
class Comparison:
    """One comparison: its query, its expectations with the feed each is about, and where its tables come from.

    `columns`: feeds and columns on which its outcome hangs; none where it hangs on the feed it is about.
    """

    sql: str
    expectations: dict[str, str]
    columns: tuple[tuple[str, str | None], ...]
    given: Callable[[Home, Catalog, list[Period]], Given | None]


def reconcile(home: Home, settings: Settings, catalog: Catalog, period: Period) -> pl.DataFrame:
    """Rows of quality__reconciliation for one period; comparisons that lack a sender's data are not made."""
    table = output_tables()[TABLE]
    calendar = periods_between(settings.home.calendar.first, period.key)
    names = [name for name in table.columns if name != "period"]
    found = [table.empty().select(names)]
    for comparison in COMPARISONS:
        given = comparison.given(home, catalog, calendar)
        if given is not None:
            found.append(_compared(home, settings, comparison, given, period).select(names))
    frame = table.shape(pl.concat(found).with_columns(pl.lit(period.key).alias("period")))
    return gate(table_schema(table), frame)


def reconciliation_inputs(settings: Settings, catalog: Catalog, period: Period) -> list[tuple[str, str]]:
    """Every (table, period) that the comparisons of `period` read."""
    calendar = periods_between(settings.home.calendar.first, period.key)
    before = period.shift(-1)
    marts = [(mart, step.key) for mart in {*_contacts(catalog), *_both_sides(catalog)} for step in (before, period)]
    own = [(name, period.key) for name in (RESIDENTS, FACTS, CLOSURE)]
    register = feed_inputs(catalog, (REGISTER,), before) if REGISTER in catalog.feeds else []
    deaths = [(feed_mart(_DEATHS), step.key) for step in calendar] if _DEATHS in catalog.feeds else []
    return sorted({*marts, *own, *register, (LINK, before.key), *deaths})


def hanging_on(expectation: str, feed: str) -> tuple[tuple[str, str | None], ...]:
    """Feeds and columns that are in doubt where a comparison fails."""
    return next((c.columns for c in COMPARISONS if expectation in c.expectations), ()) or ((feed, None),)


def _compared(home: Home, settings: Settings, comparison: Comparison, given: Given, period: Period) -> pl.DataFrame:
    tables, against = given
    counts = ["expectation", "feed", "institution", "area_level", "area_id", "matched", "base"]
    schema = {name: output_tables()[TABLE].schema[name] for name in counts}
    tables = {"ref__period": period_table(period), **tables}
    try:
        found = query(read(comparison.sql), tables, limits=engine_limits(home, settings))
        rows = found.select(pl.col(name).cast(kind) for name, kind in schema.items())
    except EngineError:
        rows = pl.DataFrame(schema=schema)
    silent = [
        {"expectation": name, "feed": feed}
        for name, feed in comparison.expectations.items()
        if name not in rows["expectation"]
    ]
    whole = pl.concat([rows, pl.DataFrame(silent, schema=schema)])
    return whole.with_columns(
        pl.col("feed").replace_strict(against, default=None, return_dtype=pl.String).alias("against")
    )


def _files(home: Home, mart: str, periods: list[Period]) -> Tables | None:
    files = parts.files_in_force(home, mart, [period.key for period in periods])
    return {mart: files} if files else None


# contacts after death -------------------------------------------------------------------------------------------


def _contacts(catalog: Catalog) -> dict[str, str]:
    """Marts whose records are events of a person, with their feed; a death is none."""
    return {
        feed.mart: feed.key
        for feed in catalog.current()
        if feed.kind == "record"
        and feed.delivery == "increment"
        and feed.extras.person
        and feed.extras.event_date
        and feed.key != _DEATHS
        and feed.mart in mart_names(catalog)
    }


def _after_death(home: Home, catalog: Catalog, calendar: list[Period]) -> Given | None:
    register, deaths = _deaths(home, catalog, calendar)
    if deaths is None:
        return None
    tables, selects, against = deaths, [], {REGISTER: register}
    for mart, key in _contacts(catalog).items():
        found = _files(home, mart, calendar[-1:])
        if found is None:
            continue
        tables |= found
        against[key] = register
        named = "institution_code" if "institution_code" in mart_columns(catalog, mart) else "institution_id"
        selects.append(
            f"select {literal(key)} as feed, {quoted(named)} as institution, person_id, event_date, "  # noqa: S608
            f"{_DAYS_ALLOWED.get(key, 0)} as days_allowed from {mart}"
        )
    return (tables | {"ref__contacts": View(" union all ".join(selects))}, against) if selects else None


def _deaths(home: Home, catalog: Catalog, calendar: list[Period]) -> tuple[str, Tables | None]:
    """`ref__deaths` from the register of deaths, else from archives that had that status when the period began."""
    if _DEATHS in catalog.feeds:
        mart = feed_mart(_DEATHS)
        known = _files(home, mart, calendar)
        if known:
            view = f"select person_id, event_date as died_on from {mart} where event_date is not null"  # noqa: S608
            return _DEATHS, known | {"ref__deaths": View(view)}
    before = calendar[-1].shift(-1)
    feed = contract_in_force(catalog, REGISTER, before) if REGISTER in catalog.feeds else None
    rows, link = (current_rows(home, feed, before), _files(home, LINK, [before])) if feed else (None, None)
    if feed is None or rows is None or link is None:
        return REGISTER, None
    view = (
        f"select l.person_id, cast('{before.end}' as date) as died_on from {feed.table} r "  # noqa: S608
        f"inner join {LINK} l on l.person_key = r.person_key where r.archive_status = 'dead'"
    )
    return REGISTER, rows | link | {"ref__deaths": View(view)}


# admissions and settlements, archives and population ------------------------------------------------------------


def _both_sides(catalog: Catalog) -> list[str]:
    known = mart_names(catalog)
    return [mart for mart in (feed_mart(_ENCOUNTERS), feed_mart(_SETTLEMENTS)) if mart in known]


def _admissions(home: Home, catalog: Catalog, calendar: list[Period]) -> Given | None:
    if len(_both_sides(catalog)) < 2 or _files(home, feed_mart(_ENCOUNTERS), calendar[-1:]) is None:
        return None
    # Who is discharged in the period may have been admitted in the one before.
    stays = _files(home, feed_mart(_ENCOUNTERS), calendar[-2:])
    settlements = _files(home, feed_mart(_SETTLEMENTS), calendar[-1:])
    against = {_ENCOUNTERS: _SETTLEMENTS, _SETTLEMENTS: _ENCOUNTERS}
    return (stays | settlements, against) if stays and settlements else None


def _archives(home: Home, catalog: Catalog, calendar: list[Period]) -> Given | None:
    known = contract_in_force(catalog, _POPULATION, calendar[-1]) if _POPULATION in catalog.feeds else None
    if REGISTER not in catalog.feeds or known is None or _files(home, known.table, calendar[-1:]) is None:
        return None
    found = [_files(home, name, calendar[-1:]) for name in (RESIDENTS, FACTS, CLOSURE)]
    if any(table is None for table in found):
        return None
    return {name: files for table in found if table for name, files in table.items()}, {REGISTER: _POPULATION}


COMPARISONS = (
    Comparison("chk__contacts_after_death", {"no_contact_after_death": REGISTER}, (), _after_death),
    Comparison(
        "chk__admissions_and_settlements",
        {
            "admitted_persons_settled": _ENCOUNTERS,
            "settled_persons_admitted": _SETTLEMENTS,
            "settlements_per_admission": _SETTLEMENTS,
        },
        ((_ENCOUNTERS, "encounter_class"), (_SETTLEMENTS, "medical_type")),
        _admissions,
    ),
    Comparison(
        "chk__archives_and_population",
        {"archives_within_population": REGISTER},
        ((REGISTER, "archive_status"), (_POPULATION, None)),
        _archives,
    ),
)
