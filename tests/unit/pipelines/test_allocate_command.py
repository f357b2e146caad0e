"""The allocate command: an example to the fen, any form of data, refusals with exit code, row and sentence."""

import csv
import json
import re

import pytest
import xlsxwriter
import yaml
from pydantic import TypeAdapter

from data_contracts.allocation_spec.bounds import Reserve
from data_contracts.allocation_spec.envelope import Budget
from data_contracts.allocation_spec.streams import Stream
from data_contracts.closed import DefinitionError
from pipelines import cli
from pipelines.allocating import EXAMPLES, run_allocate
from pipelines.outcomes import SaysNo

COUNTY = EXAMPLES / "county"


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def called(arguments, monkeypatch, capsys):
    """Exit code, what was printed and what was said about errors."""
    monkeypatch.setattr("sys.argv", ["kangheng", "allocate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


@pytest.fixture
def county(tmp_path):
    """A copy of the example: edit(file, old, new) changes it, run() divides."""
    return Copied(tmp_path)


class Copied:
    def __init__(self, folder):
        self.folder, self.data, self.out = folder, folder / "data", folder / "out"
        self.spec = folder / "spec.yaml"
        self.data.mkdir()
        self.spec.write_bytes((COUNTY / "spec.yaml").read_bytes())
        for path in (COUNTY / "data").iterdir():
            (self.data / path.name).write_bytes(path.read_bytes())

    def edit(self, name, old, new):
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def run(self):
        return run_allocate(self.spec, self.data, self.out)


def test_statements_sum_and_are_said_in_both_languages(county):
    county.run()
    lines, payees = rows(county.out / "tables" / "lines.csv"), rows(county.out / "tables" / "payees.csv")
    assert {row["payee_id"]: int(row["amount_fen"]) for row in payees} == {
        "C1": 332908000, "C2": 258150000, "C3": 166907691, "C4": 153787992, "C5": 146963613, "C6": 52048395,
        "contingency": 24000000, "support_fund": 65234309,
    }  # fmt: skip
    for row in payees:
        own = [line for line in lines if line["payee_id"] == row["payee_id"]]
        assert sum(int(line["amount_fen"]) for line in own) == int(row["amount_fen"])
        assert [int(line["line_no"]) for line in own] == list(range(1, len(own) + 1))
    words = {line["words_zh"] for line in lines}
    assert "为「农村不少于三成」让出" in words
    assert "保底：不低于上年的 98%（上年 2,950,000.00 元）" in words
    assert not [line for line in lines if re.search(r"[{}]|None", line["words_zh"] + line["words_en"])]


def test_the_same_bytes_again(county):
    first = county.run().as_dict()
    names = sorted(path.name for path in (county.out / "tables").iterdir())
    assert county.run().as_dict() == first
    assert sorted(path.name for path in (county.out / "tables").iterdir()) == names


def test_the_command_says_what_it_did(county, monkeypatch, capsys):
    arguments = ["--spec", county.spec, "--data", county.data, "--out", county.out]
    code, out, _ = called(arguments, monkeypatch, capsys)
    assert code == 0
    assert "12,000,000.00 元已分完" in out
    code, out, _ = called([*arguments, "--json"], monkeypatch, capsys)
    assert json.loads(out)["budget_fen"] == 1_200_000_000
    code, out, _ = called(["--schema"], monkeypatch, capsys)
    assert (code, json.loads(out)["$defs"]["Pace"]["type"]) == (0, "object")
    code, out, _ = called(["--example", "county", "--out", county.folder / "copy"], monkeypatch, capsys)
    assert code == 0
    assert (county.folder / "copy" / "data" / "scores.csv").is_file()


def test_a_workbook_with_a_sheet_for_each_table(county):
    expected = county.run().as_dict()["tables"]["lines"]["sha256"]
    path = county.folder / "data.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for table in sorted(county.data.iterdir()):
            sheet = book.add_worksheet(table.stem)
            with table.open(encoding="utf-8", newline="") as stream:
                for number, row in enumerate(csv.reader(stream)):
                    for at, cell in enumerate(row):
                        sheet.write_string(number, at, cell)
    assert run_allocate(county.spec, path, county.out).as_dict()["tables"]["lines"]["sha256"] == expected


def test_rules_that_cannot_hold_leave_no_payment_table(county, monkeypatch, capsys):
    county.run()
    county.edit("spec.yaml", "cap_change: 0.50", "cap_change: 0.12")
    arguments = ["--spec", county.spec, "--data", county.data, "--out", county.out]
    code, _, err = called(arguments, monkeypatch, capsys)
    assert code == 1
    assert "保留份额「农村不少于三成」、封顶线" in err
    assert "河口乡、北山乡、石桥乡" in err
    left = {path.stem for path in (county.out / "tables").glob("*")}
    assert not left & {"lines", "payees", "streams", "need", "performance", "quarters", "projects", "awards"}
    assert json.loads((county.out / "run.json").read_text(encoding="utf-8"))["status"] == "infeasible"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,", r"第 4 行「population」列为空"),
        ("communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,两万", r"第 4 行「population」列不是数字"),
        ("communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,２００００", r"第 4 行「population」列不是数字"),
        ("communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,2_0000", r"第 4 行「population」列不是数字"),
        ("communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,-20000", r"第 4 行「population」列为负"),
        ("communities.csv", "C3,新城社区,0", "C3,新城社区,2", r"第 4 行「rural」列须为 1 或 0"),
        ("communities.csv", "C3,新城社区", "C2,新城社区", r"第 4 行「community」列的编号前面已有"),
        ("communities.csv", "C3,新城社区", ",新城社区", r"第 4 行「community」列为空"),
        ("communities.csv", ",1300000,", ",1300000.001,", r"第 4 行「previous」列的金额不是整分"),
        ("communities.csv", "1.10,65", "1.10,165", r"第 4 行「risk」列不在 0 至 100 之间"),
        ("communities.csv", "1.10,65", "1.10,nan", r"第 4 行「risk」列不是数字"),
        ("communities.csv", "C2,", "\n\nC2,", None),
        ("scores.csv", "C1,diabetes,0.62", "C9,diabetes,0.62", r"第 3 行「community」列的编号不在收款对象表"),
        (
            "scores.csv",
            "C1,diabetes,0.62",
            "C1,hypertension,0.62",
            r"第 3 行与前面某行的 community、indicator 完全相同",
        ),
        ("scores.csv", "C1,diabetes,0.62", "C1,diabetes,1.62", r"第 3 行「score」列不在 0 至 1 之间"),
    ],
)
def test_cells_that_say_no_by_row_and_column(county, name, old, new, said):
    county.edit(f"data/{name}", old, new)
    if said is None:
        county.run()
        return
    with pytest.raises(SaysNo) as no:
        county.run()
    assert re.search(said, no.value.words["zh"])
    assert not (county.out / "tables").exists()


