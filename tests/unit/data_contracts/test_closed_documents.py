"""YAML to closed models: nothing unknown, nothing twice, nothing guessed, and every refusal says where."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from data_contracts.closed import Bilingual, Closed, DefinitionError, nearest, parse, read_yaml


class Shelf(Closed):
    width_cm: int
    title: Bilingual


class Room(Closed):
    shelves: list[Shelf]


def shelf(**more):
    return {"width_cm": 80, "title": {"zh": "架", "en": "Shelf"}, **more}


def test_an_unknown_key_names_file_place_and_the_nearest_known_key():
    with pytest.raises(DefinitionError) as error:
        parse(Room, {"shelves": [shelf(), shelf(widht_cm=1)]}, "room.yaml")
    assert str(error.value) == "room.yaml: shelves.1.widht_cm: unknown key 'widht_cm'; did you mean 'width_cm'?"


class Line(Closed):
    step: Literal["line"]
    knots: list[int] = []
    outside: str = ""


class Jump(Closed):
    step: Literal["jump"]
    points: list[int] = []


class Rule(Closed):
    steps: list[Annotated[Line | Jump, Field(discriminator="step")]]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"step": "line", "points": [1]}, "unknown key 'points'; what may still stand here: knots, outside"),
        ({"step": "line", "points": [1], "knots": []}, "unknown key 'points'; what may still stand here: outside"),
        ({"step": "line", "pionts": [1]}, "unknown key 'pionts'; did you mean 'points'?"),
        ({"step": "line", "knot": [1]}, "unknown key 'knot'; did you mean 'knots'?"),
        ({"step": "jump", "knots": [1]}, "unknown key 'knots'; what may still stand here: points"),
    ],
)
def test_a_key_of_another_place_is_never_its_own_suggestion(step, said):
    with pytest.raises(DefinitionError) as error:
        parse(Rule, {"steps": [step]}, "rule.yaml")
    assert str(error.value) == f"rule.yaml: steps.0.{list(step)[1]}: {said}"


def test_a_key_like_no_other_is_named_without_a_guess():
    with pytest.raises(DefinitionError) as error:
        parse(Room, {"shelves": [], "qqq": 1}, "room.yaml")
    assert str(error.value) == "room.yaml: qqq: unknown key 'qqq'"


def test_every_mistake_of_a_document_is_named_at_once():
    with pytest.raises(DefinitionError) as error:
        parse(Room, {"shelves": [{"width_cm": "wide", "title": {"zh": "架"}}]}, "room.yaml")
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        "shelves.0.width_cm",
        "shelves.0.title.en",
    ]


class Box(Closed):
    kind: Literal["box"]
    id: str
    code: str = "0"
    part: float = Field(default=0.5, gt=0, le=1)
    most: int = Field(default=9, ge=0, lt=10)


class Bag(Closed):
    kind: Literal["bag"]
    id: str


class Store(Closed):
    things: list[Annotated[Box | Bag, Field(discriminator="kind")]]


@pytest.mark.parametrize(
    ("more", "zh"),
    [
        ({"part": 15}, "part：不得大于 1（百分之十五写成 0.15）"),
        ({"part": 0}, "part：须大于 0"),
        ({"most": -1}, "most：不得小于 0"),
        ({"most": 10}, "most：须小于 10"),
        ({"code": 110}, 'code：应为文字；编号、代码等数字请加引号，如 "0110"'),
        ({"code": True}, "code：应为文字"),
        ({"cod": "1"}, "cod：不认识的键“cod”；是不是“code”？"),
    ],
)
def test_a_thing_of_a_list_is_called_by_its_id_and_a_bound_says_what_it_is(more, zh):
    with pytest.raises(DefinitionError) as error:
        parse(Store, {"things": [{"kind": "bag", "id": "b"}, {"kind": "box", "id": "tea", **more}]}, "s.yaml")
    assert error.value.words("zh") == f"s.yaml：things.tea.{zh}"


def test_what_was_read_does_not_change():
    room = parse(Room, {"shelves": [shelf()]}, "room.yaml")
    with pytest.raises(ValidationError):
        room.shelves[0].width_cm = 3


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands twice"),
        ("x:\n  - k: 1\n    k: 1\n", 3, "key 'k' stands twice"),
        ("x: {k: 1, k: 2}\n", 1, "key 'k' stands twice"),
        ("a: 1\nx: {{ name }}\n", 2, "a key must be a word"),
        ("a: 1\n? [p, q]\n: 2\n", 2, "a key must be a word"),
        ("a: 1\n\tb: 2\n", 2, "tab"),
        ("a: [1, 2\nb: 3\n", 2, ""),
        ("a: !!python/object/apply:os.getcwd []\n", 1, "could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
    ],
)
def test_what_is_no_plain_document_is_refused_by_line(written, text, line, words):
    with pytest.raises(DefinitionError, match=rf"plan\.yaml:{line}: .*{words}"):
        read_yaml(written("plan.yaml", text))


@pytest.mark.parametrize("content", ["标题: 值\n".encode("gb18030"), b"a: \x00\n"])
def test_bytes_that_are_no_yaml_are_refused_by_file(written, content):
    with pytest.raises(DefinitionError, match=r"plan\.yaml: not readable as YAML"):
        read_yaml(written("plan.yaml", content))


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(DefinitionError, match=r"gone\.yaml: cannot be read"):
        read_yaml(tmp_path / "gone.yaml")


def test_days_and_words_stay_text_while_true_and_numbers_do_not(written):
    text = (
        "on: off\nyes: no\ny: n\nday: 2025-01-01\nperiod: 2025Q4\nright: true\nwrong: false\ncount: 12\nempty: null\n"
    )
    assert read_yaml(written("plan.yaml", text)) == {
        "on": "off", "yes": "no", "y": "n", "day": "2025-01-01", "period": "2025Q4", "right": True, "wrong": False,
        "count": 12, "empty": None,
    }  # fmt: skip


def test_words_that_begin_like_true_stay_text(written):
    assert read_yaml(written("plan.yaml", "a: trueness\nb: falsehood\n")) == {"a": "trueness", "b": "falsehood"}


def test_only_text_leaves_every_word_as_written(written):
    text = 'institution: 0110\nrows: 1_000\nwhen: 12:30\nflag: yes\nnone: null\nnothing:\nquoted: "7"\n'
    assert read_yaml(written("note.yaml", text), only_text=True) == {
        "institution": "0110", "rows": "1_000", "when": "12:30", "flag": "yes", "none": "null", "nothing": "",
        "quoted": "7",
    }  # fmt: skip


def test_only_text_refuses_a_key_that_stands_twice_too(written):
    with pytest.raises(DefinitionError, match=r"note\.yaml:2: key 'rows' stands twice"):
        read_yaml(written("note.yaml", "rows: 1\nrows: 1\n"), only_text=True)


def test_anchors_and_merges_mean_what_yaml_says(written):
    text = "base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\nlist: &l [x]\nagain: *l\n"
    document = read_yaml(written("plan.yaml", text))
    assert document["own"] == {"a": 1, "b": 3}
    assert document["again"] == ["x"]


def test_nearest():
    assert nearest("sexx", ["age", "sex"]) == "sex"
    assert nearest("sexx", ["income"]) is None
