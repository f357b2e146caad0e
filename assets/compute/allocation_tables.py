"""Tables of an allocation, read from the road: figures of payees, indicators by quarter, records of marts.

Put here: from measures, indicators, indices, scores, areas and marts in force to the tables that the engine reads; what
is not known or may not be shown is an empty cell. Keep out: what tables there may be (settings.allocation_tables),
cells themselves (cells), areas that changed (succession) and the division. Figures are taken under the first rule set
of the home in force, which is the one that pays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import polars as pl

from assets.compute import baselines, cells, succession
from assets.compute.cells import plain
from assets.compute.geography import Changes, known_changes
from assets.compute.indexing import KEYS, judged_in, laid_out
from assets.compute.marts import mart_columns, mart_names
from assets.compute.paid_periods import Released, closed_year, last_of_year_before
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.contracts import Catalog
from data_contracts.index_spec.document import IndexSpec, columns_used, indicators_of
from data_contracts.messages import did_you_mean, wrong
from data_contracts.periods import GRAINS, Period
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.allocation_tables import (
    INDICATOR_COLUMNS,
    IndicatorTable,
    PayeeFigure,
    PayeeTable,
    RecordTable,
)
from data_contracts.settings.indices import confident, indicator_of
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.allocation.snapshot import ROW, DataError
from evaluations.index.judging import LISTED
from evaluations.index.sampling import CONFIDENCE

_SCORE_DIGITS, _RISK_DIGITS, _RATIO_DIGITS = 4, 6, 12
# As far back as a spec may pool quarters.
_LONGEST = 16
_SHOWN = ("ok", "unstable")
_PERSONAL = ("person_id", "person_key", "row_hash")
Cells = dict[str, str]


@dataclass(frozen=True)
class PayeeAreas:
    """The areas of the payee level: rows of mart__areas by id, and the people of those where anybody lives."""

    areas: Mapping[str, Mapping[str, object]]
    people: Mapping[str, Decimal]

    @property
    def payees(self) -> list[str]:
        """Who is paid, in order of id."""
        return sorted(area for area in self.areas if self.people.get(area, 0) > 0)

    @property
    def names(self) -> dict[str, dict[str, str]]:
        """What areas are called in both languages, by id."""
        called = {
            area: (str(row.get("area_name") or area), str(row.get("area_name_en") or row.get("area_name") or area))
            for area, row in self.areas.items()
        }
        return {area: {"zh": zh, "en": en} for area, (zh, en) in called.items()}

    @property
    def left_out(self) -> list[str]:
        """Areas that are not paid, in order of id."""
        return sorted(set(self.areas) - set(self.payees))


@dataclass(frozen=True)
class RoadTables:
    """Reading for one period; frames that were read are kept."""

    home: Home
    settings: Settings
    document: AllocationDocument
    period: Period
    catalog: Catalog | None = None
    """Where recorded changes of areas are read; None: of areas that never change."""
    released: Released | None = None
    baselines: dict[str, pl.DataFrame] = field(default_factory=dict)
    """Table of indicators → its baselines (baselines.SCHEMA), once read."""
    _read: dict[tuple[str, str], pl.DataFrame] = field(default_factory=dict)
    _heirs: dict[tuple[str, str], succession.Heirs] = field(default_factory=dict)

    def areas(self) -> PayeeAreas:
        """Who there is to pay."""
        rows = self._table("mart__areas", self.period).filter(area_level=self.document.payee_level)
        people = self._measure(self.document.population, self.period)
        return PayeeAreas({row["area_id"]: row for row in rows.iter_rows(named=True)}, people)

    def all(self, areas: PayeeAreas) -> dict[str, pl.DataFrame]:
        """Every table of the document by name, cells as text."""
        found = {}
        for name, table in self.document.tables.items():
            if isinstance(table, RecordTable):
                found[name] = self._without(areas.left_out, name, self._records(table))
            elif isinstance(table, IndicatorTable):
                found[name] = self._indicators(name, table, areas.payees)
            else:
                known = {column: self._figure(figure, areas) for column, figure in table.columns.items()}
                # A complaint names the row: here that is the payee.
                known[ROW] = {payee: payee for payee in areas.payees}
                found[name] = pl.DataFrame(
                    {column: [own.get(payee, "") for payee in areas.payees] for column, own in known.items()},
                    schema=dict.fromkeys(known, pl.String),
                )
        return found

    def _without(self, left_out: list[str], name: str, records: pl.DataFrame) -> pl.DataFrame:
        """An area that is not paid passes nothing on either."""
        serves = self.document.serves
        if serves is None or serves.table != name:
            return records
        return records.filter(~pl.col(serves.community).is_in(left_out).fill_null(value=False))

    def _figure(self, figure: PayeeFigure, areas: PayeeAreas) -> Cells:
        if figure.area is not None:
            return cells.of_area(figure.area, areas.areas)
        if figure.grade:
            rows, _ = self._published(figure, self._period_of(figure))
            return dict(rows.filter(pl.col("grade").is_not_null()).select("area_id", "grade").iter_rows())
        known = self._figures(figure, self._period_of(figure))
        return {area: plain(cells.adjusted(figure, value)) for area, value in known.items()}

    def behind(self, figure: PayeeFigure) -> tuple[IndexSpec, pl.DataFrame]:
        """The index that makes a figure, rounded as the figure is, and its data: a row for each area."""
        spec, period = self.settings.indices[str(figure.index)], self._period_of(figure)
        spec = confident(spec, self.settings.indicators)
        digits = _RISK_DIGITS if figure.digits is None else min(figure.digits, _RISK_DIGITS)
        spec = spec.model_copy(update={"digits": min(spec.digits, digits)})
        values = self._here("ind__values", period).filter(stratum="all")
        return spec, laid_out(self.home, period, values, columns_used(spec))

    def _period_of(self, figure: PayeeFigure) -> Period:
        """That of the reading, the one before, or the last one of the year before."""
        if figure.period_before:
            return self.period.shift(-1)
        return self._last_year if figure.year_before else self.period

    @property
    def _last_year(self) -> Period:
        return last_of_year_before(self.period)

    def _figures(self, figure: PayeeFigure, period: Period) -> dict[str, Decimal]:
        if figure.measure is not None:
            known = self._measure(figure.measure, period)
            return known if period == self.period else succession.figures_passed_on(known, self.heirs(period))
        if figure.money is not None:
            return self._money(figure.money)
        rows, digits = self._published(figure, period)
        if not figure.standard_error:
            return cells.decimals(rows, digits)
        self._check_known(figure, rows, period)
        of_figure = None if figure.indicator is None else self.settings.indicators[figure.indicator].confidence
        return cells.errors(rows, digits, CONFIDENCE if of_figure is None else float(of_figure))

    def without_limits(self, figure: PayeeFigure) -> dict[str, list[str]]:
        """Area → indicators for want of whose limits nobody can say how far its score, or figure, may be off."""
        rows, _ = self._published(figure, self._period_of(figure))
        self._check_known(figure, rows, self._period_of(figure))
        rows = rows.filter(pl.col("value").is_not_null())
        if figure.indicator is not None:
            bare = rows.filter(pl.any_horizontal(pl.col("lower", "upper").is_null()))
            return {area: [figure.indicator] for area in bare["area_id"]}
        unsure = rows.filter(pl.col("without_limits").is_not_null()).select("area_id", "without_limits")
        return {area: names.split(LISTED) for area, names in unsure.iter_rows()}

    def _check_known(self, figure: PayeeFigure, rows: pl.DataFrame, period: Period) -> None:
        """Scores computed before they said which figures in them have no limits tell no error."""
        if figure.indicator is None and "without_limits" not in rows.columns:
            raise DataError("allocation_old_scores", period=period.key)

    def _published(self, figure: PayeeFigure, period: Period) -> tuple[pl.DataFrame, int]:
        """area_id, value, lower and upper of a figure that has limits, and the digits that count.

        Scores say which figures in them are `without_limits`.
        """
        if figure.indicator is not None:
            rows = self._here("ind__values", period).filter(
                pl.col("status").is_in(_SHOWN), indicator_id=figure.indicator, stratum="all"
            )
            return rows, _RATIO_DIGITS
        if figure.index is not None and period != self.period:
            return self._index_of(figure), _RISK_DIGITS
        if figure.index is not None:
            used = self.settings.risk is not None and figure.index == self.settings.risk.uses
            rows = self._here("risk__areas" if used else "risk__compared", period)
            return rows.filter(index_id=figure.index, component="total"), _RISK_DIGITS
        if figure.appraisal is not None:
            names = {"unit_kind": "area_level", "unit_id": "area_id", "value_lower": "lower", "value_upper": "upper"}
            root = self.settings.appraisals[figure.appraisal].spec.tree.id
            rows = self._that_pay(self._table("score__appraisals", period).rename(names))
            level = self.document.payee_level
            return rows.filter(appraisal_id=figure.appraisal, part=root, area_level=level), _SCORE_DIGITS
        rows = self._here("score__policies", period).filter(policy_id=figure.policy, dimension="total")
        return rows, _SCORE_DIGITS

    def _index_of(self, figure: PayeeFigure) -> pl.DataFrame:
        """Of another period, from its figures; what payees control, as it is now, where that is asked for."""
        spec, frame = self.behind(figure)
        if figure.improved:
            now = self._here("ind__values", self.period).filter(stratum="all")
            laid = laid_out(self.home, self.period, now, columns_used(spec))
            controlled = [item for item in indicators_of(spec.tree) if item.kind == "controllable"]
            own = {indicator_of(item.source_column) for item in controlled}
            moved = [name for name in columns_used(spec) if indicator_of(name) in own]
            kept = frame.drop(moved)
            frame = kept.join(laid.select(*KEYS, *moved), on=KEYS, how="left", maintain_order="left")
        parts_of = judged_in(frame, spec.model_copy(update={"uncertainty": None})).parts
        return parts_of.filter(part=spec.tree.id)

    def _money(self, stream: str) -> dict[str, Decimal]:
        """Of the year before, as its last release has it."""
        last = self._last_year
        if last.key < self.settings.home.calendar.first:
            return {}
        tables = closed_year(self.released, last, stream)
        own = tables["alloc__payments"].filter(payee_kind=self.document.payee_level, stream=stream)
        now = succession.passed_on(dict(own.select("payee_id", "year_fen").iter_rows()), self.heirs(last))
        return {payee: Decimal(fen) / self.document.fen_per_unit for payee, fen in now.items()}

    def last_year_from(self, spec: AllocationSpec) -> dict[str, str]:
        """Payee → where the money that its pace starts from comes from, if it was other areas' (succession.origins)."""
        found: dict[str, str] = {}
        for need in spec.of_kind(Need):
            previous = None if need.pace is None else need.pace.previous
            table = None if previous is None else self.document.tables[previous.table or self.document.payees.table]
            figure = table.columns.get(previous.column) if previous and isinstance(table, PayeeTable) else None
            if figure is not None and (figure.money is not None or figure.year_before):
                found |= succession.origins(self.heirs(self._last_year))
        return found

    def heirs(self, then: Period, now: Period | None = None) -> succession.Heirs:
        """Payees of an earlier period that were merged or divided until `now`, by default the period that is read.

        And who took over, each with its people of `now`.
        """
        if self.catalog is None:
            return {}
        until = self.period if now is None else now
        if (then.key, until.key) not in self._heirs:
            lowest = self._rows("ind__counts", until, self.settings.levels[0])
            people = lowest.filter(measure_id=self.document.population, stratum="all").select("area_id", "value")
            self._heirs[then.key, until.key] = succession.heirs(
                self.home, self._changes, self.document.payee_level, then, until,
                {area: value for area, value in people.iter_rows() if value is not None},
            )  # fmt: skip
        return self._heirs[then.key, until.key]

    @cached_property
    def _changes(self) -> Changes:
        """What is known of areas that changed; nothing without contracts."""
        if self.catalog is None:
            return Changes({})
        return known_changes(self.home, self.settings, self.catalog, self.period)

    def _measure(self, measure: str, period: Period) -> dict[str, Decimal]:
        rows = self._here("ind__counts", period).filter(measure_id=measure, stratum="all")
        of_money = (self.settings.measures[measure].column or "").endswith("_fen")
        each = self.document.fen_per_unit if of_money else 1
        return {area: value / each for area, value in rows.select("area_id", "value").iter_rows() if value is not None}

    def _indicators(self, name: str, table: IndicatorTable, payees: list[str]) -> pl.DataFrame:
        """Numerators and denominators only where the value is shown: what is too small to show does not pay."""
        history = any(
            stream.data.table == name and stream.data.quarter is not None
            for stream in self.document.of_kind(Performance)
        )
        periods = [self.period.shift(-back) for back in reversed(range(_LONGEST if history else 1))]
        rows = pl.concat([self._shown(table, payees, period) for period in periods])
        # An indicator nobody has a figure for still has its rows: late is not the same as not known to the spec.
        now = pl.DataFrame({"payee": payees}, schema={"payee": pl.String}).join(
            pl.DataFrame({"indicator": table.indicators}), how="cross"
        )
        now = now.with_columns(pl.lit(self.period.key).alias("quarter"))
        rows = pl.concat([rows, now.join(rows, on=now.columns, how="anti")], how="diagonal")
        self.baselines[name] = self._baselines(table, payees)
        rows = rows.join(self.baselines[name], on=["payee", "indicator"], how="left")
        return rows.select(*INDICATOR_COLUMNS, pl.col("payee").alias(ROW)).sort("payee", "indicator", "quarter")

    def _baselines(self, table: IndicatorTable, payees: list[str]) -> pl.DataFrame:
        """Of the base year on the areas of now; areas changed since then have theirs counted anew or passed on."""
        if table.baseline_year is None:
            return pl.DataFrame(schema=baselines.SCHEMA)
        then = Period(table.baseline_year, GRAINS[self.period.grain], self.period.grain)
        anew = self._here("ind__rebased", self.period).filter(
            pl.col("area_id").is_in(payees), pl.col("indicator_id").is_in(table.indicators), stratum="all",
            period=then.key, geography=self.period.key,
        )  # fmt: skip
        divided = {}
        lowest = self.document.payee_level == self.settings.levels[0]
        if self.catalog is not None and lowest and anew.height:
            divided = baselines.predecessors(self.home, self.settings, self.catalog, then, self.period)
        areas = sorted({*payees, *(area for own in divided.values() for area in own)})
        return baselines.baselines(self._shown(table, areas, then), _figures(anew, then), {
            payee: own for payee, own in divided.items() if payee in payees
        }).filter(pl.col("payee").is_in(payees))  # fmt: skip

    def _shown(self, table: IndicatorTable, payees: list[str], period: Period) -> pl.DataFrame:
        rows = self._here("ind__values", period).filter(
            pl.col("area_id").is_in(payees), pl.col("indicator_id").is_in(table.indicators), stratum="all"
        )
        return _figures(rows, period)

    def _records(self, table: RecordTable) -> pl.DataFrame:
        periods = self.period.window("year_to_date") if table.of == "year_to_date" else (self.period,)
        frame = parts.read_table(self.home, table.mart, [period.key for period in periods])
        if frame is None:
            return pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))
        columns = []
        for name, column in table.columns.items():
            own = cells.text_of(column, frame.schema[column])
            if column.endswith("_fen"):
                each = self.document.fen_per_unit
                own = pl.col(column).map_elements(lambda fen, each=each: plain(Decimal(fen) / each), pl.String)  # type: ignore[misc]
            columns.append(own.alias(name))
        return frame.select(columns).sort(pl.all())

    def _here(self, table: str, period: Period) -> pl.DataFrame:
        """Rows of the payee level under the rule set that pays."""
        return self._rows(table, period, self.document.payee_level)

    def _rows(self, table: str, period: Period, level: str) -> pl.DataFrame:
        return self._that_pay(self._table(table, period)).filter(area_level=level)

    def _that_pay(self, frame: pl.DataFrame) -> pl.DataFrame:
        active = self.settings.active_rule_sets(self.period)
        rules = next((key for key in self.settings.home.rule_sets if key in active), None)
        return frame.filter(rule_set=pl.lit(rules, dtype=pl.String))

    def _table(self, table: str, period: Period) -> pl.DataFrame:
        key = (table, period.key)
        if key not in self._read:
            frame = parts.read_table(self.home, table, [period.key])
            self._read[key] = output_tables()[table].empty() if frame is None else frame
        return self._read[key]


