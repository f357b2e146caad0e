"""Two releases side by side: whose money changed and by which step, which figures moved, and what caused it.

Put here: released tables as two sides of a comparison, figures of payees that differ, what inputs, rules and program
differ in. Keep out: the comparison (evaluations), pages, which releases are compared.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import canonical_json
from assets.release.subject import Subject
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import fingerprint
from data_contracts.messages import both, wrong
from data_contracts.periods import Period
from data_contracts.settings.allocation import AllocationDocument
from data_contracts.settings.loading import load_settings
from evaluations.allocation.compare import Comparison, compared
from evaluations.allocation.engine import Allocation
from evaluations.allocation.lines import FUND
from reports.area_names import told_apart

_NEEDED = ("lines", "payees", "streams")
_NO_RULES = ("home", "limits", "locks", "contracts", "budget_of_period")
_NAMED = 8
# What an entry of a list goes by.
_NAMES = ("id", "year", "indicator")
_LONGEST = 40
Words = Mapping[str, str]
FIGURES_SCHEMA = {
    "payee_kind": pl.String, "payee_id": pl.String, "figure": pl.String, "a_value": pl.Float64, "b_value": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Released:
    """The money of one release: its rules and, in the kinds of payees of the rules, its tables."""

    name: str
    period: str
    spec: AllocationSpec
    rules_hash: str
    tables: Mapping[str, pl.DataFrame]
    titles_en: Mapping[str, str]
    """Payee → its name in English, where there is one."""


@dataclass(frozen=True)
class ReleaseDifference:
    """`money`: differences b − a by payee and step. `figures`: FIGURES_SCHEMA, figures of payees that differ.

    `causes`: what differs in files, rules and program, in zh and en.
    """

    a: Released
    b: Released
    money: Comparison
    figures: pl.DataFrame
    causes: list[Words]

    @property
    def titles_en(self) -> Mapping[str, str]:
        """Payee → its name in English, where either release has one, as the later says it."""
        return {**self.a.titles_en, **self.b.titles_en}


def difference_of(a: Subject, b: Subject) -> ReleaseDifference:
    """From release `a` to release `b`. Raises DefinitionError where one has no money."""
    new = _released(b, _of_home(b))
    old = _released(a, new.spec)
    money = compared(Allocation(0, old.tables), Allocation(0, new.tables))
    return ReleaseDifference(old, new, money, _figures(old, new), list(_causes(a, b)))


def _released(subject: Subject, later: AllocationSpec | None) -> Released:
    """`later`: whose titles are taken where rules of before are not what rules may say by now."""
    settings, period = subject.manifest.get("settings", {}), str(subject.period)
    rules = settings.get("allocation")
    if not isinstance(rules, dict):
        raise wrong("diff_no_rules", release=subject.name)
    try:
        # A manifest has the names of fields, not those of the file.
        document = AllocationDocument.model_validate(rules, by_alias=True, by_name=True)
        spec = document.spec(Period.parse(period).year)
    except ValueError:
        spec = later
        if spec is None:
            raise wrong("diff_no_rules", release=subject.name) from None
    level = str(rules.get("payee_level"))
    frames = {name: _table(subject, f"alloc__{name}") for name in (*_NEEDED, "sources", "performance")}
    if spec is None or frames["lines"].is_empty():
        raise wrong("diff_no_money", release=subject.name)
    kinds = {level: spec.payees.kind}
    areas = told_apart(_table(subject, "mart__areas")).filter(area_level=level)
    own = {
        name: frame.with_columns(pl.col("payee_kind").replace(kinds)) if "payee_kind" in frame.columns else frame
        for name, frame in frames.items()
    }
    names = areas.select(pl.lit(spec.payees.kind).alias("payee_kind"), payee_id="area_id", name="area_name")
    risk = _table(subject, "risk__areas").filter(area_level=level, component="total")
    tables = {
        "lines": own["lines"].rename({"sentence_params": "params"}),
        "payees": own["payees"].join(names, on=["payee_kind", "payee_id"], how="left", maintain_order="left"),
        "streams": own["streams"].with_columns(pl.col("amount_fen").alias("pool_fen")),
        "risk": risk.filter(rule_set=next(iter(settings["home"]["rule_sets"]), "")),
        "performance": own["performance"],
        "need": own["payees"].select("payee_id", "reserve_paid_fen"),
    }
    if own["sources"].height:
        tables["sources"] = own["sources"].filter(pl.col("cash"))
    english = areas.filter(pl.col("area_name_en").is_not_null()).select("area_id", "area_name_en")
    return Released(subject.name, period, spec, fingerprint(rules), tables, dict(english.iter_rows()))


def _of_home(subject: Subject) -> AllocationSpec | None:
    """The rules that the home of a release has now, for the year of the release."""
    if subject.home is None:
        return None
    rules = load_settings(subject.home.path, locked=False).allocation
    return None if rules is None else rules.spec(Period.parse(str(subject.period)).year)


def _table(subject: Subject, name: str) -> pl.DataFrame:
    path = subject.files / "tables" / f"{name}.parquet"
    if not path.is_file():
        raise wrong("diff_no_table", release=subject.name, table=name)
    return pl.read_parquet(path)


def _figures(a: Released, b: Released) -> pl.DataFrame:
    """People, risk and the value of every indicator that pays, of payees in either, where they differ."""
    sides = [_of_side(side).rename({"value": f"{name}_value"}) for name, side in (("a", a), ("b", b))]
    keys = ["payee_kind", "payee_id", "figure"]
    joined = sides[0].join(sides[1], on=keys, how="full", coalesce=True)
    return joined.filter(pl.col("a_value").ne_missing(pl.col("b_value"))).sort(keys).select(list(FIGURES_SCHEMA))


def _of_side(side: Released) -> pl.DataFrame:
    kind, number = pl.lit(side.spec.payees.kind).alias("payee_kind"), pl.col("value").cast(pl.Float64)
    people = side.tables["payees"].filter(pl.col("payee_kind") != FUND).select(
        "payee_kind", "payee_id", pl.lit("people").alias("figure"), value="population"
    )  # fmt: skip
    risk = side.tables["risk"].select(
        kind, pl.col("area_id").alias("payee_id"), pl.lit("risk").alias("figure"), "value"
    )
    paid = side.tables["performance"].select("payee_kind", "payee_id", pl.col("indicator").alias("figure"), "value")
    frames = [frame.with_columns(number) for frame in (people, risk, paid)]
    return pl.concat(frames).drop_nulls("value").unique(["payee_kind", "payee_id", "figure"], keep="first")


def _causes(a: Subject, b: Subject) -> Iterator[Words]:
    """Files that came or went, settings that changed, another program; and what that means for the money."""
    old, new = ({item["file_id"]: item for item in side.manifest["inputs"]} for side in (a, b))
    came, gone = ([item for key, item in left.items() if key not in right] for left, right in ((new, old), (old, new)))
    late = [item for item in came if a.period == b.period or item["period"] <= str(a.period)]
    later = [item for item in came if item not in late]
    for sentence, files in (("diff_late", late), ("diff_later", later), ("diff_gone", gone)):
        if files:
            yield both(sentence, count=len(files), files=_named(files))
    rules = list(_changed(a.manifest["settings"], b.manifest["settings"]))
    if rules:
        yield both("diff_rules", rules=", ".join(rules[:_NAMED]) + (" …" if len(rules) > _NAMED else ""))
    program = a.manifest["code"] != b.manifest["code"]
    if program:
        yield both("diff_program")
    moved = bool(came or gone)
    if a.period != b.period:
        yield both("diff_periods", a=a.period, b=b.period)
    elif moved != bool(rules or program):
        yield both("diff_only_files" if moved else "diff_only_rules")
    elif moved:
        yield both("diff_several")
    else:
        yield both("diff_nothing")


def _named(files: list[dict[str, Any]]) -> str:
    words = sorted({f"{item['sender']}.{item['feed']} {item['institution'] or ''} {item['period']}".replace("  ", " ")
                    for item in files})  # fmt: skip
    return "; ".join(words[:_NAMED]) + (" …" if len(words) > _NAMED else "")


def _changed(old: Any, new: Any, *where: str) -> Iterator[str]:
    """Settings that differ, each with its place and its value before and after; entries of lists go by their names."""
    if canonical_json(old) == canonical_json(new):
        return
    was, now = _entries(old, new), _entries(new, old)
    if was is None or now is None:
        yield f"{'.'.join(where)} {_shown(old)} → {_shown(new)}"
        return
    for key in sorted((was.keys() | now.keys()) - {*(() if where else _NO_RULES)}):
        yield from _changed(was.get(key), now.get(key), *where, key)


def _entries(value: Any, other: Any) -> Mapping[str, Any] | None:
    """What a setting consists of by name, as far as it and the `other` side of it have names."""
    if isinstance(value, dict):
        return value if isinstance(other, dict) else None
    if not (isinstance(value, list) and isinstance(other, list)):
        return None
    items = [*value, *other]
    for name in _NAMES:
        if all(isinstance(item, dict) and item.get(name) is not None for item in items):
            found = {str(item[name]): item for item in value}
            if len(found) == len(value):
                return found
    return None


def _shown(value: Any) -> str:
    """A value as it can stand in a sentence: a long one is not repeated."""
    if value is None:
        return "—"
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return words if len(words) <= _LONGEST else "…"


def default_before(subject: Subject) -> Path | None:
    """The release that this one is linked to, where it lies beside it."""
    link = subject.manifest.get("previous")
    place = subject.place.resolve().parent / str(link["release"]) if isinstance(link, dict) else None
    return place if place is not None and place.is_dir() else None
