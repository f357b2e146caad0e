"""Hostile files under the contracts of the package: forms read alike, other units are refused, the desk is calm."""

import gzip
import io
import json
import random
from decimal import Decimal

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.intake.check import check_file
from data_contracts.contracts import Catalog
from pipelines.cli import app
from tests.hostile.builders import dbf, sheet, zipped
from tests.hostile.harness import LIMITS, assert_silent, text_of, through_check
from tests.hostile.records import FEED, desk, id18, table, visits
from tests.unit.demo.sound import PERIOD, sound

SAMPLE = [
    "health_bureau.followups_hypertension",
    "health_bureau.residents",
    "health_bureau.fund_ledger",
    "hospitals.encounters",
    "insurers.settlements",
    "civil_affairs.welfare",
]


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture
def loaded(catalog, monkeypatch):
    """The desk with a catalog that is read once."""
    monkeypatch.setattr(Catalog, "load", lambda *_: catalog)


def rows_of(contract, count=6):
    frame = sound(contract, count)
    return [[column.headers[0] for column in contract.columns], *map(list, frame.rows())]


def delimited(rows, delimiter=","):
    stream = io.StringIO()
    pl.DataFrame(rows[1:], schema=rows[0], orient="row").write_csv(stream, separator=delimiter)
    return stream.getvalue()


def forms(rows):
    text = delimited(rows)
    return {
        "utf-8.csv": text.encode(),
        "bom.csv": text.encode("utf-8-sig"),
        "gb18030.csv": text.encode("gb18030"),
        "utf-16.csv": text.encode("utf-16"),
        "crlf.csv": text.replace("\n", "\r\n").encode(),
        "cr.csv": text.replace("\n", "\r").encode(),
        "tab.tsv": delimited(rows, "\t").encode(),
        "book.xlsx": sheet(rows),
        "packed.zip": zipped({"a.csv": text.encode()}),
        "packed.csv.gz": gzip.compress(text.encode(), mtime=0),
        "cut.dbf": dbf_of(rows),
        "titled.csv": ("某县统计表\n填报日期：2025-12-31\n" + text).encode(),
    }


def dbf_of(rows):
    """A table whose field names are cut to ten bytes, as its form wants them."""
    names = [title.encode("gbk")[:10].decode("gbk", "ignore") for title in rows[0]]
    widths = [max(len(str(row[at]).encode("gbk")) for row in rows) for at in range(len(names))]
    return dbf([(name, "C", width, 0) for name, width in zip(names, widths, strict=True)], rows[1:])


def content(path, contract, catalog):
    result, passed = _pass(path, contract, catalog)
    assert result.refused is None, (path.name, result.refused.sentence, result.refused.params)
    account = result.account
    rows = passed.part("accepted")
    hashes = rows["row_hash"].to_list() if rows.height else []
    return (account.records, account.unreadable, account.non_data, account.quarantined, account.accepted), hashes


def _pass(path, contract, catalog):
    return through_check(path, Catalog({FEED: catalog.feeds[contract.key]}, catalog.code_lists), LIMITS, PERIOD)


@pytest.mark.slow
@pytest.mark.parametrize("key", SAMPLE)
def test_every_form_of_a_file_reads_alike(catalog, tmp_path, key):
    contract = catalog.feed(key)
    found = {}
    for name, data in forms(rows_of(contract)).items():
        (tmp_path / name).write_bytes(data)
        if name != "cut.dbf" or len({field[:10] for field in rows_of(contract)[0]}) == len(rows_of(contract)[0]):
            found[name] = content(tmp_path / name, contract, catalog)
    plain = found["utf-8.csv"]
    assert plain[0][0] == plain[0][4] == 6
    assert {name: item for name, item in found.items() if item != plain} == {}


# A number in a customary other unit, as a multiple of the same number in ours; the first words that fit count.
OTHER_UNITS = {
    ("mmHg", ""): Decimal("0.1333"),
    ("mmol/L", "triglycerides"): Decimal("88.57"),
    ("mmol/L", "cholesterol"): Decimal("38.67"),
    ("mmol/L", "ldl"): Decimal("38.67"),
    ("mmol/L", "hdl"): Decimal("38.67"),
    ("mmol/L", "glucose"): Decimal("18.02"),
    ("μmol/L", "creatinine"): Decimal("0.0113"),
    ("cm", ""): Decimal("0.01"),
}


def factor(column):
    """What a number of a column becomes in the other unit; None where no other is customary."""
    found = (by for (unit, word), by in OTHER_UNITS.items() if unit == column.extras.unit and word in column.name)
    return next(found, None)


def in_other_units(contract):
    """Columns with a number that another unit would make quite another."""
    return [
        column
        for column in contract.columns
        if column.type in ("integer", "decimal") and column.examples and factor(column)
    ]


def test_numbers_in_another_unit_are_named(catalog, tmp_path):
    """Pressure in kPa, glucose and lipids in mg/dL, height in metres: refused, or flagged where no figure uses it."""
    taken = []
    for contract in catalog.current():
        columns = in_other_units(contract)
        if not columns:
            continue
        header, *records = rows_of(contract, len(columns))
        for record, column in zip(records, columns, strict=True):
            value = Decimal(column.examples[0]) * factor(column)
            places = column.extras.scale if column.type == "decimal" else 0
            record[header.index(column.headers[0])] = str(round(value, places))
        path = tmp_path / f"{contract.key}_{PERIOD}.csv"
        path.write_text(delimited([header, *records]), encoding="utf-8")
        _, passed = _pass(path, contract, catalog)
        fixes = passed.part("fixes")
        named = set(fixes["record_no"]) if fixes.height else set()
        numbers = sorted(set(range(1, len(columns) + 1)) - named)
        taken += [f"{contract.key}.{columns[number - 1].name}" for number in numbers]
    assert not taken, ", ".join(taken)


