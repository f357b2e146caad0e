"""A conflict as tables: the rules that cannot hold together, and the smallest way out by each family of rules.

Put here: shapes of these tables, and which figures of the spec are tried. Keep out: finding conflict and ways out
(conflict.py, relaxing.py, loosening.py), sentences.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from evaluations.allocation.conflict import Rule, collisions
from evaluations.allocation.lines import frame_of
from evaluations.allocation.loosening import MILLION, Figure, budget_of, floor_of, nearest, reserve_of, sizes_of
from evaluations.allocation.problem import Again, Conflict, Problem
from evaluations.allocation.reach import Rules, rules_of
from evaluations.allocation.relaxing import BUDGET, CAP, RESERVE, Relaxation, families, most_of, proposal, relaxed
from evaluations.allocation.source_conflict import SourcesProblem, WayOut, in_conflict, ways_out

CONFLICT_SCHEMA = {
    "stream": pl.String, "set_no": pl.Int64, "rule_no": pl.Int64, "kind": pl.String, "subject": pl.String,
    "set_by": pl.String, "amount_fen": pl.Int64,
}  # fmt: skip
RELAXATIONS_SCHEMA = {
    "stream": pl.String, "family": pl.String, "subject": pl.String, "possible": pl.Boolean, "total_fen": pl.Int64,
    "before_fen": pl.Int64, "after_fen": pl.Int64, "payees": pl.Int64, "share_before": pl.Decimal(20, 6),
    "share_after": pl.Decimal(20, 6),
}  # fmt: skip
STEPS_SCHEMA = {
    "stream": pl.String, "family": pl.String, "payee_id": pl.String, "before_fen": pl.Int64, "after_fen": pl.Int64,
}  # fmt: skip
BEST_SCHEMA = {
    "stream": pl.String, "reserve": pl.String, "base_fen": pl.Int64, "wanted_fen": pl.Int64, "most_fen": pl.Int64,
    "most_share": pl.Decimal(20, 6),
}  # fmt: skip
# Words of a spec → families of rules.
_FAMILIES = {"statutory_floor": "statutory"}
_POOL = "pool"
"""What the money of one stream is called in tables, where `budget` is that of all of them."""
_DIGITS = Decimal("0.000001")


def conflict_tables(conflict: Conflict, priorities: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Tables `conflict`, `relaxations`, `relaxation_steps`, `best_shares`, `proposal`.

    `conflict`: sets of rules, of each of which none can be dropped without its others holding together. `relaxations`:
    each family by itself; a figure of the spec (the budget, a size, a reserved share) only if another division holds
    with it, and as not possible only if none does. `proposal`: by `priorities` (words of a spec, kept most first), for
    somebody to decide on; nothing is applied. Conflicts of pools, budget lines and sources, which have no payees, give
    the first two only.
    """
    if conflict.sources is not None:
        return _of_sources(conflict.subject, conflict.sources)
    problem = conflict.problem
    if problem is None:
        return _plain(conflict)
    rules, again = rules_of(problem), conflict.again
    alone = [relaxed(rules, family) for family in families(rules) if again is None or family != BUDGET]
    budget = [] if again is None else _figure(problem.stream, BUDGET, None, budget_of(again), again)
    ways = [_relaxation(problem, own) for own in alone if again is None or _confirmed(problem, own, again)]
    order = [family for word in priorities if (family := _FAMILIES.get(word, word)) in _whole_families(rules)]
    together = proposal(rules, order) or []
    return {
        "conflict": _conflict(problem, rules, collisions(problem)),
        "relaxations": frame_of([*budget, *ways], **RELAXATIONS_SCHEMA),
        "relaxation_steps": frame_of([row for own in alone for row in _steps(problem, own)], **STEPS_SCHEMA),
        "best_shares": frame_of(_best(problem, rules), **BEST_SCHEMA),
        "proposal": frame_of([_relaxation(problem, own) for own in together], **RELAXATIONS_SCHEMA),
    }


