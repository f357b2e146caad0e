"""Need money of a payee as lines: what makes the target, what pace, bounds and reserved shares change.

Put here: line ids and what their sentences say. Keep out: arithmetic, the sentences themselves (messages).
"""

from decimal import Decimal

from data_contracts.allocation_spec.need import Need
from evaluations.allocation.lines import Line, plain, yuan
from evaluations.allocation.need import QUANTUM
from evaluations.allocation.pace import Bounds, Paced
from evaluations.allocation.payers import Changes
from evaluations.allocation.records import named
from evaluations.allocation.setting import Setting
from evaluations.allocation.statement import NeedStatement

_DIGITS = Decimal("0.000001")
Words = tuple[str, str | None, str | None, dict[str, str]]
"""Line id, quantity, rate and parameters."""


class NeedLines:
    """Lines of one need stream, payee by payee."""

    def __init__(
        self, stream: Need, setting: Setting, statement: NeedStatement, bounds: Bounds, found: Paced, shares: Changes
    ) -> None:
        """`shares`: reserve → what it changes for each payee."""
        self._stream, self._statement, self._bounds, self._found = stream, statement, bounds, found
        self._shares = shares
        self._kind, self._ids = setting.snapshot.kind, setting.snapshot.ids
        self._figures = statement.targets.figures
        self._factors = dict(self._figures.factors)
        self._factor_words = {factor.id: {"factor": factor.id, **named("factor", factor.id, factor.titles)}
                              for factor in stream.factors}  # fmt: skip
        self._means = {name: Decimal(own.numerator) / own.denominator for name, own in statement.means.items()}
        self._mean_words = {name: plain(own.quantize(_DIGITS)) for name, own in self._means.items()}
        scaled = Decimal(found.multiplier.numerator * statement.targets.scale)
        self._multiplier = plain((scaled / found.multiplier.denominator).quantize(_DIGITS))
        self._reserve_words = {reserve.id: {"reserve": reserve.id, **named("reserve", reserve.id, reserve.titles)}
                               for reserve in setting.spec.reserves}  # fmt: skip

    def of(self, at: int) -> list[Line]:
        """The lines of a payee; they sum to its need money."""
        found, target = self._found, self._statement.targets.fen[at]
        steps = [("S2", amount, self._of_target(name, at)) for name, amount in self._statement.of(at).items()]
        pace: Words = ("pace", None, self._multiplier, {})
        if self._stream.planned is not None:
            pace = ("planned", None, None, {})
        steps.append(("S3", found.free[at] - target, pace))
        if self._is_new(at):
            steps.append(("S3", 0, ("new", None, None, {})))
        bound = found.natural[at] - found.free[at]
        steps.append(("S3", bound, self._of_bound(bound, at)))
        steps += [("S7", own[at], self._of_reserve(name, own[at])) for name, own in self._shares.items()]
        steps.append(("S3", found.amounts[at] - found.reserved[at], ("leakage_kept", None, None, {})))
        return [
            Line(self._kind, self._ids[at], stage, line_id, self._stream.id, amount, quantity, rate, params)
            for stage, amount, (line_id, quantity, rate, params) in steps
            if amount or line_id in ("equal", "new")
        ]

    def _is_new(self, at: int) -> bool:
        """Whether no money of the year before is stated: neither floor nor cap then holds, which has to be said."""
        pace = self._stream.pace
        return pace is not None and pace.previous is not None and self._bounds.before[at] is None

    def _of_target(self, name: str, at: int) -> Words:
        if name == "equal":
            return name, plain(self._figures.population[at]), None, {}
        if name not in self._factors:
            return name, None, None, {}
        rate = plain((Decimal(self._factors[name][at]) / QUANTUM).quantize(_DIGITS))
        to_mean, words = self._to_mean(name, at)
        if name == "risk":
            risk = self._figures.risks[at]
            line_id = "need_risk_missing" if risk is None else f"need_risk{to_mean}"
            return line_id, None, rate, {"risk": plain(risk or Decimal(0)), **words}
        return f"need_factor{to_mean}", None, rate, {**self._factor_words[name], **words}

    def _to_mean(self, name: str, at: int) -> tuple[str, dict[str, str]]:
        """Where factors are brought to a mean of 1: the end of the line id, the mean, and how many times it this is."""
        mean = self._means.get(name)
        if not self._stream.normalise or not mean:
            return "", {}
        times = Decimal(self._factors[name][at]) / QUANTUM / mean
        return "_to_mean", {"mean": self._mean_words[name], "times": plain(times.quantize(_DIGITS))}

    def _of_bound(self, amount: int, at: int) -> Words:
        """The floor or cap that a payee stands at, in per cent of the year before or of the target."""
        pace, name, share = self._stream.pace, "cap", None
        if pace is not None:
            share = None if pace.cap_change is None else 1 + pace.cap_change
        if pace is not None and amount > 0:
            name = f"floor_{self._bounds.rules[at]}"
            share = pace.min_vs_target
            if self._bounds.rules[at] == "hold_harmless":
                share = None if pace.floor_change is None else 1 + pace.floor_change
        rate = None if share is None else plain(share * 100)
        return name, None, rate, {"before": yuan(self._bounds.before[at] or 0), "change": rate or ""}

    def _of_reserve(self, name: str, change: int) -> Words:
        """The reserve that lifts a payee, or that it pays for."""
        return "reserve_gain" if change > 0 else "reserve_pay", None, None, self._reserve_words[name]
