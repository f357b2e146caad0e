"""What the notice of an allocation says beside its amounts: title, addressed unit, document numbers, marks, signatures.

Put here: words for the finance office's table. Keep out: anything that changes an amount.
"""

from typing import Annotated

from pydantic import Field

from data_contracts.allocation_spec.basics import Id, Word
from data_contracts.closed import Bilingual
from data_contracts.messages import did_you_mean, wrong

FunctionCode = Annotated[str, Field(pattern=r"^[0-9]{3,9}$")]
SIGNATORIES = ("制表人", "审核人", "分管领导", "单位负责人（盖章）", "填报日期")


class Notice(Word):
    """The notice that the table of payees is annexed to. All of it may be left out."""

    titles: Bilingual | None = None
    """Title of the table; made of the title of the spec if not given."""
    number: str | None = Field(default=None, max_length=80)
    """Number of the notice itself, such as 某财社〔2025〕8号."""
    addressed_to: str | None = Field(default=None, max_length=200)
    """The units it is addressed to."""
    function_code: FunctionCode | None = None
    """Functional classification of the expenditure (功能科目), such as 2100408."""
    function_title: str | None = Field(default=None, max_length=80)
    """What that classification is called."""
    direct_funds: list[Id] = []
    """Sources that carry the mark of funds passed directly (直达资金), by id."""
    use: str | None = Field(default=None, max_length=300)
    """What the money may be used for."""
    decimals: int = Field(default=2, ge=0, le=4)
    """Decimals of the table in 万元; the table in yuan always shows the fen."""
    signatories: list[str] = Field(default=list(SIGNATORIES), min_length=1, max_length=8)
    """Who signs at the foot of the table, by role, in order."""


def check_notice(notice: Notice | None, sources: list[str]) -> None:
    """Raise where the notice marks a source that there is not."""
    for named in notice.direct_funds if notice else ():
        if named not in sources:
            hint = did_you_mean(named, sources)
            raise wrong("allocate_unknown", place="notice.direct_funds", word=named, hint=hint)
