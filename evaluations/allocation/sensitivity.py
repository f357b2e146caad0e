"""What would change a payee's money, and which payees are like it: for the foot of its statement.

Put here: one point more of risk and of each indicator, peers. Keep out: what is paid.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import polars as pl

from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import PaidIndicator, Performance
from evaluations.allocation.dividend import losses_of
from evaluations.allocation.earning import Earning, Potential
from evaluations.allocation.exact import half_up
from evaluations.allocation.lines import frame_of
from evaluations.allocation.need import PEOPLE, Targets
from evaluations.allocation.ratios import Ratio, added, less, ratio, times
from evaluations.allocation.scoring import Score, judged

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
    rows = []
    for at, payee in enumerate(ids):
        weights = potential.weights[at]
        whole = sum(weights)
        for item, scores, weight in zip(stream.indicators, last.scores, weights, strict=True):
            better = one_point_better(stream, item, scores[at])
            if better is not None and whole:
                top, bottom = scores[at].score
                gained = due[at] * weight * (better[0] * bottom - top * better[1])
                per = whole * better[1] * bottom
                rows.append((stream.id, payee, item.id, item.point, (2 * gained + per) // (2 * per)))
    return frame_of(rows, **SENSITIVITY_SCHEMA)


def one_point_better(stream: Performance, item: PaidIndicator, own: Score) -> Ratio | None:
    """The score if the figure that counts were one point better; None where there is none."""
    if stream.score == "given" and own.way in ("given", "gaps"):
        more = added(own.score, times(ratio(item.point), own.known))
        return more if less(more, own.known) else own.known
    if own.way not in ("achievement", "improvement", "gaps") or own.used is None:
        return None
    step = -item.point if item.direction == "lower_is_better" else item.point
    return judged(stream, item, own, added(own.used, ratio(step))).score


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
