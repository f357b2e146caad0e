"""Pace of change and reserved shares: what a payee or a group must get, and may get at most, in one year.

Put here: floors, caps, groups with a guaranteed share. Keep out: targets (need.py).
"""

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from data_contracts.allocation_spec.basics import Figure, Id, Number, Positive, Share, Word
from data_contracts.closed import Bilingual
from data_contracts.messages import wrong


class Pace(Word):
    """Floors and caps of one year: max of hold-harmless, share of target and statutory money; growth at most.

    A payee whose `previous` is empty or 0 is new: it has no hold-harmless floor and no cap.
    """

    previous: Figure | None = None
    """Need money of the year before, `next_base_fen` of its result: no results, awards or true-ups; in the `unit` of
    the spec. Not given: floors by target and law alone."""
    floor_change: Number | None = Field(default=None, ge=-1)
    """-0.02: nobody falls by more than two per cent. Not given: no hold-harmless floor."""
    cap_change: Number | None = Field(default=None, ge=-1)
    """0.12: nobody grows by more than twelve per cent. Not given: no cap."""
    statutory: Figure | None = None
    """Money that is owed by law whatever the formula says; 0 where nothing is, an empty cell is refused."""
    min_vs_target: Share | None = None
    """0.9: nobody gets less than nine tenths of the target."""
    population_before: Figure | None = None
    """People of the year before: where they moved by more than `population_moved`, floor and cap go per head."""
    population_moved: Share = Field(default=Decimal("0.02"))
    leakage: Literal["distribute", "hold_in_transition"] = "distribute"
    """Money that caps push to payees above target: given out, or held by the fund `hold_in`."""
    hold_in: Id | None = None
    """With hold_in_transition: the fund."""

    @model_validator(mode="after")
    def _agrees(self) -> "Pace":
        floor, cap = self.floor_change, self.cap_change
        if floor is not None and cap is not None and floor > cap:
            raise wrong("allocate_floor_over_cap", floor=floor, cap=cap)
        if self.previous is None and (floor is not None or cap is not None or self.population_before is not None):
            raise wrong("index_needs", word="floor_change/cap_change/population_before", needs="previous")
        if (self.leakage == "hold_in_transition") != (self.hold_in is not None):
            raise wrong("allocate_hold_in")
        return self


class Reserve(Word):
    """A group of payees that must get at least a share of a declared base.

    Groups of several reserves must be nested or disjoint. Where the natural division gives less, the group gets exactly
    its minimum, and the others make room by one multiplier; `payers` of the result says who pays for which.
    """

    id: Id
    titles: Bilingual | None = None
    group: Id
    """One of `groups` of the payees."""
    minimum_share: Share
    base: Literal["distributable", "total"] | list[Id] = "distributable"
    """distributable: the budget without contingency. total: the budget. Or the streams that count, by id."""
    mode: Literal["planned_with_true_up", "worst_case"] = "planned_with_true_up"
    """What the group gets in other streams of the base counts, until the settlement with all that results may still
    earn; worst_case: it might earn nothing there."""
    true_up_from: Id | None = None
    """The fund stream that makes good what the group lacks at the settlement. Need money then stays as it was planned;
    not given: in the settlement need money is divided by what was earned."""
    spare_below_target: Positive | None = Field(default=None, le=1)
    """0.1: payees more than ten per cent below target do not pay for this reserve."""
    reference: str | None = None
