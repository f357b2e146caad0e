"""Closed documents: YAML read into strict models whose errors name file, place and the nearest known key.

Put here: reading a YAML file safely and validating it. Keep out: what any particular document contains.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class DefinitionError(ValueError):
    """A contract, registry entry or setting is wrong; the message names file, place and next step."""


class Closed(BaseModel):
    """Base of every model read from YAML: unknown keys fail, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Bilingual(Closed):
    """A sentence or title in the two languages of our readers."""

    zh: str
    en: str

    def get(self, language: str) -> str:
        """The text in `zh` or `en`."""
        return self.zh if language == "zh" else self.en


_MERGE = "tag:yaml.org,2002:merge"
_BOOL = "tag:yaml.org,2002:bool"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.CSafeLoader):
    """Safe loader that refuses duplicate keys and leaves dates and on/off words as text."""


def _mapping_without_duplicates(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue
        where = f"{node.start_mark.name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise DefinitionError(f"{where}: a key must be a word; put text with braces or brackets in quotes")
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise DefinitionError(f"{where}: key '{key}' stands twice")
        seen.add(key)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)
# Dates stay text (a period `2025` or a day `2025-01-01` is ours to read), and a column may be called `on`.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_TIMESTAMP, _BOOL)]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


class _TextLoader(_Loader):
    """Leaves every unquoted word as the text it is, so that the code 0110 does not become the number 72."""


_TextLoader.yaml_implicit_resolvers = {}


def read_yaml(path: Path, *, only_text: bool = False) -> Any:
    """The document in `path`, `only_text` with numbers and words such as yes or null left as they are written.

    Raises DefinitionError naming the line where it is not YAML.
    """
    try:
        with path.open("rb") as stream:
            return yaml.load(stream, Loader=_TextLoader if only_text else _Loader)  # noqa: S506  (safe loaders)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable as YAML"
        raise DefinitionError(f"{path.name}{line}: {problem}") from None
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read ({error.strerror})") from None


def parse(model: type[Model], document: Any, where: str) -> Model:
    """Validate `document` as `model`; every error names `where`, the place inside and the nearest known key."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = [_explain(model, item, where) for item in error.errors(include_url=False, include_input=False)]
        raise DefinitionError("\n".join(lines)) from None


def parse_foreign(model: type[Model], document: Any, where: str) -> Model:
    """As `parse`, for a model of a library that drops unknown keys below its top level without a word."""
    parsed = parse(model, document, where)
    _refuse_dropped(model, document, parsed.model_dump(by_alias=True, exclude_unset=True), where)
    return parsed


def _refuse_dropped(model: type[BaseModel], written: Any, understood: Any, where: str) -> None:
    if isinstance(written, dict) and isinstance(understood, dict):
        for key, value in written.items():
            if key not in understood:
                raise DefinitionError(f"{where}: {_unknown_key(model, str(key))}")
            _refuse_dropped(model, value, understood[key], f"{where}: {key}")
    elif isinstance(written, list) and isinstance(understood, list):
        for position, (value, other) in enumerate(zip(written, understood, strict=True)):
            _refuse_dropped(model, value, other, f"{where}.{position}")


def _unknown_key(model: type[BaseModel], key: str) -> str:
    near = nearest(key, sorted(_known_keys(model)))
    return f"unknown key '{key}'" + (f"; did you mean '{near}'?" if near else "")


def _explain(model: type[BaseModel], item: Mapping[str, Any], where: str) -> str:
    place = ".".join(str(step) for step in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{where}: {place}: {item['msg']}"
    return f"{where}: {place}: {_unknown_key(model, str(item['loc'][-1]))}"


@cache
def _known_keys(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for part in _models_within(model, set()) for name in part.model_fields)


def _models_within(annotation: Any, seen: set[Any]) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in seen:
            seen.add(annotation)
            yield annotation
            for field in annotation.model_fields.values():
                yield from _models_within(field.annotation, seen)
        return
    for argument in get_args(annotation):
        yield from _models_within(argument, seen)


def nearest(name: str, known: list[str]) -> str | None:
    """The known name closest to `name`, or None when nothing is close."""
    found = difflib.get_close_matches(name, known, n=1)
    return found[0] if found else None
