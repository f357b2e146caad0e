"""What people read in Chinese about the data holds no English meaning: the dictionary page and the blank workbook."""

import html
import re
import zipfile
from dataclasses import replace
from importlib.resources import files

import pytest

from data_contracts.closed import read_yaml
from data_contracts.contracts import Catalog
from data_contracts.dictionary import dictionary_of
from reports.site import write_site
from reports.template import write_template

CONTRACTS = Catalog.load().current()


def english_of(contract):
    """Every description as its document has it, in English."""
    written = read_yaml(files("data_contracts").joinpath("feeds", contract.source))
    return [*written["description"].values(), *(item["description"] for item in written["schema"][0]["properties"])]


@pytest.fixture(scope="module")
def pages(make_home, trees, tmp_path_factory):
    context, frames = make_home(trees["towns"])
    out = tmp_path_factory.mktemp("site")
    entries = tuple(dictionary_of(contract) for contract in CONTRACTS)
    write_site(replace(context, dictionary=entries), frames, out)
    return {
        language: dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', read(out / path), re.DOTALL))
        for language, path in (("zh", "dictionary.html"), ("en", "en/dictionary.html"))
    }


def read(page):
    return html.unescape(page.read_text("utf-8"))


def test_each_page_tells_the_meanings_in_its_language_alone(pages):
    for contract in CONTRACTS:
        described = [contract.purpose, contract.usage, contract.limitations, *(c.description for c in contract.columns)]
        english = english_of(contract)
        assert [words.en for words in described] == english
        zh, en = (pages[language][contract.key] for language in ("zh", "en"))
        assert [words for words in english if words in zh or words not in en] == [], contract.key
        assert [words.zh for words in described if words.zh in en or words.zh not in zh] == [], contract.key


@pytest.mark.parametrize("key", ["health_bureau.followups_diabetes", "hospitals.discharges", "statistics.areas"])
def test_the_notes_of_a_template_are_chinese(key, tmp_path):
    contract = next(item for item in CONTRACTS if item.key == key)
    with zipfile.ZipFile(write_template(dictionary_of(contract), tmp_path / "t.xlsx")) as book:
        (comments,) = [name for name in book.namelist() if "comments" in name]
        notes = re.findall(r"<comment .*?</comment>", book.read(comments).decode(), re.DOTALL)
    assert len(notes) == len(contract.columns)
    for note, column in zip(notes, contract.columns, strict=True):
        shown = html.unescape(note)
        assert column.description.zh in shown
        assert column.description.en not in shown
