"""Reserved shares: what each group must get, and whether it did, over the declared base.

Until the settlement a group counts with all that results may still earn it in the year, so that need money stays as it
is while nothing changes. What it then did not earn is made good in the settlement alone: by the fund of `true_up_from`,
and where none is named by the division of need money, which looks at what was earned.

Put here: bases, minima, the check of the plan and of the settlement. Keep out: the division (pace.py), finding remedies
(conflict.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from math import ceil

import polars as pl

from data_contracts.allocation_spec.bounds import Reserve
from data_contracts.allocation_spec.document import AllocationSpec, contingency_of
from evaluations.allocation.lines import FUND, Line, StreamResult, frame_of
from evaluations.allocation.problem import Conflict, Guarantee, Infeasible
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import DataError, Snapshot
from evaluations.rounding import largest_remainder

_DIGITS = Decimal("0.000001")


def base_of(reserve: Reserve, spec: AllocationSpec) -> list[str]:
    """The streams of which the share is taken."""
    if isinstance(reserve.base, list):
        return list(reserve.base)
    without = contingency_of(spec) if reserve.base == "distributable" else []
    return [stream.id for stream in spec.streams if stream.id not in without]


def members(reserve: Reserve, snapshot: Snapshot) -> list[int]:
    """Places of the group. Raises DataError where nobody is in it."""
    places, _ = snapshot.members[reserve.group]
    if not places:
        raise DataError("allocate_group_empty", reserve=reserve.id, group=reserve.group)
    return places


def check_nested(spec: AllocationSpec, snapshot: Snapshot) -> None:
    """Raises DataError for two reserves whose groups overlap, but neither lies within the other."""
    sets = {reserve.id: set(members(reserve, snapshot)) for reserve in spec.reserves}
    for (left, own), (right, other) in combinations(sets.items(), 2):
        if own & other and not own <= other and not other <= own:
            raise DataError("allocate_groups_overlap", left=left, right=right, count=len(own & other))


def guarantees(stream: str, setting: Setting) -> list[tuple[Guarantee, Fraction | None]]:
    """What this stream must give each group beside what it has elsewhere; with the distance that spares payers."""
    found = []
    for reserve in setting.spec.reserves:
        streams, places = base_of(reserve, setting.spec), members(reserve, setting.snapshot)
        if stream not in streams:
            continue
        base = sum(setting.pools[name] for name in streams)
        elsewhere = 0
        if reserve.mode == "planned_with_true_up":
            others = [name for name in streams if name != stream]
            elsewhere = money_of(reserve, others, setting, by_plan=_follows_plan(reserve, setting))
        minimum = max(0, ceil(base * Fraction(reserve.minimum_share)) - elsewhere)
        below = reserve.spare_below_target
        guarantee = Guarantee(reserve.id, places, minimum, base, elsewhere)
        found.append((guarantee, None if below is None else Fraction(below)))
    return found


def is_settled(setting: Setting) -> bool:
    """Whether nothing can be earned any more of what is divided."""
    return all(result.settled for result in setting.done.values())


def _follows_plan(reserve: Reserve, setting: Setting) -> bool:
    return reserve.true_up_from is not None or not is_settled(setting)


def counting(reserve: Reserve, setting: Setting) -> list[str]:
    """Streams in which more money of the group leaves need money less to guarantee."""
    if reserve.mode == "worst_case":
        return []
    streams = base_of(reserve, setting.spec)
    if not _follows_plan(reserve, setting):
        return streams
    return [name for name in streams if name not in setting.done or not setting.done[name].potential]


def money_of(reserve: Reserve, streams: Sequence[str], setting: Setting, *, by_plan: bool) -> int:
    """Fen that the group has in these streams, as far as they are divided.

    `by_plan`: with all that results may earn in the year.
    """
    kind, (_, inside) = setting.snapshot.kind, setting.snapshot.members[reserve.group]
    return sum(setting.done[name].sum_of(kind, inside, by_plan=by_plan) for name in streams if name in setting.done)


def reached_by(reserve: Reserve, setting: Setting) -> int:
    """Fen that the group has in the streams of the base and of what makes good for them; by plan until settled."""
    streams = [*base_of(reserve, setting.spec), *([] if reserve.true_up_from is None else [reserve.true_up_from])]
    return money_of(reserve, list(dict.fromkeys(streams)), setting, by_plan=not is_settled(setting))


def true_ups(setting: Setting) -> dict[str, StreamResult]:
    """Fund streams with what they make good of reserved shares, smallest group first; by need targets in the group.

    Nothing is made good before the settlement. Raises Infeasible where a fund has too little.
    """
    changed = dict(setting.done)
    if not is_settled(setting):
        return changed
    for reserve in sorted(setting.spec.reserves, key=lambda own: len(members(own, setting.snapshot))):
        now = replace(setting, done=changed)
        base = sum(setting.pools[name] for name in base_of(reserve, setting.spec))
        short = ceil(base * Fraction(reserve.minimum_share)) - reached_by(reserve, now)
        if short <= 0 or reserve.true_up_from is None:
            continue
        result = changed[reserve.true_up_from]
        held = sum(result.paid(FUND).values())
        if held < short:
            rules = (f"reserve:{reserve.id}", "true_up")
            raise Infeasible(Conflict(rules, reserve.true_up_from, short - held, held))
        changed[reserve.true_up_from] = _made_good(reserve, result, short, now)
    return changed


def _made_good(reserve: Reserve, result: StreamResult, short: int, setting: Setting) -> StreamResult:
    targets = _targets(setting)
    places = members(reserve, setting.snapshot)
    ids = [setting.snapshot.ids[at] for at in places]
    titles = reserve.titles
    words = {"reserve": reserve.id, "reserve_zh": titles.zh if titles else reserve.id,
             "reserve_en": titles.en if titles else reserve.id}  # fmt: skip
    weights = [targets.get(payee, 0) for payee in ids]
    parts = largest_remainder(weights if any(weights) else [1] * len(ids), short, ids)
    paid = [
        Line(setting.snapshot.kind, payee, "S7", "true_up", result.stream, amount, params=words)
        for payee, amount in zip(ids, parts, strict=True)
        if amount
    ]
    funds = [line._replace(amount=line.amount - short) if line.payee_kind == FUND else line for line in result.lines]
    return StreamResult(result.stream, result.pool, [*funds, *paid], result.tables)


def _targets(setting: Setting) -> dict[str, int]:
    for result in setting.done.values():
        if "need" in result.tables:
            return dict(result.tables["need"].select("payee_id", "target_fen").iter_rows())
    return {}


def reserves_table(setting: Setting) -> pl.DataFrame:
    """A row for each reserve: its base, minimum and what its group reached, by plan or settled.

    Raises Infeasible as `reached_reserves`.
    """
    rows, known = [], is_settled(setting)
    for reserve, base, minimum, reached in reached_reserves(setting):
        share = (Decimal(reached) / Decimal(base)).quantize(_DIGITS) if base else None
        rows.append((reserve.id, reserve.group, base, reserve.minimum_share, minimum, reached, share, known))
    return frame_of(
        rows, reserve=pl.String, group=pl.String, base_fen=pl.Int64, minimum_share=pl.Decimal(20, 6),
        minimum_fen=pl.Int64, reached_fen=pl.Int64, reached_share=pl.Decimal(20, 6), settled=pl.Boolean,
    )  # fmt: skip


def reached_reserves(setting: Setting) -> list[tuple[Reserve, int, int, int]]:
    """Each reserve with its base, its minimum and what its group reached, in fen.

    Raises Infeasible where one is unmet; in a plan, by more than the fund that will make it good holds.
    """
    found = []
    for reserve in setting.spec.reserves:
        base = sum(setting.pools[name] for name in base_of(reserve, setting.spec))
        minimum, reached = ceil(base * Fraction(reserve.minimum_share)), reached_by(reserve, setting)
        if reached < minimum:
            _check_plan(reserve, minimum - reached, reached, setting)
        found.append((reserve, base, minimum, reached))
    return found


def _check_plan(reserve: Reserve, short: int, reached: int, setting: Setting) -> None:
    """Raises Infeasible unless the year is not over and a fund holds what is short."""
    rules: tuple[str, ...] = (f"reserve:{reserve.id}",)
    if reserve.true_up_from is None or is_settled(setting):
        raise Infeasible(Conflict(rules, reserve.id, short, reached))
    held = sum(setting.done[reserve.true_up_from].paid(FUND).values())
    if held < short:
        raise Infeasible(Conflict((*rules, "true_up"), reserve.true_up_from, short - held, held))
