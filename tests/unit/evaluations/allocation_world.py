"""Small counties for tests of the allocation engine: a spec and its tables from plain values."""

from typing import Any

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.engine import Allocation, allocate

WORKED = """C1,0,40000,1.02,35,1.03,1.0,2950000,5200
C2,0,30000,0.95,50,1.03,1.5,2100000,4500
C3,0,20000,1.10,65,1.00,3.0,1300000,3600
C4,1,15000,1.12,70,1.05,4.0,1000000,3000
C5,1,10000,1.18,80,1.10,6.0,800000,2300
C6,1,5000,1.05,60,1.12,2.5,350000,900"""
COLUMNS = ("id", "rural", "people", "age", "risk", "cost", "q", "previous", "registered")
WORKED_PAYEES: list[dict[str, Any]] = [dict(zip(COLUMNS, row.split(","), strict=True)) for row in WORKED.split("\n")]
NEED: dict[str, Any] = {
    "id": "need",
    "kind": "need",
    "population": {"column": "people"},
    "factors": [{"id": "age", "column": "age"}, {"id": "cost", "column": "cost"}],
    "risk": {"column": "risk", "form": "exponential", "ratio": 2, "reference": 50},
    "inequality": {"share": "0.10", "column": "q"},
}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Text cells; None is an empty cell."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[None if row.get(name) is None else str(row[name]) for name in names] for row in rows]
    return pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String), orient="row")


def spec(streams: list[dict[str, Any]], amount: Any = "9000000", **more: Any) -> AllocationSpec:
    """A spec over the table `payees` with group rural."""
    return AllocationSpec.model_validate(
        {
            "id": "test",
            "titles": {"zh": "测试", "en": "Test"},
            "references": ["无"],
            "year": 2025,
            "unit": "yuan",
            "payees": {"table": "payees", "id": "id", "groups": {"rural": "rural"}},
            "budget": {"amount": amount},
            "streams": streams,
            **more,
        }
    )


def need(pace: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A need stream of the whole budget; `pace` without its previous money, which is in column `previous`."""
    bounds = {} if pace is None else {"pace": {"previous": {"column": "previous"}, **pace}}
    return {**NEED, "share": 1, **bounds, **more}


def run(
    streams: list[dict[str, Any]], payees: list[dict[str, Any]] | None = None, *, amount: Any = "9000000",
    tables: dict[str, list[dict[str, Any]]] | None = None, **more: Any,
) -> Allocation:  # fmt: skip
    """The allocation of these streams among these payees, by default those of the worked example."""
    found = {"payees": frame(payees or WORKED_PAYEES)} | {name: frame(rows) for name, rows in (tables or {}).items()}
    return allocate(spec(streams, amount, **more), found)


def column(found: Allocation, name: str, table: str = "need") -> list[Any]:
    """A column of a table of the result."""
    assert found.conflict is None, found.conflict
    return found.tables[table][name].to_list()
