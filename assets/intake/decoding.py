"""Bytes to UTF-8 text blocks that end at a record boundary, and what kind of file the bytes are.

Put here: kind by content, encoding, blocks. Keep out: fields and headers.
"""

import codecs
from collections.abc import Iterable, Iterator

from assets.intake.findings import FileRefused

BLOCK = 32 * 1024 * 1024
_PROBE = 1024 * 1024
_REFUSED_KINDS = (
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"%PDF", "pdf"),
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
    (b"<html", "html"),
    (b"<HTML", "html"),
)


def kind_of(head: bytes) -> str:
    """`xlsx` or `text` by content; other known kinds are refused by name."""
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    for magic, name in _REFUSED_KINDS:
        if head.lstrip().startswith(magic):
            raise FileRefused("intake_kind_not_supported", kind=name)
    return "text"


def encoding_of(head: bytes) -> str:
    """UTF-8 (with or without mark), UTF-16 with mark, else GB18030: the customary encodings of Chinese senders."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head[:_PROBE])
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def text_blocks(chunks: Iterable[bytes], encoding: str, block: int = BLOCK) -> Iterator[bytes]:
    """UTF-8 blocks of about `block` bytes, line ends as LF, each ending at a line end outside quotes.

    The decoder is strict: bytes that are not of the encoding refuse the file, naming the line.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    lines, rest, last_was_cr = 1, b"", False
    for chunk, final in _with_end(chunks):
        try:
            decoded = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            line = lines + rest.count(b"\n") + chunk[: error.start].count(b"\n")
            raise FileRefused("intake_encoding_mixed", encoding=encoding, line=line) from None
        text = decoded.encode()
        if b"\x00" in text:
            raise FileRefused(
                "intake_nul_byte", line=lines + rest.count(b"\n") + text[: text.index(b"\x00")].count(b"\n")
            )
        text, last_was_cr = _line_ends(text, last_was_cr, final=final)
        rest += text
        while len(rest) >= block:
            cut = _boundary(rest)
            if cut == 0:
                break
            lines += rest.count(b"\n", 0, cut)
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def _with_end(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for chunk in chunks:
        yield chunk, False
    yield b"", True


def _line_ends(text: bytes, last_was_cr: bool, *, final: bool) -> tuple[bytes, bool]:
    """CRLF and lone CR become LF; a CR at the end of a chunk waits for the next one."""
    if last_was_cr:
        text = b"\r" + text
    ends_with_cr = text.endswith(b"\r") and not final
    if ends_with_cr:
        text = text[:-1]
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text, ends_with_cr


def _boundary(text: bytes) -> int:
    """End of the last line that lies outside quotes; the last line at all where quotes never close; 0 for none."""
    last = text.rfind(b"\n") + 1
    if b'"' not in text:
        return last
    cut = last
    while cut and text.count(b'"', 0, cut) % 2:
        cut = text.rfind(b"\n", 0, cut - 1) + 1
    return cut or (last if len(text) > 4 * BLOCK else 0)
