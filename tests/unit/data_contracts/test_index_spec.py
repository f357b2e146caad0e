"""The spec of an index: wrong words are named with their place and the nearest known one; schema; shipped examples."""

import json
import re
from pathlib import Path

import pytest
import yaml

from data_contracts.closed import DefinitionError, parse
from data_contracts.index_spec.document import (
    IndexSpec,
    all_parts,
    columns_used,
    read_spec,
    spec_hash,
    spec_schema,
)
from data_contracts.index_spec.tree import NORMALISING, STEP_WORDS, Group, Indicator
from data_contracts.messages import LANGUAGES, catalogue

EXAMPLES = sorted((Path(__file__).parents[3] / "data_contracts" / "examples" / "index").glob("*/spec.yaml"))
TREE = {
    "id": "root",
    "combine": {"how": "arithmetic", "missing": "reweigh"},
    "parts": [
        {"id": "a", "weight": 1, "steps": [{"step": "z", "ddof": 1, "within": ["county"]}]},
        {"id": "b", "weight": 1, "ratio": {"numerator": "cases", "denominator": "people"}},
    ],
}


def made(change=None, **more):
    document = {"id": "x", "titles": {"zh": "甲", "en": "A"}, "reference": "r", "unit": "unit", "tree": TREE, **more}
    document = json.loads(json.dumps(document))
    if change is not None:
        change(document)
    return parse(IndexSpec, document, "spec.yaml")


def at(*path, **new):
    """A change of the document at a place."""

    def change(document):
        place = document
        for step in path:
            place = place[step]
        place.update(new)

    return change


LEAF = ("tree", "parts", 0)


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (at(*LEAF, "steps", 0, step="zz"), "tree.parts.a.steps.0", "no step 'zz'; did you mean 'z'"),
        (at(*LEAF, "steps", 0, capp=3), "tree.parts.a.steps.0.capp", "did you mean 'cap'"),
        (at(*LEAF, wieght=3), "tree.parts.a.wieght", "did you mean 'weight'"),
        (at("tree", combne={}), "tree.combne", "did you mean 'combine'"),
        (at("tree", "combine", how="geometrc"), "tree.combine.how", "geometric"),
        (at("tree", "combine", missing="ignore"), "tree.combine.missing", "reweigh"),
        (at(*LEAF, "steps", 0, universe=[{"column": "c"}]), "universe.0", "needs a test"),
        (at(*LEAF, weight={"colunm": "w"}), "weight", "column"),
        (at(*LEAF, weight=-1), "", "must not be negative"),
        (at("tree", "parts", 1, id="a"), "", "'a' is used twice"),
        (at("tree", "combine", require=[{"of": ["aa"]}]), "", "refers to 'aa'"),
        (at("tree", "parts", 1, column="c"), "tree.parts.b", "column, ratio or part, not more than one"),
        (at("tree", "combine", how="power"), "tree.combine", "'power' needs 'power' too"),
        (at("tree", "combine", missing="substitute"), "tree.combine", "'substitute' needs 'substitute' too"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_the_nearest_word(change, place, words):
    with pytest.raises(DefinitionError) as refused:
        made(change)
    for language in LANGUAGES:
        assert refused.value.words(language)
    assert refused.value.words("en").startswith("spec.yaml")
    assert place in refused.value.words("en")
    assert words in refused.value.words("en")


def test_a_condition_may_only_look_at_what_is_computed_before():
    veto = [{"step": "adjust", "id": "veto", "when": [{"part": "b", "below": 1}], "set": 0}]
    assert made(at("tree", "parts", 1, steps=[*veto[:0]]))
    assert made(at("tree", steps=veto))
    with pytest.raises(DefinitionError, match="not among the parts computed before"):
        made(at("tree", "parts", 0, steps=veto))


def test_columns_that_the_spec_names_with_their_use():
    spec = made(universe=[{"column": "kind", "among": ["town"]}, {"column": "people", "above": 10}], name="title")
    assert {column: numeric for column, (_, numeric) in columns_used(spec).items()} == {
        "unit": False, "title": False, "kind": False, "people": True, "a": True, "cases": True, "county": False,
    }  # fmt: skip


def test_lock_covers_all_but_itself():
    spec = made()
    assert spec_hash(made(lock=spec_hash(spec))) == spec_hash(spec)
    assert spec_hash(made(at(*LEAF, weight=2))) != spec_hash(spec)
    assert spec_hash(made(policy_class="prevention")) != spec_hash(spec)


def test_schema_describes_every_step_with_its_words():
    schema = spec_schema()
    json.dumps(schema)
    steps = [item for item in schema["$defs"].values() if "step" in item.get("properties", {})]
    words = set()
    for step in steps:
        said = step["properties"]["step"]
        words |= set(said.get("enum", [said.get("const")]))
        assert step["description"]
    assert words == set(STEP_WORDS)
    assert set(NORMALISING) <= words


def test_every_word_shown_on_the_page_has_a_sentence():
    known = catalogue()
    hows = {
        "step": STEP_WORDS,
        "combine": spec_schema()["$defs"]["Combine"]["properties"]["how"]["enum"],
        "weights": spec_schema()["$defs"]["Weights"]["properties"]["how"]["enum"],
        "grades": spec_schema()["$defs"]["Grades"]["properties"]["how"]["enum"],
    }
    shown = [f"index.{room}.{word}" for room, words in hows.items() for word in words]
    assert [sentence for sentence in shown if sentence not in known] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_shipped_examples_are_documented_in_both_languages_and_read(path):
    spec = read_spec(path)
    assert all(part.titles is not None for part in all_parts(spec))
    assert len([part for part in all_parts(spec) if isinstance(part, Indicator)]) >= 5
    assert isinstance(spec.tree, Group)
    assert "# 示例" in path.read_text(encoding="utf-8")
    assert "# Example" in path.read_text(encoding="utf-8")
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["id"] == path.parent.name


def test_there_are_a_township_appraisal_and_a_risk_index_among_the_examples():
    assert {"health_risk", "township_appraisal"} <= {path.parent.name for path in EXAMPLES}


GUIDE = (EXAMPLES[0].parents[1] / "README.md").read_text("utf-8")
BEGINNING, *RECIPES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]


@pytest.mark.parametrize("recipe", RECIPES, ids=range(len(RECIPES)))
def test_recipes_of_the_guide_are_specs_behind_the_beginning_it_states(recipe):
    document = json.loads(json.dumps(BEGINNING | recipe))
    assert parse(IndexSpec, document, "spec.yaml").tree.parts
    assert set(BEGINNING) & set(recipe) <= {"unit"}


def test_the_beginning_that_the_guide_states_is_just_what_every_spec_needs():
    needed = {name for name, field in IndexSpec.model_fields.items() if field.is_required()}
    assert set(BEGINNING) == needed - {"tree"}


def test_the_recipes_show_every_way_to_points():
    shown = set(re.findall(r"step: (\w+)", GUIDE))
    assert {"step_points", "piecewise_points", "achievement_or_improvement", "minimum_cases"} <= shown
