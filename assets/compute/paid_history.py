"""What the earlier periods of a year settled, payee by payee and stream by stream, followed to the areas of now.

The year is gone through release by release. When areas change, what they were paid and owe is passed on with the people
of the period; so a payment is divided once, and nobody's past changes later. Where the release of a period has paid
amounts otherwise divided, because people were counted anew since, the release is right. A period without a release is
as the release after it has it. Every sum stays that of the releases, and an area that left no heir keeps its own.

Put here: from tables of releases to fen by period. Keep out: who took over from whom (succession), what is made of it
(settlements).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assets.compute.paid_periods import Frames
from assets.compute.succession import Heirs, lasting, passed_on, together
from evaluations.allocation.accounts import Payee
from evaluations.allocation.settling import Key
from evaluations.rounding import by_place, instalments

_PAYEE = ["payee_kind", "payee_id"]
_FEN = ("before_fen", "amount_fen", "set_off_fen")
Rows = dict[Key, list[int]]


class Told(NamedTuple):
    """What one release says, in fen: settled in all earlier periods, paid in its own, and in this set off, not paid.

    `paid_before`: payee → what earlier periods paid in money; None where the release does not say. `owed`: payee → what
    is clawed back in the year.
    """

    before: Mapping[Key, int]
    cash: Mapping[Key, int]
    taken: Mapping[Key, int]
    paid_before: Mapping[Payee, int] | None
    owed: Mapping[Payee, int]


def told(tables: Frames, kinds: Mapping[str, str]) -> Told:
    """`kinds`: kind of payee in the release → of the spec, where they differ."""
    before: dict[Key, int] = {}
    cash: dict[Key, int] = {}
    taken: dict[Key, int] = {}
    frame, settlement = tables.get("alloc__payments"), tables.get("alloc__settlement")
    for kind, payee, stream, *fen in [] if frame is None else frame.select(*_PAYEE, "stream", *_FEN).iter_rows():
        key = (kinds.get(kind, kind), payee, stream)
        # What is owed only until later settles nothing.
        before[key], cash[key], taken[key] = fen[0], fen[1], max(0, -fen[2])
    if settlement is None or settlement.is_empty():
        return Told(before, cash, taken, None, {})
    rows = list(settlement.select(*_PAYEE, "prepaid_fen", "claw_back_fen").iter_rows())
    paid, owed = ({(kinds.get(row[0], row[0]), row[1]): row[at] for row in rows} for at in (2, 3))
    return Told(before, cash, taken, paid, {payee: fen for payee, fen in owed.items() if fen})


class History:
    """A year up to some period, on the areas of that period.

    `cash`, `taken`: payee and stream → fen paid in money, and set off, in each of so many periods; `owed`: payee → fen
    that the year before left to be taken off, whether or not it was.
    """

    def __init__(self, kind: str, periods: int, owed: Mapping[Payee, int]) -> None:
        """`kind`: of payees that are areas."""
        self.cash: Rows = defaultdict(lambda: [0] * periods)
        self.taken: Rows = defaultdict(lambda: [0] * periods)
        self.owed = dict(owed)
        self._kind, self._periods = kind, periods
        self._divided: list[list[Payee]] = []

    def settled(self) -> Rows:
        """Payee and stream → fen settled in each period, in money or by setting off."""
        keys = {**self.cash, **self.taken}
        return {key: [a + b for a, b in zip(self.cash[key], self.taken[key], strict=True)] for key in keys}

    def taken_of(self) -> dict[Payee, int]:
        """Payee → fen set off."""
        found: dict[Payee, int] = defaultdict(int)
        for key, row in self.taken.items():
            found[key[:2]] += sum(row)
        return found

    def pass_on(self, took_over: Heirs) -> None:
        """To the areas of the next period; money, what is set off and what is still open each by itself.

        So no heir has more set off than was settled, or was to be taken off.
        """
        heirs, known = lasting(took_over), self.taken_of()
        self.cash, self.taken = self._moved(self.cash, heirs), self._moved(self.taken, heirs)
        if all(self.owed.get(payee, 0) >= fen for payee, fen in known.items()):
            still, taken = {payee: fen - known.get(payee, 0) for payee, fen in self.owed.items()}, self.taken_of()
            still = self._moved_of(still, heirs)
            self.owed = {payee: taken.get(payee, 0) + still.get(payee, 0) for payee in {**taken, **still}}
        else:
            self.owed = self._moved_of(self.owed, heirs)
        self._divided = [[(self._kind, area) for area in group] for group in together([heirs])]

    def _moved_of(self, amounts: Mapping[Payee, int], heirs: Heirs) -> dict[Payee, int]:
        moved = passed_on({area: fen for (kind, area), fen in amounts.items() if kind == self._kind}, heirs)
        others = {payee: fen for payee, fen in amounts.items() if payee[0] != self._kind}
        return others | {(self._kind, area): fen for area, fen in moved.items()}

    def _moved(self, rows: Rows, heirs: Heirs) -> Rows:
        found: Rows = defaultdict(lambda: [0] * self._periods)
        for key, row in rows.items():
            if key[0] != self._kind or key[1] not in heirs:
                found[key] = [own + fen for own, fen in zip(found[key], row, strict=True)]
                continue
            for at, fen in enumerate(row):
                for area, part in passed_on({key[1]: fen}, heirs).items():
                    found[self._kind, area, key[2]][at] += part
        return found

    def take_up(self, said: Told, at: int, gap: int) -> None:
        """The release of period `at`, counted from 0, before which `gap` periods have none."""
        if gap:
            self._fill(said, at, gap)
        elif said.paid_before is not None:
            for payees in self._divided:
                self._divide_as_said(said, said.paid_before, payees, at)
        if sum(said.owed.values()) == sum(self.owed.values()):
            self.owed = dict(said.owed)
        for key, fen in said.cash.items():
            self.cash[key][at] = fen
            self.taken[key][at] = said.taken[key]

    def _fill(self, said: Told, at: int, gap: int) -> None:
        """What is missing to the sums of the release; it falls to streams by what was settled in them."""
        missing: dict[Payee, dict[str, int]] = defaultdict(dict)
        for key in {**said.before, **self.cash}:
            missing[key[:2]][key[2]] = said.before.get(key, 0) - sum(self.cash[key]) - sum(self.taken[key])
        taken_of = self.taken_of()
        for payee, streams in missing.items():
            before = sum(said.before.get((*payee, stream), 0) for stream in streams)
            more = 0
            if said.paid_before is not None:
                more = before - said.paid_before.get(payee, before) - taken_of.get(payee, 0)
            taken = _parted([max(0, fen) for fen in streams.values()], more)
            for (stream, fen), part in zip(streams.items(), taken, strict=True):
                self.taken[*payee, stream][at - gap : at] = _in_parts(part, gap)
                self.cash[*payee, stream][at - gap : at] = _in_parts(fen - part, gap)

    def _divide_as_said(self, said: Told, paid_before: Mapping[Payee, int], payees: Sequence[Payee], at: int) -> None:
        """What was set off, then money, among heirs in proportion to what the release says of them; sums stay."""
        streams = sorted({key[2] for key in said.before if key[:2] in payees})
        before = [[said.before.get((*payee, stream), 0) for stream in streams] for payee in payees]
        set_off = [sum(own) - paid_before.get(payee, 0) for own, payee in zip(before, payees, strict=True)]
        known = self.taken_of()
        if min(set_off) >= 0 and sum(set_off) == sum(known.get(payee, 0) for payee in payees):
            for payee, fen in zip(payees, set_off, strict=True):
                row = _scaled([own for stream in streams for own in self.taken[*payee, stream][:at]], fen)
                for number, stream in enumerate(streams):
                    self.taken[*payee, stream][:at] = row[number * at : (number + 1) * at]
        for number, stream in enumerate(streams):
            keys = [(*payee, stream) for payee in payees]
            wanted = [max(0, own[number] - sum(self.taken[key])) for key, own in zip(keys, before, strict=True)]
            whole = sum(sum(self.cash[key]) for key in keys)
            for key, fen in zip(keys, by_place(wanted, whole) if any(wanted) else [], strict=False):
                self.cash[key][:at] = _scaled(self.cash[key][:at], fen)


def _scaled(row: Sequence[int], whole: int) -> list[int]:
    """Amounts ≥ 0 in the same proportion, of another sum."""
    return list(row) if sum(row) == whole else by_place(row if any(row) else [1] * len(row), whole)


def _parted(weights: Sequence[int], amount: int) -> list[int]:
    parts = by_place(weights if any(weights) else [1] * len(weights), abs(amount))
    return [own if amount > 0 else -own for own in parts]


def _in_parts(amount: int, parts: int) -> list[int]:
    return [own if amount > 0 else -own for own in instalments(abs(amount), parts)]
