"""What would change a payee's money, and which payees are like it: for the foot of its statement.

Put here: one point more of risk and of each indicator, peers. Keep out: what is paid.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import polars as pl

from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.dividend import losses_of
from evaluations.allocation.earning import Earning, Potential
from evaluations.allocation.exact import half_up
from evaluations.allocation.lines import frame_by_column, frame_of
from evaluations.allocation.need import PEOPLE, Targets
from evaluations.allocation.ratios import UNKNOWN, Ratios, added, chosen, less, ratio, times, whole_column
from evaluations.allocation.scores import Scores
from evaluations.allocation.scoring import judged

SENSITIVITY_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "what": pl.String, "step": pl.Decimal(20, 6), "change_fen": pl.Int64,
}  # fmt: skip
PEERS_SCHEMA = {
    "stream": pl.String, "payee_id": pl.String, "place": pl.Int64, "peer_id": pl.String,
    "target_per_head_fen": pl.Int64, "amount_per_head_fen": pl.Int64,
}  # fmt: skip
RISK, PEERS = "risk", 3
_HIGHEST_RISK, _MICRO = 100, 10**6


def of_risk(stream: Need, money: int, targets: Targets, ids: Sequence[str]) -> pl.DataFrame:
    """What one point more of risk would change of each target, everybody else as today; before floors and caps.

    `money`: the pool without fixed grants. No row for who has no risk or stands at 100.
    """
    risks = targets.figures.risks
    higher = [None if own is None or own + 1 > _HIGHEST_RISK else own + 1 for own in risks]
    gains = losses_of(stream, targets.figures, money, higher, risks)
    rows = [
        (stream.id, payee, RISK, Decimal(1), half_up(gain))
        for payee, more, gain in zip(ids, higher, gains, strict=True)
        if more is not None
    ]
    return frame_of(rows, **SENSITIVITY_SCHEMA)


def of_indicators(
    stream: Performance, potential: Potential, last: Earning, due: Sequence[int], ids: Sequence[str]
) -> pl.DataFrame:
    """What one point better of each indicator would earn more, before the equity bonus.

    No row where there is no figure.
    """
    weights = np.array(potential.weights, dtype=object)
    whole, money = weights.sum(axis=1), whole_column(due)
    frames = []
    for number, (item, scores) in enumerate(zip(stream.indicators, last.scores, strict=True)):
        (more, over), (top, bottom) = one_point_better(stream, item, scores), scores.score
        there: list[int] = np.flatnonzero((over != 0) & (whole != 0)).tolist()
        gained = money * weights[:, number] * (more * bottom - top * over)
        per = whole * over * bottom
        change = (2 * gained + per)[there] // (2 * per)[there]
        columns = {
            "stream": [stream.id] * len(there), "payee_id": [ids[at] for at in there], "what": [item.id] * len(there),
            "step": [item.point] * len(there), "change_fen": change.tolist(),
        }  # fmt: skip
        frames.append(frame_by_column(columns, **SENSITIVITY_SCHEMA).with_columns(at=pl.Series(there, dtype=pl.Int64)))
    # Payee by payee.
    return pl.concat(frames).sort("at", maintain_order=True).drop("at")


def one_point_better(stream: Performance, item: PaidIndicator, own: Scores) -> Ratios:
    """The scores if the figures that count were one point better; not known where there is none."""
    point = ratio(item.point)
    ways = own.way.astype(str)
    if stream.score == "given":
        more = added(own.score, times(point, own.known))
        more = chosen(less(more, own.known), more, own.known)
        return chosen(np.isin(ways, ("given", "gaps")), more, UNKNOWN)
    step = (-point[0], point[1]) if item.direction == "lower_is_better" else point
    there = np.isin(ways, ("achievement", "improvement", "gaps")) & (own.used[1] != 0)
    return chosen(there, judged(stream, item, own, added(own.used, step)), UNKNOWN)


def peers(
    stream: Need, targets: Targets, amounts: Sequence[int], ids: Sequence[str], groups: Sequence[Sequence[str]]
) -> pl.DataFrame:
    """For each payee with people the three others whose target per head is nearest, nearest first, ties by id.

    Those of the same `groups` go before all others.
    """
    people = targets.figures.people
    # In 10⁻⁶ fen.
    per_head = {
        at: scaled * PEOPLE * _MICRO // (targets.scale * people[at])
        for at, scaled in enumerate(targets.scaled)
        if people[at]
    }
    order = sorted(per_head, key=lambda at: (per_head[at], at))
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in order:
        alike[tuple(groups[at])].append(at)
    chosen: dict[int, list[int]] = {}
    for own in alike.values():
        chosen |= _nearest(own, per_head)
    for at, others in _nearest(order, per_head).items():
        more = [other for other in others if other not in chosen[at]]
        chosen[at] += more[: PEERS - len(chosen[at])]
    rows = []
    for at, others in sorted(chosen.items()):
        for place, other in enumerate(others, 1):
            money = (2 * amounts[other] * PEOPLE + people[other]) // (2 * people[other])
            target = (2 * per_head[other] + _MICRO) // (2 * _MICRO)
            rows.append((stream.id, ids[at], place, ids[other], target, money))
    return frame_of(rows, **PEERS_SCHEMA)


def _nearest(order: Sequence[int], per_head: Mapping[int, int]) -> dict[int, list[int]]:
    """Each place → the three others of `order`, which is sorted by money per head, that are nearest to it."""
    found = {}
    for position, at in enumerate(order):
        around = [other for other in order[max(0, position - PEERS) : position + PEERS + 1] if other != at]
        around.sort(key=lambda other: (abs(per_head[other] - per_head[at]), other))
        found[at] = around[:PEERS]
    return found
