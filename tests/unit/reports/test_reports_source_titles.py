"""What payers are called on pages: by their title, else by their kind, and never two alike."""

from types import SimpleNamespace

import pytest

from data_contracts.closed import Bilingual
from reports.money_words import source_titles


def source(own, kind, titles=None):
    return SimpleNamespace(id=own, kind=kind, titles=titles)


@pytest.mark.parametrize(("language", "central"), [("zh", "中央"), ("en", "central")])
def test_sources_without_titles_go_by_their_kind(language, central):
    named = Bilingual(zh="市财政", en="City treasury")
    spec = SimpleNamespace(sources=[source("c1", "central"), source("x", "city", named), source("y", "city")])
    found = source_titles(spec, language)
    assert found["c1"] == central
    assert found["x"] == named.get(language)
    assert found["y"] != "y"
    assert len(set(found.values())) == 3


def test_sources_of_one_kind_without_titles_are_told_apart():
    spec = SimpleNamespace(sources=[source("c1", "central"), source("c2", "central"), source("p", "province")])
    assert source_titles(spec, "zh") == {"c1": "中央 c1", "c2": "中央 c2", "p": "省级"}
