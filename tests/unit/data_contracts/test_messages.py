"""The catalogue of sentences: both languages say the same with the same places to fill."""

import re
import string

import pytest

from data_contracts import messages
from data_contracts.closed import DefinitionError
from data_contracts.statement_lines import step_of

SENTENCES = messages.catalogue()
CHINESE = re.compile("[\u4e00-\u9fff]")


QUOTE_CHINESE = {"intake_fix_type_boolean", "reports.switch"}


def places(sentence):
    """Places to fill; a word given in both languages (`title_zh`, `title_en`, `currency_en`) counts as one place."""
    names = [name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None]
    return {re.sub("_(zh|en)$", "", name) for name in names}


def test_both_languages_fill_the_same_named_places():
    # The Chinese title of a feed is shown beside its id in Chinese only.
    shown = {
        key: [places(words[language]) - {"title"} for language in messages.LANGUAGES]
        for key, words in SENTENCES.items()
    }
    assert [key for key, (zh, en) in shown.items() if zh != en or "" in zh] == []


def test_no_sentence_is_empty():
    assert [key for key, words in SENTENCES.items() if not all(text.strip() for text in words.values())] == []


def test_english_has_no_chinese():
    assert {key for key, words in SENTENCES.items() if CHINESE.search(words["en"])} == QUOTE_CHINESE


def test_a_sentence_is_filled_in_the_language_asked_for():
    params = {"period": "2019Q1", "first": "2023-01-01"}
    found = messages.both("landing_no_contract", **params)
    assert found == {language: messages.text("landing_no_contract", language, **params) for language in ("zh", "en")}
    assert all(value in sentence for sentence in found.values() for value in params.values())
    assert CHINESE.search(found["zh"])


def test_a_place_left_empty_is_an_error():
    with pytest.raises(KeyError, match="first"):
        messages.text("landing_no_contract", "en", name="a.csv", period="2019Q1")


def test_an_unknown_sentence_is_named_with_the_nearest():
    with pytest.raises(KeyError, match="no sentence 'landing_no_contrakt'; nearest: landing_no_contract"):
        messages.text("landing_no_contrakt", "zh")


@pytest.fixture
def own_catalogue(monkeypatch, tmp_path, written):
    """Read the catalogue from files of the test instead."""
    monkeypatch.setattr(messages, "_FOLDER", tmp_path)
    messages.catalogue.cache_clear()
    yield written
    messages.catalogue.cache_clear()


def test_an_id_of_two_files_is_refused(own_catalogue):
    own_catalogue("a.yaml", "hello: {zh: 你好, en: Hello}\n")
    own_catalogue("b.yaml", "hello: {zh: 您好, en: Hello}\n")
    with pytest.raises(DefinitionError, match=r"b\.yaml: sentence 'hello' is defined in another file too"):
        messages.catalogue()


@pytest.mark.parametrize("wording", ["{zh: 你好}", "{zh: 你好, en: Hello, fr: Bonjour}", "Hello"])
def test_a_sentence_not_in_exactly_both_languages_is_refused(own_catalogue, wording):
    own_catalogue("a.yaml", f"hello: {wording}\n")
    with pytest.raises(DefinitionError, match=r"a\.yaml: sentence 'hello' needs exactly zh and en"):
        messages.catalogue()


def test_a_word_like_no_stays_the_word_it_is(own_catalogue):
    own_catalogue("a.yaml", "no: {zh: 否, en: No}\n")
    assert messages.both("no") == {"zh": "否", "en": "No"}


def test_every_line_of_a_statement_belongs_to_a_step_with_words():
    lines = [key.removeprefix("allocate.line.") for key in SENTENCES if key.startswith("allocate.line.")]
    assert [line for line in lines if f"allocate.step.{step_of(line)}" not in SENTENCES] == []
