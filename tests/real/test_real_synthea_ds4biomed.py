"""1,171 simulated patients at the end of 2019: population, registers and insurance, counted again from the files."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.intake.quality import file_rows

END = "2019-12-31"
YEAR = "2019"
HYPERTENSION, DIABETES, INFLUENZA = "59621000", "44054006", "140"
WHOLE = "Massachusetts"

Rows = list[dict[str, str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def read(rows: Callable[[str], Rows]) -> Callable[[str], Rows]:
    return lambda name: rows(f"synthea_ds4biomed_1171/{name}.csv")


@pytest.fixture(scope="module")
def patients(read: Callable[[str], Rows]) -> Rows:
    return read("patients")


@pytest.fixture(scope="module")
def living(patients: Rows) -> dict[str, dict[str, str]]:
    """Patients born and not dead by the end of the year."""
    alive = [row for row in patients if row["BIRTHDATE"] <= END and not "" < row["DEATHDATE"] <= END]
    return {row["Id"]: row for row in alive}


@pytest.fixture(scope="module")
def home(computed: Callable[..., Any]) -> Any:
    return computed("synthea_ds4biomed")


@pytest.fixture(scope="module")
def values(home: Any) -> pl.DataFrame:
    return home.table("ind__values")


def town(row: dict[str, str]) -> str:
    return f"{row['STATE']}/{row['COUNTY']}/{row['CITY']}"


def counts(values: pl.DataFrame, indicator: str, level: str = "town", stratum: str = "all") -> dict[str, Any]:
    chosen = values.filter(
        pl.col("indicator_id") == indicator, pl.col("area_level") == level, pl.col("stratum") == stratum
    )
    return {area: (top, bottom) for area, top, bottom in chosen.select("area_id", "numerator", "denominator").rows()}


def open_at_end(row: dict[str, str]) -> bool:
    return row["START"][:10] <= END and not "" < row["STOP"][:10] <= END


def people(rows: Rows, living: dict[str, Any], keep: Callable[[dict[str, str]], bool]) -> Counter[str]:
    """Living people with at least one such row, by town."""
    return Counter(town(living[patient]) for patient in {row["PATIENT"] for row in rows if keep(row)} & living.keys())


def agrees(values: pl.DataFrame, indicator: str, top: Counter[str], bottom: Counter[str]) -> None:
    found = counts(values, indicator)
    assert found == {place: (top[place], bottom[place]) for place in found}, indicator
    assert sum(top.values()) == counts(values, indicator, "state")[WHOLE][0]
    assert top.keys() <= found.keys()


def test_registers_hold_the_people_the_readme_names(home: Any, patients: Rows) -> None:
    taken = {row["feed"]: row for row in file_rows(home.road.intake, [YEAR], home.road.settings.home).to_dicts()}
    assert taken["residents"]["current"] == len(patients) == 1_171
    assert taken["hypertension_register"]["current"] == 302
    assert taken["diabetes_register"]["current"] == 76
    assert sum(row["quarantined"] + row["unreadable"] for row in taken.values()) == 0


def test_residents_of_each_town(values: pl.DataFrame, living: dict[str, dict[str, str]]) -> None:
    residents = Counter(map(town, living.values()))
    assert len(residents) == 237
    women = Counter(town(row) for row in living.values() if row["GENDER"] == "F")
    agrees(values, "women_pct", women, residents)
    ages = {key: age(row["BIRTHDATE"]) for key, row in living.items()}
    agrees(values, "aged_65_plus_pct", Counter(town(living[k]) for k, years in ages.items() if years >= 65), residents)
    agrees(values, "under_15_pct", Counter(town(living[k]) for k, years in ages.items() if years < 15), residents)


def age(born: str) -> int:
    start, end = date.fromisoformat(born), date.fromisoformat(END)
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def test_deaths_of_the_year_in_each_town(
    values: pl.DataFrame, patients: Rows, living: dict[str, dict[str, str]]
) -> None:
    deaths = Counter(town(row) for row in patients if row["DEATHDATE"].startswith(YEAR))
    agrees(values, "deaths_per_1k", deaths, Counter(map(town, living.values())))


@pytest.mark.parametrize(
    ("indicator", "table", "column", "code"),
    [
        ("hypertension_register_pct", "conditions", "CODE", HYPERTENSION),
        ("diabetes_register_pct", "conditions", "CODE", DIABETES),
        ("hypertension_care_plan_pct", "careplans", "REASONCODE", HYPERTENSION),
        ("diabetes_care_plan_pct", "careplans", "REASONCODE", DIABETES),
    ],
)
def test_chronic_registers_and_care_plans(
    values: pl.DataFrame,
    read: Callable[[str], Rows],
    living: dict[str, dict[str, str]],
    indicator: str,
    table: str,
    column: str,
    code: str,
) -> None:
    found = people(read(table), living, lambda row: row[column] == code and open_at_end(row))
    registered = people(read("conditions"), living, lambda row: row["CODE"] == code and open_at_end(row))
    agrees(values, indicator, found, Counter(map(town, living.values())) if table == "conditions" else registered)


def test_a_register_by_sex(values: pl.DataFrame, read: Callable[[str], Rows], living: dict[str, Any]) -> None:
    for sex in ("F", "M"):
        of_sex = {key: row for key, row in living.items() if row["GENDER"] == sex}
        ill = people(read("conditions"), of_sex, lambda row: row["CODE"] == DIABETES and open_at_end(row))
        found = counts(values, "diabetes_register_pct", "state", f"sex={sex}")
        assert found == {WHOLE: (sum(ill.values()), len(of_sex))}


def test_insurance_by_the_last_spell(
    values: pl.DataFrame, read: Callable[[str], Rows], living: dict[str, dict[str, str]]
) -> None:
    nobody = next(row["Id"] for row in read("payers") if row["NAME"] == "NO_INSURANCE")
    last: dict[str, dict[str, str]] = {}
    for row in read("payer_transitions"):
        known = last.get(row["PATIENT"])
        if row["START_YEAR"] <= YEAR and (known is None or known["START_YEAR"] < row["START_YEAR"]):
            last[row["PATIENT"]] = row
    known_people = last.keys() & living.keys()
    known = Counter(town(living[key]) for key in known_people)
    agrees(values, "insurance_known_pct", known, Counter(map(town, living.values())))
    insured = Counter(town(living[key]) for key in known_people if last[key]["PAYER"] != nobody)
    agrees(values, "insured_pct", insured, known)


def test_services_of_the_year(
    values: pl.DataFrame, read: Callable[[str], Rows], living: dict[str, dict[str, str]]
) -> None:
    residents = Counter(map(town, living.values()))
    for indicator, table in (("immunisations_per_1k", "immunizations"), ("imaging_per_1k", "imaging_studies")):
        events = [row for row in read(table) if row["DATE"].startswith(YEAR) and row["PATIENT"] in living]
        agrees(values, indicator, Counter(town(living[row["PATIENT"]]) for row in events), residents)
    given = people(read("immunizations"), living, lambda row: row["CODE"] == INFLUENZA and row["DATE"].startswith(YEAR))
    agrees(values, "influenza_immunised_pct", given, residents)
    agrees(values, "allergy_pct", people(read("allergies"), living, open_at_end), residents)
    agrees(values, "device_carriers_per_1k", people(read("devices"), living, open_at_end), residents)


def test_what_the_extract_lacks_has_no_figure(values: pl.DataFrame) -> None:
    admissions = values.filter(pl.col("indicator_id") == "admissions_per_1k")
    assert admissions["status"].unique().to_list() == ["no_data"]
    assert admissions["value"].null_count() == admissions.height > 0


def test_no_identifier_leaves_the_vault(home: Any, patients: Rows) -> None:
    secrets = {row[name] for row in patients for name in ("Id", "SSN", "ADDRESS", "LAST") if row[name]}
    for path in sorted(home.road.home.lake.rglob("*.parquet")):
        frame = pl.read_parquet(path, hive_partitioning=False)
        for column in frame.select(pl.selectors.string()).columns:
            found = secrets.intersection(frame[column].unique().drop_nulls())
            assert not found, f"{path.name} {column}: {len(found)} values"
