"""Every count equals the generator's truth and a naive per-person count from the files; every fault is found."""

import csv
import io
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from assets.intake import ledger
from assets.stages.road import Road
from data_contracts.contracts import Catalog
from data_contracts.periods import periods_between
from tests.road.conftest import FIRST, LAST, released
from tests.road.faults import found_faults, planted_faults

KEY = ["area_level", "area_id", "period", "indicator_id", "rule_set", "stratum"]


def test_every_count_equals_truth(city: Path, release: Path) -> None:
    truth = pl.read_csv(city / "truth/indicators.csv", infer_schema=False)
    values = released(release, "ind__values").with_columns(pl.col("numerator", "denominator").cast(pl.Decimal(38, 6)))
    exact = truth.with_columns(pl.col("numerator", "denominator").cast(pl.Decimal(38, 6)))
    both = exact.join(values, on=KEY, how="full", suffix="_ours", coalesce=True)
    assert both.height == exact.height == values.height
    # Where there is no denominator to speak of, both sides say zero or nothing.
    wrong = both.filter(
        (pl.col("numerator").fill_null(0) != pl.col("numerator_ours").fill_null(0))
        | (pl.col("denominator").fill_null(0) != pl.col("denominator_ours").fill_null(0))
    )
    assert wrong.height == 0, wrong.head()


def test_every_planted_fault_is_found_under_its_rule_and_no_other(city: Path, release: Path) -> None:
    planted = planted_faults(city)
    assert len(planted) > 50
    assert found_faults(Road.open(city)) == planted


def test_records_are_all_accounted_for(city: Path, release: Path) -> None:
    files = released(release, "quality__files")
    parts = pl.sum_horizontal("unreadable", "non_data", "quarantined", "current", "superseded", "duplicate")
    assert files.filter(pl.col("records") != parts).height == 0
    # Counted again with the csv module: physical records of every CSV below its header line.
    entries = {entry.file_id: entry.landing_name for entry in ledger.entries(Road.open(city).home)}
    for file_id, records in files.select("file_id", "records").rows():
        path = city / "landing" / entries[file_id]
        if path.suffix == ".csv":
            rows = list(csv.reader(io.StringIO(_text(path))))
            assert records == len(rows) - 1, path.name


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _rows(city: Path, key: str, quarter: str) -> list[dict[str, str]]:
    """Records of a feed and quarter, original files before corrections, by canonical name."""
    contract = Catalog.load().feed(key)
    names = {header: column.name for column in contract.columns for header in column.headers}
    found = []
    folder = city / "landing" / key.replace(".", "/")
    files = sorted(folder.rglob(f"*{quarter}.csv"), key=lambda path: ("更正" in path.name, path.name))
    for path in files:
        if "最终版" in path.name:
            continue
        for row in csv.DictReader(io.StringIO(_text(path))):
            if None in row or None in row.values():
                continue
            found.append({names[header]: value.strip() for header, value in row.items()})
    return found


def _valid_id(text: str) -> str | None:
    text = text.upper()
    if len(text) == 15 and text.isdigit():
        text = text[:6] + "19" + text[6:]
        text += "10X98765432"[sum(int(d) * w for d, w in zip(text, _WEIGHTS, strict=False)) % 11]
    if len(text) != 18 or not text[:17].isdigit():
        return None
    right = "10X98765432"[sum(int(d) * w for d, w in zip(text, _WEIGHTS, strict=False)) % 11]
    return text if text[17] == right else None


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None


def _register(city: Path, quarter: str, end: date) -> dict[str, dict[str, str]]:
    people = {}
    for row in _rows(city, "health_bureau.residents", quarter):
        person, born = _valid_id(row["person_id_no"]), _day(row["birth_date"])
        if person and born and date(1900, 1, 1) <= born <= end and row["sex"] in ("男", "女", "未知"):
            people[person] = {**row, "born": born.isoformat()}
    return {person: row for person, row in people.items() if row["archive_status"] == "正常"}


Visit = tuple[str, date, str, str, int | None, int | None]
_NOT_MEASURED = ("", "未测")


def _plausible(sbp: int | None, dbp: int | None) -> bool:
    in_range = (sbp is None or 50 <= sbp <= 300) and (dbp is None or 30 <= dbp <= 200)
    return in_range and (sbp is None or dbp is None or sbp > dbp)


