"""Money for what was done or is owed: purchased services, entitlements, matching grants.

Put here: the words of these streams. Keep out: projects and awards, which are contested (contests.py).
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from data_contracts.allocation_spec.basics import Id, Positive, Share, StreamBase, Word
from data_contracts.allocation_spec.customary import OverPool
from data_contracts.messages import did_you_mean, wrong

PaidKind = Literal["payees", "community", "institution", "partner", "family_total"]
"""payees: one of the table of payees. family_total: the families of one of them, together. Another kind: any id."""


class Contracts(Word):
    """A row for each contract."""

    table: str
    contract: str
    payee: str
    verified: str
    """Column with the volume that was verified."""
    price: str
    """Column with yuan for one unit."""
    cap: str | None = None
    """Column with the most the contract pays, in the `unit` of the spec; an empty cell is no cap."""
    claimed: str | None = None
    """Column with the volume that was claimed; no less than was verified."""


class Purchases(StreamBase):
    """Verified volume × price, up to the cap of each contract."""

    kind: Literal["purchases"]
    contracts: Contracts
    payee_kind: PaidKind = "payees"
    over_pool: OverPool = "refuse"
    unspent_to: Id = "unspent"


class Claims(Word):
    """A row for each claim, in the order in which caps are used up."""

    table: str
    payee: str
    """Column with who is paid; for families the one of the table of payees whose families are paid together."""
    units: str
    """Column with months, visits, persons …"""
    person: str | None = None
    """Column with an opaque key of the person, never a name; with `per_person`."""
    family: str | None = None
    """Column with an opaque key of the family; with `per_family`."""
    rate: str | None = None
    """Column with yuan for one unit, where it is not the same for all."""
    paid_before: str | None = None
    """Column with what the year already paid on the claim: it uses up caps of the year. `units` are those still to be
    paid; nothing is taken off them."""


class Entitlements(StreamBase):
    """Units × rate for institutions or families, within caps of the year.

    Results hold totals per payee, never a person or family.
    """

    kind: Literal["entitlements"]
    claims: Claims
    payee_kind: PaidKind = "family_total"
    rate: Positive | None = None
    """Yuan for one unit."""
    per_person: Positive | None = None
    """The most a person gets in the year, in the `unit` of the spec."""
    per_family: Positive | None = None
    per_payee: Positive | None = None
    over_pool: OverPool = "refuse"
    unspent_to: Id = "unspent"

    @model_validator(mode="after")
    def _agrees(self) -> "Entitlements":
        if (self.rate is None) == (self.claims.rate is None):
            raise wrong("allocate_either", id=self.id, words="rate, claims.rate")
        for cap in ("person", "family"):
            if getattr(self, f"per_{cap}") is not None and getattr(self.claims, cap) is None:
                raise wrong("index_needs", word=f"per_{cap}", needs=f"claims.{cap}")
        return self


class ByCapacity(Word):
    """A rate that falls in a straight line from `highest` at fiscal capacity 0 to `lowest` at 1."""

    lowest: Share = Field(default="0.3", validate_default=True)
    highest: Share = Field(default="0.5", validate_default=True)

    @model_validator(mode="after")
    def _falls(self) -> "ByCapacity":
        if self.lowest > self.highest:
            raise wrong("allocate_rates_order")
        return self


def _rate(given: Any) -> Any:
    if isinstance(given, dict):
        known = list(ByCapacity.model_fields)
        for word in given:
            if word not in known:
                raise wrong("allocate_unknown", place="rate", word=word, hint=did_you_mean(str(word), known))
    return given


MatchRate = Annotated[Share | ByCapacity, Field(union_mode="left_to_right"), BeforeValidator(_rate)]
"""A part from 0 to 1, or {lowest, highest} by fiscal capacity."""


class Requests(Word):
    """A row for each request."""

    table: str
    request: str
    payee: str
    base: str
    """Column with the eligible cost or the outside money, in the `unit` of the spec."""
    certified: str | None = None
    """Column that says 1 where the outside money is certified; nothing else is matched."""
    cap: str | None = None
    """Column with the most the request gets; an empty cell is no cap of its own."""
    capacity: str | None = None
    """Column with fiscal capacity from 0 to 1, for a rate by capacity."""
    order: str | None = None
    """Column with the order of service, for over_pool: in_order."""


class Matching(StreamBase):
    """A part of eligible cost or of certified outside money, up to caps and to what the pool still holds."""

    kind: Literal["matching"]
    base: Literal["eligible_cost", "certified_outside_money"]
    requests: Requests
    payee_kind: PaidKind = "payees"
    rate: MatchRate
    cap: Positive | None = None
    """The most any request gets, in the `unit` of the spec."""
    over_pool: Literal["refuse", "pro_rata", "in_order"] = "refuse"
    """in_order: one after the other until the pool is empty."""
    unspent_to: Id = "unspent"

    @model_validator(mode="after")
    def _agrees(self) -> "Matching":
        if isinstance(self.rate, ByCapacity) and self.requests.capacity is None:
            raise wrong("index_needs", word=f"streams.{self.id}.rate", needs="requests.capacity")
        if self.base == "certified_outside_money" and self.requests.certified is None:
            raise wrong("index_needs", word="certified_outside_money", needs="requests.certified")
        if (self.over_pool == "in_order") != (self.requests.order is not None):
            raise wrong("index_needs", word="over_pool: in_order", needs="requests.order")
        return self
