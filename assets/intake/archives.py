"""Archives (.zip, .gz) to the bytes of the one data file in them, within bounds and never on disk.

Put here: which member is the data file, and how much it may unfold to. Keep out: what the data file is (kinds.py).
One archive holds one data file: a finding, a fix list and a correction all name a file, so each must be a delivery of
its own.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator

from assets.intake.findings import FileRefused
from data_contracts.settings.limits import Limits

_PIECE = 1024 * 1024
# A small file may be all blanks; a bomb is never small.
_NO_BOMB = 1024 * 1024
_ENCRYPTED = 0x1
_GZIP = 31
_NAME = 30
# What computers put beside data: folders of the system, thumbnails, and delivery notes.
_BESIDE = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)|\.note\.yaml$", re.IGNORECASE)
_OUTSIDE = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")


def open_package(data: bytes, limits: Limits) -> zipfile.ZipFile:
    """A zip package whose members are named, bounded and readable; FileRefused where it is anything else."""
    package = None
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        package = None
    if package is None or not _is_whole(package):
        raise FileRefused("intake_archive_damaged" if _is_archive(data) else "intake_workbook_damaged")
    members = package.infolist()
    if any(item.flag_bits & _ENCRYPTED for item in members):
        raise FileRefused("intake_archive_encrypted")
    if any(_OUTSIDE.search(name) for item in members for name in (item.filename, item.orig_filename)):
        raise FileRefused("intake_archive_path")
    size = sum(item.file_size for item in members)
    _bound(size, len(data), limits)
    return package


def _is_whole(package: zipfile.ZipFile) -> bool:
    """Whether a package begins with its first member and no name stands for two.

    Bytes in front would be another archive, or a member that the directory no longer names.
    """
    names = package.namelist()
    first = min((item.header_offset for item in package.infolist()), default=0)
    return first == 0 and len(set(names)) == len(names)


def _is_archive(data: bytes) -> bool:
    """Whether a broken package is known to be no workbook: those begin with one of three members."""
    name = data[_NAME:].lstrip(b"[")
    return bool(name) and not name.startswith((b"Content_Types", b"_rels/", b"docProps/", b"xl/"))


def only_member(package: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one data file of an archive."""
    found = [item for item in package.infolist() if not item.is_dir() and not _BESIDE.search(item.filename)]
    if not found:
        raise FileRefused("intake_archive_empty")
    if len(found) > 1:
        raise FileRefused("intake_archive_several", count=len(found))
    return found[0]


def member_pieces(package: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> Iterator[bytes]:
    """The bytes of a member, piece by piece; what it states about its size may be untrue and is not relied on."""

    def pieces() -> Iterator[bytes]:
        with package.open(member) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    yield from _sound(_bounded(pieces(), lambda: member.compress_size, limits))


def gunzipped(packed: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The bytes of a gzip stream, of all its members; refused where it is cut short or followed by something else."""
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        unpacker = zlib.decompressobj(_GZIP)
        for piece in packed:
            taken += len(piece)
            rest, full = piece, False
            while rest or full:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_GZIP)
                unpacked = unpacker.decompress(rest, _PIECE)
                yield unpacked
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                full = len(unpacked) == _PIECE and not unpacker.eof
        if not unpacker.eof:
            raise EOFError

    yield from _sound(_bounded(pieces(), lambda: taken, limits))


def _sound(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces; what the unpacking library stumbles over becomes a finding, without its words."""
    damaged = False
    try:
        yield from pieces
    except (zlib.error, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        damaged = True
    if damaged:
        raise FileRefused("intake_archive_damaged")


def _bounded(pieces: Iterator[bytes], packed: Callable[[], int], limits: Limits) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        _bound(size, packed(), limits)
        if piece:
            yield piece


def _bound(size: int, packed: int, limits: Limits) -> None:
    if size > limits.decompressed_bytes:
        raise FileRefused("intake_unpacked_too_large", limit=limits.decompressed_bytes)
    if size > _NO_BOMB and size > packed * limits.decompressed_ratio:
        raise FileRefused("intake_unpacked_ratio", limit=limits.decompressed_ratio)
