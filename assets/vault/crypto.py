"""Keys of a home and encrypted files (AES-256-GCM in frames, each bound to its place so none can be cut or moved).

Put here: keys, encrypting and decrypting streams. Keep out: what is inside the files.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from assets.lake.atomic import locked, read_json, write_chunks, write_json
from assets.lake.home import Home

_MAGIC = b"KHV1"
FRAME = 8 * 1024 * 1024
_TAG = 16
_KEY = 32
_FIRST = "k1"


class VaultError(RuntimeError):
    """The vault cannot be read: key missing or wrong, damaged or shortened file."""


@dataclass(frozen=True)
class VaultKeys:
    """The keys of a home: `storage` encrypts files, `pseudonym` keys person pseudonyms; `id` names the pair."""

    id: str
    storage: bytes = field(repr=False)
    pseudonym: bytes = field(repr=False)

    @classmethod
    def load(cls, home: Home) -> "VaultKeys":
        """The keys of the home, made at first use and kept readable by their owner only.

        Raises VaultError if the key file is damaged, or gone while the vault holds files only it can open: new keys
        would leave those unreadable and give every person another pseudonym.
        """
        path = home.keys / f"{_FIRST}.json"
        with locked(home.keys / ".lock"):
            if not path.is_file():
                if any(home.archive.glob("*.enc")):
                    raise VaultError(f"{path}: the key of this vault is missing; restore it from its backup")
                made = {"id": _FIRST, "storage": os.urandom(_KEY).hex(), "pseudonym": os.urandom(_KEY).hex()}
                write_json(path, made, mode=0o600)
        try:
            document = read_json(path)
            keys = cls(document["id"], bytes.fromhex(document["storage"]), bytes.fromhex(document["pseudonym"]))
        except (ValueError, KeyError, TypeError):
            raise VaultError(f"{path}: not a key file; restore it from its backup") from None
        if len(keys.storage) != _KEY or len(keys.pseudonym) != _KEY:
            raise VaultError(f"{path}: a key has the wrong length; restore it from its backup")
        return keys

    @classmethod
    def throw_away(cls) -> "VaultKeys":
        """Keys that live for one check and are never stored."""
        return cls("none", os.urandom(32), os.urandom(32))


def encrypt_to(path: Path, chunks: Iterable[bytes], keys: VaultKeys) -> None:
    """Write the stream encrypted, in one step."""
    write_chunks(path, _encrypted(chunks, keys))


def _encrypted(chunks: Iterable[bytes], keys: VaultKeys) -> Iterator[bytes]:
    cipher, prefix = AESGCM(keys.storage), os.urandom(8)
    yield _MAGIC + prefix
    frames = _frames(chunks)
    current = next(frames)
    index = 0
    for following in frames:
        yield from _seal(cipher, prefix, index, current, last=False)
        current, index = following, index + 1
    yield from _seal(cipher, prefix, index, current, last=True)


def _frames(chunks: Iterable[bytes]) -> Iterator[bytes | memoryview]:
    """Pieces of `FRAME` bytes and a shorter last one, which may be empty; chunks of `FRAME` bytes are not copied."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk if rest else chunk
        whole = len(data) - len(data) % FRAME
        for start in range(0, whole, FRAME):
            yield memoryview(data)[start : start + FRAME]
        rest = data[whole:]
    yield rest


def _seal(cipher: AESGCM, prefix: bytes, index: int, data: bytes | memoryview, *, last: bool) -> tuple[bytes, bytes]:
    """Length and content of a frame, apart, so that the content need not be copied."""
    sealed = cipher.encrypt(prefix + index.to_bytes(4, "big"), data, _place(index, last=last))
    return len(sealed).to_bytes(4, "big"), sealed


def _place(index: int, *, last: bool) -> bytes:
    return _MAGIC + index.to_bytes(4, "big") + (b"L" if last else b"-")


def decrypt_from(path: Path, keys: VaultKeys) -> Iterator[bytes]:
    """The plain stream of an encrypted file; raises VaultError if anything is missing, moved or changed."""
    cipher = AESGCM(keys.storage)
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] != _MAGIC or len(head) != 12:
            raise VaultError(f"{path.name}: not a file of this vault")
        index, size = 0, stream.read(4)
        while size:
            length = int.from_bytes(size, "big")
            # A damaged length must not make us reserve gigabytes.
            sealed = stream.read(min(length, FRAME + _TAG))
            size = stream.read(4)
            try:
                if len(sealed) != length:
                    raise InvalidTag
                yield cipher.decrypt(head[4:] + index.to_bytes(4, "big"), sealed, _place(index, last=not size))
            except (InvalidTag, ValueError):
                raise VaultError(f"{path.name}: damaged, shortened or made with another key") from None
            index += 1
        if index == 0:
            raise VaultError(f"{path.name}: shortened")
