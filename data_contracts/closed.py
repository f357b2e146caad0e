"""Closed documents: YAML read into strict models whose errors name file, place and the nearest known key.

Put here: reading a YAML file safely, validating it, its fingerprint. Keep out: what any particular document contains.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from data_contracts.plain_yaml import Unusual, plain_document

Model = TypeVar("Model", bound=BaseModel)


class DefinitionError(ValueError):
    """A contract, registry entry, setting or argument is wrong; the message names file, place and next step.

    Made by `messages.wrong` wherever a user may meet it, so that it can be said in Chinese too.
    """

    def __init__(self, message: str | Callable[[str], str]) -> None:
        super().__init__(message)
        self._message = message

    def words(self, language: str) -> str:
        """The message in `zh` or `en`."""
        return self._message if isinstance(self._message, str) else self._message(language)

    def __str__(self) -> str:
        """The message in English."""
        return self.words("en")


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


class FullLoader(yaml.CSafeLoader):
    """Safe loader that refuses duplicate keys and leaves dates and on/off words as text."""


def _mapping_without_duplicates(loader: FullLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue
        if not isinstance(key_node, yaml.ScalarNode):
            raise _wrong("wrong_key_form", where=_where(key_node))
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise _wrong("wrong_key_twice", where=_where(key_node), key=key)
        seen.add(key)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value}


def _where(node: yaml.Node) -> str:
    return f"{Path(node.start_mark.name).name}:{node.start_mark.line + 1}"


FullLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)
# Dates stay text (a period `2025` or a day `2025-01-01` is ours to read), and a column may be called `on`.
FullLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_TIMESTAMP, _BOOL)]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
FullLoader.add_implicit_resolver(_BOOL, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


class FullTextLoader(FullLoader):
    """Leaves every unquoted word as the text it is, so that the code 0110 does not become the number 72."""


FullTextLoader.yaml_implicit_resolvers = {}


def read_yaml(path: Path, *, only_text: bool = False) -> Any:
    """The document in `path`, `only_text` with numbers and words such as yes or null left as they are written.

    Raises DefinitionError naming the line where it is not YAML.
    """
    loader = FullTextLoader if only_text else FullLoader
    try:
        with path.open("rb") as stream:
            try:
                return plain_document(stream.read(), loader)
            except Unusual:
                stream.seek(0)
                return yaml.load(stream, Loader=loader)  # noqa: S506  (safe loaders)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise _not_yaml(f"{path.name}{line}", getattr(error, "problem", None)) from None
    except RecursionError:
        raise _wrong("wrong_too_deep", where=path.name) from None
    except OSError:
        raise _wrong("wrong_unreadable", path=path) from None


def _not_yaml(where: str, problem: str | None) -> DefinitionError:
    """The parser's own complaint is English only."""

    def words(language: str) -> str:
        own = problem if language == "en" and problem else _said(language, "wrong_yaml")
        return _said(language, "wrong_at", where=where, problem=own)

    return DefinitionError(words)


def _wrong(sentence: str, **params: Any) -> DefinitionError:
    """As `messages.wrong`, worded when it is read: the sentences themselves are read with this module."""
    return DefinitionError(lambda language: _said(language, sentence, **params))


def _said(language: str, sentence: str, **params: Any) -> str:
    from data_contracts.messages import both

    return both(sentence, **params)[language]


