"""Why this score, why this risk: what each part gave, how sure rank and grade are, what was locked.

Put here: sentences about one row of score__policies or risk__areas. Keep out: indicator values and money (explain).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from data_contracts.messages import both

if TYPE_CHECKING:
    from assets.release.explain import ReleasedPeriod

Words = dict[str, str]
_TOTAL = "total"


def score_sentences(release: "ReleasedPeriod", row: dict[str, Any]) -> Iterator[Words]:
    """About a score of a policy in an area: of a total what each indicator gave, of a dimension its points."""
    here = (pl.col("policy_id") == row["policy_id"]) & _at(row)
    titles = release.manifest["settings"]["indicators"]
    parts = release.table("score__indicators").filter(here)
    if row["dimension"] != _TOTAL:
        parts = parts.filter(pl.col("dimension") == row["dimension"])
    for part in parts.sort("dimension", "indicator_id").iter_rows(named=True):
        yield both(
            "explain_score_part",
            dimension=both(f"reports.dimension.{part['dimension']}"),
            indicator=titles[part["indicator_id"]]["titles"],
            value=_shown(part["value"]),
            low=part["low"],
            high=part["high"],
            points=_shown(part["points"]),
            weight=part["weight"],
            contribution=_shown(part.get("contribution")),
        )
    if row["dimension"] == _TOTAL:
        ranks = _table(release, "score__ranks")
        yield from _rank(ranks.filter(here, pl.col("among") == "areas") if ranks is not None else None)
        names = release.manifest["settings"]["policies"]["grades"]
        yield from _chances(release, "score__grades", here, {key: item["titles"] for key, item in names.items()})
    yield from _lock(release, f"policy:{row['policy_id']}")


def risk_sentences(release: "ReleasedPeriod", row: dict[str, Any]) -> Iterator[Words]:
    """About the risk of an area: what each component gave, rank and tier."""
    index = row.get("index_id")
    parts = release.table("risk__areas").filter(_at(row), pl.col("component") != _TOTAL)
    for part in parts.sort("component").iter_rows(named=True):
        yield both(
            "explain_risk_part",
            component=component_titles(release, part),
            raw=_shown(part["raw_value"]),
            points=_shown(part["value"]),
            contribution=_shown(part["contribution"]),
        )
    if index is None:
        return
    here = (pl.col("index_id") == index) & _at(row)
    ranks = _table(release, "risk__ranks")
    yield from _rank(ranks.filter(here) if ranks is not None else None)
    yield from _chances(release, "risk__grades", here, _tiers(release.manifest["settings"]["indices"].get(index)))
    yield from _lock(release, f"index:{index}")


def component_titles(release: "ReleasedPeriod", row: dict[str, Any]) -> Words:
    """What a component of risk is called: as its index says, else as its indicator, else by its id."""
    settings, component = release.manifest["settings"], row["component"]
    spec = settings.get("indices", {}).get(row.get("index_id"))
    own = _titles(spec["tree"]).get(component) if spec else None
    found = own or settings["indicators"].get(component, {}).get("titles")
    return found or {"zh": component, "en": component}


def _titles(part: dict[str, Any]) -> dict[str, Any]:
    """Titles of a part and of all below it, by id."""
    own = {part["id"]: part["titles"]} if part.get("titles") else {}
    for child in part.get("parts", []):
        own |= _titles(child)
    return own


def _at(row: dict[str, Any]) -> pl.Expr:
    return pl.all_horizontal(pl.col(name) == row[name] for name in ("area_level", "area_id", "rule_set"))


def _table(release: "ReleasedPeriod", name: str) -> pl.DataFrame | None:
    return release.table(name) if release.has(name) else None


def _rank(ranks: pl.DataFrame | None) -> Iterator[Words]:
    known = ranks.filter(pl.col("rank").is_not_null()) if ranks is not None else pl.DataFrame()
    for row in known.iter_rows(named=True):
        names = ("rank", "lower", "upper")
        yield both("explain_rank", of=row["of"], **{name: _plain(row[name]) for name in names})


def _chances(release: "ReleasedPeriod", name: str, here: pl.Expr, titles: dict[str, Any]) -> Iterator[Words]:
    table = _table(release, name)
    if table is None:
        return
    known = table.filter(here, pl.col("chance") > 0).sort("chance", "grade", descending=[True, False])
    for row in known.iter_rows(named=True):
        grade = titles.get(row["grade"]) or row["grade"]
        yield both("explain_chance", grade=grade, chance=f"{row['chance'] * 100:.0f}")


def _tiers(spec: dict[str, Any] | None) -> dict[str, Any]:
    grades = spec["tree"]["grades"][:1] if spec else []
    return {item["id"]: item["titles"] for entry in grades for item in entry["classes"]}


def _lock(release: "ReleasedPeriod", entry: str) -> Iterator[Words]:
    locks = release.manifest["settings"].get("locks", {}).get("locks", [])
    for lock in [lock for lock in locks if lock["entry"] == entry][-1:]:
        yield both("explain_lock", at=lock["at"], by=lock["by"], hash=lock["hash"])


def _shown(value: float | None) -> object:
    return both("explain_no_value") if value is None else value


def _plain(value: float | None) -> str:
    return "—" if value is None else f"{value:g}"
