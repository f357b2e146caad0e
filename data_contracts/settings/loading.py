"""Reading the settings of a home: package defaults overlaid by the home's own entries.

Put here: how defaults and home combine and where each value comes from. Keep out: what the documents may say (a module
of this package for each) and applying them (assets.compute, evaluations).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from data_contracts.closed import Closed, parse, read_yaml
from data_contracts.index_spec.document import IndexSpec
from data_contracts.judgement import Expectation, merged_entry
from data_contracts.messages import both, did_you_mean, wrong
from data_contracts.national_services import NationalService
from data_contracts.settings.agreement import check_agreement
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.appraisals import AppraisalDocument
from data_contracts.settings.counting import Indicator, Measure, RuleSet
from data_contracts.settings.guards import check_signatures
from data_contracts.settings.home import HomeDocument
from data_contracts.settings.indices import short_index
from data_contracts.settings.limits import Limits
from data_contracts.settings.locks import LockDocument, check_locks, lockable
from data_contracts.settings.policies import PolicyDocument
from data_contracts.settings.resolved import ExplanationOfValue, Settings
from data_contracts.settings.risk import RiskDocument
from data_contracts.settings.services import Service
from data_contracts.signatures import FILE, SignatureDocument

REGISTRY = Path(__file__).parents[1] / "registry"
Entry = TypeVar("Entry", bound=Closed)
Document = TypeVar("Document", bound=Closed)


def load_settings(home: Path, *, locked: bool = True) -> Settings:
    """Settings of the home at `home`: registries of the package, entries of the home's settings/ on top.

    `locked`: refuse settings that no longer say what was locked or signed.
    """
    folder = home / "settings"
    sources: list[ExplanationOfValue] = []
    document = parse(HomeDocument, _read(home / "home.yaml"), "home.yaml")
    _refuse_unknown_files(folder)
    settings = Settings(
        home=document,
        limits=parse(Limits, _overlay("limits", folder, sources), "limits.yaml"),
        judgement=_entries(Expectation, "judgement", folder, sources, merged_entry),
        measures=_entries(Measure, "measures", folder, sources),
        indicators=_entries(Indicator, "indicators", folder, sources),
        rule_sets=_entries(RuleSet, "rule_sets", folder, sources),
        services=_entries(Service, "services", folder, sources),
        national_services=_entries(NationalService, "national_services", folder, sources),
        policy_document=_single(PolicyDocument, folder / "policies.yaml", sources),
        risk=_single(RiskDocument, folder / "risk.yaml", sources),
        allocation=_allocation(document, folder, sources),
        appraisals=_appraisals(folder, sources),
        locks=_single(LockDocument, folder / "locks.yaml", sources) or LockDocument(),
        signatures=_single(SignatureDocument, folder / FILE, sources) or SignatureDocument(),
        sources=(),
    )
    settings = replace(settings, indices=_indices(settings.risk, folder, sources), sources=tuple(sources))
    check_agreement(settings)
    if locked:
        check_locks(settings.locks, list(lockable(settings.policy_document, settings.indices, settings.appraisals)))
        check_signatures(settings)
    return settings


def _allocation(home: HomeDocument, folder: Path, sources: list[ExplanationOfValue]) -> AllocationDocument | None:
    """Rules of money, in the currency of the home."""
    found = _single(AllocationDocument, folder / "allocation.yaml", sources)
    return None if found is None else found.model_copy(update={"currency": home.currency.major})


def _indices(risk: RiskDocument | None, folder: Path, sources: list[ExplanationOfValue]) -> dict[str, IndexSpec]:
    """The indices that risk.yaml names, from the home's settings/indices or the package's."""
    found: dict[str, IndexSpec] = {}
    for name in risk.indices if risk else []:
        if risk is not None and risk.own is not None and name == risk.uses:
            found[name] = short_index(risk.own)
            continue
        own, shipped = (base / "indices" / f"{name}.yaml" for base in (folder, REGISTRY))
        if not own.is_file() and not shipped.is_file():
            known = {path.stem for base in (folder, REGISTRY) for path in (base / "indices").glob("*.yaml")}
            raise wrong("wrong_unknown", where="risk.yaml", kind=both("wrong_kind_index"), name=name,
                        hint=did_you_mean(name, known))  # fmt: skip
        path = own if own.is_file() else shipped
        file = f"indices/{name}.yaml"
        found[name] = parse(IndexSpec, read_yaml(path), file)
        if found[name].id != name:
            raise wrong("wrong_index_file", name=name, id=found[name].id)
        source: Literal["home", "package"] = "home" if path is own else "package"
        sources.append(ExplanationOfValue(file=file, entry="*", source=source))
    return found


def _appraisals(folder: Path, sources: list[ExplanationOfValue]) -> dict[str, AppraisalDocument]:
    """The home's settings/appraisals, by file name."""
    found = {}
    for path in sorted((folder / "appraisals").glob("*.yaml")):
        file = f"appraisals/{path.name}"
        found[path.stem] = parse(AppraisalDocument, read_yaml(path), file)
        sources.append(ExplanationOfValue(file=file, entry="*", source="home"))
    return found


