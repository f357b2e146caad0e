"""XML of parts of files, event by event and without anything from outside the file.

Put here: the guarded parser that readers of XML share. Keep out: what the elements mean (one module per form).
"""

from collections.abc import Callable, Iterable, Mapping
from xml.parsers import expat

from assets.intake.findings import FileRefused

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]
_SEPARATOR = " "


class Enough(Exception):  # noqa: N818  (a reader has what it wants, not a fault)
    """Raised by a handler to end the pass over a part."""


def parse(
    pieces: Iterable[bytes], start: Start, end: End, text: Callable[[str], None], encoding: str | None = None
) -> None:
    """Call the handlers with local names; attributes too lose their namespace.

    Raises FileRefused where the part is damaged, or declares a document type: entities are made there.
    """
    parser = expat.ParserCreate(encoding, _SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, found: start(_local(name), {_local(k): v for k, v in found.items()})
    parser.EndElementHandler = lambda name: end(_local(name))
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    damaged = False
    try:
        for piece in pieces:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except Enough:
        return
    except (expat.ExpatError, ValueError, LookupError):
        damaged = True
    if damaged:
        raise FileRefused("intake_workbook_damaged")


def nothing(*_: object) -> None:
    """A handler for what does not matter."""


def _refuse(*_: object) -> None:
    raise FileRefused("intake_external_entity")


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]
