"""Commands on a release that exists: approve, publish, withdraw, and the keys of those who may.

Put here: reading who decides and with which key, the order of checks, what is said. Keep out: the rules
(assets.release.approval), signatures (assets.vault.signing).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from assets.lake.atomic import canonical_json
from assets.lake.home import Home
from assets.release.approval import Mode, Refused, Rules, Standing, approve, publish_release, withdraw
from assets.release.decided import mode_asked
from assets.release.publish import current
from assets.release.records import approvals, as_rows, read
from assets.release.subject import Subject, subject_of
from assets.release.verify import verify
from assets.vault.signing import SigningKey, load_key, new_key
from data_contracts.closed import DefinitionError, parse, read_yaml
from data_contracts.messages import LANGUAGES, both, text, wrong
from data_contracts.settings.approvers import Approver
from data_contracts.settings.home import HomeDocument
from data_contracts.settings.loading import load_settings
from data_contracts.signing import key_id
from pipelines.outcomes import SaysNo

# Settings that scores, risk and money follow from.
_DECIDING = (
    "measures", "indicators", "rule_sets", "policies", "risk", "indices", "appraisals", "signatures", "allocation",
)  # fmt: skip


@dataclass(frozen=True)
class Decided:
    """What a decision made of a release."""

    subject: Subject
    standing: Standing

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "release": self.subject.name,
            "state": self.standing.state,
            "missing": self.standing.missing,
            "content_hash": self.subject.content_hash,
            "table_hash": self.subject.table_hash,
            "records": as_rows(self.standing.records),
        }

    def lines(self, language: str) -> list[str]:
        """The state in words, the hashes it holds for, and the next step."""
        state = text(f"approval_state_{self.standing.state}", language)
        said = [
            text("approval_said", language, release=self.subject.name, state=state),
            text("approval_hash", language, content=self.subject.content_hash, table=self.subject.table_hash or "—"),
        ]
        if self.standing.state == "draft" and self.standing.missing:
            said.append(text("approval_still", language, missing=self.standing.missing))
        if self.standing.state == "approved" and self.subject.home is not None:
            said.append(text("approval_next_publish", language, place=self.subject.place))
        if self.standing.state == "withdrawn" and self.subject.home is not None:
            said.append(self._now_in_force(self.subject.home, language))
        return said

    def _now_in_force(self, home: Home, language: str) -> str:
        period = str(self.subject.period)
        release = current(home)["periods"].get(period)
        sentence = "approval_still_in_force" if release else "approval_nothing_in_force"
        return text(sentence, language, period=period, release=release or "", home=home.path)


def approve_release(place: Path, key_file: Path, person: str, now: datetime | None = None) -> Decided:
    """Sign an approval. Raises DefinitionError for key or person, SaysNo where files, settings or rules say no."""
    key, (name, role) = load_key(key_file), person_of(person)
    subject = subject_of(place)
    rules, moment = _rules(subject, now)
    _verified(subject, rules)
    _settings_as_computed(subject)
    return _decided(subject, lambda: approve(subject, rules, key, name, role, moment))


def put_in_force(place: Path, now: datetime | None = None) -> Decided:
    """Switch to an approved release. Raises SaysNo where files or rules say no."""
    subject = subject_of(place)
    rules, moment = _rules(subject, now)
    _verified(subject, rules)
    return _decided(subject, lambda: publish_release(subject, rules, moment))


def take_back(
    place: Path, reason: str, key_file: Path | None, person: str | None, now: datetime | None = None
) -> Decided:
    """Withdraw for good, also what no longer verifies. Raises as the others do."""
    subject = subject_of(place)
    rules, moment = _rules(subject, now)
    signed_by: tuple[SigningKey, str, str] | None = None
    if key_file is not None:
        signed_by = (load_key(key_file), *person_of(person or ""))
    return _decided(subject, lambda: withdraw(subject, rules, signed_by, reason, moment))


def keep_approved(out: Path) -> None:
    """Nothing is written over a result that was approved, withdrawn since or not. Raises SaysNo if one is in `out`."""
    known, _ = read(out)
    try:
        content = subject_of(out).content_hash
    except DefinitionError:
        # Approvals of what is not there any more keep nothing.
        return
    given = approvals(known, content)
    if given:
        raise SaysNo(both("approval_in_the_way", path=out, name=given[-1].name, at=given[-1].at))


def approvers_of(home: Path) -> list[Approver]:
    """Who may approve, by home.yaml."""
    return _home(home).approvers


def make_key(path: Path, person: str, language: str, now: datetime | None = None) -> list[str]:
    """Make a key; the words that register it, ready for home.yaml."""
    name, role = person_of(person)
    key = new_key(path)
    day = (now or datetime.now(UTC).astimezone()).date()
    entry = [f"  - name: {name}", f"    role: {role}", f"    key: {key.public}", f"    from: {day.isoformat()}"]
    return [text("keys_done", language, path=path, key=key_id(key.public)), "approvers:", *entry]


def person_of(person: str) -> tuple[str, str]:
    """Name and role of `name/role`. Raises DefinitionError for another form."""
    name, separator, role = (part.strip() for part in person.partition("/"))
    if not (name and separator and role):
        raise wrong("approval_as_form")
    return name, role


def _home(home: Path) -> HomeDocument:
    return parse(HomeDocument, read_yaml(home / "home.yaml"), "home.yaml")


def _rules(subject: Subject, now: datetime | None) -> tuple[Rules, datetime]:
    """The rules for a release and the local time of its home; an engine alone is approved by one person."""
    if subject.home is None:
        return Rules("required", None), now or datetime.now(UTC).astimezone()
    document = _home(subject.home.path)
    zone = ZoneInfo(document.time_zone)
    mode = cast(Mode, mode_asked(subject, document.approval))
    return Rules(mode, document.approvers), (now or datetime.now(UTC)).astimezone(zone)


def _verified(subject: Subject, rules: Rules) -> None:
    report = verify(subject.place, rules.approvers)
    if not report.passed:
        problems = {language: "；".join(report.lines(language)) for language in LANGUAGES}
        raise SaysNo(both("approval_unsound", release=subject.name, problems=problems))


def _settings_as_computed(subject: Subject) -> None:
    """Nobody approves money by rules that the home has changed since: a new run makes a candidate by the new ones."""
    stated = subject.manifest.get("settings", {})
    if subject.home is None or "allocation" not in stated:
        return
    now = load_settings(subject.home.path).as_dict()
    changed = [name for name in _DECIDING if canonical_json(stated.get(name)) != canonical_json(now[name])]
    if changed:
        raise SaysNo(
            both("approval_settings", release=subject.name, parts=", ".join(changed), home=subject.home.path,
                 period=subject.period)
        )  # fmt: skip


def _decided(subject: Subject, decide: Callable[[], Standing]) -> Decided:
    try:
        return Decided(subject, decide())
    except Refused as refused:
        raise SaysNo(refused.words) from None
