"""Every kind of conflict in words: titles and names instead of ids, amounts, and which way to go."""

from typing import Any

import pytest

from assets.compute.refusals import conflict_words, summary, worded_conflict
from evaluations.allocation.engine import allocate
from tests.unit.evaluations.allocation_world import WORKED_PAYEES, frame, need, spec

Row = dict[str, Any]
PAYEES = [{**row, "name": f"{row['id']}号社区", "none": 0} for row in WORKED_PAYEES]
NEED = need({"floor_change": "-0.02", "cap_change": "0.12"}, titles={"zh": "需要资金", "en": "Need money"})
SPARE = {"id": "spare", "kind": "fund", "share": "0.001", "fund": "f", "titles": {"zh": "预备金", "en": "Spare money"}}
RURAL = {"id": "rural30", "group": "rural", "minimum_share": "0.3", "titles": {"zh": "农村三成", "en": "Rural 30 %"}}
CENTRAL = {"id": "central", "kind": "central", "share": "0.9", "titles": {"zh": "中央补助", "en": "Central grant"}}
COUNTY = {"id": "county", "kind": "county", "residual": True}
LAW = {"id": "law", "amount": 9_500_000}
CASES: list[tuple[Row, list[str]]] = [
    ({"reserves": [RURAL]}, ["需要资金：保留份额「农村三成」、封顶线", "涉及：C4号社区、C5号社区、C6号社区",
                             "把保留份额「农村三成」降低", "C4号社区 的封顶线"]),
    ({"amount": 5_000_000}, ["需要资金：保底线", "C1号社区 的保底线（按上年）"]),
    ({"sources": [CENTRAL, {**CENTRAL, "id": "more", "titles": None}, COUNTY]},
     ["资金来源「中央补助」按规则出 8,100,000.00 元", "资金来源「中央补助」少出 7,200,000.00 元",
      "占比 90% → 10%"]),
    ({"sources": [{**CENTRAL, "for": ["spare"], "share": None, "amount": 10_000}, COUNTY], "amount": 9_000_000,
      "streams": [need(share=None, rest=True), SPARE]},
     ["预备金：资金来源「中央补助」", "「预备金」一共只能用 9,000.00 元", "资金来源「中央补助」少出 1,000.00 元",
      "允许资金来源「中央补助」也用于其他资金流"]),
    ({"sources": [{"id": "bikes", "kind": "in_kind", "amount": 7, "for": ["spare"]}, COUNTY],
      "streams": [need(share=None, rest=True), SPARE]}, ["资金来源「bikes」：减少 7.00 元"]),
    ({"streams": [{**need(), "population": {"column": "none"}}]}, ["至少一个对象要大于 0"]),
    ({"streams": [{**need(titles={"zh": "需要资金", "en": "Need"}), "at_least": [LAW]}]},
     ["底线「law」降低 500,000.00 元（9,500,000.00 → 9,000,000.00 元）", "只改资金流「需要资金」的规模，怎么改都不行",
      "预算总额提高 500,000.00 元（9,000,000.00 → 9,500,000.00 元）"]),
    ({"streams": [{"id": "std", "kind": "standard", "rest": True, "population": {"column": "people"}, "standard": 99,
                   "titles": {"zh": "基本补助", "en": "Basic"}}]},
     ["「基本补助」应付的资金：减少 2,880,000.00 元"]),
]  # fmt: skip


@pytest.mark.parametrize(("more", "words"), CASES)
def test_a_conflict_is_said_by_titles_and_names_with_the_way_to_go(more: Row, words: list[str]) -> None:
    own = dict(more)
    payees = {"table": "payees", "id": "id", "name": "name", "groups": {"rural": "rural"}}
    rules = spec(own.pop("streams", [NEED]), own.pop("amount", 9_000_000), payees=payees, **own)
    found = allocate(rules, {"payees": frame(PAYEES)})
    assert found.conflict is not None
    tables = worded_conflict(rules, found.conflict)
    said = [conflict_words(rules, found.conflict, rules.currency), *summary(tables)]
    everything = "\n".join([own["zh"] for own in said] + [
        text for table in tables.values() if "words_zh" in table.columns for text in table["words_zh"]])  # fmt: skip
    for text in words:
        assert text in everything
    for name in ("rural30", "central」", "「need」", "spare"):
        assert name not in everything
    assert all(own["en"] for own in said)


def test_a_stream_and_a_source_of_one_id_keep_their_own_titles() -> None:
    source = {"id": "both", "kind": "central", "for": ["both"], "amount": 10_000, "titles": {"zh": "来源", "en": "S"}}
    rules = spec([need(share=None, rest=True), {**SPARE, "id": "both"}], 9_000_000, sources=[source, COUNTY])
    found = allocate(rules, {"payees": frame(PAYEES)})
    assert found.conflict is not None
    said, tables = conflict_words(rules, found.conflict, rules.currency), worded_conflict(rules, found.conflict)
    assert "预备金：资金来源「来源」" in said["zh"]
    assert ["「来源」" in text for text in tables["conflict"]["words_zh"]] == [True, False]
    assert ["「预备金」" in text for text in tables["conflict"]["words_zh"]] == [False, True]
    assert all("「来源」" in text and "预备金" not in text for text in tables["relaxations"]["words_zh"])
