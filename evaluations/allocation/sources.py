"""Who pays: every line of every payee split among funding sources, earmarks kept, to the fen.

Put here: how much each source gives to each stream, and the split of amounts and lines. Keep out: what the lines are,
what sources there are. Money in kind is a value beside the lines: it is shown and never paid in cash.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import sub

import numpy as np
from numpy.typing import NDArray

from evaluations.allocation.exact import split
from evaluations.rounding import LARGEST_WHOLE, Whole, by_place, largest_remainder, rows_by_place


@dataclass(frozen=True)
class Source:
    """A source in cash: its amount in fen and the streams that it may pay (None: any)."""

    id: str
    amount: int
    streams: frozenset[str] | None = None

    def pays(self, stream: str) -> bool:
        """Whether it may pay `stream`."""
        return self.streams is None or stream in self.streams


class SourcesConflict(ValueError):  # noqa: N818  (an answer, not a fault)
    """Sources and streams do not fit, in fen.

    `streams` need `need` and only `sources` may pay them, which hold `held`: `short` is lacking. Or, the other way
    round, `idle`: `sources` hold `held`, may only pay `streams`, and those need `need`: `short` cannot be spent.
    """

    def __init__(self, sources: Sequence[str], streams: Sequence[str], held: int, need: int, *, idle: bool) -> None:
        self.sources, self.streams = tuple(sources), tuple(streams)
        self.held, self.need, self.idle, self.short = held, need, idle, abs(held - need)
        super().__init__(f"sources {', '.join(sources)} hold {held}, streams {', '.join(streams)} need {need}")


@dataclass(frozen=True)
class SharedBase:
    """Money of which some sources give stated shares: source → share of `base` fen."""

    base: int
    shares: Mapping[str, Fraction]


def amounts_of(
    total: int, fixed: Mapping[str, int], shared: Sequence[SharedBase], residual: str | None, order: Sequence[str]
) -> dict[str, int]:
    """Source → fen in the order of `order`: fixed amounts, shares of their bases, and what is left.

    Shares that make up their base, or all money there is, do so to the fen (largest remainder); otherwise they are cut
    down to the fen. The `residual` source takes what is left. Raises SourcesConflict where sources do not sum to
    `total`.
    """
    found = stated_amounts(total, fixed, shared, residual)
    held = sum(found.values())
    if residual is not None and held <= total:
        found[residual] = total - held
        held = total
    if held != total:
        raise SourcesConflict([name for name in order if name in found], [], held, total, idle=held > total)
    return {name: found[name] for name in order if name in found}


def stated_amounts(
    total: int, fixed: Mapping[str, int], shared: Sequence[SharedBase], residual: str | None
) -> dict[str, int]:
    """As `amounts_of` without what is left, whether all together sum to `total` or not."""
    exact = [sum(group.shares.values(), Fraction(0)) * group.base for group in shared]
    room = total - sum(fixed.values())
    whole = [int(amount) for amount in exact]
    if residual is None and sum(exact, Fraction(0)) == room:
        whole = split(exact, room, [min(group.shares) for group in shared])
    found = dict(fixed)
    for group, amount in zip(shared, whole, strict=True):
        names = sorted(group.shares)
        found |= dict(zip(names, split([group.shares[name] for name in names], amount, names), strict=True))
    return found


def by_stream(sources: Sequence[Source], need: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Stream → source → fen: every stream gets what it needs, every source gives its whole amount, earmarks hold.

    Raises SourcesConflict by name where that cannot be.
    """
    given, left, open_need = placed(sources, need)
    _check_all_placed(sources, given, left, open_need, need)
    return given


def placed(
    sources: Sequence[Source], need: Mapping[str, int]
) -> tuple[dict[str, dict[str, int]], dict[str, int], dict[str, int]]:
    """As much as can be placed: stream → source → fen; what is left of each source; what each stream still needs.

    Narrow earmarks give first, each in proportion to what its streams still need; where that leaves something that
    cannot be placed, money is moved along the shortest way that makes room.
    """
    streams = list(need)
    given = {stream: {source.id: 0 for source in sources if source.pays(stream)} for stream in streams}
    left, open_need = {source.id: source.amount for source in sources}, dict(need)
    narrow = sorted(sources, key=lambda source: len(streams) if source.streams is None else len(source.streams))
    for source in narrow:
        own = [stream for stream in streams if source.pays(stream)]
        wanted = [open_need[stream] for stream in own]
        parts = largest_remainder(wanted, min(left[source.id], sum(wanted)), own)
        for stream, part in zip(own, parts, strict=True):
            given[stream][source.id] += part
            open_need[stream] -= part
            left[source.id] -= part
    for source in narrow:
        while left[source.id]:
            if not _moved(source.id, given, left, open_need):
                break
    return given, left, open_need


