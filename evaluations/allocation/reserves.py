"""Reserved shares: what each group must get, and whether it did, over the declared base.

Put here: bases, minima, the final check. Keep out: the division (pace.py), finding remedies (conflict.py).
"""

from collections.abc import Mapping, Sequence
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
    places = [at for at, inside in enumerate(snapshot.groups[reserve.group]) if inside]
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
            elsewhere = money_of(places, [name for name in streams if name != stream], setting.done, setting.snapshot)
        minimum = max(0, ceil(base * Fraction(reserve.minimum_share)) - elsewhere)
        below = reserve.spare_below_target
        guarantee = Guarantee(reserve.id, places, minimum, base, elsewhere)
        found.append((guarantee, None if below is None else Fraction(below)))
    return found


def money_of(
    places: Sequence[int], streams: Sequence[str], done: Mapping[str, StreamResult], snapshot: Snapshot
) -> int:
    """Fen that these payees have in these streams, as far as they are divided."""
    inside = {snapshot.ids[at] for at in places}
    return sum(
        amount
        for name in streams
        if name in done
        for payee, amount in done[name].paid(snapshot.kind).items()
        if payee in inside
    )


def reached_by(reserve: Reserve, setting: Setting) -> int:
    """Fen that the group has in the streams of the base, and of what makes good for them."""
    streams = [*base_of(reserve, setting.spec), *([] if reserve.true_up_from is None else [reserve.true_up_from])]
    return money_of(members(reserve, setting.snapshot), list(dict.fromkeys(streams)), setting.done, setting.snapshot)


def true_ups(setting: Setting) -> dict[str, StreamResult]:
    """Fund streams with what they make good of reserved shares, smallest group first; by need targets in the group.

    Raises Infeasible where a fund has too little.
    """
    changed = dict(setting.done)
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
    funds = [replace(line, amount=line.amount - short) if line.payee_kind == FUND else line for line in result.lines]
    return StreamResult(result.stream, result.pool, [*funds, *paid], result.tables)


def _targets(setting: Setting) -> dict[str, int]:
    for result in setting.done.values():
        if "need" in result.tables:
            return dict(result.tables["need"].select("payee_id", "target_fen").iter_rows())
    return {}


def reserves_table(setting: Setting) -> pl.DataFrame:
    """A row for each reserve: its base, minimum and what its group reached. Raises Infeasible if one is unmet."""
    rows = []
    for reserve in setting.spec.reserves:
        base = sum(setting.pools[name] for name in base_of(reserve, setting.spec))
        minimum = ceil(base * Fraction(reserve.minimum_share))
        reached = reached_by(reserve, setting)
        if reached < minimum:
            raise Infeasible(Conflict((f"reserve:{reserve.id}",), reserve.id, minimum - reached, reached))
        share = (Decimal(reached) / Decimal(base)).quantize(_DIGITS) if base else None
        rows.append((reserve.id, reserve.group, base, reserve.minimum_share, minimum, reached, share))
    return frame_of(
        rows, reserve=pl.String, group=pl.String, base_fen=pl.Int64, minimum_share=pl.Decimal(20, 6),
        minimum_fen=pl.Int64, reached_fen=pl.Int64, reached_share=pl.Decimal(20, 6),
    )  # fmt: skip
