"""What is reported of indicators: cells of the data by indicator, payee and quarter.

Put here: reading and checking them. Keep out: scores (scoring.py).
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from data_contracts.allocation_spec.pay import Performance
from data_contracts.messages import did_you_mean, wrong
from evaluations.allocation.ratios import ONE, Ratio, ratio, times
from evaluations.allocation.snapshot import DataError, Rows, Snapshot, repeated

WHOLE_YEAR = 0
"""The quarter of figures that have none."""


class Reported(NamedTuple):
    """One cell of the data: score given, or a figure as numerator over cases (cases 1 where none are stated)."""

    score: Ratio | None = None
    numerator: Ratio | None = None
    cases: Ratio | None = None
    baseline: Decimal | None = None

    @property
    def known(self) -> bool:
        """Whether it says how good the payee is."""
        return self.score is not None or (self.numerator is not None and self.cases is not None)


# quarter → cell
History = dict[int, Reported]
# indicator → payee → history
Data = dict[str, dict[int, History]]


def read_data(stream: Performance, snapshot: Snapshot) -> Data:
    """Indicator → payee → quarter → cell. Rows of indicators that are not paid for are left aside.

    Raises DataError for cells that say no and for the same payee, indicator and quarter twice, DefinitionError for an
    indicator without any row.
    """
    words = stream.data
    columns = {name: column for name, column in words.model_dump(exclude={"table"}).items() if column is not None}
    rows = snapshot.rows(words.table, columns, f"streams.{stream.id}.data")
    payees, names = snapshot.places(rows, words.payee), rows.cells[words.indicator]
    quarters = [WHOLE_YEAR] * len(names)
    if words.quarter is not None:
        quarters = rows.known(words.quarter, rows.quarters(words.quarter))
    _check_rows(rows, words.payee, list(zip(payees, names, quarters, strict=True)), [words.indicator, words.quarter])
    cells = _cells(stream, rows)
    data: Data = {item.id: defaultdict(dict) for item in stream.indicators}
    for payee, name, quarter, cell in zip(payees, names, quarters, cells, strict=True):
        if name in data:
            data[name][payee][quarter] = cell
    for name, found in data.items():
        if not found:
            raise wrong("allocate_indicator_absent", table=words.table, column=words.indicator, word=name,
                        hint=did_you_mean(name, set(names)))  # fmt: skip
    return data


def _check_rows(rows: Rows, column: str, keys: Sequence[Hashable], others: Sequence[str | None]) -> None:
    columns = "、".join([column, *(name for name in others if name is not None)])
    if len(set(keys)) < len(keys):
        rows.refuse(repeated(keys), "allocate_row_again", column, columns=columns)


def _cells(stream: Performance, rows: Rows) -> list[Reported]:
    words, nothing = stream.data, [None] * len(rows.numbers)

    def figures(column: str | None, high: int | None = None, low: int | None = 0) -> Sequence[Decimal | None]:
        if column is None:
            return nothing
        found = rows.figures(column)
        rows.between(column, found, low, high)
        return found

    def ratios(column: str | None, found: Sequence[Decimal | None]) -> Sequence[Ratio | None]:
        if column is None:
            return nothing
        each = {word: figure if figure is None else ratio(figure) for word, figure in rows.distinct(column, found)}
        return [each[word] for word in rows.cells[column]]

    tops, cases = figures(words.numerator), figures(words.denominator)
    if words.numerator is not None and (stream.counts == "parts" or stream.reliability != "none"):
        over = [top is not None and own is not None and top > own for top, own in zip(tops, cases, strict=True)]
        rows.refuse(over, "allocate_over_cases", words.numerator, other=words.denominator)
    numerators, counts = ratios(words.numerator, tops), ratios(words.denominator, cases)
    if words.value is not None:
        values = ratios(words.value, figures(words.value, low=None))
        counts = [ONE] * len(values) if words.denominator is None else counts
        numerators = [
            None if value is None or own is None else times(value, own)
            for value, own in zip(values, counts, strict=True)
        ]
    scores, baselines = ratios(words.score, figures(words.score, 1)), figures(words.baseline, low=None)
    return list(map(Reported, scores, numerators, counts, baselines))


def baselines_of(data: Mapping[int, History], indicator: str) -> dict[int, Decimal]:
    """Payee → frozen figure of the base year. Raises DataError where rows of one payee state several."""
    found, differs = {}, 0
    for payee, history in data.items():
        stated = {cell.baseline for cell in history.values() if cell.baseline is not None}
        differs += len(stated) > 1
        if stated:
            found[payee] = max(stated)
    if differs:
        raise DataError("allocate_baseline_differs", indicator=indicator, count=differs)
    return found


def strata_of(stream: Performance, snapshot: Snapshot) -> list[list[int]]:
    """Places of each combination of the words of the strata columns. Raises DataError for a blank one."""
    keys: list[list[str]] = [[] for _ in snapshot.ids]
    for column in stream.strata:
        place = f"streams.{stream.id}.strata"
        words = snapshot.column(column, place)
        if any(word is None for word in words):
            raise DataError("allocate_stratum_blank", column=column, count=sum(word is None for word in words))
        for key, word in zip(keys, words, strict=True):
            key.append(word or "")
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, key in enumerate(keys):
        places[tuple(key)].append(at)
    return [places[key] for key in sorted(places)]
