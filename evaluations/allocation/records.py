"""Rows of tables with any number of rows: their ids, whom they are about, optional columns; pools and funds of streams.

Put here: what several streams read in the same way. Keep out: arithmetic of any stream.
"""

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction

from data_contracts.closed import Bilingual
from evaluations.allocation.exact import OverPool, PoolShort, within_pool
from evaluations.allocation.lines import Line, fund_line
from evaluations.allocation.problem import Conflict, Infeasible
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Rows

Payee = tuple[str, str]
"""Kind and id."""


def named(word: str, own: str, titles: Bilingual | None) -> dict[str, str]:
    """Parameters `<word>_zh` and `<word>_en` of a sentence: the titles of something, its id where it has none."""
    return {f"{word}_zh": titles.zh if titles else own, f"{word}_en": titles.en if titles else own}


def columns_of(words: Mapping[str, object]) -> dict[str, str]:
    """Word of the spec → column, for words that name one."""
    return {word: str(column) for word, column in words.items() if word != "table" and isinstance(column, str)}


def repeated(items: Sequence[Hashable]) -> list[bool]:
    """For each item whether it stood before."""
    first = {item: at for at, item in reversed(list(enumerate(items)))}
    return [first[item] != at for at, item in enumerate(items)]


def ids_once(rows: Rows, column: str) -> list[str]:
    """The ids of rows, none blank and each once."""
    words = rows.words(column)
    rows.refuse([word is None for word in words], "allocate_blank_id", column)
    rows.refuse(repeated(words), "allocate_id_again", column)
    return rows.cells[column]


def payees_of(setting: Setting, rows: Rows, column: str, kind: str) -> list[Payee]:
    """Whom each row pays.

    `payees`, or the kind of the table of payees: one of them; `family_total`: the families of one of them, together;
    otherwise a payee of its own.
    """
    snapshot = setting.snapshot
    if kind in ("payees", "family_total", snapshot.kind):
        own_kind = kind if kind == "family_total" else snapshot.kind
        return [(own_kind, snapshot.ids[at]) for at in snapshot.places(rows, column)]
    rows.refuse([word is None for word in rows.words(column)], "allocate_blank_id", column)
    return [(kind, own) for own in rows.cells[column]]


def figures(rows: Rows, column: str, high: int | None = None) -> list[Fraction]:
    """Figures from 0 (to `high`), none missing."""
    rows.between(column, rows.figures(column), 0, high)
    return rows.known(column, rows.fractions(column))


def some_figures(rows: Rows, column: str | None, high: int | None = None) -> list[Fraction | None]:
    """Figures from 0 (to `high`), None where a cell is empty or there is no such column."""
    if column is None:
        return [None] * len(rows.numbers)
    rows.between(column, rows.figures(column), 0, high)
    return rows.fractions(column)


def money(setting: Setting, rows: Rows, column: str | None) -> list[int | None]:
    """Money of the rows in fen, not negative; None where a cell is empty or there is no such column."""
    if column is None:
        return [None] * len(rows.numbers)
    found = rows.figures(column)
    rows.between(column, found)
    return setting.snapshot.fen(rows, column, found)


def paid_within(stream: str, dues: Sequence[int], pool: int, how: OverPool, ids: Sequence[str]) -> list[int]:
    """What the pool pays of what is due. Raises Infeasible where it is short and that is to be refused."""
    try:
        return within_pool(dues, pool, how, ids)
    except PoolShort as short:
        raise Infeasible(Conflict((f"due:{stream}", "streams"), stream, short.short, pool)) from None


def short_lines(
    stream: str,
    stage: str,
    payees: Sequence[Payee],
    dues: Sequence[int],
    paid: Sequence[int],
    *,
    one_off: bool = False,
) -> list[Line]:
    """What a short pool does not pay of what is due, a line below 0 for each payee that it concerns."""
    return [
        Line(kind, own, stage, "short_pool", stream, now - due, one_off=one_off)
        for (kind, own), due, now in zip(payees, dues, paid, strict=True)
        if now != due
    ]


def with_fund(lines: list[Line], fund: str, stage: str, stream: str, pool: int) -> list[Line]:
    """The lines and what they leave of the pool, in its fund."""
    left = pool - sum(line.amount for line in lines)
    return [*lines, fund_line(fund, stage, "unspent", stream, left)] if left else lines
