"""The stream of a standard per head: the official formula and method A.

Put here: from its words and the tables to lines. Keep out: its arithmetic (standard), which standards and shares are in
force (data_contracts.national_funding).
"""

from fractions import Fraction

import polars as pl

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.customary import StandardStream
from data_contracts.national_funding import national_funding
from evaluations.allocation import standard
from evaluations.allocation.exact import shown
from evaluations.allocation.lines import Line, StreamResult, frame_of, fund_line
from evaluations.allocation.records import paid_within, short_lines, with_fund
from evaluations.allocation.setting import Setting

_STAGE = "S2"
_FEN = 100
_WAN = 10_000
_TABLE = {
    "stream": pl.String, "payee_id": pl.String, "population": pl.String, "standard_yuan": pl.String,
    "funded": pl.String, "score": pl.String, "coefficient": pl.String, "full_fen": pl.Int64, "due_fen": pl.Int64,
    "regrant_fen": pl.Int64, "paid_fen": pl.Int64,
}  # fmt: skip


def by_standard(stream: StandardStream, pool: int, setting: Setting) -> StreamResult:
    """Lines `standard` (or `standard_funded`), `coefficient` (or `coefficient_by_score`), `regrant`, `short_pool`.

    Table `standard`.
    """
    snapshot, place = setting.snapshot, f"streams.{stream.id}"
    each = _WAN if stream.population_in == "wan" else 1
    population = snapshot.fractions(stream.population, f"{place}.population")
    if each > 1:
        population = [people * each for people in population]
    rates = _rates(stream, setting)
    funded = _funded(stream, setting)
    coefficient, scores = _coefficients(stream, setting)
    in_fen = {rate: rate * _FEN for rate in set(rates)}
    due = standard.dues(population, [in_fen[rate] for rate in rates], funded, coefficient)
    again = [0] * len(population)
    if stream.regrant is not None:
        least = Fraction(stream.regrant.at_least)
        by = snapshot.fractions(stream.regrant.by, f"{place}.regrant.by")
        earns = [score is not None and score >= least for score in scores]
        again = standard.regranted(due.deducted, by, earns, snapshot.ids)
    dues = [own + more for own, more in zip(due.due, again, strict=True)]
    paid = paid_within(stream.id, dues, pool, stream.over_pool, snapshot.ids)
    payees = [(snapshot.kind, own) for own in snapshot.ids]
    lines, rows, own_due = [], [], due.due
    for at, (kind, own) in enumerate(payees):
        known = scores[at]
        score = None if known is None else shown(known)
        people, rate, part, factor = (shown(item[at]) for item in (population, rates, funded, coefficient))
        rows.append((stream.id, own, people, rate, part, score, factor, due.standard[at], own_due[at], again[at],
                     paid[at]))  # fmt: skip
        line_id, words = ("standard", {}) if part == "1" else ("standard_funded", {"part": shown(funded[at] * 100)})
        lines.append(Line(kind, own, _STAGE, line_id, stream.id, due.standard[at], people, rate, words))
        if due.change[at]:
            line_id, params = ("coefficient", {}) if score is None else ("coefficient_by_score", {"score": score})
            lines.append(Line(kind, own, _STAGE, line_id, stream.id, due.change[at], None, factor, params))
        if again[at]:
            lines.append(Line(kind, own, _STAGE, "regrant", stream.id, again[at]))
    lines += short_lines(stream.id, _STAGE, payees, dues, paid)
    # What appraisals took off and nobody was granted again is said apart from what was never due.
    held = min(due.deducted - sum(again), pool - sum(paid))
    if held:
        lines.append(fund_line(stream.unspent_to, _STAGE, "deducted", stream.id, held))
    lines = with_fund(lines, stream.unspent_to, _STAGE, stream.id, pool)
    return StreamResult(stream.id, pool, lines, {"standard": frame_of(rows, **_TABLE)})


def _rates(stream: StandardStream, setting: Setting) -> list[Fraction]:
    """Yuan per head of each payee."""
    snapshot = setting.snapshot
    if isinstance(stream.standard, Figure):
        return snapshot.fractions(stream.standard, f"streams.{stream.id}.standard")
    if stream.standard == "national":
        return [Fraction(national_funding().standard(setting.spec.year).yuan)] * len(snapshot.ids)
    return [Fraction(stream.standard)] * len(snapshot.ids)


def _funded(stream: StandardStream, setting: Setting) -> list[Fraction]:
    snapshot, place = setting.snapshot, f"streams.{stream.id}"
    if isinstance(stream.funded, Figure):
        return snapshot.fractions(stream.funded, f"{place}.funded", high=1)
    if stream.funded != "central" or stream.region is None:
        return [Fraction(stream.funded)] * len(snapshot.ids)
    rows = snapshot.rows_of(Figure(column=stream.region), f"{place}.region")
    regions = rows.known(stream.region, rows.words(stream.region))
    return [Fraction(national_funding().central_share(region, setting.spec.year)) for region in regions]


def _coefficients(stream: StandardStream, setting: Setting) -> tuple[list[Fraction], list[Fraction | None]]:
    snapshot, place = setting.snapshot, f"streams.{stream.id}"
    if stream.score is not None:
        snapshot.some_figures(stream.score, f"{place}.score")
        scores = snapshot.rows_of(stream.score, f"{place}.score").fractions(stream.score.column)
        bands = [standard.Band(Fraction(edge), Fraction(part)) for edge, part in stream.bands]
        return standard.coefficients(scores, bands), scores
    nobody: list[Fraction | None] = [None] * len(snapshot.ids)
    if stream.coefficient is None:
        return [Fraction(1)] * len(snapshot.ids), nobody
    return snapshot.fractions(stream.coefficient, f"{place}.coefficient"), nobody
