"""Pages of the allocation engine: printed amounts sum, nothing runs in them, links lead somewhere, the same bytes."""

import csv
import json
import re
import shutil

import polars as pl
import pytest

from data_contracts.closed import DefinitionError
from pipelines import allocation_pages, cli
from pipelines.allocating import EXAMPLES, run_allocate
from pipelines.comparing import run_compare
from pipelines.outcomes import SaysNo
from tests.printed import Page, fen

LANGUAGES = ("zh", "en")
INDEX = {"zh": "index.html", "en": "en.html"}


def statement(page):
    """Amounts of the numbered lines, of the sums, and the total of a statement page."""
    found = [(own, cells) for own, cells in page.rows if len(cells) == 3 or own == "total"]
    lines = [fen(cells[2]) for own, cells in found if cells[0].isdigit()]
    total = next(fen(cells[2]) for own, cells in found if own == "total")
    return lines, total


def when_paid(page, folder):
    """What all quarters of a statement together pay, by its own cells; nothing is left in no quarter."""
    word = "季度" if folder == "statements" else "Quarter"
    at = next(at for at, (_, cells) in enumerate(page.rows) if cells and cells[0] == word)
    below = page.rows[at + 1 :]
    end = next(at for at, (own, _) in enumerate(below) if own == "total")
    *quarters, total = [cells for _, cells in below[: end + 1]]
    sums = [sum(fen(cells[column]) for cells in quarters) for column in range(1, len(total) - 1)]
    assert sums == [fen(cell) for cell in total[1:-1]]
    assert sum(sums[:-1]) == sums[-1]
    return sums[-1]


def copied(name, folder):
    shutil.copytree(EXAMPLES / name, folder)
    return folder / "spec.yaml", folder / "data", folder / "out"


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", NAMES)
def test_lines_on_every_statement_sum_to_what_is_paid(name, tmp_path):
    spec, data, out = copied(name, tmp_path / name)
    run = run_allocate(spec, data, out)
    paid = {(row["payee_kind"], row["payee_id"]): int(row["amount_fen"]) for row in rows(out / "tables" / "payees.csv")}
    assert set(run.statements) == {owner for owner in paid if owner[0] != "fund"}
    for owner, file in run.statements.items():
        for folder in ("statements", "statements/en"):
            lines, total = statement(Page(out / folder / f"{file}.html"))
            assert sum(lines) == total == paid[owner]
            assert when_paid(Page(out / folder / f"{file}.html"), folder) == paid[owner]
    for language in LANGUAGES:
        page = Page(out / INDEX[language])
        for link in page.links:
            assert (out / link).is_file()
        total = fen(next(cells[2] for own, cells in page.rows if own == "total"))
        assert total == sum(paid.values())


def test_parts_of_the_county_statement(tmp_path):
    spec, data, out = copied("county", tmp_path / "county")
    run_allocate(spec, data, out)
    page = Page(out / "statements" / "C5.html")
    sums = [fen(cells[2]) for own, cells in page.rows if own == "sum"]
    assert sums[:2] == [115923343, 106772844]
    cells = {cells[0]: cells[1:] for _, cells in page.rows if cells}
    assert cells["人口多 1,000 人"][0].startswith("+")
    assert cells["健康风险指数高 1 分"][1] == "+5,905.65"
    heading = next(cells for _, cells in page.rows if "本对象" in "".join(cells))
    assert [name.removeprefix("本对象") for name in heading] == ["", "北山乡", "河口乡", "石桥乡", "新城社区"]
    english = Page(out / "statements" / "en" / "C5.html")
    assert "en" in english.links[0] or "../C5.html" in english.links
    words = "".join(english.words)
    assert "What would change it" in words
    assert not re.search("[\u4e00-\u9fff]{2,}", words.replace("某县", "").split("community")[0].split("statement")[1])


def test_the_same_bytes_again(tmp_path):
    spec, data, out = copied("county", tmp_path / "county")
    run_allocate(spec, data, out)
    run_allocate(spec, data, tmp_path / "again")
    first = {path.relative_to(out): path.read_bytes() for path in out.rglob("*.html")}
    second = {path.relative_to(tmp_path / "again"): path.read_bytes() for path in (tmp_path / "again").rglob("*.html")}
    assert first == second


HOSTILE = ["<script>alert(1)</script>", "../../etc/passwd", "=1+1", "社区 一", "a.b", "A.B"]


def test_no_id_or_name_runs_or_leaves_the_folder(tmp_path):
    spec, data, out = copied("county", tmp_path / "county")
    for file in data.iterdir():
        frame = pl.read_csv(file, infer_schema=False)
        old = [f"C{at}" for at in range(1, 7)]
        frame = frame.with_columns(pl.col("community").replace(old, HOSTILE))
        if "name" in frame.columns:
            frame = frame.with_columns(name=pl.col("community"))
        frame.write_csv(file)
    edit(spec, "zh: 某县 2025", "zh: <b>某县</b> 2025")
    run = run_allocate(spec, data, out)
    assert len(set(run.statements.values())) == len(HOSTILE)
    pages = list(out.rglob("*.html"))
    assert len(pages) == 2 * (len(HOSTILE) + 1)
    for path in pages:
        assert "script" not in Page(path).elements
        assert "<b>某县" not in path.read_text(encoding="utf-8")
    for link in Page(out / "index.html").links:
        assert (out / link).resolve().is_relative_to(out.resolve())
        assert (out / link).is_file()
    assert not list(tmp_path.rglob("passwd*"))
    assert all(not row["payee_id"].startswith("=") for row in rows(out / "tables" / "changes.csv"))


