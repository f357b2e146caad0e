"""Who may decide what about a release: approve, publish, withdraw; and what the decisions so far amount to.

Put here: the rules, each refusal by name, the order of writing. Keep out: the form of a record and its chain (records),
the pointer (publish), keys (assets.vault.signing), how sound the files are (verify).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from assets.lake.atomic import locked, make_folder
from assets.release import records
from assets.release.publish import alone, current, point, releases_of
from assets.release.records import Record
from assets.release.subject import Subject, subject_of
from assets.vault.signing import SigningKey
from data_contracts.messages import LANGUAGES, both, wrong
from data_contracts.settings.approvers import Approver
from data_contracts.signing import key_id

Mode = Literal["none", "required", "two"]
State = Literal["draft", "approved", "published", "superseded", "withdrawn"]


class Refused(RuntimeError):  # noqa: N818  (an answer, not a fault)
    """The rules say no; `words` in zh and en."""

    def __init__(self, sentence: str, **params: object) -> None:
        self.words = both(sentence, **params)
        super().__init__(self.words["en"])


@dataclass(frozen=True)
class Rules:
    """How many approvals are asked for and whose keys count; None: no home says whose, any key is taken as it is."""

    mode: Mode
    approvers: Sequence[Approver] | None

    def check(self, key: SigningKey, name: str, role: str, now: datetime) -> None:
        """Raises DefinitionError where the key is not registered for this person, or does not hold today."""
        if self.approvers is None:
            return
        own = next((approver for approver in self.approvers if approver.key == key.public), None)
        if own is None:
            raise wrong("approval_unknown_key", key=key_id(key.public))
        if (own.name, own.role) != (name, role):
            raise wrong("approval_other_person", key=key_id(key.public), name=own.name, role=own.role)
        if not own.holds_on(now.date()):
            raise wrong("approval_key_expired", key=key_id(key.public), name=name, day=now.date(), start=own.valid_from,
                        end=own.valid_to or "")  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What was decided so far. `missing`: approvals that are still asked for."""

    state: State
    records: Sequence[Record]
    missing: int


def standing(subject: Subject, mode: str) -> Standing:
    """State of a release from its records and, within a home, the pointer. Raises Refused where the chain is broken."""
    known = _sound(subject)
    given = {record.key for record in records.approvals(known, subject.content_hash)}
    missing = max(0, records.NEEDED.get(mode, max(records.NEEDED.values())) - len(given))
    state: State = "approved" if given and not missing else "draft"
    if _in_force(subject):
        state = "published"
    if _superseding(subject, known) is not None:
        state = "superseded"
    if records.is_withdrawn(known, subject.content_hash):
        state = "withdrawn"
    return Standing(state, known, missing)


def approve(subject: Subject, rules: Rules, key: SigningKey, name: str, role: str, now: datetime) -> Standing:
    """Add a signed approval; the caller has verified the files.

    Raises Refused for a draft that may not be approved, one that was approved, withdrawn or superseded before, or a
    clock that went back; DefinitionError for a key that does not count.
    """
    with _held(subject):
        _refuse_draft(subject)
        found = _open_to_decisions(subject, rules.mode)
        rules.check(key, name, role, now)
        given = records.approvals(found.records, subject.content_hash)
        if any(record.key == key.public for record in given):
            raise Refused("approval_twice", release=subject.name, key=key_id(key.public))
        if rules.mode == "two" and any(record.name == name for record in given):
            raise Refused("approval_same_person", release=subject.name, name=name)
        if given and not found.missing:
            raise Refused("approval_complete", release=subject.name)
        _add(subject, rules.mode, "approved", now, key=key, name=name, role=role)
        return standing(subject, rules.mode)


def publish_release(subject: Subject, rules: Rules, now: datetime) -> Standing:
    """Put an approved release in force and mark older ones of its period; does what is left to do if it was cut off.

    Raises Refused for a draft, where approvals are missing, or where a later release of the period is in force.
    """
    home = subject.home
    if home is None or subject.period is None:
        raise Refused("approval_no_home", release=subject.name)
    with _held(subject):
        _refuse_draft(subject)
        found = _open_to_decisions(subject, rules.mode)
        if found.missing:
            raise Refused("approval_missing", release=subject.name, missing=found.missing)
        done = any(record.act == "published" for record in found.records)
        by_its_run = rules.mode == "none" and subject.manifest["status"] == "released"
        if not done and not by_its_run:
            _add(subject, rules.mode, "published", now)
        # The pointer is what counts; a crash before it leaves the older release in force.
        point(home, subject.period, subject.place)
        mark_superseded(subject, rules.mode, now)
        return standing(subject, rules.mode)


