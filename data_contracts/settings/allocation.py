"""allocation.yaml: how the money of a period is divided among the areas of one level.

Put here: budgets, streams, reserves, floors and caps. Keep out: the division (evaluations.allocation_v1).
"""

from typing import Literal

from data_contracts.closed import Bilingual, Closed
from data_contracts.exact import Exact


class Budget(Closed):
    """Money for one year in major units, paid in equal instalments over the periods of the year."""

    year: int
    amount: Exact
    reference: str


class Tilt(Closed):
    """Need: how many times as much a head gets at risk 100 as at risk 0, and the risk at which nothing changes."""

    ratio: Exact
    reference: Exact


class Stream(Closed):
    """A part of the budget with one purpose."""

    id: str
    titles: Bilingual
    kind: Literal["per_head", "need", "performance", "reserve"]
    share: Exact
    tilt: Tilt | None = None
    policy: str | None = None


class Reserve(Closed):
    """A group of areas that must get at least a share of the distributable money (budget without reserve stream)."""

    id: str
    titles: Bilingual
    group: Literal["rural", "urban"]
    minimum_share: Exact
    reference: str


class AllocationDocument(Closed):
    """allocation.yaml: how the money of a period is divided among the areas of one level."""

    id: str
    titles: Bilingual
    references: list[str]
    payee_level: str
    population: str
    weighted_population: str | None = None
    budgets: list[Budget]
    streams: list[Stream]
    floor: Exact | None = None
    cap: Exact | None = None
    reserves: list[Reserve] = []
    support_fund: Bilingual = Bilingual(zh="绩效改进支持资金", en="Improvement support fund")
    reserve_fund: Bilingual = Bilingual(zh="统筹预备资金", en="Contingency reserve")
