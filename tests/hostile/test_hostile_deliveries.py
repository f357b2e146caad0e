"""Delivery notes, copies and re-sends, from the landing folder to the rows in force: nothing lost, nothing twice."""

import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from assets.engine.duck import EngineLimits
from assets.intake import ledger
from assets.intake.delivery import Intake
from assets.intake.landing import scan
from assets.lake.home import Home
from assets.lake.parts import part_path, read_manifest
from assets.vault.crypto import VaultKeys
from tests.hostile.builders import DBF_FIELDS, dbf, dbf_row, natural, sheet, zipped
from tests.hostile.harness import LIMITS, Case, assert_silent, judge, refused
from tests.hostile.records import FEED, HEADER, PERIOD, STORED, desk, id18, table, visit, visits
from tests.hostile.three_visits import CSV, GOOD, LOADS

NOW = datetime(2025, 4, 10, 8, 0, tzinfo=UTC)
SHA = hashlib.sha256(CSV).hexdigest()
SHORT = CSV + b"V0009,short\n"

NOTES = [
    Case("rows-right", CSV, LOADS, note={"rows": 3}),
    Case("rows-too-many", CSV, None, ("rows",), note={"rows": 4}),
    Case("rows-too-few", CSV, None, ("rows",), note={"rows": 2}),
    Case("rows-with-an-unreadable-one", SHORT, [*LOADS, refused()], note={"rows": 4}),
    Case("rows-negative", CSV, None, ("note", "accounting"), note={"rows": -3}),
    Case("rows-in-words", CSV, None, ("note", "accounting"), note={"rows": "三"}),
    Case("sum-right", CSV, LOADS, note={"sums": {"费用（元）": "6.15"}}),
    Case("sum-right-by-name", CSV, LOADS, note={"sums": {"fee": "615"}}),
    Case("sum-wrong-by-a-fen", CSV, None, ("note", "accounting"), note={"sums": {"费用（元）": "6.16"}}),
    Case("sum-of-an-unknown-column", CSV, None, ("note", "accounting"), note={"sums": {"工资": "6.15"}}),
    Case("sum-not-a-number", CSV, None, ("note", "accounting"), note={"sums": {"费用（元）": "六元"}}),
    Case("distinct-right", CSV, LOADS, note={"distinct": {"编号": 3}}),
    Case("distinct-wrong", CSV, None, ("note", "accounting"), note={"distinct": {"编号": 2}}),
    Case("distinct-persons", CSV, LOADS, ("note", "accounting"), note={"distinct": {"身份证号": 3}}),
    Case("distinct-persons-wrong", CSV, None, ("note", "accounting"), note={"distinct": {"身份证号": 4}}),
    Case("sha-right", CSV, LOADS, note={"sha256": SHA}),
    Case("sha-upper-case", CSV, LOADS, note={"sha256": SHA.upper()}),
    Case("sha-wrong", CSV, None, ("hash", "sha", "note"), note={"sha256": "0" * 64}),
    Case("sha-of-a-cut-file", CSV[:-9], None, ("hash", "sha", "note", "encoding"), note={"sha256": SHA}),
    Case("unknown-word", CSV, None, ("note", "accounting"), note={"perod": "2025Q1"}),
    Case("period-of-nothing", CSV, None, ("period", "note"), note={"period": "2025Q5"}),
    Case("a-person-in-the-note", CSV, None, ("note", "accounting"), note={"rows": "张三marker1"}),
]


@pytest.mark.parametrize("item", NOTES, ids=lambda item: item.id)
def test_delivery_notes(verdict, item):
    verdict(item)


def test_a_period_that_nothing_tells(tmp_path):
    judge(Case("unknown", CSV, None, ("period",), name="随访.csv"), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "- a\n- b\n",
        "period: 2025Q1\nperiod: 2025Q2\n",
        "!!python/object/apply:os.system [ls]",
        "\0",
        "a: &a [*a]\n",
    ],
)
def test_a_note_that_is_no_note(tmp_path, text):
    path = tmp_path / "甲_2025Q1.csv"
    path.with_name(path.name + ".note.yaml").write_text(text, encoding="utf-8")
    judge(Case("note", CSV, None, ("note", "accounting")), tmp_path)


