"""A home whose own feed of a known name lacks columns that measures of the package count."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets.compute.marts import build_mart
from assets.compute.measures import count_measures
from data_contracts.closed import DefinitionError
from data_contracts.contracts import Catalog
from data_contracts.periods import Period

NOW = "2025Q2"
FEED = "hospitals.encounters"
OWN = "own_visits: {titles: {zh: x, en: x}, mart: mart__hospitals__encounters, aggregate: count, window: in_period}"


CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: hospitals.encounters
name: encounters
version: "1.0.0"
status: active
schema:
- name: encounters
  physicalType: file
  properties:
  - name: visit_no
    logicalType: string
    required: true
    customProperties: [{property: kangheng, value: {titles: {zh: 号, en: Number}, type: text}}]
  - name: place
    logicalType: string
    customProperties: [{property: kangheng, value: {titles: {zh: 地, en: Place}, type: text}}]
customProperties:
- property: kangheng
  value:
    sender: hospitals
    feed: encounters
    titles: {zh: 就诊, en: Encounters}
    kind: record
    valid_from: "2023-01-01"
    delivery: increment
    business_key: [visit_no]
    area: {column: place}
    levels: [{level: community, id: place}]
"""


def foreign(workshop: Any, tmp_path: Path) -> Any:
    """The workshop with an encounters feed that has a number and a place only."""
    folder = tmp_path / "contracts" / "feeds" / FEED
    folder.mkdir(parents=True)
    (folder / "2023-01-01.yaml").write_text(CONTRACT, encoding="utf-8")
    place = replace(workshop, catalog=Catalog.load(tmp_path / "contracts", [FEED]))
    place.put_tree(NOW, {"c1": ("t1", "k1", "city")})
    place.stage(FEED, NOW, [{"visit_no": "1", "place": "c1"}])
    place.build(build_mart, "mart__hospitals__encounters", NOW)
    return place


def counted(place: Any) -> dict[str, int]:
    frame = count_measures(place.home, place.settings, place.catalog, Period.parse(NOW))
    chosen = frame.filter(area_level="city", rule_set="national_2017")
    return {name: int(value) for name, value in chosen.select("measure_id", "value").iter_rows()}


def test_the_package_goes_without_and_the_home_counts_its_own(workshop: Any, tmp_path: Path) -> None:
    place = foreign(workshop, tmp_path)
    place.write_settings("measures", OWN)
    found = counted(place)
    assert found["own_visits"] == 1
    lacking = {
        name
        for name, measure in place.settings.measures.items()
        if measure.mart == "mart__hospitals__encounters" and measure.column
    }
    assert lacking
    assert not lacking & found.keys()


def test_what_the_home_itself_defines_must_be_there(workshop: Any, tmp_path: Path) -> None:
    place = foreign(workshop, tmp_path)
    place.write_settings("measures", OWN.replace("count,", "sum, column: fee,"))
    with pytest.raises(DefinitionError, match=r"own_visits.*no column 'fee'"):
        counted(place)


def test_what_the_home_asks_for_by_name_must_be_there(workshop: Any, tmp_path: Path) -> None:
    place = foreign(workshop, tmp_path)
    measure = next(
        name
        for name, item in place.settings.measures.items()
        if item.mart == "mart__hospitals__encounters" and item.column
    )
    indicator = next(
        key for key, item in place.settings.indicators.items() if measure in (item.numerator, item.denominator)
    )
    home = (place.home.path / "home.yaml").read_text("utf-8")
    (place.home.path / "home.yaml").write_text(f"{home}indicators: [{indicator}]\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=measure):
        counted(place)
