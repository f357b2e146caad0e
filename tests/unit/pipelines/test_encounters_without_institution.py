"""An encounter of no institution on the road: from the landing folder into quarantine and onto the fix list."""

import csv

import pytest

from assets.stages import road as steps
from assets.stages.road import Road
from data_contracts.contracts import Catalog
from tests.unit.demo.sound import csv_of, sound

FEED, TABLE, PERIOD = "hospitals.encounters", "stg_hospitals__encounters", "2025Q4"


@pytest.fixture
def home(make_home, monkeypatch):
    monkeypatch.setattr(steps, "_AT_REST", 0.0)
    home = make_home()
    settings = home / "home.yaml"
    settings.write_text(settings.read_text("utf-8").replace("[civil_affairs.welfare]", f"[{FEED}]"), "utf-8")
    return home


def test_an_encounter_without_its_institution_is_sent_back_by_name(home):
    contract = Catalog.load().feed(FEED, PERIOD)
    cells = sound(contract, 6).with_row_index("row")
    codes = ["H1", "", "H2", "不详", " ", "H2"]
    numbers = ["1", "1", "1", "1", "1", "2"]
    texts = cells.drop("row").with_columns(institution_code=cells["row"].replace_strict(dict(enumerate(codes))))
    texts = texts.with_columns(encounter_no=cells["row"].replace_strict(dict(enumerate(numbers))))
    path = home / "landing" / "hospitals" / "encounters" / "H1" / f"就诊_{PERIOD}.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(csv_of(contract, texts))

    road = Road.open(home)
    road.advance("archive", ["archive__files"], PERIOD)
    road.advance("stg", [TABLE], PERIOD)
    road.check("stg", [TABLE], PERIOD)

    (file,) = road.intake.staged(FEED, PERIOD)
    assert (file.account.records, file.account.accepted, file.account.quarantined) == (6, 3, 3)
    rule = file.account.rules["required_institution_code"]
    assert (rule.severity, rule.violated) == ("error", 3)
    (found,) = sorted((home / "fixlists").rglob("*.csv"))
    rows = list(csv.DictReader(found.read_text("utf-8-sig").splitlines()))
    assert {row["规则"] for row in rows} == {"required_institution_code"}
    assert [(row["记录号"], row["列"], row["处理"]) for row in rows] == [
        (n, "机构编码", "退回") for n in ("2", "4", "5")
    ]
