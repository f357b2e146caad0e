"""Dividing the money of a period: settings, counts, risk and scores given to the solver, tables back.

Put here: who the payees are, the period's money, and the sentence of every line. Keep out: the arithmetic
(evaluations) and the wording (messages/allocation.yaml). Counts, risk and scores are taken under the first rule set
of the home in force, which is the one that pays.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

import polars as pl

from assets.compute.inputs import periods_per_year
from assets.lake import parts
from assets.lake.home import Home
from data_contracts.messages import both, wrong
from data_contracts.periods import Period
from data_contracts.schemas import gate, table_schema
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations import allocation_v1 as solver
from evaluations.rounding import instalments

_LINES, _PAYEES = "alloc__lines", "alloc__payees"
_SCORE_DIGITS, _RISK_DIGITS, _RATE_DIGITS = 4, 6, 4
_FUND = "fund"
_NAMED = 10


@dataclass(frozen=True)
class Allocation:
    """The result for one period. Both tables are empty unless `status` is `ok`.

    `budget`: money of the period in minor units. `message`: both languages, why there is no table or who got nothing.
    """

    status: Literal["ok", "none", "no_budget", "no_population", "infeasible"]
    lines: pl.DataFrame
    payees: pl.DataFrame
    budget: int = 0
    message: dict[str, str] | None = None


def allocate(home: Home, settings: Settings, period: Period) -> Allocation:
    """Divide the period's instalment of the year's budget among the areas of the payee level and the funds.

    Reads mart__areas, ind__counts, risk__areas and score__policies of the period.
    """
    document = settings.allocation
    if document is None:
        return _without("none")
    budget = _budget(document, settings, period)
    if budget is None:
        return _without("no_budget", message=both("alloc.no_budget", year=period.year))
    known = _Inputs.read(home, settings, document, period)
    people = [payee for payee in known.payees() if payee.population > 0]
    if not people:
        return _without("no_population", budget, both("alloc.no_population", measure=document.population))
    found = solver.allocate(_rule(document, budget), people)
    if found.conflict is not None:
        return _without("infeasible", budget, _conflict(found.conflict, document, settings))
    lines = _lines(found, document, settings, people, period)
    payees = _payees(found, known, document, period)
    missing = sorted(set(known.areas) - {payee.id for payee in people})
    named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
    message = both("alloc.left_out", count=len(missing), areas=named) if missing else None
    return Allocation("ok", lines, payees, budget, message)


def _without(
    status: Literal["none", "no_budget", "no_population", "infeasible"],
    budget: int = 0,
    message: dict[str, str] | None = None,
) -> Allocation:
    known = output_tables()
    return Allocation(status, known[_LINES].empty(), known[_PAYEES].empty(), budget, message)


def _budget(document: AllocationDocument, settings: Settings, period: Period) -> int | None:
    """The period's instalment in minor units; None where the year has no budget."""
    stated = [budget.amount for budget in document.budgets if budget.year == period.year]
    if not stated:
        return None
    minor = sum(stated) * settings.home.currency.minor_per_major
    if minor != int(minor):
        raise wrong("wrong_budget", year=period.year, unit=settings.home.currency.minor_unit)
    return instalments(int(minor), periods_per_year(period))[period.index - 1]


def _rule(document: AllocationDocument, budget: int) -> solver.AllocationRule:
    streams = [
        solver.StreamRule(
            stream.id, stream.kind, stream.share, (stream.tilt.ratio, stream.tilt.reference) if stream.tilt else None
        )
        for stream in document.streams
    ]
    reserves = [solver.ReserveRule(reserve.id, reserve.group, reserve.minimum_share) for reserve in document.reserves]
    return solver.AllocationRule(budget, document.payee_level, streams, document.floor, document.cap, reserves)


