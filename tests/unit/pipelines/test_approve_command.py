"""Approval from the command line, of what the engine alone wrote: keys, signature, hash in the table, changed bytes."""

import json
import re
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from assets.lake.home import Home
from assets.release.approval import Rules, approve, publish_release
from assets.release.publish import ReleaseContent, content_hash, current, publish
from assets.release.subject import alone_files, alone_hash, outputs_of, subject_of
from assets.vault.signing import load_key, new_key
from data_contracts.finance import FinanceFile, finance_schema
from data_contracts.settings.approvers import Approver
from data_contracts.settings.loading import load_settings
from data_contracts.tables import output_tables
from pipelines import cli
from pipelines.allocating import EXAMPLES, run_allocate
from pipelines.approving import keep_approved

METHOD = EXAMPLES / "standard_coefficient"
PERSON = "王某/财务科长"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A result and a key, made once; tests change copies."""
    folder = tmp_path_factory.mktemp("made")
    run_allocate(METHOD / "spec.yaml", METHOD / "data", folder / "out", audit=True)
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


def rehashed(out):
    """The list of files and its hash redone, for which nothing secret is needed."""
    run = json.loads((out / "run.json").read_text("utf-8"))
    run["outputs"] = outputs_of(alone_files(out, run["pages"]), out)
    run["content_hash"] = alone_hash(run)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")


def changed_lines(out, column, change):
    """One figure of the first two lines changed, one up and one down."""
    path = out / "tables/lines.csv"
    frame = pl.read_csv(path, infer_schema=False)
    figures = frame[column].to_list()
    figures[:2] = [change(figures[0], 1), change(figures[1], -1)]
    frame.with_columns(pl.Series(column, figures)).write_csv(path)


def changed_cell(out):
    """One more yuan for the first payee and one less for the second, in the printed table only."""
    path, sheet = out / "finance/allocation.xlsx", "xl/worksheets/sheet2.xml"
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    words = parts[sheet].decode()
    for cell, more in (("F7", 1), ("F8", -1)):
        found = re.search(rf'(<c r="{cell}"[^>]*><v>)([0-9.]+)', words)
        words = words.replace(found[0], f"{found[1]}{float(found[2]) + more}", 1)
    with zipfile.ZipFile(path, "w") as book:
        for name, data in parts.items():
            book.writestr(name, words.encode() if name == sheet else data)


def changed_spec(out):
    run = json.loads((out / "run.json").read_text("utf-8"))
    run["spec_document"]["titles"]["zh"] = "别的方案"
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")


FORGED = {
    "lines": lambda out: changed_lines(out, "amount_fen", lambda fen, more: str(int(fen) + more)),
    "streams of lines": lambda out: changed_lines(out, "stream", lambda stream, _: f"{stream}_2"),
    "a printed cell": changed_cell,
    "a file for a system": lambda out: (out / "finance/allocation_payees.csv").write_text("x\n"),
    "the spec": changed_spec,
}


@pytest.mark.parametrize("name", FORGED)
def test_tables_that_no_longer_agree_are_found_though_every_hash_is_redone(approved, kangheng, name):
    out, key = approved
    FORGED[name](out)
    rehashed(out)
    assert kangheng("verify", out)[0] == 1
    assert kangheng("approve", out, "--key", key, "--as", PERSON)[0] == 1


def test_an_approval_of_other_content_is_not_shown_as_one_of_this(approved, kangheng):
    out, _ = approved
    path = out / "tables/standard.csv"
    path.write_text(path.read_text("utf-8") + "\n", encoding="utf-8")
    rehashed(out)
    code, said, _ = kangheng("verify", out)
    assert code == 0
    assert "无效" in next(line for line in said.splitlines() if PERSON in line)
    assert json.loads(kangheng("verify", out, "--json")[1])["state"] == "draft"


def test_a_failing_audit_cannot_be_taken_out_of_the_result(tmp_path, kangheng):
    spec = tmp_path / "spec.yaml"
    text, smoke = (EXAMPLES / "county/spec.yaml").read_text("utf-8"), "{smoke: {effect_per_point: -2, spread: 3}}"
    spec.write_text(text.replace("reference: 50", f"reference: 50, indicators: {smoke}", 1), encoding="utf-8")
    run_allocate(spec, EXAMPLES / "county/data", tmp_path / "out", audit=True)
    kangheng("keys", "--new", tmp_path / "k.pem", "--as", PERSON)
    code, _, said = kangheng("approve", tmp_path / "out", "--key", tmp_path / "k.pem", "--as", PERSON)
    assert (code, "smoke" in said, "下一步" in said) == (1, True, True)
    run = json.loads((tmp_path / "out/run.json").read_text("utf-8"))
    (tmp_path / "out/run.json").write_text(json.dumps({**run, "draft_reasons": []}), encoding="utf-8")
    rehashed(tmp_path / "out")
    code, _, said = kangheng("approve", tmp_path / "out", "--key", tmp_path / "k.pem", "--as", PERSON)
    assert (code, "激励审计" in said) == (1, True)


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


def test_nothing_is_written_over_an_approved_result(approved, kangheng, tmp_path):
    out, key = approved
    before = {path: path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
    spec, data = METHOD / "spec.yaml", METHOD / "data"
    table, side = min(data.glob("*.csv")), ("--compare", spec, spec, "--data", data)
    index = EXAMPLES.parent / "index/township_appraisal"
    for arguments in (
        ("allocate", "--spec", spec, "--data", data),
        ("allocate", *side),
        ("index", "--spec", next(index.glob("*.yaml")), "--data", table),
        ("diff", out),
    ):
        code, _, said = kangheng(*arguments, "--out", out)
        assert code == 1, said
        assert all(words in said for words in (str(out), "王某", "另给一个目录", "another folder")), said
    # Also where it was withdrawn since: it is a record of what was decided.
    assert kangheng("withdraw", out, "--reason", "错", "--key", key, "--as", PERSON)[0] == 0
    assert kangheng("allocate", "--spec", spec, "--data", data, "--out", out)[0] == 1
    assert {path: path.read_bytes() for path in before} == before
    assert len(list((out / "approval").glob("*.json"))) == 2


def test_a_result_that_is_not_approved_is_run_again_in_its_place(made, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    # As a refused approval leaves it.
    (out / "approval").mkdir()
    (out / "approval/.lock").touch()
    keep_approved(out)
    (out / "run.json").write_text('{"status": "infeasible"}', encoding="utf-8")
    keep_approved(out)
    keep_approved(tmp_path / "new")


def test_the_file_for_a_finance_system_is_what_its_schema_says(made):
    out = Path(made / "out/finance")
    assert json.loads((out / "finance.schema.json").read_text("utf-8")) == finance_schema()
    described = finance_schema()["$defs"]["FinancePayee"]
    document = json.loads((out / "allocation.json").read_text("utf-8"))
    for payee in document["payees"]:
        assert set(payee) == set(described["properties"]) == set(described["required"])
        assert all(value is None or type(value) is int for name, value in payee.items() if name.endswith("_fen"))


def candidate(path, approval, **more):
    home = Home(path)
    home.make_folders()
    names = ("ind__values", "alloc__lines", "alloc__payees", "quality__files", "risk__areas")
    settings = {"home": {"approval": approval, "levels": [{"id": "community"}]}, "indicators": {},
                "budget_of_period": None}  # fmt: skip
    tables = {name: output_tables()[name].empty() for name in names}
    content = ReleaseContent("2025Q4", tables, lambda _: None, [], settings, {}, approved=False, **more)
    return home, publish(home, content, lambda _: None)[0]


def test_asking_for_less_after_computing_opens_nothing(make_home, kangheng):
    home, release = candidate(make_home(), "two")
    code, _, said = kangheng("publish", release)
    assert (code, "还差 2 人" in said) == (1, True)
    assert current(home)["periods"] == {}


def test_a_draft_is_put_in_force_by_nobody_also_where_no_approval_is_asked_for(make_home, kangheng):
    home, release = candidate(make_home(), "none", draft_reasons=[{"zh": "甲会少拿钱", "en": "A loses"}])
    code, _, said = kangheng("publish", release)
    assert (code, "甲会少拿钱" in said, "下一步" in said) == (1, True, True)
    assert current(home)["periods"] == {}


def test_settings_changed_between_compute_and_approve_are_refused(make_home, tmp_path, kangheng):
    path = make_home()
    kangheng("keys", "--new", tmp_path / "k.pem", "--as", PERSON)
    public = load_key(tmp_path / "k.pem").public
    text = (path / "home.yaml").read_text("utf-8")
    person = f"approval: required\napprovers: [{{name: 王某, role: 财务科长, key: {public}, from: 2020-01-01}}]\n"
    (path / "home.yaml").write_text(text + person, encoding="utf-8")
    _, release = candidate(path, "required")
    manifest = release / "internal/manifest.json"
    document = json.loads(manifest.read_text("utf-8"))
    document["settings"] |= load_settings(path).as_dict() | {"home": document["settings"]["home"], "indicators": {}}
    document["content_hash"] = content_hash(document["outputs"], document)
    manifest.write_text(json.dumps(document), encoding="utf-8")
    code, _, said = kangheng("approve", release, "--key", tmp_path / "k.pem", "--as", PERSON)
    assert (code, "indicators" in said, "kangheng run" in said) == (1, True, True)
    document["settings"]["indicators"] = load_settings(path).as_dict()["indicators"]
    document["content_hash"] = content_hash(document["outputs"], document)
    manifest.write_text(json.dumps(document), encoding="utf-8")
    assert kangheng("approve", release, "--key", tmp_path / "k.pem", "--as", PERSON)[0] == 0


def test_a_copy_without_its_records_does_not_pass_for_an_approved_one(make_home, tmp_path, kangheng):
    path = make_home()
    _, release = candidate(path, "required")
    new_key(tmp_path / "k.pem")
    copy = tmp_path / "copy/2025Q4-r1"
    shutil.copytree(release, copy)
    # Nobody has approved anything: whole, and said to be no more than that.
    for arguments in ((), ("--home", path)):
        code, said, _ = kangheng("verify", copy, *arguments)
        assert (code, "没有审批记录" in said) == (0, True)
    now = datetime.now(UTC)
    person = Approver(name="王某", role="财务科长", key=load_key(tmp_path / "k.pem").public, valid_from="2020-01-01")
    rules = Rules("required", [person])
    approve(subject_of(release), rules, load_key(tmp_path / "k.pem"), "王某", "财务科长", now)
    text = (path / "home.yaml").read_text("utf-8")
    more = f"approvers: [{{name: 王某, role: 财务科长, key: {person.key}, from: 2020-01-01}}]\n"
    (path / "home.yaml").write_text(text + more, encoding="utf-8")
    shutil.copytree(release, copy, dirs_exist_ok=True)
    code, said, _ = kangheng("verify", copy, "--home", path)
    assert (code, "没有审批记录" in said, "已批准" in said) == (0, False, True)
    publish_release(subject_of(release), rules, now)
    assert "2 条记录" in kangheng("verify", copy, "--home", path)[1]
    shutil.rmtree(copy / "approval")
    code, said, _ = kangheng("verify", copy)
    assert (code, "没有审批记录" in said, "已批准" in said) == (0, True, False)
    code, said, _ = kangheng("verify", copy, "--home", path, "--lang", "en")
    assert (code, "no approval record" in said, "has 2 of 2025Q4-r1" in said) == (1, True, True)
    assert json.loads(kangheng("verify", copy, "--home", path, "--json")[1])["passed"] is False
