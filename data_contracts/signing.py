"""Whether somebody signed: Ed25519 signatures, checked with public keys that settings and records name.

Put here: checking a signature, the short name of a key. Keep out: private keys and signing (assets.vault.signing), what
is signed and who may sign.
"""

import base64
import binascii
import hashlib

_SHORT = 16


def key_id(public: str) -> str:
    """Short name of a public key, to be compared by eye."""
    return hashlib.sha256(base64.b64decode(public)).hexdigest()[:_SHORT]


def is_signed(public: str, signature: str, data: bytes) -> bool:
    """Whether the owner of `public` signed exactly these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