def _whole_families(rules: Rules) -> set[str]:
    return {BUDGET, CAP, RESERVE, *rules.parts}


def _confirmed(problem: Problem, own: Relaxation, again: Again) -> bool:
    """Whether the division holds with the reserved share that a relaxation leads to; nothing is asked of others."""
    row: dict[str, Any] = dict(zip(RELAXATIONS_SCHEMA, _relaxation(problem, own), strict=True))
    share = row["share_after"]
    return share is None or again.conflict_of(reserve_of(again, row["subject"]).put(int(share * MILLION))) is None


def _figure(stream: str, family: str, subject: str | None, figure: Figure, again: Again) -> list[tuple[object, ...]]:
    """A row for the nearest figure with which another division holds; none where nothing can be said."""
    found = nearest(figure, again)
    if found is None:
        return []
    before, after = found
    if after is None:
        return [(stream, family, subject, False, None, None, None, 0, None, None)]
    if figure.is_share:
        return [(stream, family, subject, True, None, None, None, 0, Decimal(before) / MILLION,
                 Decimal(after) / MILLION)]  # fmt: skip
    return [(stream, family, subject, True, abs(after - before), before, after, 0, None, None)]


def _plain(conflict: Conflict) -> dict[str, pl.DataFrame]:
    """Rules by name, and what each would have to give."""
    named = [(kind, subject or None) for kind, _, subject in (rule.partition(":") for rule in conflict.rules)]
    rows = [(conflict.subject, 1, number, kind, subject, None, None) for number, (kind, subject) in enumerate(named, 1)]
    ways = [row for kind, subject in named for row in _plain_ways(conflict, kind, subject)]
    return {"conflict": frame_of(rows, **CONFLICT_SCHEMA), "relaxations": frame_of(ways, **RELAXATIONS_SCHEMA)}


def _plain_ways(conflict: Conflict, kind: str, subject: str | None) -> list[tuple[object, ...]]:
    """Figures of the spec by dividing again, else what is missing, or too much, as it is."""
    about, again = conflict.subject.removeprefix("streams."), conflict.again
    if kind == "planned":
        planned = conflict.reachable + (-conflict.short if conflict.surplus else conflict.short)
        amounts = (conflict.short, planned, conflict.reachable)
        return [(conflict.subject, kind, subject, True, *amounts, 0, None, None)]
    if kind == "at_least" and sum(rule.startswith("at_least:") for rule in conflict.rules) > 1:
        return [(conflict.subject, kind, subject, False, None, None, None, 0, None, None)]
    if again is None or kind not in ("budget", "streams", "at_least"):
        return [(conflict.subject, kind, subject, True, conflict.short, None, None, len(conflict.payees), None, None)]
    if kind == "at_least":
        floor = floor_of(again, about, subject or "", conflict.reachable + conflict.short)
        return _figure(conflict.subject, kind, subject, floor, again)
    sizes = {stream: own for stream, own in sizes_of(again).items() if about in ("budget", stream)}
    if kind == "budget" and about == "budget":
        sizes = {}
    ways = [row for stream, own in sizes.items() for row in _figure(conflict.subject, "size", stream, own, again)]
    whole = [] if kind == "streams" and about == "budget" else _figure(conflict.subject, BUDGET, None,
                                                                       budget_of(again), again)  # fmt: skip
    return [*ways, *whole]


def _of_sources(subject: str, problem: SourcesProblem) -> dict[str, pl.DataFrame]:
    rows = [
        (subject, 1, number, rule.kind, rule.subject, None, rule.amount)
        for number, rule in enumerate(in_conflict(problem), 1)
    ]
    ways = [_way_out(subject, way) for way in ways_out(problem)]
    return {"conflict": frame_of(rows, **CONFLICT_SCHEMA), "relaxations": frame_of(ways, **RELAXATIONS_SCHEMA)}


