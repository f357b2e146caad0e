"""Closed documents: YAML read into strict models whose errors name file, place and the nearest known key.

Put here: reading a YAML file safely and validating it. Keep out: what any particular document contains.
"""

import difflib
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


class _Loader(yaml.CSafeLoader):
    """Safe loader that refuses duplicate keys and leaves dates and on/off words as text."""


def _mapping_without_duplicates(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise DefinitionError(f"{node.start_mark.name}:{key_node.start_mark.line + 1}: key '{key}' stands twice")
        seen.add(key)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)
# Dates stay text (a period `2025` or a day `2025-01-01` is ours to read), and a column may be called `on`.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


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


def _explain(model: type[BaseModel], item: Mapping[str, Any], where: str) -> str:
    place = ".".join(str(step) for step in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{where}: {place}: {item['msg']}"
    key = str(item["loc"][-1])
    near = difflib.get_close_matches(key, sorted(_known_keys(model)), n=1)
    return f"{where}: {place}: unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else "")


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
