"""The record of what was decided about a release: approved, published, withdrawn, superseded; signed and chained.

Put here: one record, the chain in a folder, whether it holds. Keep out: who may decide what (approval), files of the
release (verify). Records lie beside what they are about and in no hash of its content.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from assets.lake.atomic import canonical_json, read_json, sha256_of, write_json
from assets.vault.signing import SigningKey
from data_contracts.signing import is_signed

Act = Literal["approved", "published", "withdrawn", "superseded"]
NEEDED: dict[str, int] = {"none": 0, "required": 1, "two": 2}
"""Mode of approval → how many people must approve."""
FOLDER = "approval"
HEADS = "approvals.json"
_FORMAT = 1
_DIGITS = 4


@dataclass(frozen=True)
class Record:
    """One decision. `previous`: digest of the record before it.

    `content_hash`, `manifest`: of what it is about; `table_hash`: the fingerprint printed at the foot of its table of
    payments, None where there is none. `at`: local time with offset. `mode`: how many approvals were asked for.
    `reason`: of a withdrawal, or the release that superseded this one. `key`, `signature`: in base64; a record without
    them was written by the machine as a consequence of a signed one.
    """

    sequence: int
    act: Act
    release: str
    content_hash: str
    manifest: str
    table_hash: str | None
    at: str
    mode: str
    previous: str | None
    name: str | None = None
    role: str | None = None
    reason: str | None = None
    key: str | None = None
    signature: str | None = None
    format: int = _FORMAT

    @property
    def digest(self) -> str:
        """Hash of the whole record, signature included."""
        return sha256_of(canonical_json(asdict(self)))

    @property
    def signed_part(self) -> bytes:
        """What the signature is of: everything but itself."""
        return canonical_json(asdict(replace(self, signature=None)))

    def signed(self, key: SigningKey) -> "Record":
        """The record with key and signature."""
        with_key = replace(self, key=key.public)
        return replace(with_key, signature=key.sign(with_key.signed_part))


@dataclass(frozen=True)
class Flaw:
    """What does not hold in a chain: sentence id and the number of the record."""

    sentence: str
    number: int


def append(place: Path, record: Record) -> None:
    """Write the next record of a chain; a crash leaves the chain without it or with all of it."""
    write_json(place / FOLDER / _name(record.sequence), asdict(record))


def remember(place: Path) -> None:
    """Beside the releases of a home: how long the chain of this one is and where it ends, so that none is cut short."""
    known, _ = read(place)
    path = place.parent / HEADS
    heads = read_json(path) if path.is_file() else {}
    write_json(path, {**heads, place.name: {"records": len(known), "digest": known[-1].digest}})


def cut_short(place: Path, records: Sequence["Record"]) -> bool:
    """Whether the end of a chain that the home remembers is not in it; a longer chain is none."""
    at, digest = _head(place.resolve().parent, place.resolve().name)
    return at > 0 and (len(records) < at or records[at - 1].digest != digest)


def remembered(releases: Path, name: str) -> int:
    """How many records the home of a folder of releases remembers of one of them."""
    return _head(releases, name)[0]


def _head(releases: Path, name: str) -> tuple[int, str | None]:
    path = releases / HEADS
    head = read_json(path).get(name) if path.is_file() else None
    return (0, None) if head is None else (int(head["records"]), head["digest"])


def read(place: Path) -> tuple[list[Record], list[Flaw]]:
    """All records in the order of their names, and what does not hold of the chain as such."""
    records: list[Record] = []
    flaws: list[Flaw] = []
    for number, path in enumerate(_files(place), 1):
        record = _record(path)
        if record is None or path.name != _name(number):
            return records, [Flaw("verify_record_unreadable" if record is None else "verify_record_gap", number)]
        records.append(record)
    flaws += list(_chain_flaws(records))
    return records, flaws


def _files(place: Path) -> list[Path]:
    folder = place / FOLDER
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def _name(number: int) -> str:
    return f"{number:0{_DIGITS}d}.json"


def _record(path: Path) -> Record | None:
    try:
        document = read_json(path)
        record = Record(**document)
        zoned = datetime.fromisoformat(record.at).tzinfo is not None
        sound = zoned and record.format == _FORMAT and record.act in get_args(Act) and type(record.sequence) is int
    except (OSError, ValueError, TypeError):
        return None
    texts = {name: value for name, value in document.items() if name not in ("sequence", "format")}
    return record if sound and all(value is None or isinstance(value, str) for value in texts.values()) else None


def _chain_flaws(records: Sequence[Record]) -> Iterator[Flaw]:
    before: str | None = None
    for number, record in enumerate(records, 1):
        if record.sequence != number or record.previous != before:
            yield Flaw("verify_record_chain", number)
        if not _signature_holds(record):
            yield Flaw("verify_record_signature", number)
        before = record.digest
    for earlier, later in pairwise(records):
        if _moment(later) < _moment(earlier):
            yield Flaw("verify_record_clock", later.sequence)


def _signature_holds(record: Record) -> bool:
    if record.key is None and record.signature is None:
        # Approvals are always signed; so are withdrawals, where approvals are asked for.
        return record.act in ("published", "superseded") or (record.act == "withdrawn" and record.mode == "none")
    return is_signed(record.key or "", record.signature or "", record.signed_part)


def _moment(record: Record) -> datetime:
    return datetime.fromisoformat(record.at)


def approvals(records: Sequence[Record], content_hash: str) -> list[Record]:
    """Approvals of this content."""
    return [record for record in records if record.act == "approved" and record.content_hash == content_hash]


def is_withdrawn(records: Sequence[Record], content_hash: str) -> bool:
    """Whether this content was withdrawn; that is for good."""
    return any(record.act == "withdrawn" and record.content_hash == content_hash for record in records)


def superseded_by(records: Sequence[Record]) -> str | None:
    """The release that took the place of this one."""
    return next((record.reason for record in records if record.act == "superseded"), None)


def as_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Plain values."""
    return [asdict(record) for record in records]