def test_with_many_payees_only_those_that_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(allocation_pages, "LIMIT", 5)
    spec, data, out = copied("county", tmp_path / "county")
    run = run_allocate(spec, data, out)
    assert run.statements == {}
    assert "changes" not in run.tables
    page = Page(out / "index.html")
    assert "--payee" in "".join(page.words)
    run = run_allocate(spec, data, out, payees=["C2"])
    assert run.statements == {("community", "C2"): "C2"}
    assert set(run.tables["changes"]["payee_id"]) == {"C2"}
    with pytest.raises(DefinitionError, match="c2"):
        run_allocate(spec, data, out, payees=["c2"])


def test_a_refusal_leaves_no_page_of_money(tmp_path):
    spec, data, out = copied("county", tmp_path / "county")
    run_allocate(spec, data, out)
    edit(spec, "cap_change: 0.50", "cap_change: 0.12")
    with pytest.raises(SaysNo):
        run_allocate(spec, data, out)
    assert not (out / "index.html").exists()
    assert not list((out / "statements").rglob("*.html"))


def test_draws_are_said_not_to_be_payable(tmp_path):
    spec, data, out = copied("county", tmp_path / "county")
    with spec.open("a", encoding="utf-8") as stream:
        stream.write("uncertainty: {seed: 3, draws: 30, columns: [{column: risk, distribution: normal, "
                     "relative_sd: 0.05, high: 100}]}\n")  # fmt: skip
    run = run_allocate(spec, data, out)
    assert not run.tables["intervals"]["payable"].any()
    for path in (out / "index.html", out / "statements" / "C5.html"):
        assert "不可据以支付" in path.read_text(encoding="utf-8")
    assert "Not payable" in (out / "statements" / "en" / "C5.html").read_text(encoding="utf-8")
    lines, total = statement(Page(out / "statements" / "C5.html"))
    assert sum(lines) == total == 146963613


def called(arguments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["kangheng", "allocate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def test_two_specs_side_by_side(tmp_path, monkeypatch, capsys):
    spec, data, out = copied("county", tmp_path / "county")
    other = tmp_path / "b.yaml"
    shutil.copy(spec, other)
    edit(other, "ratio: 2.0", "ratio: 3.0")
    code, printed, _ = called(["--compare", spec, other, "--data", data, "--out", out, "--json"], monkeypatch, capsys)
    assert code == 0
    said = json.loads(printed)
    moved = [int(row["difference_fen"]) for row in rows(out / "tables" / "payees.csv") if row["payee_kind"] != "fund"]
    assert said["gain"] == sum(own > 0 for own in moved) > 0
    assert said["lose"] == sum(own < 0 for own in moved) > 0
    assert sum(moved) == 0
    steps = rows(out / "tables" / "steps.csv")
    for row in rows(out / "tables" / "payees.csv"):
        own = [int(step["difference_fen"]) for step in steps if step["payee_id"] == row["payee_id"]]
        assert sum(own) == int(row["difference_fen"])
    for language in LANGUAGES:
        text = (out / INDEX[language]).read_text(encoding="utf-8")
        payload = json.loads(re.search(r'id="payload">(.*?)</script>', text)[1])
        for at, difference in enumerate(payload["differences"]):
            assert sum(step["parts"][at] for step in payload["steps"]) == pytest.approx(difference, abs=0.005)
    assert (out / "plotly.min.js").is_file()
    assert (out / "compare.js").is_file()


def test_a_side_that_cannot_hold_is_an_answer(tmp_path, monkeypatch, capsys):
    spec, data, out = copied("county", tmp_path / "county")
    other = tmp_path / "b.yaml"
    shutil.copy(spec, other)
    edit(other, "cap_change: 0.50", "cap_change: 0.12")
    run_compare((spec, spec), data, out)
    code, _, said = called(["--compare", other, spec, "--data", data, "--out", out], monkeypatch, capsys)
    assert code == 1
    assert "方案 A" in said
    assert "spec A" in said
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run["status"] == "infeasible"
    assert set(run["conflicts"]) == {"A"}
    assert not list((out / "tables").glob("*.csv"))
    page = "".join(Page(out / "en.html").words)
    assert "rural at least 30 %" in page
    assert "Spec B" in page


def test_a_comparison_needs_its_options(tmp_path, monkeypatch, capsys):
    spec, data, _ = copied("county", tmp_path / "county")
    code, _, said = called(["--compare", spec, spec, "--data", data], monkeypatch, capsys)
    assert code == 2
    assert "--compare" in said
