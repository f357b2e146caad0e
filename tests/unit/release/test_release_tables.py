"""Released tables come back from their CSV as they were; totals that are not the sum of their parts are found."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from assets.release import verify
from assets.release.tables import read_csv, write_csv
from data_contracts.tables import output_tables

_SAMPLES = {
    pl.String: "甲,\"乙\"",
    pl.Int64: -12,
    pl.Float64: 0.1,
    pl.Boolean: False,
    pl.Date: date(2025, 12, 31),
}  # fmt: skip
TABLES = sorted(output_tables())


@pytest.mark.parametrize("name", TABLES)
def test_every_type_of_every_table_survives_the_csv(name: str, tmp_path: Path) -> None:
    contract = output_tables()[name]
    filled = {
        column: Decimal("1.500000") if isinstance(dtype, pl.Decimal) else _SAMPLES[type(dtype)]
        for column, dtype in contract.schema.items()
    }
    empty = {column: None if not contract.columns[column].required else value for column, value in filled.items()}
    frame = pl.DataFrame([filled, empty], schema=contract.schema)
    write_csv(frame, tmp_path / "x.csv")
    assert read_csv(tmp_path / "x.csv", name).equals(frame)


@pytest.mark.parametrize(("total", "problems"), [(10, []), (9, ["verify_policy_money"]), (11, ["verify_policy_money"])])
def test_a_total_that_is_not_the_sum_of_its_sources_is_found(total: int, problems: list[str]) -> None:
    contract = output_tables()["policy__money"]
    amounts = [name for name in contract.columns if name.endswith("_fen")]
    spot = {"period": "2025Q4", "policy_id": "p", "in_register": True, "area_level": "city", "area_id": "s"}
    parts = [("central", 7), ("city", 3), ("total", 10)]
    rows = [{**spot, "source": source, **dict.fromkeys(amounts, amount)} for source, amount in parts]
    rows[-1][amounts[-1]] = total
    found = verify._policy_money({"policy__money": pl.DataFrame(rows, schema=contract.schema)}, {})
    assert [problem.sentence for problem in found] == problems
