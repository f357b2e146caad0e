"""The incentive audit on the road: the same division, every payee better at everything it controls, in tables.

Put here: which index stands behind the risk that need follows, what an audit depends on, and the shape of
alloc__incentives, alloc__incentive_totals and alloc__incentive_reasons. Keep out: the audit itself (evaluations), the
words of its reasons (incentives), dividing (allocation).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from assets.compute.allocation_tables import RoadTables
from assets.compute.incentives import Words, draft_reasons
from assets.lake.fingerprint import code_fingerprint, combine
from data_contracts.allocation_spec.auditing import KnownColumn
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.allocation_spec.need import Need, RiskIndex
from data_contracts.allocation_spec.pay import Performance
from data_contracts.allocation_spec.reached import asked_columns, is_moved, key_of
from data_contracts.closed import fingerprint
from data_contracts.index_spec.document import IndexSpec, indicators_of
from data_contracts.messages import both, catalogue
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.allocation_tables import PayeeFigure, PayeeTable
from data_contracts.tables import output_tables
from evaluations.allocation.audit import audit_of
from evaluations.allocation.snapshot import DataError
from evaluations.index.sheet import SheetError

TABLES = ("alloc__incentives", "alloc__incentive_totals", "alloc__incentive_reasons")
_CODE = ("assets/compute", "evaluations", "data_contracts")
Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class RoadAudit:
    """What the audit of one division starts from.

    `spec`, `tables`: of the division, with an index where the risk of need is one of the road and its figures in a
    table of their own. `indices`: need stream → spec. `titles`: what people call indicators, streams and payees.
    """

    reading: RoadTables
    spec: AllocationSpec
    tables: Mapping[str, pl.DataFrame]
    indices: Mapping[str, IndexSpec]
    titles: Mapping[str, Words]

    @cached_property
    def mark(self) -> str:
        """Fingerprint of all that the audit depends on."""
        rules = [self.spec, *(self.indices[name] for name in sorted(self.indices))]
        said = {name: own for name, own in catalogue().items() if name.startswith("allocate.audit.")}
        words = fingerprint([*(own.model_dump(mode="json") for own in rules), sorted(self.titles.items()), said])
        frames = [f"{name}\n{frame.write_csv()}" for name, frame in sorted(self.tables.items())]
        return combine(self.reading.period.key, code_fingerprint(*_CODE), words, *frames)

    def run(self) -> Frames:
        """All of TABLES. What cannot be audited is a reason, never an error: the division is then a draft."""
        if not is_moved(self.spec):
            return self._shaped(None, None, [])
        try:
            result = audit_of(self.spec, self.tables, self.indices)
        except (DataError, SheetError) as error:
            return self._unaudited("no_data", both("allocate.audit.no_data", reason=error.words))
        found = result.tables
        said = zip(found["audit_reasons"]["reason"], draft_reasons(self.spec, result, self.titles), strict=True)
        exact = pl.when(pl.col("exact_fen").is_not_null()).then(pl.lit("exact")).otherwise(pl.lit("screened"))
        known = pl.col("value_fen").is_not_null()
        cells = found["audit"].with_columns(pl.when(known).then(exact).alias("computed"))
        totals = found["audit_summary"].rename({"worst_payee": "worst_payee_id"})
        return self._shaped(cells.rename({"value_fen": "npv_fen"}), totals, list(said))

    def _unaudited(self, reason: str, words: Words) -> Frames:
        return self._shaped(None, None, [(reason, words)])

    def _shaped(
        self, cells: pl.DataFrame | None, totals: pl.DataFrame | None, reasons: list[tuple[str, Words]]
    ) -> Frames:
        said = pl.DataFrame(
            [(at, reason, words["zh"], words["en"]) for at, (reason, words) in enumerate(reasons, 1)],
            {"number": pl.Int64, "reason": pl.String, "zh": pl.String, "en": pl.String},
            orient="row",
        )
        found = {}
        for name, frame in zip(TABLES, (cells, totals, said), strict=True):
            table = output_tables()[name]
            marked = None if frame is None else frame.with_columns(
                pl.lit(self.reading.period.key).alias("period"),
                pl.lit(self.reading.document.id).alias("allocation_id"),
                pl.lit(self.reading.document.payee_level).alias("payee_kind"),
            )  # fmt: skip
            found[name] = table.empty() if marked is None else gate(table_schema(table), table.shape(marked))
        return found


def no_audit() -> Frames:
    """All of TABLES where nothing was divided."""
    return {name: output_tables()[name].empty() for name in TABLES}


def road_audit(reading: RoadTables, spec: AllocationSpec, tables: Mapping[str, pl.DataFrame]) -> RoadAudit:
    """The audit of a division by `spec` of `tables`."""
    streams, indices, figures = [], {}, dict(tables)
    for stream in spec.streams:
        figure = _risk_of(reading, stream) if isinstance(stream, Need) else None
        if figure is not None and isinstance(stream, Need) and stream.risk is not None:
            name = f"__index_{stream.id}"
            indices[stream.id], figures[name] = reading.behind(figure)
            risk = stream.risk.model_copy(update={"index": RiskIndex(spec=str(figure.index), table=name)})
            stream = stream.model_copy(update={"risk": risk})
        streams.append(stream)
    columns = {**_known_columns(reading, spec), **spec.audit.columns}
    known = spec.model_copy(
        update={"streams": streams, "audit": spec.audit.model_copy(update={"columns": columns})}
    )  # fmt: skip
    return RoadAudit(reading, known, figures, indices, _titles(reading, known, indices))


def _known_columns(reading: RoadTables, spec: AllocationSpec) -> dict[str, KnownColumn]:
    """Columns that speak for themselves on the road, by where they come from; what the document declares goes before.

    Areas and people are structural; scores of policies and appraisals, and indicators with a direction, are what payees
    work for. How sure a figure is has no better side.
    """
    found = {}
    for own in asked_columns(spec):
        table = reading.document.tables[own.table]
        figure = table.columns[own.column] if isinstance(table, PayeeTable) else None
        known = None if figure is None else known_of(reading, figure)
        if known is not None:
            found[key_of(spec, own.table, own.column)] = known
    return found


def known_of(reading: RoadTables, figure: PayeeFigure) -> KnownColumn | None:
    """What the road knows of a figure; None where somebody has to say."""
    if figure.area is not None or figure.measure == reading.document.population:
        return KnownColumn(structural=str(figure.area or figure.measure))
    if figure.standard_error:
        return None
    if (figure.policy is not None or figure.appraisal is not None) and not figure.grade:
        return KnownColumn(better="higher")
    direction = None if figure.indicator is None else reading.settings.indicators[figure.indicator].direction
    if direction in ("higher_is_better", "lower_is_better"):
        return KnownColumn(better="higher" if direction == "higher_is_better" else "lower")
    return None


def _risk_of(reading: RoadTables, need: Need) -> PayeeFigure | None:
    """The figure of the road that a need stream takes its risk from, where an index makes it."""
    if need.risk is None:
        return None
    table = reading.document.tables[need.risk.table or reading.document.payees.table]
    figure = table.columns[need.risk.column] if isinstance(table, PayeeTable) else None
    return figure if figure is not None and figure.index is not None else None


def _titles(reading: RoadTables, spec: AllocationSpec, indices: Mapping[str, IndexSpec]) -> dict[str, Words]:
    """Of indicators as the audit names them: their own titles, else those of the home."""
    own = [(item.id, item.titles) for stream in spec.of_kind(Performance) for item in stream.indicators]
    own += [(item.id, item.titles) for index in indices.values() for item in indicators_of(index.tree)]
    own += [(stream.id, stream.titles) for stream in spec.streams]
    found: dict[str, Words] = {}
    for name, titles in own:
        if titles is None and name in reading.settings.indicators:
            titles = reading.settings.indicators[name].titles
        if titles is not None:
            found.setdefault(name, {"zh": titles.zh, "en": titles.en})
    for area, row in reading.areas().areas.items():
        found.setdefault(area, {"zh": str(row["area_name"]), "en": str(row["area_name_en"] or row["area_name"])})
    return found