TYPOS = [("高血压", "高压血"), ("血糖", "血压"), ("身份证号", "身份证好")]


@pytest.mark.parametrize(("right", "typo"), TYPOS)
def test_a_misspelt_header_is_told_or_known(catalog, tmp_path, right, typo):
    """Known as an alias, or named with the nearest header; never another column."""
    seen = 0
    for contract in catalog.current():
        header, *records = rows_of(contract, 2)
        wrong = [title.replace(right, typo) for title in header]
        if wrong == header or len(set(wrong)) != len(wrong):
            continue
        seen += 1
        path = tmp_path / f"{contract.key}_{PERIOD}.csv"
        path.write_text(delimited([wrong, *records]), encoding="utf-8")
        result, passed = _pass(path, contract, catalog)
        if result.refused is None:
            path.write_text(delimited([header, *records]), encoding="utf-8")
            _, plain = _pass(path, contract, catalog)
            told = any("header" in finding.sentence for finding in result.account.findings)
            same = passed.part("accepted").drop("file_id").equals(plain.part("accepted").drop("file_id"))
            assert same or told, contract.key
        else:
            assert "header" in result.refused.sentence
    assert seen, f"no header with {right}"


HOSTILE = {
    "nul": table(visits(3)).encode().replace(b"V0002", b"V\0002"),
    "mixed": table(visits(3)).encode() + table(visits(2)).encode("gb18030"),
    "ragged": table(visits(3)).encode() + b'V1,"open\n',
    "damaged.xlsx": sheet([["a"]])[:200],
    "id.xlsx": sheet([["随访编号", "身份证号"], ["1", 110101199003070123]]),
    "bytes": bytes(range(256)) * 8,
    "zip": zipped({"../张三marker1.csv": b"x"}),
    "gz": gzip.compress(b"x", mtime=0)[:-3],
    "half-a-book": b"PK\x03\x04",
    "parquet": b"PAR1" + b"\xff" * 50 + b"PAR1",
    "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "one-byte": b"\xff",
    "line": b"x" * 3_000_000,
    "quotes": b'"' * 100_000,
    "delimiters": b"," * 10_000,
    "brackets": b"<" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_desk_never_falls_over(loaded, tmp_path, name):
    """`kangheng check` says no and names it; no trace, no cell of the file."""
    path = tmp_path / f"{name}_{PERIOD}"
    path.write_bytes(HOSTILE[name])
    arguments = [
        "check",
        str(path),
        "--feed",
        "health_bureau.followups_hypertension",
        "--json",
        "--out",
        str(tmp_path / "o"),
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1, (done.output, done.exception)
    said = json.loads(done.stdout)
    assert said["passed"] is False
    assert_silent(done.output, ("V0002", id18(2)))
    for written in (tmp_path / "o").iterdir():
        assert_silent(written.read_bytes().decode("utf-8", "replace"))


def test_a_fix_list_runs_nothing(loaded, tmp_path):
    """The name of the file is the sender's, and stands in every row of the list."""
    header, *records = rows_of(Catalog.load().feed(SAMPLE[0]), 3)
    records[1][header.index("收缩压")] = "=cmd|' /C calc'!A0"
    path = tmp_path / f"=1+1_{PERIOD}.csv"
    path.write_text(delimited([header, *records]), encoding="utf-8")
    CliRunner().invoke(app, ["check", str(path), "--feed", SAMPLE[0], "--out", str(tmp_path / "o")])
    lists = {file.suffix: file for file in (tmp_path / "o").iterdir()}
    assert set(lists) == {".xlsx", ".csv", ".json"}
    rows = pl.read_csv(lists[".csv"], infer_schema=False)
    assert [cell for row in rows.rows() for cell in row if cell and cell.startswith(("=", "+", "-", "@"))] == []
    assert "<f>" not in text_of(lists[".xlsx"])
    assert all("/C calc" not in text_of(file) for file in lists.values())


def test_random_damage_never_brings_the_program_down(tmp_path):
    """Every sound form with bytes turned, cut and doubled: a verdict, never another exception, and no marker told."""

    dice = random.Random(4)  # noqa: S311  (no secret)
    text = table(visits(5))
    sound_files = [
        text.encode(),
        text.encode("gb18030"),
        text.encode("utf-16"),
        sheet([row.split(",") for row in text.splitlines()]),
        zipped({"a.csv": text.encode()}),
        gzip.compress(text.encode(), mtime=0),
    ]
    path = tmp_path / "a_2025Q1.csv"

    for turn in range(60):
        data = bytearray(sound_files[turn % len(sound_files)])
        kind = dice.randrange(3)
        at = dice.randrange(len(data))
        if kind == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            del data[at:]
        else:
            data[at:at] = data[at : at + dice.randrange(1, 40)]
        path.write_bytes(bytes(data))
        result = check_file(path, FEED, desk(), LIMITS, "2025Q1")
        account = result.account
        total = account.unreadable + account.non_data + account.quarantined + account.accepted
        assert account.records == total, turn
        assert_silent(str(result.fixes.rows()) + str(result.refused) + str(account.findings))
