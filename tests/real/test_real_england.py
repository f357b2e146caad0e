"""General practice in England: three yearly files whose columns drift, against sums straight from the files."""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.intake.check import check_file
from assets.intake.quality import file_rows, rule_rows

YEARS = {"2016": "15-16", "2019": "18-19", "2023": "22-23"}
WITHOUT_FILE = ["2017", "2018", "2020", "2021", "2022"]
PATIENTS = "Number of Registered Patients (Last Known Figure)"
WEIGHTED = "Number of Weighted Patients (Last Known Figure)"
TOTAL = "Total NHS Payments to General Practice"
NET = f"{TOTAL} Minus Deductions"
DEDUCTIONS = "Deductions for Pensions, Levies and Prescription Charge Income"
# The two lines that stand beside their own total.
PARTS = ("LocalEnhancedServices_NHAIS_", "LocalEnhancedServices_ISFE_")
FINANCIAL_YEAR = {"2016": date(2015, 4, 1), "2019": date(2018, 4, 1), "2023": date(2022, 4, 1)}

Files = dict[str, dict[str, dict[str, str]]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(rows: Callable[[str], list[dict[str, str]]]) -> Files:
    """Year → practice code → row."""
    return {
        year: {row["Practice Code"]: row for row in rows(f"nhs_gp_payments/nhs_payments_{name}.csv")}
        for year, name in YEARS.items()
    }


@pytest.fixture(scope="module")
def england(computed: Callable[..., Any]) -> Any:
    return computed(
        "england",
        ("score", ["score__policies"]),
        ("risk", ["risk__areas"]),
        ("alloc", ["alloc__lines", "alloc__payees"]),
    )


@pytest.fixture(scope="module")
def values(england: Any) -> pl.DataFrame:
    return england.table("ind__values")


def pence(row: dict[str, str], column: str = TOTAL) -> Decimal:
    return Decimal(row[column]) * 100


def counts(frame: pl.DataFrame, indicator: str, level: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    chosen = frame.filter(pl.col("indicator_id") == indicator, pl.col("area_level") == level)
    return {
        (r[0], r[1]): r[2:] for r in chosen.select("period", "area_id", "numerator", "denominator", "status").rows()
    }


def by_area(files: Files, column: str) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for year, practices in files.items():
        for row in practices.values():
            sums[year, row[column]][0] += pence(row)
            sums[year, row[column]][1] += Decimal(row[PATIENTS])
    return {key: (top, bottom) for key, (top, bottom) in sums.items()}


def test_every_record_is_taken(england: Any, files: Files) -> None:
    taken = file_rows(england.road.intake, list(YEARS), england.road.settings.home).filter(feed="gp_payments")
    assert {row["period"]: row["current"] for row in taken.to_dicts()} == {y: len(p) for y, p in files.items()}
    assert taken["records"].to_list() == taken["current"].to_list()


def test_every_column_of_every_year_is_known(england: Any) -> None:
    for year in YEARS:
        for staged in england.road.intake.staged("nhs_england.gp_payments", year):
            about = {finding.sentence for finding in staged.account.findings}
            assert not [sentence for sentence in about if sentence.startswith("intake_header")]


def test_a_header_that_changed_its_meaning_is_read_by_year(england: Any, files: Files) -> None:
    # "CCG NAME" is the commissioner until 2018-19 and the network in 2022-23.
    areas = england.table("mart__areas")
    for year, code, name in (
        ("2016", "CCG Code", "CCG NAME"),
        ("2019", "CCG Code", "CCG NAME"),
        ("2023", "CCG Code", "Sub ICB NAME"),
    ):
        known = areas.filter(pl.col("period") == year, pl.col("area_level") == "board")
        found = dict(known.select("area_id", "area_name").iter_rows())
        for row in files[year].values():
            assert found[row[code]] == row[name]


def test_each_practice_in_each_year(values: pl.DataFrame, files: Files) -> None:
    found = counts(values, "payment_per_patient", "practice")
    delivered = {(year, code): row for year, practices in files.items() for code, row in practices.items()}
    with_figures = {key: row for key, row in found.items() if row[0] is not None}
    assert with_figures.keys() == delivered.keys()
    for key, row in delivered.items():
        top, bottom, status = with_figures[key]
        patients = Decimal(row[PATIENTS]).quantize(Decimal("0.000001"))
        assert (top, bottom) == (pence(row), patients), key
        assert status == ("ok" if patients else "no_denominator"), key


def test_each_commissioner_region_and_the_nation(values: pl.DataFrame, files: Files) -> None:
    for level, column in (("board", "CCG Code"), ("region", "NHS England (Region) code")):
        found = counts(values, "payment_per_patient", level)
        for key, (top, bottom) in by_area(files, column).items():
            assert found[key][0] == top, key
            # Each practice's list is kept to six digits of a patient.
            assert abs(found[key][1] - bottom) < Decimal("0.0001"), key
    nation = counts(values, "payment_per_weighted_patient", "nation")
    for year, practices in files.items():
        assert nation[year, "ENG"][0] == sum(map(pence, practices.values()))
        assert abs(nation[year, "ENG"][1] - sum(Decimal(row[WEIGHTED]) for row in practices.values())) < 1


def test_national_totals_of_the_publisher(values: pl.DataFrame) -> None:
    # As the publisher of the collected files states them, in pounds; 2023 without covid and network payments.
    found = counts(values, "payment_per_patient", "nation")
    assert round(found["2016", "ENG"][0] / 100) == 8_182_561_838
    assert round(found["2019", "ENG"][0] / 100) == 9_261_391_490
    assert [round(found[year, "ENG"][1]) for year in YEARS] == [57_371_518, 59_824_330, 62_134_645]


def test_years_without_a_file_are_without_data(england: Any, values: pl.DataFrame) -> None:
    assert sorted(values["period"].unique()) == list(YEARS)
    for year in WITHOUT_FILE:
        assert england.road.intake.staged("nhs_england.gp_payments", year) == []


def lines_of(row: dict[str, str]) -> list[str]:
    columns = list(row)
    first = columns.index("Average payments per weighted patient") + 1
    return [name for name in columns[first : columns.index(TOTAL)] if name not in PARTS]


def misses(row: dict[str, str], average: str, patients: str) -> bool:
    """Whether the printed average is not the total by patients, to the penny."""
    bottom = Decimal(row[patients])
    return bool(bottom) and abs(Decimal(row[TOTAL]) - Decimal(row[average]) * bottom) > bottom * Decimal("0.005")


@pytest.mark.parametrize("year", YEARS)
def test_the_rules_of_each_year(england: Any, files: Files, year: str) -> None:
    found = rule_rows(england.road.intake, [year]).filter(feed="gp_payments")
    violated = {row["rule_id"]: row["records"] for row in found.to_dicts()}
    applied = {row["rule_id"]: row["checked"] - row["not_applicable"] for row in found.to_dicts()}
    practices = files[year].values()
    wrong_sum = sum(sum(Decimal(r[c] or 0) for c in lines_of(r)) != Decimal(r[TOTAL]) for r in practices)
    wrong_net = sum(Decimal(r[TOTAL]) + Decimal(r[DEDUCTIONS]) != Decimal(r[NET]) for r in practices)
    assert (violated["lines_sum_to_total"], violated["total_less_deductions"]) == (wrong_sum, wrong_net) == (0, 0)
    for rule, average, patients in (
        ("average_per_registered_patient", "Average payments per registered patient", PATIENTS),
        ("average_per_weighted_patient", "Average payments per weighted patient", WEIGHTED),
    ):
        assert violated[rule] == sum(misses(row, average, patients) for row in practices)
        assert applied[rule] == sum(Decimal(row[patients]) > 0 for row in practices)
        assert violated[rule] <= 0.012 * applied[rule]


@pytest.mark.parametrize(
    ("year", "column", "rule"),
    [
        ("2016", "Total National Enhanced Services", "lines_sum_to_total"),
        ("2016", "LocalEnhancedServices_ISFE_", "local_services_sum"),
        ("2016", NET, "total_less_deductions"),
        ("2019", "General Practice Forward View", "lines_sum_to_total"),
        ("2019", "Average payments per registered patient", "average_per_registered_patient"),
        ("2023", "winter Access Fund", "lines_sum_to_total"),
        ("2023", "Long Covid", "covid_total"),
        ("2023", "PCN Workforce", "pcn_total"),
    ],
)
def test_a_penny_too_many_is_named(england: Any, data: Path, tmp_path: Path, year: str, column: str, rule: str) -> None:
    name = f"nhs_payments_{YEARS[year]}.csv"
    whole = pl.read_csv(data / "nhs_gp_payments" / name, infer_schema=False).head(40)
    # The spoilt record needs patients, or its averages are not judged.
    at = next(i for i, text in enumerate(whole[PATIENTS]) if Decimal(text) > 0)
    spoilt = whole.with_columns(
        pl.when(pl.int_range(pl.len()) == at)
        .then(pl.lit(str(Decimal(whole[column][at]) + Decimal("0.01"))))
        .otherwise(pl.col(column))
        .alias(column)
    )
    fixes = []
    for frame in (whole, spoilt):
        frame.write_csv(tmp_path / name)
        road = england.road
        result = check_file(tmp_path / name, "nhs_england.gp_payments", road.catalog, road.settings.limits)
        assert result.period == year
        assert result.refused is None
        fixes.append(result.account.rules[rule].violated)
    assert fixes == [0, 1]


def test_series_lengths(values: pl.DataFrame, files: Files) -> None:
    delivered = Counter(Counter(code for practices in files.values() for code in practices).values())
    figures = values.filter(
        pl.col("area_level") == "practice",
        pl.col("indicator_id") == "deductions_share_pct",
        pl.col("numerator").is_not_null(),
    )
    found = Counter(figures["area_id"].value_counts()["count"].to_list())
    assert found == delivered
    assert delivered.keys() == {1, 2, 3}


def day(text: str) -> date | None:
    return datetime.strptime(text.strip(), "%d/%m/%Y").date() if text.strip() else None  # noqa: DTZ007


def place(row: dict[str, str]) -> str:
    return row["Practice Postcode"].replace(" ", "").upper()


def by_place(practices: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for code, row in practices.items():
        found[place(row)].append(code)
    return found


def expected_changes(
    before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], first: date, last: date
) -> set[tuple[str, str, date, str]]:
    """The pairs that the two rules stated in sources.yaml let be known."""
    gone = by_place({code: row for code, row in before.items() if code not in after})
    came = by_place({code: row for code, row in after.items() if code not in before})
    kept = by_place({code: row for code, row in before.items() if code in after})
    pairs: list[tuple[str, str, date, str]] = []
    for where, olds in gone.items():
        for old in olds:
            closed = day(before[old]["Practice Close Date"])
            for new in kept[where]:
                opened = day(before[new]["Practice Open Date"])
                left = Decimal(before[old][PATIENTS])
                if not left and closed and opened and opened == closed + timedelta(days=1):
                    pairs.append((old, new, opened, "closed and opened"))
        news = came.get(where, [])
        if len(olds) == len(news) == 1:
            opened = day(after[news[0]]["Practice Open Date"])
            then, now = Decimal(before[olds[0]][PATIENTS]), Decimal(after[news[0]][PATIENTS])
            still_open = not before[olds[0]]["Practice Close Date"].strip()
            if still_open and opened and first <= opened <= last and then > 0 and abs(now - then) * 5 <= then:
                pairs.append((olds[0], news[0], opened, "same place"))
    old_codes, new_codes = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    return {pair for pair in pairs if old_codes[pair[0]] == 1 == new_codes[pair[1]]}


@pytest.fixture(scope="module")
def changes(england: Any) -> dict[str, pl.DataFrame]:
    folder = england.road.home.landing / "nhs_england" / "practice_changes"
    return {
        year: pl.read_csv(folder / f"practice_changes_{YEARS[year]}.csv", try_parse_dates=True)
        for year in ("2019", "2023")
    }


def test_code_changes_are_those_the_files_let_be_known(changes: dict[str, pl.DataFrame], files: Files) -> None:
    for before, after in pairwise(YEARS):
        last = FINANCIAL_YEAR[after].replace(year=int(after)) - timedelta(days=1)
        expected = expected_changes(files[before], files[after], FINANCIAL_YEAR[before], last)
        found = changes[after].select("old_id", "new_id", "changed_on", "basis").rows()
        assert set(found) == expected
        assert len(found) == len(expected) > 0


def test_a_practice_with_a_new_code_keeps_its_series(
    england: Any, changes: dict[str, pl.DataFrame], files: Files
) -> None:
    became = {old: new for frame in changes.values() for old, new in frame.select("old_id", "new_id").iter_rows()}
    expected: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for year in ("2016", "2019"):
        for old, new in became.items():
            while new in became:
                new = became[new]
            if old in files[year] and new in files["2023"] and old not in files["2023"]:
                parts = [files[year][code] for code in (old, new) if code in files[year]]
                patients = sum((Decimal(row[PATIENTS]) for row in parts), Decimal(0))
                expected[year, new] = (sum(map(pence, parts), Decimal(0)), round(patients, 6))
    found = counts(england.table("ind__rebased"), "payment_per_patient", "practice")
    assert {key: row[:2] for key, row in found.items()} == expected
    assert {year for year, _ in expected} == {"2016", "2019"}


def test_a_closed_practice_stays_in_its_commissioner_where_that_is_still_there(england: Any, files: Files) -> None:
    found = counts(england.table("ind__rebased"), "payment_per_patient", "region")
    region_now = {row["CCG Code"]: row["NHS England (Region) code"] for row in files["2023"].values()}
    now = {code: row["NHS England (Region) code"] for code, row in files["2023"].items()}
    other = england.table("mart__area_closure").filter(pl.col("period") == "2023", pl.col("area_level") == "region")
    now = dict(other.select("leaf_id", "area_id").iter_rows()) | now
    landing = england.road.home.landing / "nhs_england" / "practice_changes"
    became = {
        old: new for path in landing.iterdir() for old, new in pl.read_csv(path).select("old_id", "new_id").iter_rows()
    }
    for year in ("2016", "2019"):
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for code, row in files[year].items():
            current = code if code in now else became.get(code, code)
            region = now.get(current) or region_now.get(row["CCG Code"])
            if region:
                sums[region] += pence(row)
        assert {area: top for (period, area), (top, *_) in found.items() if period == year} == sums


def test_money_is_divided_by_need_to_the_penny(england: Any, rows: Callable[[str], list[dict[str, str]]]) -> None:
    payees, lines = england.table("alloc__payees"), england.table("alloc__lines")
    assert payees["amount_fen"].sum() == lines["amount_fen"].sum() == payees["year_fen"].sum() == 950_000_000_000
    need = {row["Practice_Code"]: Decimal(row["Final PMC WP"]) for row in rows("nhs_icb_allocation_tool/2023_2024.csv")}
    free = payees.filter(pl.col("bound") == "free", pl.col("payee_kind") == "practice")
    assert free.height > 5_000
    paid = dict(free.select("payee_id", "amount_fen").iter_rows())
    per_need = [float(paid[code] / need[code]) for code in paid]
    assert max(per_need) == pytest.approx(min(per_need), rel=1e-4)