# ------------------------------------------------------------------------------------ from landing to rows in force


@dataclass(frozen=True)
class Sent:
    """One file in the landing folder, the records that a careful reader takes from it, and its note."""

    name: str
    data: bytes
    takes: list[Any]
    note: dict[str, Any] = field(default_factory=dict)


def csv_of(*records: Any) -> bytes:
    return table(records).encode()


def sent(name: str, *records: Any, **note: Any) -> Sent:
    return Sent(name, csv_of(*records), list(records), note)


class Desk:
    """A small home with one feed."""

    def __init__(self, folder: Path) -> None:
        (folder / "home.yaml").touch()
        self.home = Home.open(folder)
        self.keys = VaultKeys.load(self.home)
        self.catalog = desk()
        self.intake = Intake(self.home, self.catalog, self.keys, LIMITS, EngineLimits(500, 2))
        self.contract = self.catalog.feed(FEED)

    def receive(self, *files: Sent) -> None:
        """Land the files, all at once, and bring staging up to date."""
        for file in files:
            path = self.home.landing / "office" / "cases" / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            if file.note:
                path.with_name(path.name + ".note.yaml").write_text(yaml.safe_dump(file.note), encoding="utf-8")
        ledger.register(self.home, scan(self.home, self.catalog), self.catalog, self.keys, LIMITS, NOW)
        self.intake.stage_feed(FEED, [PERIOD])

    def accepted(self) -> pl.DataFrame:
        """Accepted rows of all parts."""
        manifest = read_manifest(self.home, self.contract.table, PERIOD)
        paths = [
            part_path(self.home, self.contract.table, PERIOD, part) for part in (manifest.parts if manifest else [])
        ]
        return pl.concat([pl.read_parquet(path) for path in paths]) if paths else pl.DataFrame()

    def current(self) -> list[tuple[Any, ...]]:
        """The rows in force, by key."""
        rows = self.accepted()
        if rows.is_empty():
            return []
        verdicts = self.intake.not_current(self.contract, PERIOD)
        kept = rows.join(verdicts, on=["file_id", "record_no"], how="anti")
        return sorted(kept.select("person_key", *STORED).rows(), key=lambda row: row[1])

    def verdicts(self) -> dict[str, int]:
        """How many rows of each verdict."""
        frame = self.intake.not_current(self.contract, PERIOD)
        return dict(frame.group_by("verdict").len().rows())

    def accounts(self) -> list[tuple[int, int, int, int, int]]:
        """Records, unreadable, non-data, quarantined, accepted of each file in order of arrival; whole refusals too."""
        return [
            (a.records, a.unreadable, a.non_data, a.quarantined, a.accepted)
            for a in (item.account for item in self.intake.staged(FEED, PERIOD))
        ]

    def rows(self, *records: Any) -> list[tuple[Any, ...]]:
        """What should be in force."""
        return sorted((record.typed(self.keys.pseudonym) for record in records), key=lambda row: row[1])


@pytest.fixture
def small(tmp_path):
    return Desk(tmp_path)


ONE, TWO, THREE = GOOD
MENDED = visit(2, {"sbp": 151}, sbp="151")
WORSE = visit(2, sbp="999")


def test_the_same_file_under_another_name_is_not_another_file(small):
    small.receive(sent("甲_2025Q1.csv", *GOOD))
    small.receive(sent("甲_2025Q1_最终版(3).csv", *GOOD))
    assert small.current() == small.rows(*GOOD)
    assert small.accounts() == [(3, 0, 0, 0, 3)]