def _moved(start: str, given: Mapping[str, dict[str, int]], left: dict[str, int], open_need: dict[str, int]) -> bool:
    """Give more from `start`, others making room, along a shortest chain of both; whether it could."""
    came: dict[tuple[str, str], tuple[str, str] | None] = {("source", start): None}
    waiting = deque([("source", start)])
    while waiting:
        kind, name = node = waiting.popleft()
        if kind == "stream" and open_need[name]:
            return _push(node, came, given, left, open_need)
        nexts = (
            [("stream", stream) for stream, givers in given.items() if name in givers]
            if kind == "source"
            else [("source", giver) for giver, amount in given[name].items() if amount]
        )
        for other in nexts:
            if other not in came:
                came[other] = node
                waiting.append(other)
    return False


def _push(
    end: tuple[str, str],
    came: Mapping[tuple[str, str], tuple[str, str] | None],
    given: Mapping[str, dict[str, int]],
    left: dict[str, int],
    open_need: dict[str, int],
) -> bool:
    chain = [end]
    while (before := came[chain[-1]]) is not None:
        chain.append(before)
    chain.reverse()  # source, stream, source, stream …
    names = [name for _, name in chain]
    takers = list(zip(names[0::2], names[1::2], strict=True))
    givers = list(zip(names[2::2], names[1::2], strict=False))
    amount = min(left[names[0]], open_need[names[-1]], *(given[stream][source] for source, stream in givers))
    for source, stream in takers:
        given[stream][source] += amount
    for source, stream in givers:
        given[stream][source] -= amount
    left[names[0]] -= amount
    open_need[names[-1]] -= amount
    return True


def _check_all_placed(
    sources: Sequence[Source],
    given: Mapping[str, dict[str, int]],
    left: Mapping[str, int],
    open_need: Mapping[str, int],
    need: Mapping[str, int],
) -> None:
    """Name the smallest side that the moves could not leave: where money stays, or where it is lacking."""
    amounts = {source.id: source.amount for source in sources}
    idle = [source.id for source in sources if left[source.id]]
    if idle:
        inside, streams = _closure(idle, given)
        held = sum(amounts[name] for name in inside)
        raise SourcesConflict(inside, streams, held, sum(need[stream] for stream in streams), idle=True)
    short = [stream for stream in need if open_need[stream]]
    if short:
        payers, streams = _closure_back(short, given)
        held = sum(amounts[name] for name in payers)
        raise SourcesConflict(payers, streams, held, sum(need[stream] for stream in streams), idle=False)


def _closure(idle: Sequence[str], given: Mapping[str, dict[str, int]]) -> tuple[list[str], list[str]]:
    """The sources and streams that chains from `idle` reach: these sources may pay nothing but these streams."""
    inside, streams = set(idle), set[str]()
    while True:
        reached = {stream for stream, givers in given.items() if inside & set(givers)} - streams
        if not reached:
            return sorted(inside), sorted(streams)
        streams |= reached
        inside |= {name for stream in reached for name, amount in given[stream].items() if amount}


def _closure_back(short: Sequence[str], given: Mapping[str, dict[str, int]]) -> tuple[list[str], list[str]]:
    """The sources and streams from which chains reach `short`: nobody but these sources may pay these streams."""
    inside, streams = set[str](), set(short)
    while True:
        reached = {name for stream in streams for name in given[stream]} - inside
        if not reached:
            return sorted(inside), sorted(streams)
        inside |= reached
        streams |= {stream for stream, givers in given.items() if any(givers.get(name) for name in inside)}


def shared_rows(rows: Sequence[int], sources: Sequence[int]) -> list[list[int]]:
    """Amounts ≥ 0 split so that each row sums to its amount and each column to its source, to the fen.

    Each row in proportion to what remains of the sources. Raises ValueError where the totals differ.
    """
    if sum(rows) != sum(sources) or min(rows, default=0) < 0 or min(sources, default=0) < 0:
        raise ValueError("rows and sources must be whole, not negative, and sum to the same")
    left, whole = list(sources), sum(sources)
    found = []
    for row in rows[:-1]:
        parts = by_place(left, row, whole)
        left, whole = list(map(sub, left, parts)), whole - row
        found.append(parts)
    return [*found, left] if rows else found


