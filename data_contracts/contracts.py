"""Feed contracts: Open Data Contract Standard documents, read into one typed view per feed and validity date.

Put here: how documents are read, and the catalog of all feeds. Keep out: the words they may use (vocabulary.py), what
must hold between them (coherence.py), the view they are read into (feed.py), reading data files (assets.intake).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard

from data_contracts import coherence
from data_contracts.closed import Bilingual, parse, parse_foreign, read_yaml
from data_contracts.codes import YES_NO, CodeList, read_code_lists
from data_contracts.feed import (
    AREA_CHANGE_COLUMNS,
    AREA_CHANGE_KINDS,
    EXAMPLE_HEADER,
    EXAMPLE_MARK,
    KEY_CONFLICT,
    PERSON_ID_ROUNDED,
    Column,
    FeedContract,
    Rule,
    normal_header,
    polars_dtype,
    stored_columns,
    stored_names,
)
from data_contracts.messages import did_you_mean, wrong
from data_contracts.periods import Period
from data_contracts.vocabulary import ColumnExtras, FeedExtras, RuleExtras

__all__ = [
    "AREA_CHANGE_COLUMNS",
    "AREA_CHANGE_KINDS",
    "EXAMPLE_HEADER",
    "EXAMPLE_MARK",
    "KEY_CONFLICT",
    "PERSON_ID_ROUNDED",
    "Catalog",
    "Column",
    "FeedContract",
    "Rule",
    "normal_header",
    "package_feeds",
    "polars_dtype",
    "read_feed",
    "stored_columns",
    "stored_names",
]

_FEEDS = Path(__file__).parent / "feeds"
_OURS = "kangheng"


def _ours(properties: list[Any] | None, where: str) -> Any:
    values = [p.value for p in properties or [] if p.property == _OURS]
    if len(values) != 1:
        raise wrong("contract_ours", where=where, name=_OURS)
    return values[0]


def read_feed(path: Path, code_lists: dict[str, CodeList]) -> FeedContract:
    """Read one contract file; every mistake is named with file, place and the nearest known word."""
    document = read_yaml(path)
    where = f"{path.parent.name}/{path.name}"
    standard = parse_foreign(OpenDataContractStandard, document, where)
    if not standard.schema_ or len(standard.schema_) != 1:
        raise wrong("contract_one_table", where=where)
    table = standard.schema_[0]
    extras = parse(FeedExtras, _ours(standard.customProperties, where), where)
    columns = tuple(_column(item, where, code_lists) for item in table.properties or [])
    rules = tuple(_rule(item, where) for item in table.quality or [])
    lists = {YES_NO if c.type == "boolean" else c.extras.codes for c in columns}
    used = {name: sorted(code_lists[name].map.items()) for name in lists if name is not None}
    text = json.dumps([document, used], sort_keys=True, ensure_ascii=False, default=str)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    contract = FeedContract(extras, columns, rules, *_descriptions(standard, extras), where, fingerprint)
    coherence.check(contract, path)
    return contract


def _descriptions(standard: OpenDataContractStandard, extras: FeedExtras) -> tuple[Bilingual, Bilingual, Bilingual]:
    """Purpose, usage and limitations of a feed; one without a purpose is what its title says."""
    purpose, usage, limitations = (
        _in_both(getattr(standard.description, part, None), getattr(extras.descriptions_zh, part, None))
        for part in ("purpose", "usage", "limitations")
    )
    return purpose if purpose.en else extras.titles, usage, limitations


def _in_both(description: str | None, chinese: str | None) -> Bilingual:
    """A description of the standard with ours in Chinese; what is said in one language alone is shown in both."""
    return Bilingual(zh=chinese or description or "", en=description or chinese or "")


def _column(item: Any, where: str, code_lists: dict[str, CodeList]) -> Column:
    if not item.name:
        raise wrong("contract_no_name", where=where)
    place = f"{where}: {item.name}"
    extras = parse(ColumnExtras, _ours(item.customProperties, place), place)
    codes = None
    if extras.codes is not None:
        if extras.codes not in code_lists:
            hint = did_you_mean(extras.codes, code_lists, "wrong_nearest")
            raise wrong("contract_no_codes", where=place, name=extras.codes, hint=hint)
        codes = code_lists[extras.codes]
    if (extras.type == "code") != (codes is not None):
        raise wrong("contract_code_column", where=place)
    if (extras.type == "money") != (extras.money_unit is not None):
        raise wrong("contract_money_column", where=place)
    examples = tuple(str(example) for example in item.examples or [])
    headers = tuple(dict.fromkeys([*extras.aliases, extras.titles.zh, extras.titles.en, item.name]))
    described = _in_both(item.description, extras.description_zh)
    pattern = _pattern(item, extras, place)
    return Column(item.name, described, bool(item.required), examples, extras, codes, headers, pattern)


def _pattern(item: Any, extras: ColumnExtras, place: str) -> str | None:
    """The form of a code, where the standard's place for it names one."""
    pattern = (item.logicalTypeOptions or {}).get("pattern")
    if pattern is None:
        return None
    if extras.type != "text" or extras.role in ("drop", "person_id"):
        raise wrong("contract_shape_of_text", where=place)
    try:
        return re.compile(str(pattern)).pattern
    except re.error as error:
        raise wrong("contract_shape", where=place, problem=error.msg) from None