def _figures(rows: pl.DataFrame, period: Period) -> pl.DataFrame:
    """payee, indicator, quarter, value, numerator, denominator; cells empty where the value is not shown."""
    shown = pl.col("status").is_in(_SHOWN)
    return rows.select(
        pl.col("area_id").alias("payee"),
        pl.col("indicator_id").alias("indicator"),
        pl.lit(period.key).alias("quarter"),
        *(pl.when(shown).then(cells.text_of(name)).alias(name) for name in ("value", "numerator", "denominator")),
    )


def check_tables(settings: Settings, catalog: Catalog) -> None:
    """Raises DefinitionError for a mart or column of the document that the home lacks, or one that names persons."""
    document = settings.allocation
    for name, table in (document.tables if document else {}).items():
        if not isinstance(table, RecordTable):
            continue
        marts = mart_names(catalog)
        if table.mart not in marts:
            raise wrong("allocation_no_mart", table=name, mart=table.mart, hint=did_you_mean(table.mart, marts))
        known = mart_columns(catalog, table.mart)
        for column in table.columns.values():
            if column not in known:
                raise wrong("allocation_no_mart_column", table=name, mart=table.mart, column=column,
                            hint=did_you_mean(column, known))  # fmt: skip
            if column in _PERSONAL:
                raise wrong("allocation_personal", table=name, column=column)