def _visits(city: Path, quarter: str, start: date, end: date) -> list[Visit]:
    by_number: dict[str, Visit] = {}
    for row in _rows(city, "health_bureau.followups_hypertension", quarter):
        person, day = _valid_id(row["person_id_no"]), _day(row["followup_date"])
        texts = [row[name].translate(_WIDE) for name in ("sbp_mmhg", "dbp_mmhg")]
        if not (person and day and start <= day <= end and row["followup_no"]):
            continue
        if row["visit_mode"] not in ("门诊", "家庭", "电话", "其他"):
            continue
        if not all(text.isdigit() or text in _NOT_MEASURED for text in texts):
            continue
        sbp, dbp = (int(text) if text.isdigit() else None for text in texts)
        if _plausible(sbp, dbp):
            by_number[row["followup_no"]] = (person, day, row["followup_no"], row["visit_mode"], sbp, dbp)
    return list(by_number.values())


def _examined(city: Path, quarter: str, start: date, end: date) -> set[str]:
    """Who has a complete examination in a quarter."""
    found = set()
    for row in _rows(city, "health_bureau.exams", quarter):
        person, day = _valid_id(row["person_id_no"]), _day(row["exam_date"])
        valid = row["exam_no"] and row["exam_type"] in ("老年人", "慢性病患者") and row["is_complete"] == "是"
        if person and day and start <= day <= end and valid:
            found.add(person)
    return found


def _age(born: str, end: date) -> int:
    day = date.fromisoformat(born)
    return end.year - day.year - ((end.month, end.day) < (day.month, day.day))


def test_a_naive_count_per_person_agrees(city: Path, release: Path) -> None:
    """Control of blood pressure, written out person by person from the files, by community."""
    quarters = [
        ("2025Q1", date(2025, 1, 1), date(2025, 3, 31)),
        ("2025Q2", date(2025, 4, 1), date(2025, 6, 30)),
        (LAST, date(2025, 7, 1), date(2025, 9, 30)),
    ]
    end = quarters[-1][2]
    people = _register(city, LAST, end)
    seen, last = set(), {}
    for quarter in quarters:
        seen |= _examined(city, *quarter)
        for person, day, number, mode, sbp, dbp in _visits(city, *quarter):
            seen.add(person)
            measured = sbp is not None and dbp is not None
            if mode in ("门诊", "家庭") and measured and (person not in last or (day, number) > last[person][:2]):
                last[person] = (day, number, sbp, dbp)
    managed: dict[str, int] = defaultdict(int)
    controlled: dict[str, int] = defaultdict(int)
    for person, row in people.items():
        if row["is_hypertension_registered"] != "是" or person not in seen or _age(row["born"], end) < 35:
            continue
        managed[row["community_id"]] += 1
        if person in last:
            limit = 150 if _age(row["born"], end) >= 65 else 140
            controlled[row["community_id"]] += last[person][2] < limit and last[person][3] < 90
    ours = released(release, "ind__values").filter(
        pl.col("indicator_id") == "chronic_hypertension_control_pct",
        area_level="community",
        period=LAST,
        rule_set="national_2017",
    )
    assert ours.height == 59  # two of sixty communities have merged
    for area, numerator, denominator in ours.select("area_id", "numerator", "denominator").rows():
        assert (numerator or 0, denominator or 0) == (Decimal(controlled[area]), Decimal(managed[area])), area


def test_merged_and_divided_areas_keep_their_series(city: Path, release: Path) -> None:
    """Earlier periods of the areas that changed, counted again on today's geography, equal the truth."""
    exact = pl.col("numerator", "denominator").cast(pl.Decimal(38, 6))
    truth = pl.read_csv(city / "truth/rebased.csv", infer_schema=False).with_columns(exact)
    rebased = released(release, "ind__rebased").with_columns(exact)
    both = rebased.join(truth, on=KEY, how="left", suffix="_true")
    assert set(rebased["geography"]) == {LAST}
    # One community made of two, and the communities of the new township with the township they came from and theirs.
    assert set(rebased["area_id"].str.len_chars()) >= {9, 12}
    assert rebased["period"].n_unique() == len(periods_between(FIRST, LAST)) - 1
    wrong = both.filter(
        (pl.col("numerator").fill_null(0) != pl.col("numerator_true").fill_null(0))
        | (pl.col("denominator").fill_null(0) != pl.col("denominator_true").fill_null(0))
    )
    assert wrong.height == 0, wrong.head()
