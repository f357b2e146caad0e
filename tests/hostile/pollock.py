"""The pollution classes of the Pollock benchmark (Vitagliano et al., VLDB 2023), made anew on a table of our own.

`python -m tests.hostile.pollock` prints the score. A polluted file is `right` when every record of the clean table
comes out with equal cells; `in part` when exactly damaged records, or a column whose header was damaged, are refused or
left out by name and all others are right; `refused` when the whole file is, by name; anything else is `wrong`. Wrong
must be none.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from assets.intake.check import CheckResult
from tests.hostile.harness import LIMITS, through_check
from tests.hostile.records import HEADER, STORED, Visit, desk, visit

RIGHT, IN_PART, REFUSED, WRONG = "right", "in part", "refused", "wrong"
RECORDS = 40
_TRICKY = {3: '甲"乙"丙', 7: "甲,乙;丙\t丁", 11: "第一行\n第二行", 40: "末,行"}
Table = list[list[str]]


def source() -> list[Visit]:
    """The clean table: some notes hold separators, quotes and line ends."""
    records = [visit(number) for number in range(1, RECORDS + 1)]
    for number, note in _TRICKY.items():
        records[number - 1] = visit(number, {"note": note}, note=note)
    return records


NEEDED = ("no", "idno", "name", "day", "mode")
SOURCE = source()
CLEAN: Table = [list(HEADER.values()), *(record.texts() for record in SOURCE)]


@dataclass(frozen=True)
class Dialect:
    """How a table is written; the clean one quotes everything and ends lines with CR LF."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    end: str = "\r\n"

    def row(self, cells: Iterable[str]) -> str:
        """Cells as one record with its end."""
        return self.delimiter.join(self.cell(cell) for cell in cells) + self.end

    def cell(self, text: str) -> str:
        """One quoted cell."""
        return f"{self.quote[:1]}{text.replace(self.quote[:1], self.escape + self.quote[:1])}{self.quote}"


PLAIN = Dialect()


@dataclass(frozen=True)
class Polluted:
    """A polluted file. `damaged`: records (from 1) that may be refused; `absent`: columns that may be empty if told."""

    level: str
    id: str
    data: bytes | Callable[[], bytes]
    damaged: frozenset[int] = frozenset()
    absent: tuple[str, ...] = ()
    name: str = "source.csv"
    records: Sequence[Visit] = field(default_factory=lambda: SOURCE)
    limits: dict[str, int] = field(default_factory=dict)


def written(rows: Table = CLEAN, dialect: Dialect = PLAIN, **odd: Dialect) -> bytes:
    """The table in a dialect; `odd`: rows (named `row_<n>`, 0 is the header) in another one."""
    return "".join(odd.get(f"row_{at}", dialect).row(row) for at, row in enumerate(rows)).encode()


def _with_row(at: int, text: str) -> bytes:
    lines = [PLAIN.row(row) for row in CLEAN]
    lines[at] = text
    return "".join(lines).encode()


def _places(*rows: int) -> list[int]:
    return [row if row >= 0 else len(CLEAN) + row for row in rows]


_ROWS = _places(0, 1, 20, -1)
_RECORD_ROWS = _places(1, 20, -1)


def _hurt(row: int) -> frozenset[int]:
    """Records that a damaged row may cost: a damaged header may cost all, each by name."""
    return frozenset({row} if row else range(1, RECORDS + 1))


