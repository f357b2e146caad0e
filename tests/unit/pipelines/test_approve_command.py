"""Approval from the command line, of what the engine alone wrote: keys, signature, hash in the table, changed bytes."""

import json
import shutil
from pathlib import Path

import fastexcel
import pytest

from assets.release.subject import alone_files, alone_hash, outputs_of
from data_contracts.finance import FinanceFile, finance_schema
from pipelines import cli
from pipelines.allocating import EXAMPLES, run_allocate

METHOD = EXAMPLES / "standard_coefficient"
PERSON = "王某/财务科长"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A result and a key, made once; tests change copies."""
    folder = tmp_path_factory.mktemp("made")
    run_allocate(METHOD / "spec.yaml", METHOD / "data", folder / "out")
    return folder


@pytest.fixture
def kangheng(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["kangheng", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


@pytest.fixture
def approved(made, tmp_path, kangheng):
    out, key = tmp_path / "out", tmp_path / "k.pem"
    shutil.copytree(made / "out", out)
    assert kangheng("keys", "--new", key, "--as", PERSON)[0] == 0
    code, said, _ = kangheng("approve", out, "--key", key, "--as", PERSON)
    assert code == 0
    assert "已批准" in said
    return out, key


def test_the_table_carries_the_hash_that_was_approved(approved, kangheng):
    out, _ = approved
    record = json.loads((out / "approval/0001.json").read_text("utf-8"))
    file = FinanceFile.model_validate_json((out / "finance/allocation.json").read_bytes())
    assert record["table_hash"] == file.control.table_hash
    assert record["content_hash"] == json.loads((out / "run.json").read_text("utf-8"))["content_hash"]
    book = fastexcel.read_excel(out / "finance/allocation.xlsx")
    for sheet in book.sheet_names:
        rows = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars().rows()
        assert any(file.control.table_hash in str(cell) for row in rows for cell in row)
    code, said, _ = kangheng("verify", out)
    assert code == 0
    assert "王某/财务科长" in said
    assert json.loads(kangheng("verify", out, "--json")[1])["state"] == "approved"


def test_refusals_are_sentences_with_their_exit_code(approved, tmp_path, kangheng):
    out, key = approved
    for code, words, arguments in (
        (1, "批准过", ("approve", out, "--key", key, "--as", PERSON)),
        (2, "姓名/职务", ("approve", out, "--key", key, "--as", "王某")),
        (1, "releases", ("publish", out)),
        (2, "不是发布目录", ("approve", tmp_path, "--key", key, "--as", PERSON)),
        (2, "--key", ("withdraw", out, "--reason", "错")),
    ):
        found, _, said = kangheng(*arguments)
        assert (found, words in said) == (code, True), said
    assert kangheng("withdraw", out, "--reason", "数据有误", "--key", key, "--as", PERSON)[0] == 0
    assert json.loads(kangheng("verify", out, "--json")[1])["state"] == "withdrawn"


@pytest.mark.parametrize(
    "name",
    ["tables/lines.csv", "tables/payees.csv", "finance/allocation.xlsx", "finance/allocation.json",
     "finance/allocation_payees.csv", "finance/finance.schema.json", "index.html", "run.json", "approval/0001.json"],
)  # fmt: skip
def test_a_byte_changed_in_any_file_is_found(approved, kangheng, name):
    out, key = approved
    path = out / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    assert kangheng("verify", out)[0] == 1
    assert kangheng("approve", out, "--key", key, "--as", PERSON)[0] == 1 or name == "run.json"


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_a_file_too_few_or_too_many_is_found(approved, kangheng, change):
    out, _ = approved
    if change == "missing":
        (out / "finance/allocation_sources.csv").unlink()
    else:
        (out / "finance/other.csv").write_text("x\n")
    assert kangheng("verify", out)[0] == 1


def test_a_fen_moved_with_every_hash_repaired_is_found(approved, kangheng):
    out, _ = approved
    path = out / "finance/allocation.json"
    file = json.loads(path.read_text("utf-8"))
    for payee, fen in zip(file["payees"][:2], (1, -1), strict=True):
        payee["due_fen"] += fen
        payee["payable_fen"] += fen
    path.write_text(json.dumps(file), encoding="utf-8")
    shutil.rmtree(out / "approval")
    run = json.loads((out / "run.json").read_text("utf-8"))
    run["outputs"] = outputs_of(alone_files(out, run["pages"]), out)
    run["content_hash"] = alone_hash(run)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    code, said, _ = kangheng("verify", out)
    assert code == 1
    assert "allocation.json" in said


def test_a_draft_is_not_approved(made, tmp_path, kangheng):
    out, key = tmp_path / "out", tmp_path / "k.pem"
    shutil.copytree(made / "out", out)
    kangheng("keys", "--new", key, "--as", PERSON)
    run = json.loads((out / "run.json").read_text("utf-8"))
    run["draft_reasons"] = [{"zh": "激励审计未通过", "en": "the incentive audit fails"}]
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    # Reasons are part of what is hashed: they can be neither put in nor taken out.
    assert kangheng("verify", out)[0] == 1
    run["content_hash"] = alone_hash(run)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    code, _, said = kangheng("approve", out, "--key", key, "--as", PERSON)
    assert code == 1
    assert "激励审计未通过" in said


def test_run_again_the_same_stays_approved_and_another_one_is_a_draft(approved, kangheng):
    out, key = approved
    run_allocate(METHOD / "spec.yaml", METHOD / "data", out)
    assert json.loads(kangheng("verify", out, "--json")[1])["state"] == "approved"
    spec = out.parent / "spec.yaml"
    spec.write_text((METHOD / "spec.yaml").read_text("utf-8").replace("[80, 0.97]", "[80, 0.96]"), encoding="utf-8")
    run_allocate(spec, METHOD / "data", out)
    report = json.loads(kangheng("verify", out, "--json")[1])
    assert (report["state"], report["passed"]) == ("draft", True)
    assert kangheng("approve", out, "--key", key, "--as", PERSON)[0] == 0


def test_the_file_for_a_finance_system_is_what_its_schema_says(made):
    out = Path(made / "out/finance")
    assert json.loads((out / "finance.schema.json").read_text("utf-8")) == finance_schema()
    described = finance_schema()["$defs"]["FinancePayee"]
    document = json.loads((out / "allocation.json").read_text("utf-8"))
    for payee in document["payees"]:
        assert set(payee) == set(described["properties"]) == set(described["required"])
        assert all(value is None or type(value) is int for name, value in payee.items() if name.endswith("_fen"))
