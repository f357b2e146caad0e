"""A feed whose contract changed: records of the earlier periods keep the shape of the newest contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from assets.compute.marts import build_mart
from assets.compute.measures import count_measures
from data_contracts.contracts import Catalog
from data_contracts.periods import Period

EARLIER, LATER = "2024Q4", "2025Q1"
FEED = "clinics.visits"


def ours(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"property": "kangheng", "value": value}]


def contract(valid_from: str, columns: dict[str, str], levels: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": FEED,
        "name": "visits",
        "version": "1.0.0",
        "status": "active",
        "schema": [
            {
                "name": "visits",
                "physicalType": "file",
                "properties": [
                    {
                        "name": name,
                        "logicalType": "string",
                        "required": name == "visit_no",
                        "customProperties": ours({"titles": {"zh": name, "en": name}, "type": kind}),
                    }
                    for name, kind in columns.items()
                ],
            }
        ],
        "customProperties": ours(
            {
                "sender": "clinics",
                "feed": "visits",
                "titles": {"zh": "就诊", "en": "Visits"},
                "valid_from": valid_from,
                "kind": "record",
                "delivery": "increment",
                "business_key": ["visit_no"],
                "area": {"column": "place"},
                "levels": levels,
            }
        ),
    }


def two_versions(workshop: Any, tmp_path: Path) -> Any:
    folder = tmp_path / "contracts" / "feeds" / FEED
    folder.mkdir(parents=True)
    first = {"visit_no": "text", "place": "text", "old_remark": "text"}
    second = {"visit_no": "text", "place": "text", "is_urgent": "boolean", "fee": "integer"}
    for day, columns, levels in (
        ("2023-01-01", first, []),
        ("2025-01-01", second, [{"level": "community", "id": "place"}]),
    ):
        (folder / f"{day}.yaml").write_text(yaml.safe_dump(contract(day, columns, levels), allow_unicode=True))
    catalog = Catalog.load(tmp_path / "contracts", [FEED])
    return replace(workshop, catalog=catalog)


def test_what_an_earlier_contract_did_not_ask_for_is_unknown(workshop: Any, tmp_path: Path) -> None:
    place = two_versions(workshop, tmp_path)
    place.stage(FEED, EARLIER, [{"visit_no": "1", "place": "c1", "old_remark": "x"}])
    place.stage(FEED, LATER, [{"visit_no": "2", "place": "c1", "is_urgent": True, "fee": 7}])
    earlier, later = (place.build(build_mart, "mart__clinics__visits", period) for period in (EARLIER, LATER))
    assert earlier.schema == later.schema
    assert earlier.select("visit_no", "area_id", "is_urgent", "fee").rows() == [("1", "c1", None, None)]
    assert later.select("visit_no", "area_id", "is_urgent", "fee").rows() == [("2", "c1", True, 7)]
    assert earlier.schema["is_urgent"] == pl.Boolean


def test_a_version_that_describes_no_areas_yet_gives_no_tree(workshop: Any, tmp_path: Path) -> None:
    place = two_versions(workshop, tmp_path)
    place.stage(FEED, EARLIER, [{"visit_no": "1", "place": "c1"}])
    place.stage(FEED, LATER, [{"visit_no": "2", "place": "c1"}])
    assert place.build(build_mart, "mart__area_closure", EARLIER) is None
    assert place.build(build_mart, "mart__area_closure", LATER)["leaf_id"].to_list() == ["c1"]


def test_what_was_not_asked_is_no_zero(workshop: Any, tmp_path: Path) -> None:
    place = two_versions(workshop, tmp_path)
    body = "titles: {zh: x, en: x}, mart: mart__clinics__visits, aggregate: count"
    place.write_settings(
        "measures",
        f"visits: {{{body}, window: in_period}}\n"
        f"urgent: {{{body}, filter: is_urgent, window: in_period}}\n"
        f"urgent_12m: {{{body}, filter: is_urgent, window: rolling_12m}}\n",
    )
    counted = {}
    for period, urgent in ((EARLIER, {}), (LATER, {"is_urgent": False})):
        place.stage(FEED, period, [{"visit_no": "1", "place": "c1", **urgent}])
        place.build(build_mart, "mart__clinics__visits", period)
        place.put_tree(period, {"c1": ("t1", "k1", "city")})
        frame = count_measures(place.home, place.settings, place.catalog, Period.parse(period))
        chosen = frame.filter(area_level="city", rule_set="national_2017")
        counted[period] = {name: int(value) for name, value in chosen.select("measure_id", "value").iter_rows()}
    assert counted[EARLIER] == {"visits": 1}
    # Nobody was asked before 2025, so a year that reaches back further is not known either.
    assert counted[LATER] == {"visits": 1, "urgent": 0}
