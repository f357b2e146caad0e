"""Which landed files are complete and ask for a run: decided from two looks, content hashes and the ledger.

Put here: the decision and what one look leaves to the next. Keep out: accepting files (ledger.py) and who looks when.
A file is complete when it and its note looked the same at two looks in a row and nothing its note says speaks against
it. A delivery asks for a run once: the ledger knows it by its content from then on, whatever name it comes under.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias
from zipfile import is_zipfile

from assets.intake import ledger
from assets.intake.findings import FileRefused, Finding
from assets.intake.landing import Landed, Stated, deliveries, known_hashes, scan, stamp
from assets.intake.ledger import Book, Entry
from assets.lake.atomic import sha256_of
from assets.lake.home import Home
from data_contracts.contracts import Catalog
from data_contracts.messages import LANGUAGES
from data_contracts.periods import periods_between
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import load_settings

Stamp: TypeAlias = list[int]
# The identity of a delivery has no time in it.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Memory:
    """What one look leaves to the next.

    `watched`: files not yet found complete. `settled`: complete ones the ledger does not list under this name.
    `asked`: deliveries a run was asked for that the ledger does not have yet.
    """

    watched: dict[str, Stamp] = field(default_factory=dict)
    settled: dict[str, Stamp] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def to_text(self) -> str:
        """As text, for whoever keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def of_text(cls, text: str | None) -> "Memory":
        """From `to_text`; nothing, or what is not such a text, is an empty memory and costs one look more."""
        try:
            return cls(**json.loads(text or "{}"))
        except (ValueError, TypeError):
            return cls()


@dataclass(frozen=True)
class Verdict:
    """What a quiet file is: a delivery or a corrected note of one, or something that cannot be taken now, and why.

    `asks`: what a run is to be asked for, and of which period; an empty one is of something the ledger has.
    """

    name: str
    asks: Mapping[str, str] = field(default_factory=dict)
    obstacle: Finding | None = None


@dataclass(frozen=True)
class Request:
    """A run to ask for: the deliveries and corrected notes of one period that are complete and new."""

    period: str
    file_ids: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """The same deliveries, the same key: asking twice is asking once."""
        return f"{self.period}:{sha256_of(chr(10).join(self.file_ids).encode())[:16]}"


@dataclass(frozen=True)
class Decision:
    """What a look decided: runs to ask for, files that wait and why, and what to remember."""

    memory: Memory
    requests: list[Request]
    waiting: list[Finding]


def decide(
    memory: Memory,
    seen: Mapping[str, Stamp],
    accepted: Collection[str],
    judge: Callable[[list[str]], Iterable[Verdict]],
) -> Decision:
    """Decide from the files seen now that the ledger does not list, and from what the last look left.

    `accepted` are the deliveries of the ledger; `judge` is asked only about files that have not changed.
    """
    settled = {name: mark for name, mark in memory.settled.items() if seen.get(name) == mark}
    quiet = sorted(name for name, mark in seen.items() if name not in settled and memory.watched.get(name) == mark)
    moving = sorted(seen.keys() - settled.keys() - set(quiet))
    waiting = [Finding("arrivals_moving", {"name": name}) for name in moving]
    asked = set(memory.asked) - set(accepted)
    found: dict[str, list[tuple[str, str]]] = {}
    for verdict in judge(quiet) if quiet else ():
        if verdict.obstacle is not None:
            waiting.append(verdict.obstacle)
            continue
        settled[verdict.name] = seen[verdict.name]
        for file_id, period in verdict.asks.items():
            if file_id not in asked and file_id not in accepted:
                asked.add(file_id)
                found.setdefault(period, []).append((file_id, verdict.name))
    watched = {name: mark for name, mark in seen.items() if name not in settled}
    requests = [
        Request(period, tuple(sorted(file_id for file_id, _ in asks)), tuple(name for _, name in asks))
        for period, asks in sorted(found.items())
    ]
    return Decision(Memory(watched, settled, sorted(asked)), requests, waiting)


def look(home: Home, memory: Memory) -> Decision:
    """Look at the landing folder of a home and decide."""
    book = ledger.read_book(home)
    hashed = known_hashes(home)
    seen = {}
    for path in deliveries(home):
        name, mark = path.relative_to(home.landing).as_posix(), stamp(path)
        *known, sha256, note = hashed.get(name) or ("", "")
        if not (known == mark and book.knows(name, str(sha256), str(note))):
            seen[name] = mark
    return decide(memory, seen, book.taken, lambda names: _judge(home, names, seen, book))


def _judge(home: Home, names: list[str], seen: Mapping[str, Stamp], book: Book) -> Iterable[Verdict]:
    settings = load_settings(home.path)
    catalog = Catalog.load(home.contracts, settings.home.feeds)
    calendar = [item.key for item in periods_between(settings.home.calendar.first, settings.home.calendar.last)]

    def as_entry(file: Landed) -> Entry:
        entry = ledger.entry_of(file, catalog, settings.limits, _ANY_TIME, calendar)
        _speaks_for_half_a_copy(file, catalog, settings.limits)
        return entry

    for file in scan(home, catalog, names):
        try:
            news = book.news_of(file, partial(as_entry, file))
        except FileRefused as refusal:
            yield Verdict(file.name, obstacle=_named(file.name, refusal.finding))
            continue
        if stamp(file.path) != seen[file.name]:
            yield Verdict(file.name, obstacle=Finding("arrivals_moving", {"name": file.name}))
        else:
            yield Verdict(file.name, news.asks(book) if news else {})


def _named(name: str, finding: Finding) -> Finding:
    """The finding as a sentence that names the file."""
    problems = {f"problem_{language}": finding.words(language) for language in LANGUAGES}
    return Finding("arrivals_obstacle", {"name": name, **problems})


def _speaks_for_half_a_copy(file: Landed, catalog: Catalog, limits: Limits) -> None:
    """Refuse a workbook without its end, and a file that does not hold what its note states: it may be half a copy.

    A note that gives the hash has proved the file already, so nothing is counted here.
    """
    if file.note.sha256 is not None:
        return
    with file.path.open("rb") as stream:
        archive = stream.read(4) == _ZIP
    if archive and not is_zipfile(file.path):
        raise FileRefused("intake_workbook_damaged")
    if file.note.stated == Stated():
        return
    from assets.intake.check import check_file
    from assets.intake.totals import MISMATCHES

    refused = check_file(file.path, f"{file.sender}.{file.feed}", catalog, limits).refused
    if refused is not None and refused.sentence in MISMATCHES:
        raise FileRefused(refused.sentence, **refused.params)


def still_changing(home: Home, pause: float) -> set[str]:
    """Names of files that change within `pause` seconds. Only files changed within that time are waited for."""
    now = time.time()
    marks = {path: stamp(path) for path in deliveries(home)}
    young = {path: mark for path, mark in marks.items() if mark[1] / 1e9 > now - pause}
    if not young:
        return set()
    time.sleep(pause)
    return {path.relative_to(home.landing).as_posix() for path, mark in young.items() if stamp(path) != mark}


def not_taken(home: Home, landed: Iterable[Landed]) -> list[str]:
    """Names of landed files that the ledger neither accepted nor refused."""
    known = {(e.sender, e.feed, e.sha256) for e in ledger.entries(home)}
    known |= {(item["sender"], item["feed"], item["sha256"]) for item in ledger.refusals(home)}
    return [file.name for file in landed if file.sha256 and (file.sender, file.feed, file.sha256) not in known]
