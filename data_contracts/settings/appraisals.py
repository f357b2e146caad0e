"""settings/appraisals/<id>.yaml: an appraisal of townships or institutions as an index spec.

Put here: who is appraised, from when, and where its figures come from. Keep out: the algorithms (index_spec), the
computation (evaluations.index) and the use of its result (allocation).
"""

from datetime import date

from pydantic import model_validator

from data_contracts.closed import Closed
from data_contracts.index_spec.document import IndexSpec
from data_contracts.messages import wrong
from data_contracts.settings.indices import UNIT

INSTITUTION = "institution"


class AppraisalFeed(Closed):
    """A feed whose rows of the period are laid beside the figures of a unit; `unit`: its column with the unit's id."""

    key: str
    unit: str


class AppraisalDocument(Closed):
    """An appraisal. `of`: a level of areas, whose indicator values are at hand, or `institution`.

    `feed`: marks, counts and submitted scores that the units, or those who judge them, deliver; an appraisal of
    institutions reads nothing else. The spec names the columns of the feed as they are called there.
    """

    of: str
    valid_from: date
    valid_to: date | None = None
    feed: AppraisalFeed | None = None
    spec: IndexSpec

    @model_validator(mode="after")
    def _has_figures(self) -> "AppraisalDocument":
        if self.of == INSTITUTION and self.feed is None:
            raise wrong("wrong_appraisal_feed")
        if self.of != INSTITUTION and self.spec.unit != UNIT:
            raise wrong("wrong_index_unit", unit=UNIT)
        if self.feed is not None and self.of == INSTITUTION and self.spec.unit != self.feed.unit:
            raise wrong("wrong_index_unit", unit=self.feed.unit)
        return self

    def holds(self, day: date) -> bool:
        """Whether it is in force on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)
