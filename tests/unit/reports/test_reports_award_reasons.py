"""A statement of who has no chance of an award says why, beside the dash."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from reports.statement_awards import awards_of
from tests.unit.evaluations.allocation_world import spec

AWARDS = {"id": "aw", "kind": "awards", "rest": True, "classes": [{
    "id": "best", "by": "chance", "score": {"column": "rural"}, "error": "none",
    "tiers": [{"id": "low", "standard": 60, "amount": 1}],
}]}  # fmt: skip


@pytest.mark.parametrize(("language", "why"), [("zh", "成本不公布置信区间"), ("en", "costs have no limits")])
def test_the_reason_stands_beside_the_result(language: str, why: str) -> None:
    row: dict[str, Any] = {
        "stream": "aw", "award_class": "best", "tier": None, "chance": None, "no_place": False, "due_fen": 0,
        "words_zh": "成本不公布置信区间", "words_en": "costs have no limits",
    }  # fmt: skip
    tables = cast("Any", SimpleNamespace(page=SimpleNamespace(spec=spec([AWARDS])), of=lambda *_: [row]))
    assert [own["why"] for own in awards_of(tables, ("community", "c"), language)] == [why]
    del row["words_zh"], row["words_en"]
    assert [own["why"] for own in awards_of(tables, ("community", "c"), language)] == [None]
