"""A small city with a hostile delivery on the whole road: counted to the record, and no person anywhere it writes."""

import json
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml

from data_contracts.contracts import Catalog
from pipelines.demo_home import make_demo_home
from tests.hostile.harness import text_of
from tests.hostile.records import id18, line
from tests.road.conftest import kangheng
from tests.unit.demo.sound import PERIOD, sound

FEED = "health_bureau.followups_hypertension"
FORMULA = "=cmd|' /C calc'!A0"
_ACTIVE = ("=", "+", "@", "\t", "\r")


def hostile_file() -> tuple[bytes, dict[str, int], list[str]]:
    """A delivery with sound, odd and broken records; what it must be counted as; what must stay private."""
    contract = Catalog.load().feed(FEED, PERIOD)
    names = [column.name for column in contract.columns]
    frame = sound(contract, 12).with_columns(
        pl.Series("person_name", [f"张三marker{n}" for n in range(1, 13)]),
        pl.Series("person_id_no", [id18(n) for n in range(1, 13)]),
    )
    records = [dict(zip(names, row, strict=True)) for row in frame.select(names).rows()]
    for number, record in enumerate(records):
        record["followup_no"] = f"HOSTILE{number:03}"
    records[0]["institution_code"] = FORMULA
    records[1]["person_id_no"] = id18(2)[:17] + ("0" if id18(2)[17] != "0" else "1")
    records[2]["sbp_mmhg"] = "1.2万marker"
    records[3]["followup_date"] = "03/04/2025"
    header = [column.headers[0] for column in contract.columns]
    lines = [line(header), *(line(record.values()) for record in records), "HOSTILE099,张三marker12", ""]
    counts = {"records": 14, "unreadable": 1, "non_data": 1, "quarantined": 4, "current": 8}
    secrets = [f"张三marker{n}" for n in range(1, 13)] + [id18(n)[:17] for n in range(1, 13)] + ["1.2万marker"]
    return "\n".join([*lines, ""]).encode(), counts, secrets


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("hostile") / "city"
    make_demo_home(home, residents=600, first=PERIOD, last=PERIOD)
    folder = home / "landing" / "health_bureau" / "followups_hypertension"
    (folder / f"hostile_{PERIOD}.csv").write_bytes(hostile_file()[0])
    (folder / f"hostile_{PERIOD}.csv.note.yaml").write_text(yaml.safe_dump({"institution": FORMULA}), encoding="utf-8")
    (folder / f"张_{PERIOD}.csv").write_bytes(b"\0" + hostile_file()[0])
    run = kangheng("run", "--home", home, "--period", PERIOD)
    assert run.returncode in (0, 1), run.stderr
    return home, run.stdout + run.stderr


@pytest.mark.slow
def test_every_record_is_counted(city):
    home, _ = city
    rows = pl.read_csv(next(home.glob(f"releases/{PERIOD}-r*/internal/tables/quality__files.csv")), infer_schema=False)
    mine = rows.filter(pl.col("records") == "14", pl.col("feed") == "followups_hypertension")
    _, counts, _ = hostile_file()
    assert mine.select(list(counts)).rows() == [tuple(map(str, counts.values()))]


@pytest.mark.slow
def test_no_person_is_anywhere_outside_vault_and_landing(city):
    home, said = city
    _, _, secrets = hostile_file()
    assert [secret for secret in secrets if secret in said] == []
    for path in home.rglob("*"):
        steps = path.relative_to(home).parts
        if not path.is_file() or steps[0] == "landing":
            continue
        told = str(pl.read_parquet(path).rows()) if path.suffix == ".parquet" else text_of(path)
        found = [secret for secret in secrets if secret in told or json.dumps(secret)[1:-1] in told]
        assert not found, (str(path.relative_to(home)), found)


@pytest.mark.slow
def test_no_person_is_in_the_warehouse(city):
    home, _ = city
    _, _, secrets = hostile_file()
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        tables = warehouse.sql("select table_schema, table_name from information_schema.tables").fetchall()
        assert len(tables) > 20
        for schema, name in tables:
            told = str(warehouse.sql(f'select * from "{schema}"."{name}"').fetchall())  # noqa: S608
            assert [secret for secret in secrets if secret in told] == [], (schema, name)


@pytest.mark.slow
def test_no_released_table_runs_in_a_spreadsheet(city):
    home, _ = city
    for path in home.glob("releases/*/*/**/*.csv"):
        for row in pl.read_csv(path, infer_schema=False, has_header=False, truncate_ragged_lines=True).rows():
            live = [cell for cell in row if cell and cell.lstrip().startswith(_ACTIVE) and not _number(cell)]
            assert not live, (path.name, live)
    for path in home.glob("releases/*/*/**/*.xlsx"):
        assert "<f>" not in text_of(path), path.name


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
