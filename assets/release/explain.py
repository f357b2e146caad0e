"""Why this figure, why this amount: from a released cell back to definition, counts, rule set and delivered files.

Put here: gathering the explanation and wording it. Keep out: counting again (the caller brings the recount).
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import read_json
from assets.release.explain_index import component_titles, risk_sentences, score_sentences
from assets.release.publish import PROFILE
from data_contracts.messages import LANGUAGES, both, did_you_mean, text, wrong
from data_contracts.statement_lines import OF_PERIOD
from data_contracts.tables import output_tables

_VALUES, _REBASED = "ind__values", "ind__rebased"
_NEAREST = "wrong_nearest"

Recount = Callable[[str, dict[str, Any]], tuple[Decimal | None, Decimal | None]]


@dataclass(frozen=True)
class Explanation:
    """Sentences in both languages, in order, and the plain values behind them."""

    sentences: list[dict[str, str]]
    values: dict[str, Any]

    def text(self, language: str) -> str:
        """The explanation as text."""
        return "\n".join(sentence[language] for sentence in self.sentences)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"sentences": self.sentences, "values": self.values}


@dataclass(frozen=True)
class ReleasedPeriod:
    """A release folder opened for reading."""

    manifest: dict[str, Any]
    folder: Path

    @classmethod
    def open(cls, release: Path) -> "ReleasedPeriod":
        """The internal profile of a release."""
        folder = release / PROFILE
        return cls(read_json(folder / "manifest.json"), folder)

    def table(self, name: str) -> pl.DataFrame:
        """One released table."""
        return pl.read_parquet(self.folder / "tables" / f"{name}.parquet")

    def has(self, name: str) -> bool:
        """Whether the release has this table; one made by an earlier version may lack it."""
        return (self.folder / "tables" / f"{name}.parquet").is_file()

    def area_name(self, area_id: str, language: str) -> str:
        """Name of an area."""
        areas = self.table("mart__areas").filter(pl.col("area_id") == area_id)
        if areas.is_empty():
            return area_id
        row = areas.row(0, named=True)
        return str((row["area_name_en"] if language == "en" else None) or row["area_name"])


def explain_cell(
    release: ReleasedPeriod, cell: str, feeds: Callable[[str], list[str]], recount: Recount
) -> Explanation:
    """Explain `TABLE:KEY`; for indicator values with definition, counts, recount and source files."""
    table, _, key = cell.partition(":")
    tables = {name: contract for name, contract in output_tables().items() if contract.document.published}
    if table not in tables:
        raise wrong("wrong_cell_table", table=table, hint=did_you_mean(table, tables, _NEAREST))
    names = tables[table].key
    parts = key.split("/")
    if len(parts) != len(names):
        raise wrong("explain_cell_form", table=table, key="/".join(names))
    frame = release.table(table)
    found = frame.filter(pl.all_horizontal(pl.col(n).cast(pl.String) == v for n, v in zip(names, parts, strict=True)))
    if found.is_empty():
        known = frame.select(pl.concat_str([pl.col(n).cast(pl.String) for n in names], separator="/")).to_series()
        raise wrong("wrong_cell_row", hint=did_you_mean(key, known.to_list(), _NEAREST))
    row = found.row(0, named=True)
    if table not in (_VALUES, _REBASED):
        sentences = [{"zh": f"{name} = {value}", "en": f"{name} = {value}"} for name, value in row.items()]
        about = {"score__policies": score_sentences, "risk__areas": risk_sentences}.get(table)
        return Explanation([*sentences, *(about(release, row) if about else ())], row)
    return _value(release, row, feeds, recount)


def _valued(release: ReleasedPeriod, row: dict[str, Any]) -> dict[str, str]:
    """A value with everything that tells it from the others of its indicator, area and period."""
    entry = release.manifest["settings"]["indicators"][row["indicator_id"]]
    return both(
        "explain_value" if row["value"] is not None else "explain_without_value",
        indicator=entry["titles"],
        area={language: release.area_name(row["area_id"], language) for language in LANGUAGES},
        period=row["period"],
        rule_set=release.manifest["settings"]["rule_sets"][row["rule_set"]]["titles"],
        stratum=both("explain_stratum_all") if row["stratum"] == "all" else row["stratum"],
        value=row["value"],
        unit=entry["unit"],
        status=both(f"reports.status.{row['status']}"),
    )


def _value(
    release: ReleasedPeriod, row: dict[str, Any], feeds: Callable[[str], list[str]], recount: Recount
) -> Explanation:
    entry = release.manifest["settings"]["indicators"][row["indicator_id"]]
    rule_set = release.manifest["settings"]["rule_sets"][row["rule_set"]]
    sentences = [
        _valued(release, row),
        *([both("explain_geography", period=row["period"], geography=row["geography"])] if "geography" in row else []),
        _both(lambda x: text("explain_definition", x, text=entry["definition"][x])),
        _both(lambda x: text("explain_rule_set", x, title=rule_set["titles"][x], reference=rule_set["reference"])),
        _counted("numerator", entry, row),
        _counted("denominator", entry, row),
        both("explain_interval", lower=row["lower"], upper=row["upper"], method=row["method"]),
    ]
    again = recount(row["indicator_id"], row)
    same = again == (row["numerator"], row["denominator"])
    sentences.append(
        _both(
            lambda x: text(
                "explain_recounted",
                x,
                numerator=_plain(again[0]),
                denominator=_plain(again[1]),
                verdict=text("explain_same" if same else "explain_differs", x),
            )
        )
    )
    sources = [
        item for item in release.manifest["inputs"] if f"{item['sender']}.{item['feed']}" in feeds(row["indicator_id"])
    ]
    year = str(row["period"])[:4]
    window = entry["window"]
    sources = [
        x
        for x in sources
        if x["period"] == row["period"] or (window != "in_period" and year <= x["period"] <= row["period"])
    ]
    sources.sort(key=lambda x: (x["period"], x["sender"], x["feed"], x.get("institution") or "", x["sha256"]))
    sentences.append(both("explain_sources", count=len(sources)))
    sentences.extend(
        both("explain_source", feed=f"{x['sender']}.{x['feed']}", period=x["period"], sha256=x["sha256"])
        for x in sources
    )
    return Explanation(sentences, {**row, "recounted": again, "same": same, "sources": sources})


def _payee_id(release: ReleasedPeriod, ids: list[str], given: str) -> str:
    """The payee of that id, or of that name where only one has it."""
    if given in ids:
        return given
    names = {own: {release.area_name(own, language) for language in LANGUAGES} for own in ids}
    named = [own for own, known in names.items() if given in known]
    if len(named) == 1:
        return named[0]
    if named:
        raise wrong("wrong_payee_name", payee=given, ids=", ".join(named))
    known = [*ids, *(name for own in names.values() for name in own)]
    raise wrong("wrong_payee", payee=given, hint=did_you_mean(given, known, _NEAREST))


def _counted(side: str, entry: dict[str, Any], row: dict[str, Any]) -> dict[str, str]:
    words = entry[f"{side}_words"]
    return _both(lambda x: text(f"explain_{side}", x, words=words[x], count=_plain(row[side])))


def explain_payee(release: ReleasedPeriod, payee: str, money: Callable[[int], str]) -> Explanation:
    """The statement of a payee, by id or name: its lines in words with a running total that ends at the amount."""
    payees = release.table("alloc__payees")
    payee = _payee_id(release, payees["payee_id"].to_list(), payee)
    found = payees.filter(pl.col("payee_id") == payee)
    row = found.row(0, named=True)
    lines = release.table("alloc__lines").filter(pl.col("payee_id") == payee).sort("line_no")
    sentences = [
        _both(
            lambda x: text(
                "explain_payee",
                x,
                name=release.area_name(payee, x),
                payee=payee,
                period=row["period"],
                amount=money(row["amount_fen"]),
            )
        )
    ]
    running, currency = 0, release.manifest["settings"]["home"]["currency"]["major"]
    streams = (release.manifest["settings"].get("allocation") or {}).get("streams") or ()
    titles = {stream["id"]: stream.get("titles") or dict.fromkeys(LANGUAGES, stream["id"]) for stream in streams}
    for line in lines.iter_rows(named=True):
        running += line["amount_fen"]
        # Lines of the period sound alike in every stream, so they name theirs.
        of = (
            titles.get(line["stream"], dict.fromkeys(LANGUAGES, line["stream"]))
            if line["line_id"] in OF_PERIOD
            else None
        )
        sentences.append(both("explain_line", words=_line(line, of, currency), amount=money(line["amount_fen"]),
                              running=money(running)))  # fmt: skip
    return Explanation(sentences, {**row, "lines": lines.to_dicts(), "sum": running})


def _line(line: dict[str, Any], stream: dict[str, str] | None, major: dict[str, str]) -> dict[str, str]:
    """A line in words, with the name of its `stream` where it is given."""
    words = both(line["sentence_id"], **{"major": major, **json.loads(line["sentence_params"] or "{}")})
    return words if stream is None else both("allocate.statement.of_stream", stream=stream, words=words)


def explain_area(
    release: ReleasedPeriod, area: str, money: Callable[[int], str], became: Callable[[str], Collection[str]]
) -> Explanation:
    """Indicators, scores, risk and money of an area in the release's period.

    `became`: what an area that is no longer there has become. Raises DefinitionError for an area the release lacks.
    """
    areas = release.table("mart__areas")
    if area not in areas["area_id"].to_list():
        now = sorted(set(became(area)) - {area})
        if now:
            raise wrong("wrong_area_gone", area=area, period=release.manifest["period"], now=", ".join(now))
        raise wrong("wrong_area", area=area, hint=did_you_mean(area, areas["area_id"].to_list(), _NEAREST))
    here = pl.col("area_id") == area
    period = release.manifest["period"]
    sentences: list[dict[str, str]] = []
    moved = sorted(release.table(_REBASED).filter(here)["period"].unique()) if release.has(_REBASED) else []
    if moved:
        sentences.append(both("explain_moved", count=len(moved), first=moved[0], last=moved[-1]))
    values = release.table(_VALUES).filter(here, pl.col("period") == period)
    sentences.extend(_valued(release, row) for row in values.iter_rows(named=True))
    settings = release.manifest["settings"]
    sentences.extend(
        both(
            "explain_score",
            policy=settings["policies"]["policies"][row["policy_id"]]["titles"],
            rule_set=settings["rule_sets"][row["rule_set"]]["titles"],
            dimension=both(f"reports.dimension.{row['dimension']}"),
            value=_or_none(row["value"]),
        )
        for row in release.table("score__policies").filter(here).iter_rows(named=True)
    )
    # Parts under the total they belong to.
    risks = release.table("risk__areas").filter(here).sort("rule_set", pl.col("component") != "total", "component")
    for row in risks.iter_rows(named=True):
        if row["component"] == "total":
            rule_set = settings["rule_sets"][row["rule_set"]]["titles"]
            sentences.append(both("explain_risk", rule_set=rule_set, value=_or_none(row["value"])))
        else:
            sentences.append(
                both(
                    "explain_risk_part",
                    component=component_titles(release, row),
                    raw=_or_none(row["raw_value"]),
                    points=_or_none(row["value"]),
                    contribution=_or_none(row["contribution"]),
                )
            )
    if area in release.table("alloc__payees")["payee_id"].to_list():
        sentences.extend(explain_payee(release, area, money).sentences)
    return Explanation(sentences, {"area": area, "period": period, "indicators": values.to_dicts()})


def _both(words: Callable[[str], str]) -> dict[str, str]:
    return {language: words(language) for language in ("zh", "en")}


def _or_none(value: float | None) -> object:
    return both("explain_no_value") if value is None else value


def _plain(value: Decimal | None) -> str:
    return "—" if value is None else f"{value.normalize():f}"