def test_the_same_records_in_every_form_count_once(small):
    small.receive(
        sent("a_2025Q1.csv", *GOOD),
        Sent("b_2025Q1.csv", table(GOOD).encode("gb18030"), GOOD),
        Sent("c_2025Q1.xlsx", sheet([list(HEADER.values()), *(natural(r) for r in GOOD)]), GOOD),
        Sent("d_2025Q1.zip", zipped({"a.csv": table(GOOD, end="\r\n").encode()}), GOOD),
        Sent("e_2025Q1.dbf", dbf(DBF_FIELDS, [dbf_row(r) for r in GOOD]), GOOD),
    )
    assert small.current() == small.rows(*GOOD)
    assert small.accounts() == [(3, 0, 0, 0, 3)] * 5
    assert small.verdicts() == {"duplicate": 12}


def test_a_corrected_resend_replaces_what_it_corrects(small):
    small.receive(sent("a_2025Q1.csv", *GOOD, sequence=1))
    small.receive(sent("a2_2025Q1.csv", ONE, MENDED, THREE, sequence=2))
    assert small.current() == small.rows(ONE, MENDED, THREE)
    assert small.verdicts() == {"duplicate": 2, "superseded": 1}


def test_out_of_order_arrival_changes_nothing(small):
    small.receive(sent("a2_2025Q1.csv", ONE, MENDED, THREE, sequence=2))
    small.receive(sent("a_2025Q1.csv", *GOOD, sequence=1))
    assert small.current() == small.rows(ONE, MENDED, THREE)


def test_a_correction_in_part_leaves_the_rest(small):
    small.receive(sent("a_2025Q1.csv", *GOOD, sequence=1))
    small.receive(sent("a2_2025Q1.csv", MENDED, sequence=2))
    assert small.current() == small.rows(ONE, MENDED, THREE)


def test_a_file_that_supersedes_takes_the_other_away(small):
    small.receive(sent("a_2025Q1.csv", *GOOD, sequence=1))
    small.receive(sent("a2_2025Q1.csv", MENDED, sequence=2, supersedes=["a_2025Q1.csv"]))
    assert small.current() == small.rows(MENDED)
    assert small.verdicts() == {"superseded": 3}


def test_a_correction_that_is_refused_takes_nothing_away(small):
    small.receive(sent("a_2025Q1.csv", *GOOD, sequence=1))
    small.receive(Sent("a2_2025Q1.csv", csv_of(MENDED), [], {"sequence": 2, "supersedes": ["a_2025Q1.csv"], "rows": 7}))
    assert small.current() == small.rows(*GOOD)


def test_a_corrected_record_that_is_refused_leaves_the_old_one(small):
    small.receive(sent("a_2025Q1.csv", *GOOD, sequence=1))
    small.receive(Sent("a2_2025Q1.csv", csv_of(ONE, WORSE), [ONE], {"sequence": 2}))
    assert small.current() == small.rows(*GOOD)
    assert small.accounts() == [(3, 0, 0, 0, 3), (2, 0, 0, 1, 1)]


def test_two_files_of_one_period_add_up(small):
    small.receive(sent("a_2025Q1.csv", ONE, TWO), sent("b_2025Q1.csv", THREE))
    assert small.current() == small.rows(*GOOD)


def test_growing_files_count_each_record_once(small):
    for count in (1, 2, 3):
        small.receive(sent(f"m{count}_2025Q1.csv", *GOOD[:count], sequence=count))
    assert small.current() == small.rows(*GOOD)
    assert small.verdicts() == {"duplicate": 3}


def test_the_same_record_twice_in_a_file_counts_once(small):
    small.receive(sent("a_2025Q1.csv", ONE, TWO, TWO, THREE))
    assert small.current() == small.rows(*GOOD)
    assert small.verdicts() == {"duplicate": 1}


def test_two_records_of_one_key_in_a_file_are_named(small):
    """Which of them holds is not for us to guess in silence: refused by name, or one superseded, never both counted."""
    small.receive(sent("a_2025Q1.csv", ONE, TWO, MENDED))
    (account,) = small.accounts()
    assert account[0] == 3
    assert len(small.current()) + account[3] + small.verdicts().get("superseded", 0) == 3
    assert len(small.current()) <= 2


