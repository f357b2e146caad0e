"""Sources that do not fit what they pay: the smallest set of rules in conflict, and the smallest change of each source.

All money of a source must be placed in streams that it may pay, and every stream must be paid in full; where each of
the two can be done, both can be done together (Mendelsohn and Dulmage). So each is looked at by itself, by largest
flows in whole fen. Put here: rules in conflict, ways out. Keep out: the split itself (sources.py), tables
(remedies.py), sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from evaluations.allocation.sources import Source, placed

GIVES, LIMIT, TAKES, NEEDS = "source_gives", "source_limit", "streams_take", "streams_need"


@dataclass(frozen=True)
class SourcesProblem:
    """Sources of stated money, without the `residual` one, which gives whatever others leave; fen that streams need.

    `shares`: source → part of `base` fen that its money is, for those that have a share.
    """

    sources: Sequence[Source]
    need: Mapping[str, int]
    residual: Source | None = None
    shares: Mapping[str, tuple[Fraction, int]] | None = None

    @property
    def total(self) -> int:
        """Fen of all streams."""
        return sum(self.need.values())

    def unplaced(self, sources: Sequence[Source]) -> int:
        """Fen of these sources that no stream can take."""
        return sum(placed(sources, self.need)[1].values())

    def unpaid(self, sources: Sequence[Source], streams: Sequence[str]) -> int:
        """Fen of these streams that these sources, and the residual one with all there is, cannot pay."""
        rest = [] if self.residual is None else [replace(self.residual, amount=self.total)]
        return sum(placed([*sources, *rest], {stream: self.need[stream] for stream in streams})[2].values())


@dataclass(frozen=True)
class RuleOfSources:
    """`kind`: GIVES or LIMIT of a source, TAKES or NEEDS of a stream (None: of all streams); `amount` in fen."""

    kind: str
    subject: str | None
    amount: int


@dataclass(frozen=True)
class WayOut:
    """Another amount of one source alone, after which all fits; None where none does. `widened`: its earmark dropped.

    `shares`: before and after, of sources that have one and leave the rest to another.
    """

    source: str
    before: int
    after: int | None
    widened: bool = False
    shares: tuple[Fraction, Fraction] | None = None

    @property
    def rises(self) -> bool:
        """Whether the source is to give more."""
        return self.after is not None and self.after > self.before


def in_conflict(problem: SourcesProblem) -> list[RuleOfSources]:
    """Rules that cannot hold together, but could if any one were dropped; none where everything fits.

    Sources that give more than their streams take, else streams that need more than is given for them.
    """
    sources, streams = list(problem.sources), list(problem.need)
    if problem.unplaced(sources):
        # Small sources are left out first, so that the set is short.
        for source in sorted(sources, key=lambda own: (own.amount, own.id)):
            fewer = [own for own in sources if own.id != source.id]
            sources = fewer if problem.unplaced(fewer) else sources
        taking = [stream for stream in streams if any(own.pays(stream) for own in sources)]
        return [*(RuleOfSources(GIVES, own.id, own.amount) for own in sources), *_of(TAKES, taking, problem)]
    if problem.unpaid(sources, streams):
        for stream in sorted(streams, key=lambda own: (problem.need[own], own)):
            fewer_streams = [own for own in streams if own != stream]
            streams = fewer_streams if problem.unpaid(sources, fewer_streams) else streams
        giving = [own for own in sources if any(own.pays(stream) for stream in streams)]
        return [*(RuleOfSources(LIMIT, own.id, own.amount) for own in giving), *_of(NEEDS, streams, problem)]
    return []


def _of(kind: str, streams: Sequence[str], problem: SourcesProblem) -> list[RuleOfSources]:
    if len(streams) > 1 and len(streams) == len(problem.need):
        return [RuleOfSources(kind, None, problem.total)]
    return [RuleOfSources(kind, stream, problem.need[stream]) for stream in streams]


def ways_out(problem: SourcesProblem) -> list[WayOut]:
    """For each source the nearest amount with which all fits while the others stay; then earmarks dropped alone."""
    found = [_amount(problem, source) for source in problem.sources]
    for source in problem.sources:
        if source.streams is not None:
            wide = [replace(own, streams=None) if own.id == source.id else own for own in problem.sources]
            fits = not problem.unplaced(wide) and not problem.unpaid(wide, list(problem.need))
            found.append(WayOut(source.id, source.amount, source.amount if fits else None, widened=True))
    return found


def _amount(problem: SourcesProblem, source: Source) -> WayOut:
    others = [own for own in problem.sources if own.id != source.id]
    whole = replace(source, amount=problem.total)
    most = problem.total - problem.unplaced([*others, whole])
    streams = list(problem.need)
    if problem.unplaced(others) or problem.unpaid([*others, whole], streams):
        return WayOut(source.id, source.amount, None)
    least = problem.unpaid(others, streams)
    if least > most:
        return WayOut(source.id, source.amount, None)
    after = min(max(source.amount, least), most)
    share = (problem.shares or {}).get(source.id)
    shares = None
    if share is not None and share[1] and problem.residual is not None:
        shares = (share[0], Fraction(after, share[1]))
    return WayOut(source.id, source.amount, after, shares=shares)
