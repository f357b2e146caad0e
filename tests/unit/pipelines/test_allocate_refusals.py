"""The allocate command where rules collide or getting better would cost money: exit codes, files, sentences."""

import csv
import json

import pytest

from assets.vault.signing import new_key
from pipelines import cli
from pipelines.allocating import EXAMPLES, run_allocate
from pipelines.outcomes import SaysNo
from pipelines.signing import sign

COUNTY = EXAMPLES / "county"
STRUCTURAL = "reference: 50, indicators: {deprivation: {controllable: false, signed_reason: 普查口径}}"
PAYS = (
    "reference: 50, signed_reason: 测试, indicators: {hypertension: {effect_per_point: -1.25}, "
    "smoking: {effect_per_point: -0.5, spread: 3}}"
)


@pytest.fixture
def county(tmp_path):
    """A copy of the example whose spec can be edited and run."""

    class Copied:
        spec, data, out = tmp_path / "spec.yaml", COUNTY / "data", tmp_path / "out"

        def edit(self, old, new):
            text = self.spec.read_text(encoding="utf-8")
            assert old in text
            self.spec.write_text(text.replace(old, new, 1), encoding="utf-8")

        def run(self, **more):
            return run_allocate(self.spec, self.data, self.out, **more)

        def table(self, name):
            with (self.out / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
                return list(csv.DictReader(stream))

        def said(self):
            return json.loads((self.out / "run.json").read_text(encoding="utf-8"))

    Copied.spec.write_bytes((COUNTY / "spec.yaml").read_bytes())
    return Copied()


def test_rules_that_collide_leave_tables_and_a_page_but_no_payment(county, monkeypatch, capfd):
    county.run()
    county.edit("cap_change: 0.50", "cap_change: 0.12")
    arguments = ["--spec", county.spec, "--data", county.data, "--out", county.out]
    monkeypatch.setattr("sys.argv", ["kangheng", "allocate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capfd.readouterr()
    assert ended.value.code == 1
    assert printed.out == ""  # no solver talks to the clerk
    assert "封顶线一共提高 353,307.70 元（3 个对象）" in printed.err
    assert "Lower reserved share 'rural at least 30 %' by 353,307.70 yuan (30% → 26.9956%)" in printed.err
    there = {path.stem for path in (county.out / "tables").iterdir()}
    assert there == {"conflict", "relaxations", "relaxation_steps", "best_shares", "proposal"}
    assert not (county.out / "index.html").exists()
    assert [row["words_zh"] for row in county.table("conflict")][-1] == (
        "保留份额「农村不少于三成」：本资金流中至少 2,761,307.70 元"
    )
    pages = {name: (county.out / name).read_text(encoding="utf-8") for name in ("conflict.html", "conflict.en.html")}
    assert "只改按上年的保底线，怎么改都不行" in pages["conflict.html"]
    assert "No change of floors from the year before alone helps" in pages["conflict.en.html"]
    assert county.said()["status"] == "infeasible"


def test_a_later_run_that_divides_takes_the_conflict_away(county):
    county.edit("cap_change: 0.50", "cap_change: 0.12")
    with pytest.raises(SaysNo):
        county.run()
    county.edit("cap_change: 0.12", "cap_change: 0.50")
    county.run()
    assert not (county.out / "conflict.html").exists()
    assert not (county.out / "tables" / "conflict.csv").exists()


def test_what_the_proposal_lowers_divides_when_somebody_writes_it_down(county):
    county.edit("cap_change: 0.50", "cap_change: 0.12")
    county.edit("minimum_share: 0.30", "minimum_share: 0.269956")
    assert county.run().budget == 1_200_000_000


def test_an_audit_that_passes_may_be_approved_and_one_that_was_not_made_may_not(county, tmp_path):
    county.edit("reference: 50", STRUCTURAL)
    unsigned = county.run(audit=True)
    assert unsigned.status == "draft"
    assert ["risk:need/deprivation" in own["zh"] for own in county.said()["draft_reasons"]] == [True]
    new_key(tmp_path / "k.pem")
    sign(county.spec, [], tmp_path / "k.pem", "王某/财务科长")
    assert county.run().status == "ok"
    assert [own["zh"] for own in county.said()["draft_reasons"]] == ["没有做激励审计；请用 --audit 重新运行"]
    run = county.run(audit=True)
    assert run.status == county.said()["status"] == "ok"
    assert county.said()["draft_reasons"] == []
    assert "激励审计通过" in run.lines("zh")[-1]
    assert {row["verdict"] for row in county.table("audit")} == {"keeps"}


def test_an_audit_that_fails_divides_as_a_draft_and_says_who_would_lose(county):
    county.edit("reference: 50", PAYS)
    run = county.run(audit=True)
    assert run.status == county.said()["status"] == "draft"
    reasons = [own["zh"] for own in county.said()["draft_reasons"]]
    # The reason that stands in the spec is not signed either.
    assert len(reasons) == 3
    assert all("反而少拿钱" in own for own in reasons[:2])
    assert "没有人签名" in reasons[2]
    assert county.table("payees")
    losing = {row["indicator"] for row in county.table("audit") if row["verdict"] == "loses"}
    assert losing == {"hypertension", "smoking"}


@pytest.mark.parametrize(
    ("terms", "options", "code"), [(PAYS, ["--audit"], 1), (PAYS, [], 0), (STRUCTURAL, ["--audit"], 0)]
)
def test_an_audit_that_does_not_pass_ends_with_the_exit_code_of_a_no(county, monkeypatch, capfd, terms, options, code):
    county.edit("reference: 50", terms)
    arguments = ["--spec", county.spec, "--data", county.data, "--out", county.out, *options]
    monkeypatch.setattr("sys.argv", ["kangheng", "allocate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    # What was divided is there to be looked at, and said as ever.
    assert county.table("payees")
    assert str(county.out) in capfd.readouterr().out


def test_a_wrong_priority_is_named_with_the_nearest_word(county):
    county.edit("year: 2025", "year: 2025\npriorities: [budget, caps]")
    with pytest.raises(Exception, match="cap"):
        county.run()