def files() -> Iterator[Polluted]:
    """Names, sizes, encodings."""
    yield Polluted("standard", "clean", written())
    for name in ("source", "\u00a0", "\u00a0.csv", "$.csv", "source.tsv", "source.pdf", "source.loremipsum", "源.csv"):
        yield Polluted("file", f"name {name!r}", written(), name=name)
    yield Polluted("file", "size 0", b"")
    for size in (1, 200, len(written()) // 2, len(written()) - 3):
        whole = written()[:size].count(b'"\r\n"V')
        yield Polluted("file", f"size {size}", written()[:size], frozenset(range(max(whole, 1), RECORDS + 1)))
    yield Polluted("file", "size beyond the limit", written(), limits={"file_bytes": 1000})
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk", "utf-16-le"):
        yield Polluted("file", f"encoding {encoding}", written().decode().encode(encoding))
    yield Polluted(
        "file", "encoding latin-1", written([[c.encode("gb18030").decode("latin-1") for c in r] for r in CLEAN])
    )


def tables() -> Iterator[Polluted]:
    """Columns, rows, preambles, footnotes, other tables, dialects of the whole file."""
    yield Polluted("table", "one column", written([row[:1] for row in CLEAN]))
    for width in (200, 1024, 17_000):
        rows = [row + [f"x{at}" for at in range(width - len(row))] for row in CLEAN]
        yield Polluted("table", f"{width} columns", lambda rows=rows: written(rows))
    yield Polluted("table", "header only", written(CLEAN[:1]), records=())
    yield Polluted("table", "one record", written(CLEAN[:2]), records=SOURCE[:1])
    yield Polluted("table", "no header", written(CLEAN[1:]))
    many = [visit(number) for number in range(1, 5001)]
    yield Polluted("table", "5000 records", lambda: written([CLEAN[0], *(r.texts() for r in many)]), records=many)
    for ident, lines in _remarks().items():
        yield Polluted("table", f"preamble {ident}", lines + written())
        yield Polluted("table", f"footnote {ident}", written() + lines)
    for end in ("\n", "\r", "\r\r\n", "\n\r"):
        yield Polluted("table", f"record delimiter {end!r}", written(dialect=Dialect(end=end)))
    for delimiter in (";", "|", " ", "\t", "\t\t", ":", ", ", "\\t", "，", "§"):
        yield Polluted("table", f"field delimiter {delimiter!r}", written(dialect=Dialect(delimiter)))
    for quote in ("'", '" ', "“", ""):
        rows = CLEAN if quote else [row for row in CLEAN if not set("".join(row)) & set('",\n\t;')]
        kept = SOURCE if quote else [r for r in SOURCE if r.cells["note"] not in _TRICKY.values()]
        damaged = frozenset(range(1, len(kept) + 1))
        yield Polluted("table", f"quotation mark {quote!r}", written(rows, Dialect(quote=quote)), damaged, records=kept)
    yield Polluted("table", "escape by backslash", written(dialect=Dialect(escape="\\")), frozenset({3}))
    for width in (6, 14):
        foreign = [[f"甲{line}{at}" for at in range(width)] for line in range(11)]
        for between in ("", "\r\n"):
            mark = "with" if between else "without"
            below = written() + between.encode() + written(foreign)
            above = written(foreign) + between.encode() + written()
            yield Polluted("table", f"table of {width} columns below, {mark} a blank line", below)
            yield Polluted("table", f"table of {width} columns above, {mark} a blank line", above)
    beside = [[*row, "", f"甲{at}", f"乙{at}"] for at, row in enumerate(CLEAN)]
    yield Polluted("table", "table beside", written(beside))


def _remarks() -> dict[str, bytes]:
    free = "说明：本表由系统导出\r\n数据截至季末\r\n联系人：王某\r\n"
    padded = "".join(line + "," * (len(HEADER) - 1) + "\r\n" for line in free.split("\r\n")[:-1])
    blank = "," * (len(HEADER) - 1) + "\r\n"
    return {
        "not delimited": free.encode(),
        "delimited": padded.encode(),
        "not delimited, with a blank line": (free + "\r\n").encode(),
        "delimited, with a blank line": (padded + blank).encode(),
    }


def rows() -> Iterator[Polluted]:
    """One row that is written otherwise than the rest."""
    for at in _ROWS:
        cells = CLEAN[at]
        for ident, text in {
            "empty": PLAIN.end,
            "fewer fields": PLAIN.row(cells[:5]),
            "more fields": PLAIN.row([*cells, *cells[:4]]),
            "a semicolon": Dialect(";").row(cells),
            "a tab": Dialect("\t").row(cells),
            "single quotes": Dialect(quote="'").row(cells),
            "no quotes": ",".join(cells) + PLAIN.end,
            "line feed": Dialect(end="\n").row(cells),
            "carriage return": Dialect(end="\r").row(cells),
            "backslashes": Dialect(escape="\\").row([*cells[:-1], 'a"b']),
            "no line end": PLAIN.row(cells)[:-2],
            "written twice": PLAIN.row(cells) * 2,
        }.items():
            hurt = _hurt(at) | (_hurt(at + 1) if ident == "no line end" else frozenset())
            if ident == "backslashes" and not at:
                continue
            if ident == "backslashes":
                yield _escaped(at)
                continue
            yield Polluted("row", f"row {at}: {ident}", _with_row(at, text), hurt)


def _escaped(at: int) -> Polluted:
    """A row whose quote is escaped by a backslash: the note reads a"b, or the record is refused."""
    records = list(SOURCE)
    records[at - 1] = visit(at, {"note": 'a"b'}, note='a"b')
    text = Dialect(escape="\\").row(records[at - 1].texts())
    return Polluted("row", f"row {at}: backslashes", _with_row(at, text), _hurt(at), records=records)


def separators(places: Sequence[int] = (0, 1, 20, RECORDS)) -> Iterator[Polluted]:
    """A separator or a quote too many or too few at every column of some rows."""
    for at in places:
        parts = [PLAIN.cell(cell) for cell in CLEAN[at]]
        for column, name in enumerate(HEADER):
            absent = () if at or name in NEEDED else (name,)
            more = ",".join([*parts[:column], "", *parts[column:]]) + PLAIN.end
            yield Polluted("row", f"row {at}: separator too many at {column}", _with_row(at, more), _hurt(at), absent)
            if column:
                less = ",".join(parts[:column]) + ",".join(parts[column:]) + PLAIN.end
                yield Polluted(
                    "row", f"row {at}: separator missing at {column}", _with_row(at, less), _hurt(at), absent
                )
            for ident, cell in {
                "opening": parts[column][1:],
                "closing": parts[column][:-1],
                "stray": '"' + parts[column],
            }.items():
                text = ",".join([*parts[:column], cell, *parts[column + 1 :]]) + PLAIN.end
                yield Polluted("row", f"row {at}: {ident} quote at {column}", _with_row(at, text), _hurt(at), absent)


def columns() -> Iterator[Polluted]:
    """Headers of a column, and cells in another format."""
    names = list(HEADER)
    for at in (0, 2, 4, len(names) - 1):
        title = CLEAN[0][at]
        absent = () if names[at] in NEEDED else (names[at],)
        for ident, text in {
            "empty": "",
            "special": "栏/%&#",
            "huge": "栏" * 100_000,
            "two lines": f"{title}\n（说明）",
        }.items():
            head = [*CLEAN[0][:at], text, *CLEAN[0][at + 1 :]]
            yield Polluted("column", f"header {at} {ident}", written([head, *CLEAN[1:]]), absent=absent)
        split = [
            [title if column == at else "" for column in range(len(names))],
            [*CLEAN[0][:at], "", *CLEAN[0][at + 1 :]],
        ]
        yield Polluted("column", f"header {at} on a row of its own", written([*split, *CLEAN[1:]]), absent=absent)
    double = [CLEAN[0][0], CLEAN[0][0], *CLEAN[0][2:]]
    yield Polluted("column", "a header twice", written([double, *CLEAN[1:]]))
    forms: dict[str, list[Callable[[str], str]]] = {
        "day": [
            lambda t: "/".join(reversed(t.split("-"))),
            lambda t: t[2:],
            lambda t: t.replace("-", ""),
            lambda t: t + " 00:00:00",
        ],
        "fee": [lambda t: "¥" + t, lambda t: t.replace(".", ","), lambda t: f"{float(t):e}", lambda t: t + "元"],
        "sbp": [lambda t: t + ".0", lambda t: t + "mmHg", lambda t: f"{int(t):,}", lambda t: f"{int(t) / 7.5:.1f}"],
        "glucose": [lambda t: t.replace(".", "．"), lambda t: f"{float(t) * 18:.0f}", lambda t: t + "%"],
        "idno": [
            lambda t: f"{float(t[:17]) * 10:.5E}",
            lambda t: t[:15] + "000",
            lambda t: "'" + t,
            lambda t: t[:6] + " " + t[6:],
        ],
        "no": [lambda t: t.lower(), lambda t: f" {t} ", lambda t: t[0] + "".join(chr(ord(c) + 0xFEE0) for c in t[1:])],
    }
    for name, changes in forms.items():
        for number, change in enumerate(changes):
            for first, last in ((1, 1), (20, 20), (RECORDS, RECORDS), (1, RECORDS), (10, 30)):
                yield _reformatted(name, number, change, first, last)


def _reformatted(name: str, number: int, change: Callable[[str], str], first: int, last: int) -> Polluted:
    at = list(HEADER).index(name)
    table = [
        [*row[:at], change(row[at]), *row[at + 1 :]] if first <= line <= last else row for line, row in enumerate(CLEAN)
    ]
    records: Sequence[Visit] = SOURCE
    if name == "no" and change("V0001") == "v0001":
        # Another key, as far as a file can say.
        records = [
            Visit(r.cells, {**r.read, "no": r.read["no"].lower()}) if first <= n <= last else r
            for n, r in enumerate(SOURCE, start=1)
        ]
    hurt = frozenset(range(first, last + 1))
    return Polluted("column", f"{name} format {number} in {first}–{last}", written(table), hurt, records=records)


def everything() -> list[Polluted]:
    """All polluted files of the short list."""
    return [*files(), *tables(), *rows(), *separators(), *columns()]


def outcome(item: Polluted, folder: Path) -> str:
    """`right`, `in part`, `refused`, or `wrong: …` with what is wrong."""
    path = folder / item.name
    path.write_bytes(item.data() if callable(item.data) else item.data)
    try:
        limits = LIMITS.model_copy(update=item.limits)
        result, passed = through_check(path, desk(), limits, "2025Q1")
    except Exception as error:  # noqa: BLE001  (whatever it is, the program failed on this file)
        return f"wrong: {type(error).__name__}: {error}"
    finally:
        path.unlink()
    if result.refused is not None:
        return REFUSED
    return _compared(item, result, passed.part("accepted"))


def _compared(item: Polluted, result: CheckResult, accepted: pl.DataFrame) -> str:
    rows = accepted.select("person_key", *STORED).rows() if accepted.height else []
    wanted = {record.read["no"]: record for record in item.records}
    got: Counter[str] = Counter()
    empty = False
    for row in rows:
        record = wanted.get(row[1])
        if record is None:
            return f"wrong: a record that is not in the table: {row[1]!r}"
        lacking = Visit(record.cells, record.read | dict.fromkeys(item.absent, None))
        if row != record.typed():
            if not item.absent or row != lacking.typed():
                return f"wrong: cells differ: {row} {record.typed()}"
            empty = True
        got[row[1]] += 1
    missing = {number for number, record in enumerate(item.records, start=1) if not got[record.read["no"]]}
    if missing - item.damaged:
        return f"wrong: lost {sorted(missing - item.damaged)[:5]}"
    if any(count > (2 if "twice" in item.id else 1) for count in got.values()):
        return "wrong: a record twice"
    account = result.account
    if account.records != account.accepted + account.quarantined + account.unreadable + account.non_data:
        return "wrong: the account does not close"
    if missing and not account.quarantined + account.unreadable + account.non_data and not _told(result):
        return "wrong: nothing says what is missing"
    if empty and not _told(result):
        return "wrong: an empty column is not told"
    return IN_PART if missing or empty else RIGHT


def _told(result: CheckResult) -> bool:
    return any(finding.sentence != "intake_encoding" for finding in result.account.findings)


def score(items: Iterable[Polluted]) -> tuple[dict[str, Counter[str]], list[str]]:
    """Counts of outcomes by level, and what is wrong."""
    levels: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for item in items:
            found = outcome(item, Path(folder))
            levels.setdefault(item.level, Counter())[found.split(":")[0]] += 1
            if found.startswith("wrong"):
                wrong.append(f"{item.level} | {item.id} | {found}")
    return levels, wrong


def main(arguments: list[str]) -> int:
    """Print the score; `--all` puts separators and quotes into every row."""
    items = everything()
    if "--all" in arguments:
        items += separators([row for row in range(len(CLEAN)) if row not in (0, 1, 20, RECORDS)])
    levels, wrong = score(items)
    columns = (RIGHT, IN_PART, REFUSED, WRONG)
    print(f"{'level':10}{'files':>8}", *(f"{name:>8}" for name in columns))
    levels["all"] = sum(levels.values(), Counter())
    for level, counts in levels.items():
        print(f"{level:10}{counts.total():8}", *(f"{counts[name]:8}" for name in columns))
    for item in wrong:
        print(item)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