def withdraw(
    subject: Subject, rules: Rules, signed_by: tuple[SigningKey, str, str] | None, reason: str, now: datetime
) -> Standing:
    """Take a release out of force for good; no older one comes back by itself.

    `signed_by`: key, name, role. Raises Refused where it was withdrawn before, DefinitionError where a key is asked for
    and does not count.
    """
    with _held(subject):
        found = standing(subject, rules.mode)
        if found.state == "withdrawn":
            raise Refused("approval_withdrawn", release=subject.name)
        key, name, role = signed_by or (None, None, None)
        if signed_by is not None:
            rules.check(*signed_by, now)
        elif rules.mode != "none":
            raise wrong("approval_needs_key")
        _add(subject, rules.mode, "withdrawn", now, key=key, name=name, role=role, reason=reason)
        if subject.home is not None and subject.period is not None and _in_force(subject):
            point(subject.home, subject.period, None)
        return standing(subject, rules.mode)


def after_publishing(place: Path, mode: str, now: datetime) -> None:
    """Mark what a release that was put in force without approval took the place of."""
    subject = subject_of(place)
    with _held(subject):
        if _in_force(subject):
            mark_superseded(subject, mode, now)


def mark_superseded(subject: Subject, mode: str, now: datetime) -> None:
    """Say in the chain of every older release of the period that this one took its place."""
    if subject.home is None or subject.period is None:
        return
    for place in releases_of(subject.home, subject.period):
        if place.name == subject.place.name:
            return
        older = subject_of(place)
        known, flaws = records.read(older.place)
        # A broken chain is left as it is: nobody shall mend it by going on.
        if not flaws and records.superseded_by(known) is None:
            _add(older, mode, "superseded", now, reason=subject.name)


def _refuse_draft(subject: Subject) -> None:
    if subject.draft_reasons:
        reasons = {language: "；".join(reason[language] for reason in subject.draft_reasons) for language in LANGUAGES}
        raise Refused("approval_draft", release=subject.name, reasons=reasons)


def _open_to_decisions(subject: Subject, mode: str) -> Standing:
    found = standing(subject, mode)
    if found.state in ("withdrawn", "superseded"):
        by = _superseding(subject, found.records) or ""
        raise Refused(f"approval_{found.state}", release=subject.name, by=by)
    return found


def _sound(subject: Subject) -> list[Record]:
    known, flaws = records.read(subject.place)
    if flaws:
        raise Refused(flaws[0].sentence, number=flaws[0].number)
    if subject.home is not None and records.cut_short(subject.place, known):
        raise Refused("verify_records_cut")
    return known


def _in_force(subject: Subject) -> bool:
    return subject.home is not None and current(subject.home)["periods"].get(subject.period) == subject.place.name


def _superseding(subject: Subject, known: Sequence[Record]) -> str | None:
    """The release that took the place of this one: by its record or, before that is written, by the pointer."""
    if subject.home is None or subject.period is None:
        return records.superseded_by(known)
    in_force = current(subject.home)["periods"].get(subject.period)
    names = [place.name for place in releases_of(subject.home, subject.period)]
    later = names[names.index(subject.place.name) + 1 :] if subject.place.name in names else []
    return in_force if in_force in later else records.superseded_by(known)


def _add(
    subject: Subject, mode: str, act: records.Act, now: datetime, *, key: SigningKey | None = None,
    name: str | None = None, role: str | None = None, reason: str | None = None,
) -> None:  # fmt: skip
    known = _sound(subject)
    _check_clock(known, now)
    record = Record(
        sequence=len(known) + 1,
        act=act,
        release=subject.name,
        content_hash=subject.content_hash,
        manifest=subject.manifest_hash,
        table_hash=subject.table_hash,
        at=now.isoformat(timespec="seconds"),
        mode=mode,
        previous=known[-1].digest if known else None,
        name=name,
        role=role,
        reason=reason,
    )
    records.append(subject.place, record.signed(key) if key is not None else record)
    if subject.home is not None:
        records.remember(subject.place)


def _check_clock(known: Sequence[Record], now: datetime) -> None:
    # A record keeps whole seconds.
    if known and now + timedelta(seconds=1) <= datetime.fromisoformat(known[-1].at):
        raise Refused("approval_clock", now=now.isoformat(timespec="seconds"), last=known[-1].at)


@contextmanager
def _held(subject: Subject) -> Iterator[None]:
    """One decision at a time."""
    if subject.home is not None:
        with alone(subject.home):
            yield
        return
    folder: Path = subject.place / records.FOLDER
    make_folder(folder)
    with locked(folder / ".lock"):
        yield
