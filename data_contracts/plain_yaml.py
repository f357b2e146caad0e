"""Plain YAML built straight from the parser's events, several times faster than through its tree of nodes.

Put here: what almost every document consists of: mappings, sequences and scalars, also named ones that are used again.
Keep out: everything else (tags, merged or repeated keys, mistakes), which is left to the full loader: see `Unusual`.
"""

from functools import lru_cache
from typing import Any

import yaml
from yaml import AliasEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent, StreamEndEvent


class Unusual(Exception):  # noqa: N818  (nothing is wrong yet: the full loader reads the document and judges it)
    """The document holds something that only the full loader can read or refuse."""


def plain_document(data: bytes, loader: type[Any]) -> Any:
    """The only document in `data` as `loader`, a safe loader on the C parser, would read it; None where there is none.

    Raises Unusual wherever the loader might refuse the document or read it in a way not known here.
    """
    parser = loader(data)
    try:
        return _Reading(parser, loader).document()
    except yaml.YAMLError:
        raise Unusual from None
    finally:
        parser.dispose()


class _Reading:
    """One pass over the events of one document."""

    def __init__(self, parser: Any, loader: Any) -> None:
        self.next, self.loader, self.forms = parser.get_event, loader, loader.yaml_implicit_resolvers
        self.named: dict[str, Any] = {}  # finished values that an alias may use again

    def document(self) -> Any:
        self.next()  # the stream starts
        if self.next().__class__ is StreamEndEvent:
            return None
        document = self.value(self.next())
        self.next()  # the document ends
        if self.next().__class__ is not StreamEndEvent:
            raise Unusual
        return document

    def value(self, event: Any) -> Any:
        kind, name = event.__class__, event.anchor
        if kind is AliasEvent:
            if name not in self.named:
                raise Unusual
            return self.named[name]
        if event.tag is not None:
            raise Unusual
        if kind is ScalarEvent:
            text = event.value
            value = _word(text, self.loader) if event.implicit[0] and text[:1] in self.forms else text
        else:
            value = self.sequence() if kind is SequenceStartEvent else self.mapping()
        if name is not None:
            if name in self.named:
                raise Unusual
            self.named[name] = value
        return value

    def sequence(self) -> list[Any]:
        items = []
        while (event := self.next()).__class__ is not SequenceEndEvent:
            items.append(self.value(event))
        return items

    def mapping(self) -> dict[Any, Any]:
        items: dict[Any, Any] = {}
        while (event := self.next()).__class__ is not MappingEndEvent:
            if event.__class__ is not ScalarEvent:
                raise Unusual
            key = self.value(event)
            if key in items:
                raise Unusual
            items[key] = self.value(self.next())
        return items


@lru_cache(maxsize=4096)
def _word(text: str, loader: Any) -> Any:
    """What an unquoted word that may be more than text means; all these values are immutable and may be shared."""
    tag = next((tag for tag, form in loader.yaml_implicit_resolvers[text[:1]] if form.match(text)), None)
    if tag is None:
        return text
    try:
        return loader.yaml_constructors[tag](loader(""), yaml.ScalarNode(tag, text))
    except (KeyError, ValueError, yaml.YAMLError):
        raise Unusual from None
