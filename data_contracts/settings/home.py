"""home.yaml: what a bureau is and how it works.

Put here: name, calendar, levels of areas, senders, what is chosen of the registries.
Keep out: the registries themselves (their own modules) and rules of money (allocation).
"""

from typing import Literal

from pydantic import model_validator

from data_contracts.closed import Bilingual, Closed
from data_contracts.messages import wrong
from data_contracts.periods import periods_between
from data_contracts.settings.approvers import Approver, check_approvers


class Currency(Closed):
    """Currency of all money in the home; amounts are integers in the minor unit."""

    code: str = "CNY"
    minor_unit: str = "fen"
    minor_per_major: int = 100
    major: Bilingual = Bilingual(zh="元", en="yuan")
    symbol: str = "¥"


class Calendar(Closed):
    """Reporting periods of the home: one grain, first and last period."""

    grain: Literal["month", "quarter", "year"]
    first: str
    last: str

    @model_validator(mode="after")
    def _spans_periods(self) -> "Calendar":
        try:
            known = periods_between(self.first, self.last)[0].grain == self.grain
        except ValueError:
            known = False
        if not known:
            raise wrong("wrong_calendar_form")
        return self


class LevelName(Closed):
    """A level of the area tree; the first listed is the lowest."""

    id: str
    titles: Bilingual


class Sender(Closed):
    """Who delivers, and how many days after the end of a period the delivery is due."""

    titles: Bilingual
    deadline_days: int = 15


class HomeDocument(Closed):
    """home.yaml: what this bureau is and how it works."""

    format: Literal[1]
    name: Bilingual
    level: str
    time_zone: str = "Asia/Shanghai"
    currency: Currency = Currency()
    calendar: Calendar
    levels: list[LevelName]
    senders: dict[str, Sender] = {}
    approval: Literal["none", "required", "two"] = "none"
    """two: by two people with a key each."""
    approvers: list[Approver] = []
    feeds: list[str] | None = None
    indicators: list[str] | None = None
    rule_sets: list[str]

    @model_validator(mode="after")
    def _one_key_each(self) -> "HomeDocument":
        check_approvers(self.approvers)
        return self
