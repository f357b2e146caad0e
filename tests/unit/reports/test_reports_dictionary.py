"""The dictionary page: one section per feed, with all that its contract says, in the language of the page."""

import html
import re
from dataclasses import replace

import pytest

from data_contracts.contracts import Catalog
from data_contracts.dictionary import dictionary_of
from reports.site import write_site

FEEDS = ("civil_affairs.population", "health_bureau.followups_diabetes", "hospitals.encounters", "insurers.settlements")


@pytest.fixture(scope="module")
def entries():
    return tuple(dictionary_of(contract) for contract in Catalog.load(use=list(FEEDS)).current())


@pytest.fixture(scope="module")
def pages(make_home, trees, entries, tmp_path_factory):
    context, frames = make_home(trees["towns"])
    out = tmp_path_factory.mktemp("site")
    write_site(replace(context, dictionary=entries), frames, out)
    return {"zh": (out / "dictionary.html").read_text("utf-8"), "en": (out / "en/dictionary.html").read_text("utf-8")}


def sections(page):
    return dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', page, re.DOTALL))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_feed_has_its_section_with_all_its_contract_says(pages, entries, language):
    found = sections(pages[language])
    assert tuple(found) == FEEDS
    for entry in entries:
        shown = html.unescape(found[entry.key])
        told = (entry.titles, entry.purpose, entry.usage, entry.limitations, entry.delivery)
        own = [sentence for sentence in entry.resends if not all(sentence in other.resends for other in entries)]
        words = [sentence.get(language) for sentence in (*told, *own, *entry.corrections)]
        words += entry.business_key
        for column in entry.columns:
            words += [column.titles.get(language), column.meaning.get(language), column.header]
            words += [column.unit, column.standard, column.example, *column.aliases, *column.missing, *column.units]
            words += [code.titles.get(language) for code in column.codes]
            words += [spelling for code in column.codes for spelling in (code.value, *code.spellings)]
        words += [word for rule in entry.rules for word in (rule.id, rule.titles.get(language), rule.fix.get(language))]
        assert [word for word in words if word.strip() and word.strip() not in shown] == []
        assert f'href="#{entry.key}"' in pages[language]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_true_of_every_feed_is_said_once_and_linked_from_each(pages, entries, language):
    page = html.unescape(pages[language])
    for entry in entries:
        common = [item.get(language) for item in entry.resends if all(item in other.resends for other in entries)]
        assert len(common) > 5
        assert [page.count(sentence) for sentence in common] == [1] * len(common)
    assert page.count('href="#deliveries"') == len(entries)


def test_without_contracts_the_page_says_so(make_home, trees, tmp_path):
    context, frames = make_home(trees["towns"])
    write_site(context, frames, tmp_path)
    assert "没有数据类的约定" in (tmp_path / "dictionary.html").read_text("utf-8")


def test_resends_are_told_for_every_kind_of_delivery():
    told = {}
    for contract in Catalog.load().current():
        entry = dictionary_of(contract)
        assert entry.resends, entry.key
        told.setdefault(contract.delivery, set()).update(sentence.zh for sentence in entry.resends)
    assert told["increment"] != told["snapshot"]


@pytest.mark.parametrize("contract", Catalog.load().current(), ids=lambda contract: contract.key)
def test_the_key_is_told_in_headings_a_sender_can_write(contract):
    """Also where it is a person, whose key no file holds."""
    headings = {column.headers[0] for column in contract.columns}
    told = dictionary_of(contract).business_key
    assert set(told) <= headings
    assert len(set(told)) == len(contract.extras.business_key)
