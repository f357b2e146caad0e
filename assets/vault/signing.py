"""Ed25519 keys of people who approve: made, kept for their owner only, used for detached signatures.

Put here: private keys, signing. Keep out: checking a signature (data_contracts.signing), what is signed and who may
sign (assets.release.approval, data_contracts.signatures).
"""

import base64
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assets.lake.atomic import write_chunks
from data_contracts.messages import wrong

_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


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


def _key_of(private: Ed25519PrivateKey) -> SigningKey:
    return SigningKey(private, base64.b64encode(private.public_key().public_bytes(*_RAW)).decode())