def _way_out(subject: str, way: WayOut) -> tuple[object, ...]:
    """A row; an earmark that is dropped changes no amount."""
    if way.widened:
        return (subject, "earmark", way.source, way.after is not None, None, None, None, 0, None, None)
    total = None if way.after is None else abs(way.after - way.before)
    shares = (None, None) if way.shares is None else tuple(map(_digits, way.shares, (False, way.rises)))
    return (subject, "source", way.source, way.after is not None, total, way.before, way.after, 0, *shares)


def _digits(share: Fraction, up: bool) -> Decimal:
    """A share in six digits with which the amount can be reached."""
    rounding = "ROUND_CEILING" if up else "ROUND_FLOOR"
    return (Decimal(share.numerator) / Decimal(share.denominator)).quantize(_DIGITS, rounding=rounding)


def _conflict(problem: Problem, rules: Rules, sets: Sequence[Sequence[Rule]]) -> pl.DataFrame:
    floors, rows = rules.floors, []
    listed = [(set_no, rule) for set_no, found in enumerate(sets, 1) for rule in found]
    for number, (set_no, rule) in enumerate(listed, 1):
        subject, set_by, amount = None, None, problem.pool
        if rule.kind in ("floor", "cap", "no_target"):
            subject = problem.ids[rule.at]
            amount = floors[rule.at] if rule.kind != "cap" else problem.caps[rule.at] or 0
            set_by = _set_by(rules.parts, rule.at, floors[rule.at]) if rule.kind == "floor" else None
        elif rule.kind == "reserve":
            subject, amount = problem.guarantees[rule.at].reserve, problem.guarantees[rule.at].minimum
        rows.append((problem.stream, set_no, number, rule.kind, subject, set_by, amount))
    return frame_of(rows, **CONFLICT_SCHEMA)


def _set_by(parts: Mapping[str, Sequence[int]], at: int, floor: int) -> str:
    return next(rule for rule, own in parts.items() if own[at] == floor)


def _relaxation(problem: Problem, own: Relaxation) -> tuple[object, ...]:
    """A row; before and after only where one amount changes."""
    family, _, number = own.family.partition(":")
    guarantee = problem.guarantees[int(number)] if number else None
    before = after = shares = None
    if own.rules is not None and (guarantee is not None or family == BUDGET):
        before = problem.pool if guarantee is None else guarantee.minimum
        after = own.changes[0][2] if own.changes else before
    if guarantee is not None and after is not None and before is not None:
        shares = [_share(guarantee.elsewhere + amount, guarantee.base) for amount in (before, after)]
    family = _POOL if family == BUDGET else family
    payees = 0 if family in (_POOL, RESERVE) else len(own.changes)
    total = None if own.rules is None else own.total
    return (problem.stream, family, guarantee.reserve if guarantee else None, own.rules is not None, total, before,
            after, payees, *(shares or [None, None]))  # fmt: skip


def _share(amount: int, base: int) -> Decimal | None:
    """Rounded down, so that the share can be reached."""
    return (Decimal(amount) / Decimal(base)).quantize(_DIGITS, rounding="ROUND_FLOOR") if base else None


def _steps(problem: Problem, own: Relaxation) -> list[tuple[object, ...]]:
    """One way to reach the total: from which floor or cap to which."""
    if own.family == BUDGET or own.family.startswith(RESERVE):
        return []
    return [
        (problem.stream, own.family, problem.ids[at], old, new) for at, old, new in own.changes if at is not None
    ]  # fmt: skip


def _best(problem: Problem, rules: Rules) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for at, guarantee in enumerate(problem.guarantees):
        most = most_of(rules, at)
        reached = None if most is None else guarantee.elsewhere + most
        share = None if reached is None else _share(reached, guarantee.base)
        wanted = guarantee.elsewhere + guarantee.minimum
        rows.append((problem.stream, guarantee.reserve, guarantee.base, wanted, reached, share))
    return rows
