"""`kangheng sign`: the reasons of exceptions in the settings of a home or in an allocation spec, shown and signed.

Put here: which reasons a place has, adding signatures to its file. Keep out: what a signature covers
(data_contracts.signatures), who may sign (assets.release.approval), keys (assets.vault.signing).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from assets.lake.atomic import write_chunks
from assets.release.approval import Rules
from assets.vault.signing import SigningKey, load_key
from data_contracts.allocation_spec.document import AllocationSpec, read_spec
from data_contracts.allocation_spec.exceptions import exceptions_of
from data_contracts.allocation_spec.need import Need
from data_contracts.closed import parse, read_yaml
from data_contracts.index_spec.document import IndexSpec
from data_contracts.index_spec.document import read_spec as index_spec
from data_contracts.messages import did_you_mean, text, wrong
from data_contracts.settings.approvers import Approver
from data_contracts.settings.guards import exceptions_of as exceptions_of_home
from data_contracts.settings.loading import load_settings
from data_contracts.signatures import FILE, Excused, Signature, SignatureDocument, flaw_of, flaw_words
from pipelines.approving import person_of

_HEAD = "# 由 kangheng sign 写入，不要手改 / written by kangheng sign; do not edit\n"


@dataclass(frozen=True)
class Reasons:
    """The exceptions of a place and the file of their signatures. `approvers`: whose keys count; None: anybody's."""

    place: Path
    path: Path
    exceptions: Sequence[Excused]
    document: SignatureDocument
    approvers: Sequence[Approver] | None
    zone: ZoneInfo | None = None

    def flaws(self) -> list[dict[str, str]]:
        """What does not hold, in zh and en with the next step."""
        found = [(own, flaw_of(own, self.document, self.approvers)) for own in self.exceptions]
        return [flaw_words(own, flaw, self.document, self.place.name) for own, flaw in found if flaw is not None]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "path": str(self.path),
            "reasons": [
                {"entry": own.entry, "reason": own.reason, "hash": own.hash,
                 "flaw": flaw_of(own, self.document, self.approvers)}
                for own in self.exceptions
            ],
        }  # fmt: skip

    def lines(self, language: str) -> list[str]:
        """Every reason with its state, in words."""
        if not self.exceptions:
            return [text("sign_nothing", language)]
        holding, said = self.document.holding, []
        for own in self.exceptions:
            flaw = flaw_of(own, self.document, self.approvers)
            by = holding.get(own.entry)
            state = text(f"sign_state_{flaw or 'holds'}", language,
                         **({} if by is None else {"name": by.name, "role": by.role, "at": by.at}))  # fmt: skip
            said.append(text("sign_reason", language, entry=own.entry, reason=own.reason, hash=own.hash, state=state))
        if any(flaw_of(own, self.document, self.approvers) for own in self.exceptions):
            said.append(text("sign_how", language, place=self.place))
        return said


def reasons_at(place: Path) -> Reasons:
    """The reasons of a home's settings or of an allocation spec. Raises DefinitionError where the place is neither."""
    if (place / "home.yaml").is_file():
        settings = load_settings(place, locked=False)
        zone = ZoneInfo(settings.home.time_zone)
        path = place / "settings" / FILE
        return Reasons(
            place, path, exceptions_of_home(settings), settings.signatures, settings.home.approvers, zone
        )  # fmt: skip
    if not place.is_file():
        raise wrong("sign_no_place", path=place)
    spec = read_spec(place)
    return reasons_of_spec(place, spec, indices_of(spec, place.parent))


def reasons_of_spec(place: Path, spec: AllocationSpec, indices: dict[str, IndexSpec]) -> Reasons:
    """The reasons of an allocation spec that stands in `place`; their signatures lie beside it."""
    path = place.with_name(f"{place.stem}.{FILE}")
    document = parse(SignatureDocument, read_yaml(path), path.name) if path.is_file() else SignatureDocument()
    return Reasons(place, path, exceptions_of(spec, indices), document, None)


def indices_of(spec: AllocationSpec, folder: Path) -> dict[str, IndexSpec]:
    """Need stream → the index that its risk is computed by first; `folder`: beside which index specs stand."""
    return {
        need.id: index_spec(folder / need.risk.index.spec)
        for need in spec.of_kind(Need)
        if need.risk is not None and need.risk.index is not None
    }


def sign(place: Path, entries: Sequence[str], key_file: Path, person: str, now: datetime | None = None) -> Reasons:
    """Sign the reasons named, or all that are not signed as they stand; what is signed already stays as it is.

    Raises DefinitionError for an unknown entry, or a key or person that does not count.
    """
    reasons = reasons_at(place)
    known = {own.entry: own for own in reasons.exceptions}
    for entry in entries:
        if entry not in known:
            raise wrong("sign_unknown", entry=entry, hint=did_you_mean(entry, known))
    key, (name, role) = load_key(key_file), person_of(person)
    moment = (now or datetime.now(UTC)).astimezone(reasons.zone)
    Rules("required", reasons.approvers).check(key, name, role, moment)
    asked = [
        own for own in reasons.exceptions
        if own.entry in entries or (not entries and flaw_of(own, reasons.document, reasons.approvers) is not None)
    ]  # fmt: skip
    added = [_signature(own, key, name, role, moment) for own in asked]
    document = SignatureDocument(signatures=[*reasons.document.signatures, *added])
    if added:
        words = yaml.safe_dump(document.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=1000)
        reasons.path.parent.mkdir(parents=True, exist_ok=True)
        write_chunks(reasons.path, [(_HEAD + words).encode()])
    return Reasons(place, reasons.path, reasons.exceptions, document, reasons.approvers, reasons.zone)


def _signature(own: Excused, key: SigningKey, name: str, role: str, moment: datetime) -> Signature:
    said = Signature(
        entry=own.entry, reason=own.reason, hash=own.hash, at=moment.isoformat(timespec="seconds"),
        name=name, role=role, key=key.public, signature="",
    )  # fmt: skip
    return said.model_copy(update={"signature": key.sign(said.signed_part)})
