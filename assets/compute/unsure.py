"""Awards by chance on the road: payees whose score nobody knows the error of, and for want of which indicators' limits.

Put here: which they are, and the sentences about them. Keep out: errors themselves (cells), chances (evaluations).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from assets.compute.allocation_tables import RoadTables
from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.contests import Awards, ByChance
from data_contracts.allocation_spec.document import AllocationSpec
from data_contracts.closed import Bilingual
from data_contracts.index_spec.document import indicators_of
from data_contracts.messages import both
from data_contracts.settings.allocation_tables import PayeeFigure, PayeeTable
from data_contracts.settings.indices import indicator_of

Words = dict[str, str]
SCHEMA = dict.fromkeys(("stream", "award_class", "payee_id", "words_zh", "words_en"), pl.String)
_BETWEEN = {"zh": "、", "en": ", "}


class Unsure(NamedTuple):
    """One class of awards. `payees`: payee → ids of the indicators; `titles`: what these are called."""

    stream: str
    award: ByChance
    payees: Mapping[str, Sequence[str]]
    titles: Mapping[str, Words]


def unsure_scores(reading: RoadTables, spec: AllocationSpec, awards: pl.DataFrame | None) -> list[Unsure]:
    """Classes in which payees have a score, but no error of it. `awards`: who competes; None: nobody."""
    found = []
    for stream in spec.of_kind(Awards):
        for item in stream.classes:
            figure = _error_of(reading, item.error) if isinstance(item, ByChance) else None
            if awards is None or figure is None or not isinstance(item, ByChance):
                continue
            competes = set(awards.filter(stream=stream.id, award_class=item.id)["payee_id"])
            unsure = {own: names for own, names in reading.without_limits(figure).items() if own in competes}
            if unsure:
                found.append(Unsure(stream.id, item, unsure, _titles(reading, figure, unsure)))
    return found


def worded(found: Sequence[Unsure]) -> pl.DataFrame:
    """SCHEMA: why a payee has no chance in a class of awards."""
    rows = []
    for own in found:
        for payee, names in sorted(own.payees.items()):
            words = both("alloc.award_unsure", indicators=_named(names, own.titles))
            rows.append((own.stream, own.award.id, payee, words["zh"], words["en"]))
    return pl.DataFrame(rows, SCHEMA, orient="row")


def said(spec: AllocationSpec, found: Sequence[Unsure]) -> Iterator[Words]:
    """A sentence for each class, for the first page."""
    for stream in spec.of_kind(Awards):
        for own in found:
            if own.stream == stream.id:
                names = sorted({name for some in own.payees.values() for name in some})
                yield both("alloc.awards_unsure", award=title_of(stream, own.award), count=len(own.payees),
                           indicators=_named(names, own.titles))  # fmt: skip


def title_of(stream: Awards, item: ByChance) -> Words:
    """What a class is called: by itself, its stream, its id."""
    return (item.titles or stream.titles or Bilingual(zh=item.id, en=item.id)).model_dump()


def _error_of(reading: RoadTables, error: Figure | str) -> PayeeFigure | None:
    if isinstance(error, str):
        return None
    table = reading.document.tables[error.table or reading.document.payees.table]
    figure = table.columns.get(error.column) if isinstance(table, PayeeTable) else None
    return figure if figure is not None and figure.standard_error else None


def _titles(reading: RoadTables, figure: PayeeFigure, payees: Mapping[str, Sequence[str]]) -> dict[str, Words]:
    """Of the parts of an index or appraisal: their own, else those of the indicator they read."""
    settings, read, found = reading.settings, dict[str, str](), dict[str, Words]()
    spec = settings.indices.get(figure.index or "")
    if figure.appraisal is not None:
        spec = settings.appraisals[figure.appraisal].spec
    for item in indicators_of(spec.tree) if spec is not None else ():
        read[item.id] = item.id if item.part is not None or item.ratio is not None else indicator_of(item.source_column)
        if item.titles is not None:
            found[item.id] = item.titles.model_dump()
    for name in {name for names in payees.values() for name in names} - found.keys():
        known = settings.indicators.get(read.get(name, name))
        found[name] = {"zh": name, "en": name} if known is None else known.titles.model_dump()
    return found


def _named(names: Sequence[str], titles: Mapping[str, Words]) -> Words:
    return {language: between.join(titles[name][language] for name in names) for language, between in _BETWEEN.items()}