def _rule(item: Any, where: str) -> Rule:
    place = f"{where}: rule {item.name}"
    if item.type != "custom" or item.engine != _OURS or item.severity not in ("error", "warning"):
        raise wrong("contract_rule_form", where=place, name=_OURS)
    if not item.name or not item.implementation:
        raise wrong("contract_rule_empty", where=place)
    extras = parse(RuleExtras, _ours(item.customProperties, place), place)
    return Rule(item.name, item.severity, str(item.implementation), item.description or "", extras)


def package_feeds() -> list[str]:
    """Keys of all feeds of the package, whichever a home uses."""
    return sorted(folder.name for folder in _FEEDS.glob("*.*"))


class _FeedFiles(Mapping[str, tuple[FeedContract, ...]]):
    """The versions of every feed by key, read when they are first asked for: a command needs few of many."""

    def __init__(self, paths: dict[str, list[Path]], code_lists: dict[str, CodeList], shipped: Set[str]) -> None:
        self._paths, self._code_lists = {key: files for key, files in sorted(paths.items()) if files}, code_lists
        self._shipped = shipped
        self._read: dict[str, tuple[FeedContract, ...]] = {}

    def __getitem__(self, key: str) -> tuple[FeedContract, ...]:
        if key not in self._read:
            files = self._paths[key]
            lists = self._code_lists
            self._read[key] = _shipped(*files) if key in self._shipped else tuple(read_feed(f, lists) for f in files)
        return self._read[key]

    def __contains__(self, key: object) -> bool:
        return key in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _versions(root: Path) -> dict[str, list[Path]]:
    """The documents of every feed below `root`, by key."""
    return {folder.name: sorted(folder.glob("*.yaml")) for folder in sorted(root.glob("*.*"))}


@cache
def _shipped(*files: Path) -> tuple[FeedContract, ...]:
    """Documents of the package with its own code lists: they do not change while a program runs."""
    lists = read_code_lists()
    return tuple(read_feed(path, lists) for path in files)


@dataclass(frozen=True)
class Catalog:
    """All feeds a home knows: those of the package, replaced by whole documents of the home."""

    feeds: Mapping[str, tuple[FeedContract, ...]]
    code_lists: dict[str, CodeList]
    not_in_use: frozenset[str] = frozenset()
    """Feeds that have a contract and that the home has not chosen."""

    @classmethod
    def load(cls, contracts: Path | None = None, use: list[str] | None = None) -> "Catalog":
        """Read package contracts, then those below `contracts` (a home's folder); `use` keeps only these feeds."""
        code_lists = read_code_lists(contracts / "codes") if contracts else read_code_lists()
        own = _versions(contracts / "feeds") if contracts else {}
        paths = {**_versions(_FEEDS), **own}
        if use is not None:
            missing = sorted(set(use) - set(paths))
            if missing:
                raise wrong("wrong_feed", key=missing[0], hint=did_you_mean(missing[0], paths, "wrong_nearest"))
        chosen = {key: paths[key] for key in sorted(paths if use is None else use)}
        # Any feed of the package may use a code list that the home replaces.
        shipped = paths.keys() - own.keys() if code_lists == read_code_lists() else set()
        return cls(_FeedFiles(chosen, code_lists, shipped), code_lists, frozenset(paths) - frozenset(chosen))

    def feed(self, key: str, period: str | None = None) -> FeedContract:
        """The contract of a feed in force at the end of `period`, or the newest one."""
        if key in self.not_in_use:
            raise wrong("wrong_feed_not_in_use", key=key)
        if key not in self.feeds:
            raise wrong("wrong_feed", key=key, hint=did_you_mean(key, self.feeds, "wrong_nearest"))
        versions = self.feeds[key]
        if period is None:
            return versions[-1]
        last_day = Period.parse(period).end
        in_force = [version for version in versions if version.extras.valid_from <= last_day]
        if not in_force:
            first = versions[0].extras.valid_from
            raise wrong("wrong_feed_period", key=key, period=period, first=first)
        return in_force[-1]

    def current(self) -> list[FeedContract]:
        """The newest contract of every feed, by key."""
        return [versions[-1] for _, versions in sorted(self.feeds.items())]
