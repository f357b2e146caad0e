"""`kangheng settings`: every value in force with where it comes from, and the contracts in force.

Put here: gathering and wording. Keep out: how defaults and home combine (data_contracts.settings.loading).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from data_contracts.closed import Bilingual, Closed
from data_contracts.contracts import Catalog
from data_contracts.messages import text
from data_contracts.periods import Period
from data_contracts.settings.loading import load_settings
from data_contracts.settings.resolved import Settings

_WIDEST = 80
# Entries of a home are merged with those of the package here, and take their place in every other file.
_MERGED = "judgement.yaml"
# In which part of the settings an entry of a file stands.
_PARTS = {"policies.yaml": "policies", "risk.yaml": "risk", "allocation.yaml": "allocation"}


@dataclass(frozen=True)
class Value:
    """One setting: file, entry, its value as plain JSON, and `package` or `home`."""

    file: str
    entry: str
    value: Any
    source: str


@dataclass(frozen=True)
class ContractInForce:
    """A version of a feed's contract; `in_force`: it holds in the last period of the calendar."""

    feed: str
    titles: dict[str, str]
    valid_from: str
    source: str
    in_force: bool
    fingerprint: str


@dataclass(frozen=True)
class SettingsView:
    """All settings of a home."""

    values: list[Value]
    contracts: list[ContractInForce]
    settings: Settings

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "settings": self.settings.as_dict(),
            "sources": [source.model_dump() for source in self.settings.sources],
            "values": [asdict(value) for value in self.values],
            "contracts": [asdict(contract) for contract in self.contracts],
            "clause_gaps": [gap._asdict() for gap in self.settings.clause_gaps()],
            "fingerprint": self.settings.fingerprint,
        }

    def lines(self, language: str) -> list[str]:
        """Every value on a line under its file, then contracts, then clauses with gaps, the fingerprint last."""
        source = {name: text(f"settings_{name}", language) for name in ("package", "home")}
        lines: list[str] = []
        for file in dict.fromkeys(value.file for value in self.values):
            lines.append(text("settings_file", language, file=file))
            if file == _MERGED:
                lines.append(text("settings_merged", language))
            for item in (value for value in self.values if value.file == file):
                words = _shown(item.value, language)
                lines.append(
                    text("settings_value", language, entry=item.entry, value=words, source=source[item.source])
                )
        lines.append(text("settings_contracts", language, count=len(self.contracts)))
        for contract in self.contracts:
            sentence = "settings_contract" if contract.in_force else "settings_contract_not"
            named = {"feed": contract.feed, "title": contract.titles[language], "valid_from": contract.valid_from}
            lines.append(text(sentence, language, **named, source=source[contract.source]))
        for gap in self.settings.clause_gaps():
            what = text(f"reports.gap.{gap.gap}", language)
            lines.append(
                text("cli_clause_gap", language, policy=gap.policy, version=gap.version, clause=gap.clause, what=what)
            )
        return [*lines, f"sha256 {self.settings.fingerprint}"]


def settings_of(path: Path) -> SettingsView:
    """The settings and contracts of the home at `path`; raises DefinitionError naming what is wrong in them."""
    settings = load_settings(path)
    catalog = Catalog.load(path / "contracts", settings.home.feeds)
    return SettingsView(_values(settings), _contracts(path, settings, catalog), settings)


def _values(settings: Settings) -> list[Value]:
    document = settings.as_dict()
    found = [Value("home.yaml", *leaf) for leaf in _leaves(settings.home, "", written=True)]
    for source in settings.sources:
        part = document
        # A file in a folder is an entry of that folder's part.
        for name in _PARTS.get(source.file, source.file.removesuffix(".yaml")).split("/"):
            part = part[name]
        value = part if source.entry == "*" else part[source.entry]
        found.append(Value(source.file, source.entry, value, source.source))
    return found


def _leaves(model: Closed, place: str, *, written: bool) -> Iterator[tuple[str, Any, str]]:
    """Entry, value and source of everything in a document, entries of mappings and parts by their own names."""
    for name in type(model).model_fields:
        value, own = getattr(model, name), written and name in model.model_fields_set
        parts = value if isinstance(value, dict) else {}
        if isinstance(value, Closed) and not isinstance(value, Bilingual):
            yield from _leaves(value, f"{place}{name}.", written=own)
        elif parts and all(isinstance(part, Closed) for part in parts.values()):
            for key, part in parts.items():
                yield from _leaves(part, f"{place}{name}.{key}.", written=own)
        else:
            plain = model.model_dump(mode="json", include={name})[name]
            yield f"{place}{name}", plain, "home" if own else "package"


def _contracts(path: Path, settings: Settings, catalog: Catalog) -> list[ContractInForce]:
    last = Period.parse(settings.home.calendar.last)
    found = []
    for versions in catalog.feeds.values():
        begun = [version for version in versions if version.extras.valid_from <= last.end]
        for version in versions:
            own = (path / "contracts" / "feeds" / version.source).is_file()
            found.append(
                ContractInForce(
                    feed=version.key,
                    titles={"zh": version.extras.titles.zh, "en": version.extras.titles.en},
                    valid_from=version.extras.valid_from.isoformat(),
                    source="home" if own else "package",
                    in_force=bool(begun) and version is begun[-1],
                    fingerprint=version.fingerprint,
                )
            )
    return found


def _shown(value: Any, language: str) -> str:
    """A value on one line: a title where it has one, else its words, cut where it is long."""
    if isinstance(value, list) and value:
        return _joined((_shown(item, language) for item in value), language)
    if isinstance(value, dict) and isinstance(value.get("titles"), dict):
        title = str(value["titles"][language])
        title = f"{value['id']} {title}" if "id" in value else title
        bounds = [_bound(bound, language) for bound in value.get("bounds", ())]
        return text("settings_bounded", language, title=title, bounds=_joined(bounds, language)) if bounds else title
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return str(value[language])
    if value is None or value == []:
        return text("settings_none", language)
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    words = json.dumps(value, ensure_ascii=False, default=str)
    return words if len(words) <= _WIDEST else f"{words[:_WIDEST]}…"


def _joined(words: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(words)


def _bound(bound: dict[str, Any], language: str) -> str:
    """Of which feed and column, between what, from how many records and from which day on."""
    low, high = bound.get("low"), bound.get("high")
    span = f"{low}–{high}" if None not in (low, high) else f"≥ {low}" if low is not None else f"≤ {high}"
    if low is None and high is None:
        span = text("settings_unbounded", language, reference=bound["reference"])
    where = ".".join(bound[name] for name in ("feed", "column") if bound.get(name))
    least = text("settings_bound_minimum", language, count=bound["minimum"]) if bound.get("minimum") else ""
    since = text("settings_bound_since", language, since=bound["valid_from"])
    return " ".join(part for part in (where, span, least, since) if part)
