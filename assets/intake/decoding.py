"""Delivered bytes to UTF-8 text with LF line ends; which encoding they are in is decided once, never guessed halfway.

Put here: encoding, line ends, and characters that tell of damage. Keep out: kinds of files, fields and headers.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import chain

import polars as pl

from assets.intake.findings import FileRefused, Finding, Places

_PROBE = 1024 * 1024
_ASCII = bytes(range(128))
_MARK = codecs.BOM_UTF8
_CHINESE = "gb18030"
CUT = "intake_truncated_tail"
_END_OF_FILE = b"\x1a"
_UTF_8 = ("utf-8", "utf-8-sig")
_FIRST_OF_MANY = 0xC0
# In UTF-8: characters of private use, and those without a shape or a width. Each pattern begins with one literal byte,
# and pieces that lack the byte are not searched.
_PRIVATE = (
    (b"\xee", re.compile(rb"\xee[\x80-\xbf]{2}")),
    (b"\xef", re.compile(rb"\xef[\x80-\xa3][\x80-\xbf]")),
    (b"\xf3", re.compile(rb"\xf3[\xb0-\xbf][\x80-\xbf]{2}")),
    (b"\xf4", re.compile(rb"\xf4[\x80-\xbf]{3}")),
)
_UNSEEN = (
    (b"\xe2", re.compile(rb"\xe2(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xaf])")),
    (b"\xc2", re.compile(rb"\xc2\xad")),
)
_REPLACED = ((b"\xef", re.compile(rb"\xef\xbf\xbd")),)
_MARKS = ((b"\xef", re.compile(_MARK)),)
# Bytes by what they are in UTF-8: ASCII a, continuation c, first of a Chinese character e, anything else x.
_CLASSES = bytes(
    ord("a") if byte < 0x80 else ord("c") if byte < 0xC0 else ord("e") if 0xE3 <= byte <= 0xE9 else ord("x")
    for byte in range(256)
)
# The first byte of a character that has three bytes or more in UTF-8.
_LONG = re.compile(rb"[\xe0-\xff]")
_TWO_CHARACTERS = b"aeccecc"
_BEYOND = re.compile(r"[^\x00-\x7f]")
_ACCENTED = re.compile("[À-ÖØ-öø-ÿ]")
_IN_WORD = re.compile("(?<=[a-z])[À-ÖØ-öø-ÿ]|[À-ÖØ-öø-ÿ](?=[a-z])")
_LONGEST_LINE = 1024 * 1024


class TextStream:
    """The text of a file in UTF-8 pieces of any size, line ends as LF; one pass.

    UTF-8 and UTF-16 with their marks, UTF-8 without, else `otherwise`: GB18030, the customary encoding of Chinese
    senders, where the contract states no other.
    Decoding is strict: what is not of the encoding, or holds a NUL, refuses the file and names the line. Byte-order
    marks within the text and a Ctrl-Z at its end are no part of it.
    After the pass `encoding` and `findings` are known. Nothing depends on how the bytes are cut.
    """

    def __init__(self, chunks: Iterable[bytes], otherwise: str = _CHINESE) -> None:
        self._chunks = chunks
        self._otherwise = otherwise
        self._line = 1
        self._held = b""
        self._unfinished = b""
        self._ends_complete = True
        self._replaced, self._private, self._unseen, self._marks = Places(), Places(), Places(), Places()
        self.encoding = "utf-8"

    @property
    def findings(self) -> list[Finding]:
        """What is noticed about the text as a whole."""
        found = []
        if self.encoding not in ("utf-8", "utf-8-sig"):
            found.append(Finding("intake_encoding", {"encoding": self.encoding}))
        for places, sentence in (
            (self._replaced, "intake_replacement_characters"),
            (self._private, "intake_private_characters"),
            (self._unseen, "intake_invisible_characters"),
            (self._marks, "intake_mark_inside"),
        ):
            if places.count:
                found.append(places.finding(sentence))
        if not self._ends_complete:
            found.append(Finding(CUT))
        return found

    def __iter__(self) -> Iterator[bytes]:
        probe, before, at_start = b"", b"", True
        stream = iter(self._chunks)
        for chunk in stream:
            probe += chunk
            if probe.isascii():
                yield from self._passed(probe)
                probe, before, at_start = b"", probe[-1:] or before, at_start and not probe
            elif len(probe.lstrip(_ASCII)) >= _PROBE:
                break
        self.encoding = self._encoding_of(probe, before, at_start=at_start)
        if self.encoding in _UTF_8:
            yield from self._proven(chain([probe.removeprefix(_MARK) if at_start else probe], stream))
            return
        decoder = codecs.getincrementaldecoder(self.encoding)(errors="strict")
        yield from self._decoded(decoder, probe, final=False)
        for chunk in stream:
            yield from self._decoded(decoder, chunk, final=False)
        yield from self._decoded(decoder, b"", final=True)

    def _encoding_of(self, probe: bytes, before: bytes, *, at_start: bool) -> str:
        """The encoding of a text by what follows its plain ASCII, of which the last character is `before` the probe.

        `at_start`: `probe` begins where the file does.
        """
        if at_start and probe.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if at_start and probe.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        plain = len(probe) - len(probe.lstrip(_ASCII))
        sample = probe[: plain + _PROBE]
        if _is_utf8(sample):
            # 模 in GB18030 is ģ in UTF-8: only where no character needs three bytes can one be taken for the other.
            doubtful = _two_bytes_at_most(sample) and _is_chinese(sample) and not _in_latin_words(before + sample)
            if self._otherwise == _CHINESE and doubtful:
                line = self._line + _ends_of_lines(self._held + probe[:plain])
                raise FileRefused("intake_encoding_ambiguous", encoding=_CHINESE, line=line)
            return "utf-8"
        # A UTF-8 file with a damaged line must be refused, not read in another encoding with other characters.
        lines = [line for line in sample.split(b"\n")[:-1] if not line.isascii()]
        utf8 = [line for line in lines if _is_utf8(line)]
        sound = [line for line in utf8 if self._otherwise != _CHINESE or _LONG.search(line)]
        return "utf-8" if len(sound) > len(lines) - len(utf8) else self._otherwise

    def _proven(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """UTF-8 as it stands, once it is proven to be such: decoding it and encoding it again would cost much more."""
        cut = b""
        for chunk in chunks:
            data = cut + chunk
            end = len(data) - _unfinished(data)
            data, cut = data[:end], data[end:]
            self._refuse_damaged(data)
            yield from self._passed(data)
        self._refuse_damaged(cut)
        yield from self._passed(b"", final=True)

    def _refuse_damaged(self, data: bytes) -> None:
        good = None
        if not _is_whole_utf8(data):
            try:
                data.decode()
            except UnicodeDecodeError as error:
                good = data[: error.start]
        if good is not None:
            self._refuse_mixed(_ends_of_lines(self._held + good))

    def _decoded(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> Iterator[bytes]:
        if self.encoding == _CHINESE:
            self._refuse_lines_in_utf8(chunk, final=final)
        good = None
        try:
            text = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            good = error.object[: error.start].decode(self.encoding, "ignore")
        # Raised outside the handler: the decoder's own error carries the bytes of the file.
        if good is not None:
            self._refuse_mixed(_ends_of_lines(self._held + good.encode()))
        yield from self._passed(text.encode(), final=final)

    def _refuse_lines_in_utf8(self, chunk: bytes, *, final: bool) -> None:
        """Refuse a line that is UTF-8 as it stands: read as GB18030 it gives other characters and no error."""
        text = self._unfinished + chunk
        end = len(text) if final else max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        complete = text[:end]
        self._unfinished = text[end:] if len(text) - end < _LONGEST_LINE else b""
        classes = complete.translate(_CLASSES)
        at = classes.find(_TWO_CHARACTERS)
        while at >= 0:
            start = max(complete.rfind(b"\n", 0, at + 1), complete.rfind(b"\r", 0, at + 1)) + 1
            ends = [end for end in (complete.find(b"\n", at + 1), complete.find(b"\r", at + 1)) if end >= 0]
            stop = min(ends, default=len(complete))
            if _is_utf8(complete[start:stop]):
                self._refuse_mixed(_ends_of_lines(self._held + complete[:start]))
            at = classes.find(_TWO_CHARACTERS, stop)

    def _refuse_mixed(self, lines: int) -> None:
        raise FileRefused("intake_encoding_mixed", encoding=self.encoding, line=self._line + lines)

    def _passed(self, text: bytes, *, final: bool = False) -> Iterator[bytes]:
        piece = self._with_ends(text, final=final)
        if not piece:
            return
        nul = piece.find(b"\0")
        if nul >= 0:
            raise FileRefused("intake_nul_byte", line=self._line + piece.count(b"\n", 0, nul))
        clean = piece if piece.isascii() else self._looked_through(piece)
        self._line += piece.count(b"\n")
        self._ends_complete = piece.endswith(b"\n")
        if clean:
            yield clean

    def _with_ends(self, text: bytes, *, final: bool) -> bytes:
        """CRLF and lone CR become LF; what the end of a piece leaves open waits for what follows."""
        text = self._held + text
        kept = text.rstrip(b"\r" + _END_OF_FILE)
        self._held = text[len(kept) :]
        if final:
            kept += self._held.rstrip(_END_OF_FILE)
            self._held = b""
        if b"\r" in kept:
            kept = kept.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return kept

    def _looked_through(self, piece: bytes) -> bytes:
        """The piece without marks in it; characters that tell of damage are noted with their lines."""
        for patterns, places in (
            (_REPLACED, self._replaced),
            (_PRIVATE, self._private),
            (_UNSEEN, self._unseen),
            (_MARKS, self._marks),
        ):
            for lead, pattern in patterns:
                if lead in piece:
                    self._note(pattern, piece, places)
        return piece.replace(_MARK, b"") if self._marks.count else piece

    def _note(self, pattern: re.Pattern[bytes], piece: bytes, places: Places) -> None:
        line, since = self._line, 0
        for match in pattern.finditer(piece):
            line += piece.count(b"\n", since, match.start())
            since = match.start()
            places.add(line)


def _ends_of_lines(text: bytes) -> int:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")


def _two_bytes_at_most(sample: bytes) -> bool:
    """Whether UTF-8 text holds characters beyond ASCII, none of which needs three bytes or more."""
    return not sample.isascii() and _LONG.search(sample) is None


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a character of UTF-8 that ends beyond them."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= _FIRST_OF_MANY:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if length > back else 0
        if byte < 0x80:
            break
    return 0


def _is_whole_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8 from end to end; the engine proves it at many times the speed of decoding."""
    try:
        pl.Series([data], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _is_utf8(sample: bytes) -> bool:
    """Whether the bytes are UTF-8, but for a last character that is cut."""
    try:
        codecs.utf_8_decode(sample, "strict", False)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(sample: bytes) -> bool:
    """Whether the bytes are GB18030, but for a last character that is cut."""
    try:
        codecs.getincrementaldecoder(_CHINESE)("strict").decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _in_latin_words(sample: bytes) -> bool:
    """Whether UTF-8 text holds accented Latin letters alone and most stand in words: nobody writes Jos茅 for José."""
    text = sample.decode("utf-8", "ignore")
    accented = len(_ACCENTED.findall(text))
    return len(_BEYOND.findall(text)) == accented and len(_IN_WORD.findall(text)) * 2 > accented