def test_rows_are_counted_as_the_file_has_them(county):
    """Empty rows stand in the file, too: the row that is named is the one the clerk sees."""
    county.edit("data/communities.csv", "C1,", ",,,,,,,,,,\nC1,")
    county.edit("data/communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,")
    with pytest.raises(SaysNo, match="row 5"):
        county.run()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: need", "kind: needs", "did you mean 'need'"),
        ("floor_change: -0.02", "floor_chang: -0.02", "did you mean 'floor_change'"),
        ("share: 0.02, fund", "share: 0.03, fund", "sum to 1.01"),
        ("group: rural", "group: rurla", "did you mean 'rural'"),
        ("column: population", "column: populatoin", "did you mean 'population'"),
        ("table: scores", "table: score", "did you mean 'scores'"),
        ("amount: 12000000", "amount: 12000000.001", "not whole fen"),
        ("id: diabetes", "id: diabetis", "did you mean 'diabetes'"),
        ("cap_change: 0.50", "cap_change: -0.50", "floor_change"),
        ("id: age,", "id: risk,", "word of the engine"),
        ("indicators:", "weights: 1\n    indicators:", "weights"),
    ],
)
def test_words_that_are_not_known_or_do_not_agree(county, old, new, said):
    county.edit("spec.yaml", old, new)
    with pytest.raises(DefinitionError, match=re.escape(said)):
        county.run()


def test_an_indicator_that_pays_may_not_raise_need(county):
    signed = "reference: 50, indicators: [diabetes, age]"
    county.edit("spec.yaml", "reference: 50", signed)
    with pytest.raises(DefinitionError, match="diabetes"):
        county.run()
    county.edit("spec.yaml", signed, f"{signed}, signed_reason: 局长办公会 2025-01-08")
    county.run()


def test_no_person_or_value_in_an_error(county):
    county.edit("data/communities.csv", "C3,新城社区,0,20000", "C3,新城社区,0,机密")
    with pytest.raises(SaysNo) as no:
        county.run()
    assert "机密" not in json.dumps(no.value.words, ensure_ascii=False)


INDEX = """id: risk
titles: {zh: 风险, en: risk}
reference: 示例
unit: community
purpose: need
tree:
  id: risk
  combine: {how: arithmetic, missing: refuse}
  parts:
    - {id: aged, weight: 1, steps: [{step: linear, times: 2}]}
    - {id: deaths, weight: 1, steps: []}
"""


def with_index(county):
    """The same risks as mean of two columns: twice the first, and the second."""
    county.edit("spec.yaml", "risk: {column: risk,", "risk: {column: risk, table: computed, "
                "index: {spec: risk.yaml, table: structure},")  # fmt: skip
    (county.folder / "risk.yaml").write_text(INDEX, encoding="utf-8")
    risks = {"C1": 35, "C2": 50, "C3": 65, "C4": 70, "C5": 80, "C6": 60}
    body = "".join(f"{own},{risk / 2},{risk}\n" for own, risk in risks.items())
    (county.data / "structure.csv").write_text("community,aged,deaths\n" + body, encoding="utf-8")


def test_a_risk_index_is_computed_first(county):
    expected = county.run().as_dict()["tables"]["payees"]["sha256"]
    with_index(county)
    assert county.run().as_dict()["tables"]["payees"]["sha256"] == expected


def test_an_index_of_need_has_no_indicator_that_pays(county):
    with_index(county)
    county.edit("risk.yaml", "id: deaths", "id: diabetes, column: deaths")
    with pytest.raises(DefinitionError, match="diabetes"):
        county.run()
    county.edit("risk.yaml", "purpose: need", "purpose: description")
    with pytest.raises(DefinitionError, match="purpose"):
        county.run()


def test_every_recipe_of_the_guide_is_a_spec():
    guide = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    recipes = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    streams = [stream for recipe in recipes if isinstance(recipe, list) for stream in recipe]
    assert {"need", "performance", "dividend"} <= {TypeAdapter(Stream).validate_python(one).kind for one in streams}
    for recipe in recipes:
        if "budget" in recipe:
            Budget.model_validate(recipe["budget"])
        for reserve in recipe.get("reserves", []) if isinstance(recipe, dict) else []:
            Reserve.model_validate(reserve)
