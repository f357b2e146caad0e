"""services.yaml: what is done for whom how often, who does it and what shows that it was done.

Put here: services, their target groups and frequencies. Keep out: promises about them (policies) and the national list
of services (data_contracts.national_services).
"""

from typing import Literal

from pydantic import Field

from data_contracts.closed import Bilingual, Closed


class TargetGroup(Bilingual):
    """For whom, in words; where it can be counted, also as a condition that is true of rows of a mart."""

    mart: str | None = None
    where: str | None = None


class Frequency(Closed):
    """How often a service is promised to each of its target group, and in what way."""

    times: int = Field(ge=1)
    per: Literal["month", "quarter", "half_year", "year", "three_years"]
    mode: Literal["face_to_face", "home_visit", "remote", "device", "any"] = "any"


class Service(Closed):
    """An entry of services.yaml: what is done for whom how often, who does it and which feeds show that it was done.

    `national_item`: the item of the national basic public-health services it belongs to.
    """

    titles: Bilingual
    target_group: TargetGroup
    frequency: Frequency
    providers: Bilingual
    feeds: list[str] = []
    national_item: Bilingual | None = None
    reference: str