@dataclass(frozen=True)
class _Inputs:
    """What is known of every area of the payee level: rural or not, people, weighted people, risk, score."""

    areas: dict[str, bool | None]
    population: dict[str, Decimal]
    weighted: dict[str, Decimal]
    risk: dict[str, Decimal]
    score: dict[str, Decimal]

    @classmethod
    def read(cls, home: Home, settings: Settings, document: AllocationDocument, period: Period) -> "_Inputs":
        level = document.payee_level
        rules = next((key for key in settings.home.rule_sets if key in settings.active_rule_sets(period)), None)
        here = (pl.col("area_level") == level) & (pl.col("rule_set") == rules)
        areas = _table(home, "mart__areas", period).filter(pl.col("area_level") == level)
        counts = _table(home, "ind__counts", period).filter(here, pl.col("stratum") == "all")
        risk = _table(home, "risk__areas", period).filter(here, pl.col("component") == "total")
        paying = next((stream.policy for stream in document.streams if stream.kind == "performance"), None)
        scores = _table(home, "score__policies", period).filter(
            here, pl.col("dimension") == "total", pl.col("policy_id") == pl.lit(paying, dtype=pl.String)
        )
        weighted = document.weighted_population or document.population
        return cls(
            areas=dict(areas.select("area_id", "is_rural").iter_rows()),
            population=dict(counts.filter(measure_id=document.population).select("area_id", "value").iter_rows()),
            weighted=dict(counts.filter(measure_id=weighted).select("area_id", "value").iter_rows()),
            risk=_decimals(risk, _RISK_DIGITS),
            score=_decimals(scores, _SCORE_DIGITS),
        )

    def payees(self) -> list[solver.Payee]:
        """The areas whose population, weighted population too, is known."""
        group = {True: frozenset({"rural"}), False: frozenset({"urban"}), None: frozenset[str]()}
        return [
            solver.Payee(
                area,
                self.population[area],
                self.weighted[area],
                self.risk.get(area),
                self.score.get(area),
                group[rural],
            )
            for area, rural in sorted(self.areas.items())
            if area in self.population and area in self.weighted
        ]


def _table(home: Home, table: str, period: Period) -> pl.DataFrame:
    frame = parts.read_table(home, table, [period.key])
    return output_tables()[table].empty() if frame is None else frame


def _decimals(frame: pl.DataFrame, digits: int) -> dict[str, Decimal]:
    """Published numbers as decimals: what is paid on is exactly what is shown, to `digits` digits."""
    shown = frame.filter(pl.col("value").is_not_null()).select("area_id", "value").iter_rows()
    return {area: _rounded(Decimal(repr(value)), digits) for area, value in shown}


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def _lines(
    found: solver.Allocation,
    document: AllocationDocument,
    settings: Settings,
    people: Sequence[solver.Payee],
    period: Period,
) -> pl.DataFrame:
    frame = found.lines_frame().sort("payee_kind", "payee_id", "line_no")
    words = _Sentences(document, settings, found.lines, {payee.id: payee for payee in people})
    told = [words.of(line) for line in frame.iter_rows(named=True)]
    frame = frame.with_columns(
        pl.lit(period.key).alias("period"),
        pl.lit(document.id).alias("allocation_id"),
        pl.Series("sentence_id", [sentence for sentence, _ in told], dtype=pl.String),
        pl.Series("sentence_params", [_json(params) for _, params in told], dtype=pl.String),
        pl.Series("rate", [old or params.get("rate") for (_, params), old in zip(told, frame["rate"], strict=True)]),
    )
    table = output_tables()[_LINES]
    return gate(table_schema(table), table.shape(frame))


