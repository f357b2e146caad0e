"""approvers in home.yaml: who may approve a release, with which key, in which role, from when to when.

Put here: the entry and whether it holds on a day. Keep out: signatures (assets.vault.signing), rules of approval.
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from data_contracts.closed import Closed
from data_contracts.messages import wrong

_BYTES = 32


def _is_key(text: str) -> str:
    try:
        known = len(base64.b64decode(text, validate=True)) == _BYTES
    except (binascii.Error, ValueError):
        known = False
    if not known:
        raise wrong("wrong_public_key")
    return text


PublicKey = Annotated[str, AfterValidator(_is_key)]
"""An Ed25519 public key, its 32 bytes in base64, as `kangheng keys --new` prints it."""


class Approver(Closed):
    """A person who may approve, with the days from and to which their key holds; both days count."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(min_length=1)
    role: str = Field(min_length=1)
    key: PublicKey
    valid_from: date = Field(alias="from")
    valid_to: date | None = Field(default=None, alias="to")

    def holds_on(self, day: date) -> bool:
        """Whether the key may be used on this day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def check_approvers(approvers: Iterable[Approver]) -> None:
    """Raise where one key stands twice: nobody shall count as two."""
    keys = [approver.key for approver in approvers]
    for approver in approvers:
        if keys.count(approver.key) > 1:
            raise wrong("wrong_key_of_two", name=approver.name)
