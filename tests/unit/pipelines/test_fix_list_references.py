"""Broken references on fix lists: in the list of whoever sent the record, with its line, until the target comes."""

import csv
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml

import data_contracts
from assets.compute.references import TABLE as REFERENCES
from assets.intake.fixes import fix_list
from assets.stages import road as steps
from assets.stages.road import Road
from data_contracts.contracts import Catalog
from data_contracts.vocabulary import Reference
from tests.unit.pipelines.conftest import HEADER

WELFARE = "civil_affairs.welfare"
WORDS = {"zh": "所指的名单中有此编号", "en": "The list it points to has this number"}


@pytest.fixture
def walk(make_home, monkeypatch):
    """A home in which the area of a record must be the number of another one; rows of the lists after a run."""
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()
    (source,) = (Path(data_contracts.__file__).parent / "feeds" / WELFARE).glob("*.yaml")
    document = yaml.safe_load(source.read_text("utf-8"))
    (ours,) = [item["value"] for item in document["customProperties"] if item["property"] == "kangheng"]
    pointing = {"columns": ["community_id"], "feed": WELFARE, "target": ["beneficiary_no"], "severity": "warning"}
    ours["references"] = [{**pointing, "titles": WORDS, "fix": WORDS}]
    own = home / "contracts" / "feeds" / WELFARE / source.name
    own.parent.mkdir(parents=True)
    own.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")

    def run():
        road = Road.open(home)
        road.advance("archive", ["archive__files"], "2025Q4")
        road.advance("stg", ["stg_civil_affairs__welfare"], "2025Q4")
        road.check("stg", ["stg_civil_affairs__welfare"], "2025Q4")
        road.advance("quality", [REFERENCES], "2025Q4")
        (check,) = road.check("quality", [REFERENCES], "2025Q4")
        found = sorted((home / "fixlists").rglob("*.csv"))
        return check, {path.name: list(csv.DictReader(path.read_text("utf-8-sig").splitlines())) for path in found}

    run.home = home
    return run


def test_broken_references_stand_on_the_list_of_their_sender_until_the_target_comes(walk, land):
    path = land(walk.home, "2025Q4", institution="990101")
    # A line that is no record moves the others down, so that a line is no record number plus one.
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], "", *lines[1:4], ""]), encoding="utf-8")
    check, lists = walk()
    assert (check.passed, check.severe) == (False, False)
    (rows,) = lists.values()
    own = [row for row in rows if row["规则"].startswith("reference_")]
    assert [(row["文件"], row["行号"], row["记录号"], row["处理"], row["怎样修改"]) for row in own] == [
        (path.name, str(line), str(line - 2), "提醒", WORDS["zh"]) for line in (3, 4, 5)
    ]
    assert {row["列"] for row in own} == {HEADER.split(",")[5]}
    target = land(walk.home, "2025Q4", institution="990102")
    cells = lines[4].split(",")
    cells[0] = cells[5]
    target.write_text("\n".join([lines[0], ",".join(cells), ""]), encoding="utf-8")
    check, lists = walk()
    assert check.passed
    assert [row for rows in lists.values() for row in rows if row["规则"].startswith("reference_")] == []


def test_a_reference_of_a_person_names_the_column_of_the_identity_number():
    contract = Catalog.load().feed(WELFARE)
    item = Reference(
        columns=["person_key"], feed=WELFARE, target=["person_key"], severity="warning", titles=WORDS, fix=WORDS
    )
    contract = replace(contract, extras=contract.extras.model_copy(update={"references": [item]}))
    place = {"record_no": [1], "line_no": [2], "rule": [item.id], "severity": ["warning"]}
    (row,) = fix_list(pl.DataFrame(place), contract, "a.csv", None).to_dicts()
    assert row["column_title"] == "身份证号"
    assert (row["fix_zh"], row["fix_en"]) == (WORDS["zh"], WORDS["en"])