def _json(params: Mapping[str, Any]) -> str:
    return json.dumps(params, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class _Sentences:
    """The sentence of a line with its parameters; money per head is the stream's money over its weighted people."""

    def __init__(
        self,
        document: AllocationDocument,
        settings: Settings,
        lines: Sequence[solver.Line],
        people: Mapping[str, solver.Payee],
    ) -> None:
        self._document, self._people = document, people
        self._currency = settings.home.currency
        self._reserves = {reserve.id: reserve.titles for reserve in document.reserves}
        money: dict[str, int] = defaultdict(int)
        heads: dict[str, Decimal] = defaultdict(Decimal)
        for line in lines:
            if line.quantity is not None:
                money[line.stream] += line.amount
                heads[line.stream] += line.quantity * Decimal(line.rate or 1)
        self._rates = {stream: self._per_head(money[stream], heads[stream]) for stream in money}

    def _per_head(self, amount: int, heads: Decimal) -> str:
        major = Decimal(amount) / self._currency.minor_per_major
        return str(_rounded(major / heads, _RATE_DIGITS)) if heads else "0"

    def of(self, line: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Sentence id and parameters of one line."""
        kind = line["line_id"]
        if kind in ("per_head", "need", "performance"):
            return self._by_people(kind, line)
        if kind in ("floor", "cap"):
            share = self._document.floor if kind == "floor" else self._document.cap
            return f"alloc.{kind}", {"share": _plain(share or Decimal(0))}
        if kind == "reserve":
            titles = self._reserves[line["stream"]]
            return "alloc.reserve", {"title_zh": titles.zh, "title_en": titles.en}
        if kind == "not_earned":
            score = self._people[line["payee_id"]].score
            return (
                ("alloc.not_earned_without_score", {}) if score is None else ("alloc.not_earned", {"score": str(score)})
            )
        return f"alloc.{kind}", {}

    def _by_people(self, kind: str, line: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        params = {
            "quantity": _plain(line["quantity"]),
            "rate": self._rates[line["stream"]],
            "currency": self._currency.major.zh,
            "currency_en": self._currency.major.en,
        }
        if kind != "need":
            return f"alloc.{kind}", params
        if line["rate"] is None:
            return "alloc.need_weighted", params
        risk = self._people[line["payee_id"]].risk
        params["factor"] = line["rate"]
        return ("alloc.need_without_risk", params) if risk is None else ("alloc.need", params | {"risk": str(risk)})


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _payees(found: solver.Allocation, known: _Inputs, document: AllocationDocument, period: Period) -> pl.DataFrame:
    amounts: dict[tuple[str, str], int] = defaultdict(int)
    for line in found.lines:
        amounts[line.payee_kind, line.payee_id] += line.amount
    areas = [
        (
            document.payee_level,
            area,
            rural,
            known.population.get(area),
            amounts[document.payee_level, area],
            found.bounds.get(area, "none"),
            found.equal_shares.get(area),
        )
        for area, rural in sorted(known.areas.items())
    ]
    funds = [
        (_FUND, payee, None, None, amount, "none", None) for (kind, payee), amount in amounts.items() if kind == _FUND
    ]
    table = output_tables()[_PAYEES]
    schema = {name: dtype for name, dtype in table.schema.items() if name not in ("period", "allocation_id")}
    frame = pl.DataFrame([*areas, *funds], schema=schema, orient="row")
    whole = frame.with_columns(pl.lit(period.key).alias("period"), pl.lit(document.id).alias("allocation_id"))
    return gate(table_schema(table), table.shape(whole))


def _conflict(conflict: solver.Conflict, document: AllocationDocument, settings: Settings) -> dict[str, str]:
    """The conflict in words: which rules, by how much, what could be reached at most."""
    currency = settings.home.currency

    def major(amount: int) -> str:
        return _plain(Decimal(amount) / currency.minor_per_major)

    known = {reserve.id: reserve.titles.model_dump() for reserve in document.reserves}
    titles = [known[rule] if rule in known else both(f"alloc.rule.{rule}") for rule in conflict.rules]
    return both(
        "alloc.conflict",
        rules_zh="、".join(title["zh"] for title in titles),
        rules_en=", ".join(title["en"] for title in titles),
        short=major(conflict.short),
        reachable=major(conflict.reachable),
        currency=currency.major.zh,
        currency_en=currency.major.en,
    )
