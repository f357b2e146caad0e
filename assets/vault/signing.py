"""Ed25519 keys of people who approve: made, kept for their owner only, used for detached signatures.

Put here: keys, signing, checking. Keep out: what is signed and who may sign (assets.release.approval).
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assets.lake.atomic import sha256_of, write_chunks
from data_contracts.messages import wrong

_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_SHORT = 16


@dataclass(frozen=True)
class SigningKey:
    """A private key and its public part in base64."""

    private: Ed25519PrivateKey = field(repr=False)
    public: str

    def sign(self, data: bytes) -> str:
        """Signature in base64."""
        return base64.b64encode(self.private.sign(data)).decode()


def new_key(path: Path) -> SigningKey:
    """Make a key and write its private part to `path`, readable by its owner only.

    Raises DefinitionError where there is a file already, or the place lies within the home of a bureau: backups and
    releases of the home must not carry it.
    """
    if path.exists():
        raise wrong("wrong_key_exists", path=path)
    if any((folder / "home.yaml").is_file() for folder in path.resolve().parents):
        raise wrong("wrong_key_in_home", path=path)
    private = Ed25519PrivateKey.generate()
    words = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_chunks(path, [words], mode=0o600)
    return _key_of(private)


def load_key(path: Path) -> SigningKey:
    """The key in a file. Raises DefinitionError where it is none, or others than its owner may read it."""
    try:
        with path.open("rb") as stream:
            shared = os.fstat(stream.fileno()).st_mode & 0o077
            words = stream.read()
        private = serialization.load_pem_private_key(words, password=None)
    except (OSError, ValueError, TypeError):
        raise wrong("wrong_key_file", path=path) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise wrong("wrong_key_file", path=path)
    if shared:
        raise wrong("wrong_key_shared", path=path)
    return _key_of(private)


def key_id(public: str) -> str:
    """Short name of a public key, to be compared by eye."""
    return sha256_of(base64.b64decode(public))[:_SHORT]


def is_signed(public: str, signature: str, data: bytes) -> bool:
    """Whether the owner of `public` signed exactly these bytes."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _key_of(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(private, base64.b64encode(private.public_key().public_bytes(*_RAW)).decode())
