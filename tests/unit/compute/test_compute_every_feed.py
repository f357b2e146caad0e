"""Every feed of records reaches its mart; a record of a person without number is counted and linked to nobody."""

from typing import Any

import polars as pl

from assets.compute.marts import build_link, build_mart
from data_contracts.contracts import polars_dtype
from data_contracts.periods import Period

NOW = "2025Q4"


def test_newborns_without_number_are_records_of_nobody(workshop: Any) -> None:
    feed = "health_bureau.child"
    workshop.stage(feed, NOW, [
        {"person_key": "a", "person_id_class": "id18", "contact_no": "1", "sex": "F", "community_id": "c1"},
        {"contact_no": "2", "sex": "M", "community_id": "c1"},
        {"contact_no": "3", "sex": "F", "community_id": "c2"},
    ])  # fmt: skip
    link = workshop.build(build_link, "link__persons", NOW)
    assert link["person_key"].to_list() == ["a"]
    mart = workshop.build(build_mart, "mart__health_bureau__child", NOW)
    found = mart.select("contact_no", pl.col("person_id").is_null().alias("nobody"), "area_id", "sex").rows()
    assert found == [("1", False, "c1", "F"), ("2", True, "c1", "M"), ("3", True, "c2", "F")]


def test_a_feed_of_newborns_only_has_no_link_and_still_its_records(workshop: Any) -> None:
    feed = "health_bureau.child"
    workshop.stage(feed, NOW, [{"contact_no": "2", "sex": "M", "community_id": "c1"}])
    link = workshop.build(build_link, "link__persons", NOW)
    assert link is None or link.is_empty()
    assert workshop.build(build_mart, "mart__health_bureau__child", NOW).height == 1


def test_every_feed_of_records_has_its_mart(workshop: Any) -> None:
    for contract in workshop.catalog.current():
        if contract.kind != "record" or contract.key == "health_bureau.residents":
            continue
        workshop.stage(contract.key, NOW, [{}])
        mart = build_mart(workshop.home, workshop.settings, workshop.catalog, contract.mart, Period.parse(NOW))
        assert mart is not None
        assert mart.height == 1, contract.key
        kinds = {column.name: polars_dtype(column.type, column.extras.scale) for column in contract.columns}
        kept = set(mart.columns) & set(kinds) - {"sex", "age_band", "area_id"}
        assert {name: mart.schema[name] for name in kept} == {name: kinds[name] for name in kept}
