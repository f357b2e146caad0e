"""The special fund: who is clearly above the line, a lottery or a panel for the grey zone, grants and instalments.

Put here: the decision on applications whose scores and intervals are given. Keep out: how they were reviewed
(reviewers), what the grant of a project would be (matching).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Literal

Verdict = Literal[
    "funded", "partly", "not_eligible", "below_line", "not_drawn", "panel_refused", "fund_empty", "no_cost"
]
Zone = Literal["above", "grey", "below", "none"]


class NoPanelDecision(ValueError):  # noqa: N818  (an answer, not a fault)
    """The panel has not decided on these applications of the grey zone."""

    def __init__(self, projects: Sequence[str]) -> None:
        self.projects = tuple(projects)
        super().__init__("the panel has not decided on these projects")


@dataclass(frozen=True)
class Application:
    """`wish` is the grant in fen before the fund (`matching.wished`); `lower` ≤ `score` ≤ `upper`.

    `panel`: what a panel decided, where it decides the grey zone.
    """

    id: str
    score: Fraction
    lower: Fraction
    upper: Fraction
    wish: int
    eligible: bool = True
    panel: bool | None = None


@dataclass(frozen=True)
class Decision:
    """What became of an application: `place` in the order of service from 1, `draw` its number in the lottery."""

    id: str
    verdict: Verdict
    zone: Zone
    grant: int
    place: int | None = None
    draw: str | None = None


@dataclass(frozen=True)
class Selection:
    """Decisions in the order of the applications; `lines`: the score at the line of each list; `left`: fen left."""

    decisions: list[Decision]
    lines: dict[str, Fraction | None]
    left: int


@dataclass
class _Desk:
    fund: int
    grey_by: Literal["lottery", "panel"]
    seed: str
    decisions: dict[str, Decision] = field(default_factory=dict)

    def serve(self, applications: Sequence[Application], goal: int, stated: Fraction | None) -> Fraction | None:
        """Serve one list until `goal` is spent or the fund is empty; returns its line."""
        ranked = sorted(applications, key=lambda item: (-item.score, item.id))
        line = stated if stated is not None else _line(ranked, min(goal, self.fund))
        above = [item for item in ranked if line is None or item.lower > line]
        grey = [item for item in ranked if line is not None and item.lower <= line <= item.upper]
        spent = 0
        for item, zone in [*((item, "above") for item in above), *((item, "grey") for item in self._drawn(grey))]:
            if spent >= goal or not item.wish:
                continue
            grant = min(item.wish, self.fund)
            if not grant:
                continue
            verdict: Verdict = "funded" if grant == item.wish else "partly"
            place = 1 + len(self.decisions)
            draw = self.draw(item.id) if zone == "grey" and self.grey_by == "lottery" else None
            self.decisions[item.id] = Decision(item.id, verdict, zone, grant, place, draw)  # type: ignore[arg-type]
            self.fund -= grant
            spent += grant
        return line

    def _drawn(self, grey: Sequence[Application]) -> list[Application]:
        if self.grey_by == "lottery":
            return sorted(grey, key=lambda item: (self.draw(item.id), item.id))
        open_ones = [item.id for item in grey if item.panel is None]
        if open_ones:
            raise NoPanelDecision(sorted(open_ones))
        return [item for item in grey if item.panel]

    def draw(self, project: str) -> str:
        """Anybody who knows the published seed can draw again: the smaller sha256 of seed and id comes first."""
        return sha256(f"{self.seed}|{project}".encode()).hexdigest()

    def refused(self, item: Application, line: Fraction | None) -> Decision:
        """The decision on an application that got nothing."""
        if not item.eligible:
            return Decision(item.id, "not_eligible", "none", 0)
        if not item.wish:
            return Decision(item.id, "no_cost", "none", 0)
        if line is not None and item.upper < line:
            return Decision(item.id, "below_line", "below", 0)
        if line is None or item.lower > line:
            return Decision(item.id, "fund_empty", "above", 0)
        if self.grey_by == "panel":
            return Decision(item.id, "fund_empty" if item.panel else "panel_refused", "grey", 0)
        return Decision(item.id, "not_drawn", "grey", 0, draw=self.draw(item.id))


def selected(
    applications: Sequence[Application],
    fund: int,
    *,
    grey_by: Literal["lottery", "panel"],
    seed: str = "",
    line: Fraction | None = None,
    reserved: Collection[str] = (),
    reserve: int = 0,
) -> Selection:
    """Decide on all applications; Σ grants ≤ `fund`, each grant ≤ its wish.

    Without a stated `line` it lies at the score of the application with which the fund is used up when all are served
    by score; where the fund carries all of them there is no line, and everybody is above it. Reserve list first:
    applications in `reserved` are served until `reserve` fen of the fund are spent on them (the last one in full), by
    a line of their own; then everybody who is left. The last grant is what the fund still holds.

    Raises NoPanelDecision, and ValueError for two applications with one id or a score outside its interval.
    """
    if len({item.id for item in applications}) < len(applications):
        raise ValueError("two applications have the same id")
    if any(not item.lower <= item.score <= item.upper or item.wish < 0 for item in applications):
        raise ValueError("a score lies outside its interval, or a wish is negative")
    desk, lines = _Desk(fund, grey_by, seed), {}
    eligible = [item for item in applications if item.eligible]
    if reserve:
        lines["reserve"] = desk.serve([item for item in eligible if item.id in reserved], min(reserve, fund), line)
    rest = [item for item in eligible if item.id not in desk.decisions]
    lines["all"] = desk.serve(rest, desk.fund, line)
    decisions = [desk.decisions.get(item.id) or desk.refused(item, lines["all"]) for item in applications]
    return Selection(decisions, lines, desk.fund)


def _line(ranked: Sequence[Application], goal: int) -> Fraction | None:
    """The score of the application with which `goal` is used up, all served by score; None where it carries all."""
    if sum(item.wish for item in ranked) <= goal:
        return None
    left = goal
    for item in ranked:
        left -= item.wish
        if left <= 0:
            return item.score
    return None


def instalments_of(
    grant: int, shares: Sequence[Fraction], milestones: int | None = None, grade: Fraction = Fraction(1)
) -> tuple[list[int], list[int]]:
    """Planned instalments by running shares, and what may be paid of each; both in fen.

    `milestones` reached so far releases as many instalments (None: all); `grade` (0 to 1) is the part of the last one
    that its performance earns. Raises ValueError for shares that do not sum to 1.
    """
    until = list(accumulate(shares, initial=Fraction(0)))
    if until[-1] != 1 or any(share.numerator < 0 for share in shares) or not 0 <= grade <= 1:
        raise ValueError("shares of instalments are not negative and sum to 1, a grade lies from 0 to 1")
    running = [grant * share.numerator // share.denominator for share in until]
    planned = [later - earlier for earlier, later in pairwise(running)]
    released = len(shares) if milestones is None else milestones
    paid = [amount if at < released else 0 for at, amount in enumerate(planned)]
    paid[-1] = int(paid[-1] * grade)
    return planned, paid
