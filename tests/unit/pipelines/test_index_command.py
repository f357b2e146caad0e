"""The index command: examples run to the last digit, any form of table, refusals with exit code and sentence."""

import csv
import json
import random

import pytest
import xlsxwriter

from data_contracts.closed import DefinitionError
from pipelines import cli
from pipelines.engines import EXAMPLES, read_table, run_index, write_example
from pipelines.outcomes import SaysNo


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def quiet(_):
    pass


def ran(name, out):
    folder = EXAMPLES / name
    return run_index(folder / "spec.yaml", folder / "data.csv", out, progress=quiet)


def called(arguments, monkeypatch, capsys):
    """Exit code, what was printed and what was said about errors."""
    monkeypatch.setattr("sys.argv", ["kangheng", "index", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_township_appraisal_by_hand(tmp_path):
    ran("township_appraisal", tmp_path)
    totals = {row["unit"]: row for row in rows(tmp_path / "tables" / "scores.csv") if row["part"] == "total"}
    # A03: plan 4, evidence 3 × 5/6 = 2.5, complaints 3; money 10 × (83.559 − 60)/35 cut to 6.73, 5; hypertension
    # 25 × 58.9/64 cut to 23.00, elderly 20 × 61.7/64 cut to 19.28, records 15 × (1 − 2.5/5) = 7.5; satisfaction
    # 6 + 4 × 2/10 = 6.8, field 4; bonus 1.
    assert float(totals["A03"]["value"]) == 82.81
    # A05 would have the full hundred, but falsified its data.
    assert float(totals["A05"]["value"]) == 59.0
    # A06 did not report the elderly: no points for it, and everything else as usual.
    assert float(totals["A06"]["value"]) == 59.82
    grades = {row["unit"]: row["grade"] for row in rows(tmp_path / "tables" / "grades.csv")}
    wanted = ["excellent", "excellent", "good", "poor", "poor", "poor", "excellent", "poor"]
    assert [grades[unit] for unit in sorted(totals)] == wanted
    claims = {(row["unit"], row["part"]): row for row in rows(tmp_path / "tables" / "submitted.csv")}
    assert claims["A03", "execution_of_services"]["difference"] == "0.01"
    assert claims["A01", "total"]["agrees"] == "true"


def test_risk_index_has_intervals_and_pages_that_state_the_method(tmp_path):
    ran("health_risk", tmp_path)
    intervals = [row for row in rows(tmp_path / "tables" / "rank_intervals.csv") if row["rank"]]
    assert all(float(row["lower"]) <= float(row["median"]) <= float(row["upper"]) for row in intervals)
    chinese, english = ((tmp_path / name).read_text(encoding="utf-8") for name in ("index.html", "en.html"))
    for page, words in (
        (chinese, ["加权几何平均", "层次分析", "名次区间", "小样本收缩", "一维聚类"]),
        (english, ["weighted geometric mean", "AHP", "Rank interval", "shrinkage", "clusters"]),
    ):
        assert [word for word in words if word not in page] == []
        assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for out in ("one", "two"):
        ran("health_risk", tmp_path / out)
    one, two = (
        {path.relative_to(tmp_path / out): path.read_bytes() for path in (tmp_path / out).rglob("*") if path.is_file()}
        for out in ("one", "two")
    )
    assert sorted(one) == sorted(two)
    assert [str(name) for name, data in one.items() if two[name] != data] == []
    assert len(one) == 14 + 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_is_the_same_in_every_encoding_and_as_a_workbook(tmp_path, encoding):
    source = EXAMPLES / "township_appraisal" / "data.csv"
    wanted = read_table(source)
    (tmp_path / "data.csv").write_bytes(source.read_text(encoding="utf-8").encode(encoding))
    assert read_table(tmp_path / "data.csv").equals(wanted)
    with xlsxwriter.Workbook(tmp_path / "data.xlsx") as book:
        sheet = book.add_worksheet("二")
        other = book.add_worksheet("考核")
        sheet.write_row(0, 0, ["别的"])
        other.write_row(0, 0, wanted.columns)
        for at, row in enumerate(wanted.rows(), 1):
            for column, cell in enumerate(row):
                number = cell.replace(".", "").isdigit()
                other.write(at, column, float(cell) if number else cell)
    found = read_table(tmp_path / "data.xlsx", "考核")
    assert found.columns == wanted.columns
    plain = wanted.rows()
    for left, right in zip(found.rows(), plain, strict=True):
        assert [float(cell) if cell.replace(".", "").isdigit() else cell for cell in left] == [
            float(cell) if cell.replace(".", "").isdigit() else cell for cell in right
        ]


def test_a_workbook_keeps_every_digit_of_a_number_and_every_zero_of_a_text(tmp_path):
    draws = random.Random(3)  # noqa: S311  (figures of a test)
    numbers = [draws.choice([-1, 1]) * draws.random() * 10.0 ** draws.randint(-14, 14) for _ in range(500)]
    numbers += [0.0, 1 / 3, 1e-12, -2.5, 123456789.123456789, 7.0]
    with xlsxwriter.Workbook(tmp_path / "d.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "v", "mixed"])
        for at, number in enumerate(numbers, 1):
            sheet.write(at, 0, f"{at:05d}")
            sheet.write(at, 1, number)
            sheet.write(at, 2, "未报" if at % 2 else number)
    found = read_table(tmp_path / "d.xlsx")
    assert found["id"].to_list() == [f"{at:05d}" for at in range(1, len(numbers) + 1)]
    # The writer itself keeps sixteen digits.
    for column in ("v", "mixed"):
        for at, (cell, number) in enumerate(zip(found[column], numbers, strict=True), 1):
            if column == "mixed" and at % 2:
                assert cell == "未报"
            else:
                assert float(cell) == float(f"{number:.16G}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "row 3 has 1 fields, the header 2"),
        ("a,b\n1,2,3\n", "row 2 has 3 fields, the header 2"),
        ('a,b\n1,"2\n', "a quote is not closed"),
        ("a,a\n1,2\n", "column 'a' more than once"),
        ("a,\n1,2\n", "no header"),
        ("", "no header"),
    ],
)
def test_a_table_that_would_lose_a_cell_is_refused(tmp_path, text, message):
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    with pytest.raises(SaysNo, match=message):
        read_table(tmp_path / "data.csv")


def test_an_unknown_sheet_and_an_unknown_example_are_named_with_the_nearest(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "d.xlsx") as book:
        book.add_worksheet("scores").write_row(0, 0, ["a"])
    with pytest.raises(SaysNo, match="no sheet 'scorse'; did you mean 'scores'"):
        read_table(tmp_path / "d.xlsx", "scorse")
    with pytest.raises(DefinitionError, match="did you mean 'health_risk'"):
        write_example("helth_risk", tmp_path)


def test_schema_example_and_run_at_the_command_line(tmp_path, monkeypatch, capsys):
    code, printed, _ = called(["--schema"], monkeypatch, capsys)
    assert code == 0
    assert json.loads(printed)["title"] == "IndexSpec"
    assert called(["--example", "township_appraisal", "--out", tmp_path], monkeypatch, capsys)[0] == 0
    arguments = ["--spec", tmp_path / "spec.yaml", "--data", tmp_path / "data.csv", "--out", tmp_path / "out"]
    code, printed, _ = called([*arguments, "--json"], monkeypatch, capsys)
    document = json.loads(printed)
    assert (code, document["units"], document["scored"]) == (0, 8, 8)
    assert (tmp_path / "out" / document["tables"]["scores"]["path"]).is_file()
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8")) == document


def test_wrong_words_are_wrong_usage_and_wrong_cells_say_no(tmp_path, monkeypatch, capsys):
    write_example("township_appraisal", tmp_path)
    arguments = ["--spec", tmp_path / "spec.yaml", "--data", tmp_path / "data.csv", "--out", tmp_path / "out"]
    spec = (tmp_path / "spec.yaml").read_text(encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(spec.replace("how: piecewise", "how: x").replace("step: clip", "step: clipp"))
    code, _, said = called(arguments, monkeypatch, capsys)
    assert code == 2
    assert "tree.steps.1" in said
    assert "clip" in said
    (tmp_path / "spec.yaml").write_text(spec.replace("column: 满意度", "column: 满意"))
    code, _, said = called(arguments, monkeypatch, capsys)
    assert (code, "满意度" in said) == (2, True)
    (tmp_path / "spec.yaml").write_text(spec)
    data = (tmp_path / "data.csv").read_text(encoding="utf-8")
    (tmp_path / "data.csv").write_text(data.replace("91.5", "9l.5"), encoding="utf-8")
    code, _, said = called(arguments, monkeypatch, capsys)
    assert code == 1
    assert "满意度" in said
    assert "9l.5" not in said
    assert not (tmp_path / "out").exists()
    assert called(arguments[:2], monkeypatch, capsys)[0] == 2
