"""A county divided by plain arithmetic from the formulas alone, without a word of the engine: what laws hold it to.

Put here: targets, bounds, results, what groups are guaranteed, as fractions and whole fen. Keep out: the engine, speed.
"""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from typing import Any

Row = dict[str, Any]
QUANTUM = 10**12


class Refused(Exception):  # noqa: N818  (an answer, not a fault)
    """The rules cannot hold together."""


@dataclass
class Plain:
    """Fen of every payee in the order of its row, and what leads to them."""

    pools: dict[str, int]
    exact_targets: list[Fraction] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    factor_lines: list[dict[str, Decimal]] = field(default_factory=list)
    floors: list[int] = field(default_factory=list)
    caps: list[int | None] = field(default_factory=list)
    earned: list[int] = field(default_factory=list)
    potential: list[int] = field(default_factory=list)
    minima: dict[str, int] = field(default_factory=dict)
    """Reserve → fen of all streams of its base that the group must have."""
    guarantees: dict[str, tuple[list[int], int]] = field(default_factory=dict)
    """Reserve → who is in it, and what need money must bring them."""


def largest_remainder(weights: list[int] | list[Fraction], total: int, ids: list[str]) -> list[int]:
    """Whole parts; what is left one by one to the largest rests, ties to the smaller id."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [Fraction(own) * total / whole for own in weights]
    found = [floor(own) for own in exact]
    order = sorted(range(len(ids)), key=lambda at: (-(exact[at] - found[at]), ids[at]))
    for at in order[: total - sum(found)]:
        found[at] += 1
    return found


def multiplier(risk: Row, own: Fraction, people: list[int], risks: list[Fraction]) -> Fraction:
    """Risk multiplier in steps of 10⁻¹²; a linear form without reference takes the mean risk of all people."""
    if risk["form"] == "points":
        return Fraction([factor for edge, factor in risk["points"] if Fraction(str(edge)) <= own][-1])
    reference = risk.get("reference")
    if reference is None:
        heads = sum(people)
        middle = sum((count * one for count, one in zip(people, risks, strict=True)), Fraction(0)) / (heads or 1)
    else:
        middle = Fraction(reference)
    distance = (own - middle) / 100
    with localcontext(Context(prec=60)):
        far = Decimal(distance.numerator) / Decimal(distance.denominator)
        if risk["form"] == "linear":
            found = 1 + Decimal(risk["slope"]) * far
        else:
            found = (Decimal(risk["ratio"]).ln() * far).exp()
        return Fraction(int((found * QUANTUM).to_integral_value(ROUND_HALF_EVEN)), QUANTUM)


def divided(rows: list[Row], rules: Row, budget: int) -> Plain:
    """Everything but the division within bounds. `rules`: see `test_laws_plain_county.worlds`. Raises Refused."""
    ids = [row["id"] for row in rows]
    names = list(rules["shares"])
    pools = largest_remainder([Fraction(own) for own in rules["shares"].values()], budget, names)
    found = Plain(dict(zip(names, pools, strict=True)))
    _targets(found, rows, rules, ids)
    _bounds(found, rows, rules)
    _results(found, rows, rules, ids)
    for reserve in rules["reserves"]:
        streams = reserve["base"]
        if streams == "total":
            streams = names
        elif streams == "distributable":
            streams = [name for name in names if name != "spare"]
        base = sum(found.pools[name] for name in streams)
        least = ceil(base * Fraction(reserve["minimum_share"]))
        inside = [at for at, row in enumerate(rows) if row[reserve["group"]]]
        by_plan = "true_up_from" in reserve
        counting = found.potential if by_plan else found.earned
        other = sum(counting[at] for at in inside) if "p" in streams and reserve.get("mode") != "worst_case" else 0
        found.minima[reserve["id"]] = least
        found.guarantees[reserve["id"]] = (inside, max(0, least - other))
    return found


def _targets(found: Plain, rows: list[Row], rules: Row, ids: list[str]) -> None:
    pool, people = found.pools["need"], [row["people"] for row in rows]
    risks = [Fraction(row["risk"]) for row in rows]
    factors = [{name: Fraction(row[name]) for name in rules["factors"]} for row in rows]
    if rules["risk"] is not None:
        for at, own in enumerate(factors):
            own["risk"] = multiplier(rules["risk"], risks[at], people, risks)
    weights = []
    for count, own in zip(people, factors, strict=True):
        weight = Fraction(count)
        for factor in own.values():
            weight *= factor
        weights.append(weight)
    slices = [Fraction(row["q"]) * row["people"] for row in rows]
    part = Fraction(rules["inequality"] or 0)
    fixed = [int(rules["fixed_grant"] * 100) if count else 0 for count in people]
    left = pool - sum(fixed)
    whole, sliced = sum(weights), sum(slices)
    if left < 0 or (left and (not whole or (part and not sliced))):
        raise Refused
    for at in range(len(rows)):
        own = Fraction(fixed[at])
        own += left * (1 - part) * weights[at] / (whole or 1) + left * part * slices[at] / (sliced or 1)
        found.exact_targets.append(own)
        found.factor_lines.append(_lmdi(left * (1 - part), weights, people, factors, at))
    found.targets = largest_remainder(found.exact_targets, pool, ids)


def _lmdi(
    money: Fraction, weights: list[Fraction], people: list[int], factors: list[dict[str, Fraction]], at: int
) -> dict[str, Decimal]:
    """What each factor adds: L(own, equal) × ln(factor), and the same for bringing all to the money there is."""
    heads, whole = sum(people), sum(weights)
    if not money or not weights[at] or not whole:
        return {}
    with localcontext(Context(prec=50)):
        own, equal = (
            Decimal(each.numerator) / Decimal(each.denominator)
            for each in (money * weights[at] / whole, money * Fraction(people[at], heads))
        )
        mean = own if own == equal else (own - equal) / (own.ln() - equal.ln())
        logs = {name: (Decimal(each.numerator) / Decimal(each.denominator)).ln() for name, each in factors[at].items()}
        scaling = Fraction(heads) / whole
        logs["scaling"] = (Decimal(scaling.numerator) / Decimal(scaling.denominator)).ln()
        return {name: mean * each for name, each in logs.items()}


def _bounds(found: Plain, rows: list[Row], rules: Row) -> None:
    pace = rules["pace"]
    for at, row in enumerate(rows):
        before = Fraction(row["previous"] or 0) * 100 or None
        if before is not None and not row["people"]:
            before = Fraction(0)
        elif before is not None and pace.get("population_before") and row["people_before"]:
            moved = Fraction(abs(row["people"] - row["people_before"]), row["people_before"])
            if moved > Fraction(1, 50):
                before = before * row["people"] / row["people_before"]
        low = Fraction(0)
        if pace.get("floor_change") is not None and before is not None:
            low = max(low, before * (1 + Fraction(pace["floor_change"])))
        if pace.get("min_vs_target") is not None:
            own = found.exact_targets[at] * Fraction(pace["min_vs_target"])
            low = max(low, min(own, Fraction(found.targets[at])))
        if pace.get("statutory"):
            low = max(low, Fraction(row["statutory"]) * 100)
        cap = None
        if pace.get("cap_change") is not None and before is not None:
            high = before * (1 + Fraction(pace["cap_change"]))
            if high < low:
                raise Refused
            cap = max(floor(high), ceil(low))
        found.floors.append(ceil(low))
        found.caps.append(cap)


def _results(found: Plain, rows: list[Row], rules: Row, ids: list[str]) -> None:
    if "p" not in rules["shares"]:
        found.potential = found.earned = [0] * len(rows)
        return
    registered = [row["registered"] for row in rows]
    if found.pools["p"] and not any(registered):
        raise Refused
    found.potential = largest_remainder(registered, found.pools["p"], ids)
    found.earned = [floor(own * Fraction(row["score"])) for own, row in zip(found.potential, rows, strict=True)]


Figure = tuple[int | None, int | None, Fraction | None]
"""Numerator, cases and baseline of a payee in an indicator; None where nothing is known."""


def scores(item: Row, figures: list[Figure], strata: list[list[int]], *, better_of: bool) -> list[Fraction] | None:
    """Between 0 and 1 for every payee; None where a learnt benchmark is not better than its threshold."""
    found = [Fraction(0)] * len(figures)
    lower = item["direction"] == "lower_is_better"
    for places in strata:
        known = sorted((base for at in places if (base := figures[at][2]) is not None), reverse=lower)
        edges = [_edge(item[name], known) for name in ("threshold", "benchmark")]
        few, enough = [], []
        for at in places:
            top, cases, base = figures[at]
            if top is None or cases is None or (not cases and not item["minimum_cases"]):
                continue
            if cases < item["minimum_cases"]:
                few.append(at)
                continue
            enough.append(at)
            learnt = any(isinstance(item[name], str) for name in ("threshold", "benchmark"))
            if None in edges or (learnt and base is None):
                continue
            # Where lower is better, everything is looked at upside down.
            sign = -1 if lower else 1
            figure, start, end = (sign * Fraction(own) for own in (Fraction(top, cases), *edges))  # type: ignore[arg-type]
            own = (figure - start) / (end - start) if end > start else Fraction(0)
            if better_of and base is not None and sign * base < end:
                own = max(own, Fraction(9, 10) * min(Fraction(1), (figure - sign * base) / (end - sign * base)))
            found[at] = min(Fraction(1), max(Fraction(0), own))
        if None not in edges and (edges[1] - edges[0]) * (-1 if lower else 1) <= 0:  # type: ignore[operator]
            return None
        for at in few:
            found[at] = sum((found[other] for other in enough), Fraction(0)) / (len(enough) or 1)
    return found


def _edge(edge: Any, known: list[Fraction]) -> Fraction | None:
    """As stated, or the percentile of the baselines, weakest first, on the line between neighbours."""
    if not isinstance(edge, str):
        return Fraction(edge)
    if not known:
        return None
    place = Fraction(int(edge[1:]), 100) * (len(known) - 1)
    below = floor(place)
    above = min(below + 1, len(known) - 1)
    return known[below] + (known[above] - known[below]) * (place - below)


def earned_by(items: list[Row], registered: list[list[int]], each: list[list[Fraction]], pool: int,
              ids: list[str]) -> tuple[list[int], list[Fraction]]:  # fmt: skip
    """Potential in fen and, exactly, what scores earn of it: by persons on each register × weight × relative value."""
    worth = [Fraction(item["weight"]) * Fraction(item["relative_value"]) for item in items]
    weights = [[rate * own[at] for rate, own in zip(worth, registered, strict=True)] for at in range(len(ids))]
    potential = largest_remainder([sum(own) for own in weights], pool, ids)
    parts = [
        sum((weight * score[at] for weight, score in zip(own, each, strict=True)), Fraction(0)) / (sum(own) or 1)
        for at, own in enumerate(weights)
    ]
    return potential, [fen * part for fen, part in zip(potential, parts, strict=True)]
