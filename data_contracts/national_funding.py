"""National standards per head and central shares, dated and with their sources: the data of the official formula.

Put here: what the register may say, and looking up a year or a region. Keep out: the register itself
(registry/national_funding.yaml), the formula (evaluations.allocation.standard).
"""

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from data_contracts.closed import Closed, parse, read_yaml
from data_contracts.exact import Exact
from data_contracts.messages import did_you_mean, wrong

_REGISTER = Path(__file__).parent / "registry" / "national_funding.yaml"


class Standard(Closed):
    """Yuan per resident and year, where that stands, and whether it was `seen` there or is `recalled`."""

    yuan: Annotated[Exact, Field(gt=0)]
    source: str
    evidence: Literal["seen", "recalled"]


class Tier(Closed):
    """The central share of some regions: name → code (two digits a province, four a city of its own)."""

    share: Annotated[Exact, Field(ge=0, le=1)]
    regions: dict[str, str]


class Shares(Closed):
    """Central shares in force from `valid_from` on, until a later entry."""

    valid_from: date
    reference: str
    tiers: list[Tier] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> "Shares":
        names = [name for tier in self.tiers for item in tier.regions.items() for name in item]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise wrong("funding_region_twice", regions=", ".join(twice))
        return self


class Formula(Closed):
    """The document that orders the formula."""

    reference: str


class NationalFunding(Closed):
    """The register: the formula's document, year → standard, and dated central shares."""

    formula: Formula
    standards: dict[str, Standard]
    central_shares: list[Shares]

    def standard(self, year: int) -> Standard:
        """The national base standard of `year`. Raises DefinitionError: a year that is not listed is not guessed."""
        found = self.standards.get(str(year))
        if found is None:
            raise wrong("funding_no_standard", year=year, last=max(self.standards))
        return found

    def central_share(self, region: str, year: int) -> Decimal:
        """The central share of a region at the start of `year`, by name (with or without 省, 市, 自治区) or code.

        A code may be that of a place within; a city listed on its own goes before its province. Raises DefinitionError.
        """
        in_force = [shares for shares in self.central_shares if shares.valid_from <= date(year, 1, 1)]
        if not in_force:
            raise wrong("funding_no_shares", year=year)
        latest = max(in_force, key=lambda shares: shares.valid_from)
        by_name = {name: tier.share for tier in latest.tiers for name in tier.regions}
        by_code = {code: tier.share for tier in latest.tiers for code in tier.regions.values()}
        if region.isdecimal():
            found = next((by_code[region[:size]] for size in (4, 2) if region[:size] in by_code), None)
        else:
            found = by_name.get(_short(region))
        if found is None:
            raise wrong("funding_no_region", region=region, hint=did_you_mean(_short(region), by_name))
        return found


_ENDINGS = ("维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "省", "市")


def _short(region: str) -> str:
    for ending in _ENDINGS:
        if region.endswith(ending):
            return region.removesuffix(ending)
    return region


@cache
def national_funding() -> NationalFunding:
    """The register as it comes with the package."""
    return parse(NationalFunding, read_yaml(_REGISTER), _REGISTER.name)
