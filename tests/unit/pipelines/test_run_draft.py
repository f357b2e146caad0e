"""A run says on the terminal, and the desk beside the step, that the money of a release is a draft, and why."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from assets.lake import parts
from assets.stages.assembling import _draft_reasons
from assets.stages.checks import checks_of
from data_contracts.tables import output_tables
from pipelines.run import RunResult

REASONS = [{"zh": "甲会少拿钱", "en": "A loses"}, {"zh": "乙没有审计", "en": "B is not audited"}]
TABLE = "alloc__incentive_reasons"


def table(reasons: list[dict[str, str]]) -> pl.DataFrame:
    rows = [
        {"period": "2025Q4", "allocation_id": "money", "number": number, "reason": "loses", **own}
        for number, own in enumerate(reasons, 1)
    ]
    return pl.DataFrame(rows, output_tables()[TABLE].schema)


def test_the_terminal_says_every_reason_in_the_readers_language() -> None:
    counts = {"files": 1, "records": 1, "quarantined": 0, "unreadable": 0}
    draft = RunResult(Path("r"), True, counts, draft_reasons=REASONS)
    sound = RunResult(Path("r"), True, counts)
    for language, words in (("zh", "草案"), ("en", "draft")):
        said = [line for line in draft.lines(language) if words in line]
        assert [own[language] in line for own, line in zip(REASONS, said, strict=True)] == [True, True]
        assert draft.lines(language)[-1] == sound.lines(language)[-1]
        assert not [line for line in sound.lines(language) if words in line]
    assert draft.as_dict()["draft_reasons"] == REASONS


@pytest.mark.parametrize("reasons", [[], REASONS])
def test_the_manifest_and_the_desk_have_what_the_table_has(
    reasons: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _draft_reasons({TABLE: table(reasons)}) == reasons
    monkeypatch.setattr(parts, "read_table", lambda _home, name, _periods: table(reasons) if name == TABLE else None)
    road: Any = SimpleNamespace(home=None)
    (found,) = checks_of(road, "alloc", [TABLE], "2025Q4")
    assert (found.name, found.passed, found.blocking) == ("incentives_hold", not reasons, False)
    assert all(own[language] in found.words for own in reasons for language in ("zh", "en"))
