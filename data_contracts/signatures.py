"""Signed reasons: who stands for an exception that a guard would refuse, and whether the signature still holds.

Put here: what is signed, the file of signatures, what does not hold of one. Keep out: which exceptions there are
(settings.guards, allocation_spec), checking bytes (signing), private keys (assets.vault.signing).
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from data_contracts.closed import Closed, fingerprint
from data_contracts.index_spec.document import IndexSpec
from data_contracts.index_spec.tree import Indicator
from data_contracts.messages import both
from data_contracts.settings.approvers import Approver
from data_contracts.signing import is_signed, key_id

FILE = "signatures.yaml"
Flaw = Literal["unsigned", "stale", "broken", "key"]
"""Nobody signed; the reason or what it excuses was changed since; the signature is false; the key does not count."""


class Excused(NamedTuple):
    """An exception that somebody gave a reason for.

    `entry`: where it stands. `reason`: the exact words. `hash`: of the reason and of everything it excuses. `binding`:
    money depends on it so much that without a signature nothing is computed at all.
    """

    entry: str
    reason: str
    hash: str
    binding: bool


class Signature(Closed):
    """A signature over a reason and the hash of what it excuses. `at`: local time with offset; `key`: in base64."""

    entry: str
    reason: str
    hash: str
    at: str
    name: str
    role: str
    key: str
    signature: str

    @property
    def signed_part(self) -> bytes:
        """What the signature is of: everything but itself, as canonical JSON."""
        return signed_bytes(self.model_dump(mode="json", exclude={"signature"}))


class SignatureDocument(Closed):
    """signatures.yaml: all signatures in the order in which they were given; the last of an entry holds."""

    signatures: list[Signature] = []

    @property
    def holding(self) -> dict[str, Signature]:
        """The signature in force of every entry."""
        return {signature.entry: signature for signature in self.signatures}


def signed_bytes(said: Mapping[str, Any]) -> bytes:
    """Plain values as the bytes that are signed."""
    return json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def excused(entry: str, reason: str, what: Any, *, binding: bool) -> Excused:
    """The exception at `entry`; `what`: all that the reason excuses, as plain values."""
    return Excused(entry, reason, fingerprint([entry, reason, what]), binding)


def excused_leaf(entry: str, spec: IndexSpec, item: Indicator, paid: Mapping[str, Any]) -> Excused:
    """The exception of an indicator of an index: the whole index, and `paid`, the terms on which it is paid for."""
    said = item.signed_reason
    reason = "" if said is None else f"{said.by} {said.on}：{said.reason.zh} / {said.reason.en}"
    what = {"index": spec.model_dump(mode="json", exclude={"lock", "titles", "uncertainty"}, exclude_defaults=True),
            "part": item.id, "paid": paid}  # fmt: skip
    return excused(entry, reason, what, binding=bool(paid) or item.pays)


def flaw_of(exception: Excused, document: SignatureDocument, approvers: Iterable[Approver] | None) -> Flaw | None:
    """What does not hold of the signature of an exception. `approvers`: whose keys count; None: any key does."""
    own = document.holding.get(exception.entry)
    if own is None:
        return "unsigned"
    if not is_signed(own.key, own.signature, own.signed_part):
        return "broken"
    if own.hash != exception.hash or own.reason != exception.reason:
        return "stale"
    return None if approvers is None or _counts(own, approvers) else "key"


def _counts(own: Signature, approvers: Iterable[Approver]) -> bool:
    try:
        day = datetime.fromisoformat(own.at).date()
    except ValueError:
        return False
    return any(
        (one.key, one.name, one.role) == (own.key, own.name, own.role) and one.holds_on(day) for one in approvers
    )


def flaw_words(exception: Excused, flaw: Flaw, document: SignatureDocument, place: str = "") -> dict[str, str]:
    """The flaw in zh and en with the next step; `place`: what `kangheng sign` is given, a home if nothing."""
    own = document.holding.get(exception.entry)
    by = {} if own is None else {"name": own.name, "at": own.at, "key": key_id(own.key) if flaw == "key" else ""}
    return both(f"signature_{flaw}", entry=exception.entry, place=place or both("sign_home"), **by)
