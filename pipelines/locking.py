"""`kangheng settings --lock`: fixing classes, weights and goalposts before data are read.

Put here: writing settings/locks.yaml. Keep out: what a lock covers and its refusal (data_contracts.settings.locks).
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from assets.lake.atomic import write_chunks
from data_contracts.messages import text, wrong
from data_contracts.settings.loading import load_settings
from data_contracts.settings.locks import Lock, LockDocument, lockable

_HEAD = "# 由 kangheng settings --lock 写入，不要手改 / written by kangheng settings --lock; do not edit\n"


@dataclass(frozen=True)
class Locking:
    """The locks set now, and the file that holds all of them."""

    path: Path
    added: tuple[Lock, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"path": str(self.path), "added": [lock.model_dump(mode="json") for lock in self.added]}

    def lines(self, language: str) -> list[str]:
        """What was locked, in words."""
        if not self.added:
            return [text("lock_nothing", language)]
        said = text("lock_done", language, count=len(self.added), path=self.path)
        return [said, *(f"{lock.entry}  {lock.hash}" for lock in self.added)]


def lock_settings(home: Path, by: str, reason: str = "", at: datetime | None = None) -> Locking:
    """Lock every policy, index and appraisal of the home as it stands; what is locked and unchanged stays as it is.

    Locks are only ever added: the history of an entry stays in the file. Raises DefinitionError without a name, and
    for an entry that was locked otherwise before, unless a reason is given.
    """
    if not by.strip():
        raise wrong("wrong_lock_by")
    settings = load_settings(home, locked=False)
    entries = list(lockable(settings.policy_document, settings.indices, settings.appraisals))
    holding = settings.locks.holding
    changed = [entry for entry in entries if entry.entry in holding and holding[entry.entry].hash != entry.hash]
    if changed and not reason.strip():
        raise wrong("wrong_lock_reason", entry=changed[0].entry)
    when = (at or datetime.now(ZoneInfo(settings.home.time_zone))).isoformat(timespec="seconds")
    added = tuple(
        Lock(
            entry=entry.entry,
            hash=entry.hash,
            at=when,
            by=by.strip(),
            reason=reason.strip() if entry in changed else "",
        )
        for entry in entries
        if entry.entry not in holding or entry in changed
    )
    path = home / "settings" / "locks.yaml"
    if added:
        document = LockDocument(locks=[*settings.locks.locks, *added]).model_dump(mode="json")
        words = _HEAD + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_chunks(path, [words.encode()])
    return Locking(path, added)