_FILES = (
    "measures", "indicators", "rule_sets", "limits", "judgement", "services", "national_services", "policies", "risk",
    "allocation", "locks", "signatures",
)  # fmt: skip


_FOLDERS = ("indices", "appraisals")


def _refuse_unknown_files(folder: Path) -> None:
    entries = [path for path in sorted(folder.glob("*")) if path.name not in _FOLDERS] if folder.is_dir() else []
    for path in entries:
        if path.stem not in _FILES or path.suffix != ".yaml":
            hint = did_you_mean(path.stem, _FILES)
            raise wrong("wrong_settings_file", name=path.name, known=", ".join((*_FILES, *_FOLDERS)), hint=hint)
    for path in [path for name in _FOLDERS for path in sorted((folder / name).glob("*"))]:
        if path.suffix != ".yaml":
            name = f"{path.parent.name}/{path.name}"
            raise wrong("wrong_settings_file", name=name, known=f"{path.parent.name}/*.yaml", hint="")


def _read(path: Path) -> Any:
    if not path.is_file():
        raise wrong("wrong_no_file", path=path)
    return read_yaml(path)


def _whole(_: Any, own: Any) -> Any:
    """An entry of the home takes the place of the package's."""
    return own


def _overlay(
    name: str, folder: Path, sources: list[ExplanationOfValue], combined: Callable[[Any, Any], Any] = _whole
) -> dict[str, Any]:
    shipped = REGISTRY / f"{name}.yaml"
    default = (read_yaml(shipped) or {}) if shipped.is_file() else {}
    path = folder / f"{name}.yaml"
    own = (read_yaml(path) or {}) if path.is_file() else {}
    if not isinstance(own, dict):
        raise wrong("wrong_entries", name=name)
    merged = {
        **default,
        **{key: combined(default[key], value) if key in default else value for key, value in own.items()},
    }
    sources.extend(
        ExplanationOfValue(file=f"{name}.yaml", entry=str(key), source="home" if key in own else "package")
        for key in sorted(merged)
    )
    return merged


def _entries(
    model: type[Entry],
    name: str,
    folder: Path,
    sources: list[ExplanationOfValue],
    combined: Callable[[Any, Any], Any] = _whole,
) -> dict[str, Entry]:
    merged = _overlay(name, folder, sources, combined)
    return {key: parse(model, value, f"{name}.yaml: {key}") for key, value in merged.items()}


def _single(model: type[Document], path: Path, sources: list[ExplanationOfValue]) -> Document | None:
    if not path.is_file():
        return None
    sources.append(ExplanationOfValue(file=path.name, entry="*", source="home"))
    return parse(model, read_yaml(path), path.name)
