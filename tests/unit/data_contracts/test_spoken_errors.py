"""Errors about definitions speak Chinese to a Chinese reader: every sentence, every complaint of the validator."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import Field

from data_contracts.closed import Closed, DefinitionError, parse
from data_contracts.messages import LANGUAGES, both, catalogue, did_you_mean, wrong

# Three words of English in a row are a sentence; keys, commands and names are not.
ENGLISH = re.compile(r"[A-Za-z']{2,} [A-Za-z']+ [A-Za-z']{2,}")


class Part(Closed):
    name: str


class Everything(Closed):
    text: str = ""
    whole: int = 0
    number: float = 0.0
    exact: Decimal = Decimal(0)
    truth: bool = False
    several: list[str] = []
    some: list[str] = Field(["x"], min_length=1)
    short: str = Field("x", min_length=1)
    above: int = Field(0, ge=0)
    pattern: str = Field("a", pattern="^[a-z]+$")
    named: dict[str, int] = {}
    day: date = date(2025, 1, 1)
    moment: datetime = datetime(2025, 1, 1)  # noqa: DTZ001
    choice: Literal["one", "two", "three"] = "one"
    part: Part | None = None


def test_no_chinese_sentence_holds_an_english_one():
    assert {key: words["zh"] for key, words in catalogue().items() if ENGLISH.search(words["zh"])} == {}


@pytest.mark.parametrize(
    "document",
    [
        {"text": 1},
        {"whole": "many"},
        {"whole": 1.5},
        {"number": "much"},
        {"exact": "much"},
        {"truth": "perhaps"},
        {"several": "x"},
        {"some": []},
        {"short": ""},
        {"above": -1},
        {"pattern": "ABC"},
        {"named": "x"},
        {"day": "yesterday"},
        {"moment": "now"},
        {"choice": "four"},
        {"part": {}},
        {"part": "x"},
        {"txet": "x"},
        {"zzzzzz": "x"},
        [],
        "x",
        None,
    ],
)
def test_every_complaint_of_the_validator_is_said_in_chinese(document: Any):
    with pytest.raises(DefinitionError) as error:
        parse(Everything, document, "plan.yaml")
    chinese, english = (error.value.words(language) for language in LANGUAGES)
    assert english == str(error.value)
    for words in (chinese, english):
        assert words.startswith("plan.yaml")
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not ENGLISH.search(chinese)
    assert all(key in chinese for key in (document if isinstance(document, dict) else {}))


def test_every_mistake_of_a_document_is_told_at_once():
    with pytest.raises(DefinitionError) as error:
        parse(Everything, {"whole": "x", "txet": "x"}, "plan.yaml")
    assert len(error.value.words("zh").splitlines()) == len(str(error.value).splitlines()) == 2
    assert "是不是“text”" in error.value.words("zh")


def test_a_parameter_may_itself_be_words_in_both_languages():
    error = wrong("wrong_at", where="x", problem={"zh": "坏了", "en": "broken"})
    assert (error.words("zh"), error.words("en"), str(error)) == ("x：坏了", "x: broken", "x: broken")
    assert both("wrong_at", where="x", problem="y") == {"zh": "x：y", "en": "x: y"}


def test_a_hint_is_silent_where_nothing_is_near():
    assert did_you_mean("threads", ["thread", "rows"])["en"] == "; did you mean 'thread'?"
    assert did_you_mean("threads", ["xyz"]) == {"zh": "", "en": ""}
    assert "None" not in str(wrong("wrong_feed", key="q", hint=did_you_mean("q", [], "wrong_nearest")))
