"""Delivered bytes to UTF-8 text with LF line ends, and what kind of file the bytes are.

Put here: kind by content, encoding, line ends. Keep out: fields and headers.
"""

import codecs
from collections.abc import Iterable, Iterator

from assets.intake.findings import FileRefused

_PROBE = 1024 * 1024
_REFUSED_KINDS = (
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"%pdf", "pdf"),
    (b"\x1f\x8b", "gzip"),
    (b"par1", "parquet"),
    (b"rar!", "rar"),
    (b"7z\xbc\xaf", "7z"),
    (b"sqlite format 3", "sqlite"),
    (b"<html", "html"),
    (b"<!doctype", "html"),
    (b"<table", "html"),
    (b"<?xml", "xml"),
)
_REPLACEMENT = "\ufffd".encode()


def kind_of(head: bytes) -> str:
    """`xlsx` (any zip package; what is inside is checked later) or `text`; other known kinds are refused by name."""
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    start = head[:512].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for magic, name in _REFUSED_KINDS:
        if start.startswith(magic):
            raise FileRefused("intake_kind_not_supported", kind=name)
    return "text"


class TextStream:
    """The text of a file in UTF-8 pieces of any size, line ends as LF; one pass.

    UTF-8 and UTF-16 with their marks, UTF-8 without, else `otherwise`: GB18030, the customary encoding of Chinese
    senders, where the contract states no other.
    Decoding is strict: what is not of the encoding, or holds a NUL, refuses the file and names the line.
    After the pass `encoding`, `replaced` (replacement characters a sender's own conversion left behind) and
    `ends_complete` (the last line has its line end) are known. Nothing depends on how the bytes are cut.
    """

    def __init__(self, chunks: Iterable[bytes], otherwise: str = "gb18030") -> None:
        self._chunks = chunks
        self._otherwise = otherwise
        self._line = 1
        self._held_return = False
        self.encoding = "utf-8"
        self.replaced = 0
        self.ends_complete = True

    def __iter__(self) -> Iterator[bytes]:
        probe, at_start = b"", True
        stream = iter(self._chunks)
        for chunk in stream:
            probe += chunk
            if probe.isascii():
                yield from self._passed(probe)
                probe, at_start = b"", at_start and not probe
            elif len(probe.lstrip(_ASCII)) >= _PROBE:
                break
        self.encoding = _encoding_of(probe, self._otherwise, at_start=at_start)
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="strict")
        yield from self._decoded(decoder, probe, final=False)
        for chunk in stream:
            yield from self._decoded(decoder, chunk, final=False)
        yield from self._decoded(decoder, b"", final=True)

    def _decoded(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> Iterator[bytes]:
        good = None
        try:
            text = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(self.encoding, "ignore")
        # Raised outside the handler: the decoder's own error carries the bytes of the file.
        if good is not None:
            line = self._line + sum(piece.count(b"\n") for piece in self._lines(good.encode(), final=True))
            raise FileRefused("intake_encoding_mixed", encoding=self.encoding, line=line)
        yield from self._passed(text.encode(), final=final)

    def _passed(self, text: bytes, *, final: bool = False) -> Iterator[bytes]:
        for piece in self._lines(text, final=final):
            nul = piece.find(b"\0")
            if nul >= 0:
                raise FileRefused("intake_nul_byte", line=self._line + piece.count(b"\n", 0, nul))
            self._line += piece.count(b"\n")
            self.replaced += piece.count(_REPLACEMENT)
            self.ends_complete = piece.endswith(b"\n")
            yield piece

    def _lines(self, text: bytes, *, final: bool) -> Iterator[bytes]:
        """CRLF and lone CR become LF; a CR at the end of a piece waits for what follows."""
        if self._held_return:
            text = b"\r" + text
        self._held_return = text.endswith(b"\r") and not final
        if self._held_return:
            text = text[:-1]
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if text:
            yield text


_ASCII = bytes(range(128))


def _encoding_of(probe: bytes, otherwise: str, *, at_start: bool) -> str:
    """The encoding of a text by what follows its plain ASCII; `at_start` if `probe` begins where the file does."""
    if at_start and probe.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if at_start and probe.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = probe[: len(probe) - len(probe.lstrip(_ASCII)) + _PROBE]
    if _is_utf8(sample):
        return "utf-8"
    # A UTF-8 file with a damaged line must be refused, not read in another encoding with other characters.
    lines = [line for line in sample.split(b"\n")[:-1] if not line.isascii()]
    sound = sum(_is_utf8(line) for line in lines)
    return "utf-8" if sound * 2 > len(lines) else otherwise


def _is_utf8(sample: bytes) -> bool:
    """Whether the bytes are UTF-8, but for a last character that is cut."""
    try:
        codecs.utf_8_decode(sample, "strict", False)
    except UnicodeDecodeError:
        return False
    return True