def parse(model: type[Model], document: Any, where: str) -> Model:
    """Validate `document` as `model`; every error names `where`, the place inside and the nearest known key."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False)
        raise DefinitionError(
            lambda language: "\n".join(
                _said(language, "wrong_at", where=where, problem=_explain(model, document, item, language))
                for item in items
            )
        ) from None


def parse_foreign(model: type[Model], document: Any, where: str) -> Model:
    """As `parse`, for a model of a library that drops unknown keys below its top level without a word."""
    parsed = parse(model, document, where)
    _refuse_dropped(model, document, parsed.model_dump(by_alias=True, exclude_unset=True), where)
    return parsed


def _refuse_dropped(model: type[BaseModel], written: Any, understood: Any, where: str) -> None:
    if isinstance(written, dict) and isinstance(understood, dict):
        for key, value in written.items():
            if key not in understood:
                raise DefinitionError(
                    lambda language, key=key: _said(  # type: ignore[misc]
                        language, "wrong_at", where=where, problem=_unknown_key(model, written, str(key), language)
                    )
                )
            _refuse_dropped(model, value, understood[key], f"{where}: {key}")
    elif isinstance(written, list) and isinstance(understood, list):
        for position, (value, other) in enumerate(zip(written, understood, strict=True)):
            _refuse_dropped(model, value, other, f"{where}.{position}")


def _unknown_key(model: type[BaseModel], written: Any, key: str, language: str) -> str:
    """With the nearest key that may stand there or, for a word of nowhere, anywhere; else with all that may.

    `written`: the mapping in which the key stands; what else stands in it tells which part of the document it is.
    """
    here, known = _keys_beside(model, written, key), _known_keys(model)
    near = nearest(key, here) or nearest(key, [] if key in known else sorted(known))
    if near:
        hint = _said(language, "wrong_hint", near=near)
    else:
        hint = _said(language, "wrong_keys_here", keys=", ".join(here)) if here else ""
    return _said(language, "wrong_unknown_key", key=key, hint=hint)


def _keys_beside(model: type[BaseModel], written: Any, key: str) -> list[str]:
    """The keys that the one part of `model` which `written` can be has besides those in it; none where it is open."""
    if not isinstance(written, Mapping):
        return []
    shared = {
        part: len(written.keys() & _fields(part).keys())
        for part in _models_within(model, set())
        if key not in _fields(part) and _may_be(part, written)
    }
    most = max(shared.values(), default=0)
    likely = [part for part, count in shared.items() if count == most]
    return sorted(_fields(likely[0]).keys() - written.keys()) if most and len(likely) == 1 else []


def _may_be(part: type[BaseModel], written: Mapping[str, Any]) -> bool:
    """Whether the words that tell parts apart (`step`, `kind`, `how`) do not speak against it."""
    kinds = {name: get_args(said) for name, said in _fields(part).items() if get_origin(said) is Literal}
    return all(name not in written or written[name] in words for name, words in kinds.items())


# What the validator complains about → our sentence; only Chinese needs one, its own words are English.
_COMPLAINTS = {
    "missing": "missing",
    "literal_error": "among",
    "too_short": "short",
    "string_too_short": "short",
    "greater_than": "bounds",
    "greater_than_equal": "bounds",
    "less_than": "bounds",
    "less_than_equal": "bounds",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "whole"),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), "number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "boolean"),
    **dict.fromkeys(("string_type", "string_sub_type"), "text"),
    **dict.fromkeys(("list_type", "tuple_type"), "list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "mapping"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "date"),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing"), "time"),
}


def _explain(model: type[BaseModel], document: Any, item: Mapping[str, Any], language: str) -> str:
    place, value = _address(document, item["loc"])
    if item["type"] == "missing":
        place = ".".join([*filter(None, [place]), str(item["loc"][-1])])
    if item["type"] == "extra_forbidden":
        problem = _unknown_key(model, _address(document, item["loc"][:-1])[1], str(item["loc"][-1]), language)
    else:
        problem = _complaint(item, value, language)
    return _said(language, "wrong_at", where=place, problem=problem) if place else problem


def _address(document: Any, loc: Sequence[Any]) -> tuple[str, Any]:
    """The place as somebody finds it who reads the document, and what stands there.

    Things in a list go by their id where they have one; names of our classes, which stand in no document, are left out.
    """
    steps, here = list[str](), document
    for step in loc:
        if isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
            steps.append(_called(here, step))
        elif isinstance(here, dict) and step in here:
            here = here[step]
            steps.append(str(step))
    return ".".join(steps), here


def _called(thing: Any, number: int) -> str:
    name = thing.get("id") if isinstance(thing, dict) else None
    return name if isinstance(name, str) and name else str(number)


def _complaint(item: Mapping[str, Any], value: Any, language: str) -> str:
    context = item.get("ctx") or {}
    if isinstance(context.get("error"), DefinitionError):
        return str(context["error"].words(language))
    kind = _COMPLAINTS.get(item["type"], "form")
    if kind == "bounds":
        return _beyond(context, language)
    if kind == "text" and isinstance(value, int | float) and not isinstance(value, bool):
        return _said(language, "wrong_value_quotes")
    if language != "zh":
        return str(item["msg"])
    expected = str(context.get("expected", "")).replace("'", "").replace(" or ", "、").replace(", ", "、")
    return _said(language, f"wrong_value_{kind}", expected=expected)


def _beyond(context: Mapping[str, Any], language: str) -> str:
    """The bound that is not kept; a share is often written in per cent by mistake."""
    word = next(word for word in ("gt", "ge", "lt", "le") if word in context)
    limit = context[word]
    if isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    share = word in ("lt", "le") and limit == 1
    return _said(
        language, f"wrong_value_{word}", limit=limit, hint=_said(language, "wrong_value_share") if share else ""
    )


@cache
def _known_keys(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for part in _models_within(model, set()) for name in _fields(part))


@cache
def _fields(part: type[BaseModel]) -> Mapping[str, Any]:
    """Its keys as they are written, and what may stand there."""
    return {field.alias or name: field.annotation for name, field in part.model_fields.items()}


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


def fingerprint(document: Any) -> str:
    """sha256 of a document of plain values in canonical JSON."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def nearest(name: str, known: list[str]) -> str | None:
    """The known name closest to `name`, or None when nothing is close."""
    found = difflib.get_close_matches(name, known, n=1)
    return found[0] if found else None
