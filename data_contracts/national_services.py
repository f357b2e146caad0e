"""The national basic public-health services, and which feeds and indicators of a home serve each of them.

Put here: what the register may say and setting it against what a home has. Keep out: the register itself
(registry/national_services.yaml), reading it (settings.loading) and drawing the matrix (reports).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from data_contracts.closed import Bilingual, Closed
from data_contracts.messages import text, wrong

ServiceGap = Literal["none", "no_feed", "some_feeds", "no_indicator", "no_feed_no_indicator", "some_feeds_no_indicator"]
_GAPS: dict[tuple[bool, bool, bool], ServiceGap] = {
    # some feed is there, every feed is there, some indicator is there
    (True, True, True): "none",
    (True, True, False): "no_indicator",
    (True, False, True): "some_feeds",
    (True, False, False): "some_feeds_no_indicator",
    (False, False, True): "no_feed",
    (False, False, False): "no_feed_no_indicator",
}


class NationalService(Closed):
    """A national service from `valid_from` to `valid_to`: what shows that it was done and how well.

    `feeds`: every one of them is needed to see the whole service. `indicators`: any of them shows something of it, and
    the service is seen whole where all of them have a figure.
    """

    titles: Bilingual
    reference: str
    valid_from: date
    valid_to: date | None = None
    feeds: list[str] = Field(min_length=1)
    indicators: list[str] = []

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "NationalService":
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise wrong("wrong_service_ends")
        return self

    def holds_on(self, day: date) -> bool:
        """Whether it is a national service on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class ServiceRow:
    """One service of the matrix; feeds and indicators by id, in the order of the register.

    `reads`: indicator → the feeds it is made from.
    """

    service: str
    titles: Bilingual
    reference: str
    valid_from: date
    feeds_present: tuple[str, ...]
    feeds_missing: tuple[str, ...]
    indicators_present: tuple[str, ...]
    indicators_missing: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def gap(self) -> ServiceGap:
        """What is missing to see the service."""
        return _GAPS[bool(self.feeds_present), not self.feeds_missing, bool(self.indicators_present)]

    def words(self, language: str, titles: Mapping[str, Bilingual] | None = None) -> str:
        """The gap as a sentence in `zh` or `en`, with the feeds that are missing, by title where `titles` knows it."""
        known = titles or {}
        names = [known[key].get(language) if key in known else key for key in self.feeds_missing]
        feeds = ("、" if language == "zh" else ", ").join(names)
        return text(f"national_service_{self.gap}", language, feeds=feeds)


def service_matrix(
    services: Mapping[str, NationalService],
    feeds: Collection[str],
    indicators: Mapping[str, Collection[str]],
    day: date,
) -> list[ServiceRow]:
    """One row per service that holds on `day`, in the order of the register.

    `feeds` and `indicators`: ids of those the home uses; of indicators also the feeds they are made from.
    """
    return [
        ServiceRow(
            key,
            service.titles,
            service.reference,
            service.valid_from,
            tuple(feed for feed in service.feeds if feed in feeds),
            tuple(feed for feed in service.feeds if feed not in feeds),
            tuple(indicator for indicator in service.indicators if indicator in indicators),
            tuple(indicator for indicator in service.indicators if indicator not in indicators),
            {indicator: tuple(indicators[indicator]) for indicator in service.indicators if indicator in indicators},
        )
        for key, service in services.items()
        if service.holds_on(day)
    ]