def test_keys_that_differ_in_width_are_one_key(small):
    wide = visit(2, no="Ｖ０００２")
    small.receive(sent("a_2025Q1.csv", ONE, TWO), sent("b_2025Q1.csv", wide, sequence=2))
    assert small.current() == small.rows(ONE, TWO)


def test_a_file_of_hostile_records_from_landing_to_rows(small):
    text = csv_of(ONE) + "合计,,,,,,,,,,\n\n".encode() + csv_of(TWO, WORSE, visit(4, idno="1")).split(b"\n", 1)[1]
    small.receive(Sent("a_2025Q1.csv", text + b"V0005,x\n", [ONE, TWO]))
    assert small.accounts() == [(7, 1, 2, 2, 2)]
    assert small.current() == small.rows(ONE, TWO)


def test_nothing_personal_leaves_the_vault(small):
    """Names and ids are in no file of the home but the landing folder, in no form the program writes."""
    records = visits(6)
    damaged = table([*records[:3], visit(4, idno=id18(4) + "0"), visit(5, sbp="九十")]).encode() + b'"V0006,\n'
    small.receive(
        Sent("a_2025Q1.csv", damaged, []),
        Sent("b_2025Q1.xlsx", sheet([list(HEADER.values()), natural(ONE, idno=int(id18(1)[:17]))]), []),
        Sent("c_2025Q1.csv", table(records[:2], ["张三marker1", *list(HEADER.values())[1:]]).encode(), []),
    )
    private = [text for n in range(1, 7) for text in (f"张三marker{n}", id18(n)[:17], f"备注marker{n}")]
    stored = [text for n in range(1, 4) for text in (f"备注marker{n}",)]
    for path in small.home.path.rglob("*"):
        if not path.is_file() or small.home.landing in path.parents:
            continue
        data = path.read_bytes()
        told = data.decode("utf-8", "replace") + data.decode("utf-16-le", "replace")
        if path.suffix == ".parquet":
            told += str(pl.read_parquet(path).rows())
        found = [text for text in private if text in told and text not in stored]
        assert not found, (path.relative_to(small.home.path), found)
    for item in small.intake.staged(FEED, PERIOD):
        assert_silent(str([finding.words(language) for finding in item.account.findings for language in ("zh", "en")]))


def _variant(number: int, version: int) -> Any:
    return visit(number, {"sbp": 120 + version}, sbp=str(120 + version))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_history_of_deliveries_ends_as_a_plain_reading_says(small, seed):
    """Files in any order, corrected, repeated, superseded: a record stands as the file of highest rank that has it
    says; a file that another supersedes has none."""
    dice = random.Random(seed)  # noqa: S311  (no secret)
    names = [f"f{n}_2025Q1.csv" for n in range(dice.randrange(2, 6))]
    files = []
    for place, name in enumerate(names):
        held = {n: _variant(n, dice.randrange(3)) for n in range(1, 7) if dice.random() < 0.6} or {9: visit(9)}
        note: dict[str, Any] = {"sequence": dice.randrange(1, 4)}
        if place and dice.random() < 0.4:
            note["supersedes"] = [names[dice.randrange(place)]]
        files.append((name, held, note, csv_of(*held.values())))
    order = dice.sample(files, len(files))
    for name, held, note, data in order:
        small.receive(Sent(name, data, list(held.values()), note))
    gone = {name for _, _, note, _ in files for name in note.get("supersedes", ())}
    ranked = sorted(files, key=lambda file: (file[2]["sequence"], hashlib.sha256(file[3]).hexdigest()))
    kept_bytes = {data: name for name, _, _, data in reversed(order)}
    standing = {
        number: record
        for name, held, _, data in ranked
        if name not in gone and kept_bytes[data] == name
        for number, record in held.items()
    }
    assert small.current() == small.rows(*standing.values())
