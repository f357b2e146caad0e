"""The quick way through a document gives exactly what the full loader gives, or leaves the document to it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from data_contracts.closed import DefinitionError, FullLoader, FullTextLoader, read_yaml
from data_contracts.plain_yaml import Unusual, plain_document

ROOT = Path(__file__).parents[3]
ROOMS = ("data_contracts", "pipelines", "tests", "benchmarks")
WRITTEN = sorted(path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.yaml"))
LOADERS = [FullLoader, FullTextLoader]

# What may stand where a word may stand: numbers of every YAML, words of yes and no, dates, quotes, signs and breaks.
NUMBERS = "1 -1 +1 0110 0o17 0x1F 0b11 1_000 12:30:45 1.5 -1.5e3 1e5 .5 5. .inf -.INF .nan 0_ _1 0x 0b 1:2"
SIGNS = (
    "true True tRUE FALSE yes No on off null ~ Null nULL = << 2025 2025-01-01 '' \"\" '1' \"true\" 'a''b' 中文 @ ` %"
)
SHAPES = [
    "a b",
    "a #b",
    "|\n  x\n  y",
    ">-\n  x",
    "!!str 1",
    "!x y",
    "! 1",
    "[1, ~]",
    "{a: 1, b: }",
    "? a",
    "- 1",
    "a: b",
]
NAMED = ["&n 1", "*n", "&m {a: *n}", "*m", "[*n, *n]", "---", "...", "\t", "\x00", "", r'"\u4e2d\n"']
WORDS = st.sampled_from([*NUMBERS.split(), *SIGNS.split(), *SHAPES, *NAMED])
STARTS, COLONS = st.sampled_from(["", "  ", "- ", "  - ", "? ", "&k ", "<<: "]), st.sampled_from([": ", ":", ""])
LINES = st.tuples(STARTS, WORDS, COLONS, WORDS)
DOCUMENTS = st.lists(LINES, max_size=8).map(lambda lines: "\n".join("".join(parts) for parts in lines))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


def fully(data: bytes, loader: type[Any]) -> str | None:
    """What the full loader reads, told apart by type too; None where it refuses."""
    try:
        return repr(yaml.load(data, Loader=loader))  # noqa: S506  (both are safe loaders)
    except (yaml.YAMLError, DefinitionError, ValueError):
        return None


def quickly(data: bytes, loader: type[Any]) -> str | None:
    try:
        return repr(plain_document(data, loader))
    except Unusual:
        return None


def test_every_document_of_the_project_is_read_the_quick_way_and_means_the_same() -> None:
    read = {path: path.read_bytes() for path in WRITTEN}
    assert len(read) > 250
    assert [path.name for path, data in read.items() if quickly(data, FullLoader) != fully(data, FullLoader)] == []


@pytest.mark.parametrize("loader", LOADERS)
@given(text=DOCUMENTS)
@example(text="a: 1\na: 2")
@example(text="1: a\ntrue: b")
@example(text="a: &x [1]\nb: *x\nc: &x 2")
@example(text="a: &x [*x]")
@example(text="{a: 1}: 2")
@example(text="&x a: 1\n*x : 2")
@example(text="a: 1\n---\nb: 2")
@example(text="a: &x {b: 1}\nc:\n  <<: *x")
def test_whatever_is_written_is_read_as_the_full_loader_reads_it_or_left_to_it(text: str, loader: type[Any]) -> None:
    data = text.encode()
    quick = quickly(data, loader)
    assert quick is None or quick == fully(data, loader)


@given(PLAIN)
def test_plain_values_come_back_without_the_full_loader(value: Any) -> None:
    data = yaml.safe_dump(value, allow_unicode=True).encode()
    assert quickly(data, FullLoader) == fully(data, FullLoader)


@pytest.mark.parametrize(
    "data", [b"", b"# nothing\n", b"\xff\xfea\x00:\x00 \x001\x00", b"\xef\xbb\xbfa: 1", b"a: \xff"]
)
def test_bytes_are_decoded_by_the_parser_itself(data: bytes) -> None:
    assert quickly(data, FullLoader) == fully(data, FullLoader)


def test_a_value_used_again_is_one_value_as_the_full_loader_has_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("a: &x [1, {b: 2}]\nc: *x\n")
    document = read_yaml(path)
    assert document == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}
    before = copy.deepcopy(read_yaml(path))
    document["a"].append(3)
    assert read_yaml(path) == before


@pytest.mark.parametrize("text", ["a: " + "[" * 3000 + "]" * 3000, "a: " + "{b: " * 3000 + "1" + "}" * 3000])
def test_what_lies_thousands_deep_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as error:
        read_yaml(path)
    assert error.value.words("zh").startswith("plan.yaml：括号")