def shared_lines(lines: Sequence[int], parts: Sequence[int], otherwise: Sequence[int]) -> list[list[int]]:
    """Lines of one payee in one stream, some of them negative: rows sum to the lines, columns to `parts`.

    `parts`: what each source gives this payee, together the sum of the lines. What a negative line takes away is taken
    from the sources in proportion to `parts`, to `otherwise` where these are all 0, in equal parts where both are. No
    portion has another sign than its line.
    """
    if sum(lines) != sum(parts):
        raise ValueError("lines and parts must sum to the same")
    if len(lines) == 1 and min(parts) >= 0:
        return [list(parts)]
    if min(lines, default=0) >= 0:
        return shared_rows(lines, parts)
    if min(parts, default=0) < 0:
        # All of one sign: the payee gives back more than it gets, which is the same the other way round.
        turned = shared_lines([-line for line in lines], [-part for part in parts], otherwise)
        return [[-part for part in row] for row in turned]
    weights = next((own for own in (parts, otherwise) if any(own)), [1] * len(parts))
    taken = {at: by_place(weights, -line) for at, line in enumerate(lines) if line < 0}
    gross = [own + sum(more) for own, *more in zip(parts, *taken.values(), strict=True)]
    found = shared_rows([max(line, 0) for line in lines], gross)
    for at, row in taken.items():
        found[at] = [-part for part in row]
    return found


def shared_lines_of_many(lines: Whole, payees: NDArray[np.intp], parts: Whole, otherwise: Whole) -> Whole:
    """`shared_lines` of many payees at once: the same portions, a row for each line; ValueError where that raises it.

    `payees`: for each line the row of `parts` and of `otherwise` (payees × sources) that it belongs to; of a payee with
    money in any line not all of `otherwise` are 0.
    """
    largest = max(int(lines.max(initial=0)), -int(lines.min(initial=0)))
    if largest * len(lines) > LARGEST_WHOLE:
        lines, parts, otherwise = lines.astype(object), parts.astype(object), otherwise.astype(object)
    # A payee that gives back more than it gets is split the other way round, as in shared_lines.
    side = np.where((parts < 0).any(axis=1), -1, 1)
    lines, parts = lines * side[payees], parts * side[:, None]
    weights = np.where(parts.any(axis=1, keepdims=True), parts, otherwise)
    found = np.zeros((len(lines), parts.shape[1]), dtype=np.int64)
    taking = np.flatnonzero(lines < 0)
    found[taking] = -rows_by_place(weights[payees[taking]], -lines[taking])
    left = parts.copy()
    np.subtract.at(left, payees[taking], found[taking])
    giving = np.flatnonzero(lines > 0)
    turns = _turns(payees[giving])
    # The first line of every payee, then the second of those that have one: each of what remains of its sources.
    for turn in range(turns.max(initial=-1) + 1):
        now = giving[turns == turn]
        found[now] = rows_by_place(left[payees[now]], lines[now])
        left[payees[now]] -= found[now]
    if left.any():
        raise ValueError("lines and parts must sum to the same")
    return found * side[payees][:, None]


def _turns(payees: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each line how many of its payee come before it."""
    order = np.argsort(payees, kind="stable")
    starts = np.searchsorted(payees[order], payees[order])
    turns = np.empty_like(order)
    turns[order] = np.arange(order.size) - starts
    return turns


def cut_rows(rows: Sequence[int], shares: Sequence[Fraction | None], unit: int) -> list[list[int]]:
    """Each amount by shares cut down to multiples of `unit` fen; the one source without share takes the rest.

    As notices do it: no source has a total of its own, the totals are what the cut parts sum to. Raises ValueError
    unless exactly one share is None and the others sum to at most 1.
    """
    stated = [share for share in shares if share is not None]
    if len(stated) != len(shares) - 1 or not 0 <= sum(stated) <= 1 or any(share < 0 for share in stated):
        raise ValueError("exactly one source takes the rest, and the shares of the others sum to at most 1")
    rest = next(at for at, share in enumerate(shares) if share is None)
    cut = [(0, 1) if share is None else share.as_integer_ratio() for share in shares]
    found = []
    for row in rows:
        parts = [row * top // (bottom * unit) * unit for top, bottom in cut]
        parts[rest] = row - sum(parts)
        found.append(parts)
    return found
