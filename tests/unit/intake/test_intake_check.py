"""Periods of files, and the check of one file alone: the same verdict as the pass, with nothing stored."""

import pytest
import yaml

from assets.intake.check import check_file
from assets.intake.findings import FileRefused
from assets.intake.period import period_of
from data_contracts.contracts import Catalog

ID = "11010519491231002X"


@pytest.mark.parametrize(
    ("noted", "name", "pattern", "expected"),
    [
        ("2025Q2", "a_2024Q1.csv", r"(?P<period>\d{4}Q[1-4])", "2025Q2"),
        (None, "a_2024Q1.csv", r"(?P<period>\d{4}Q[1-4])", "2024Q1"),
        (None, "25年第三季度.csv", r"(?P<year>\d{2})年第(?P<quarter>[一二三四])季度", "2025Q3"),
        (None, "2025-3.csv", r"(?P<year>\d{4})-(?P<month>\d{1,2})", "2025-03"),
        (None, "2025.csv", r"(?P<year>\d{4})", "2025"),
    ],
)
def test_period_from_note_then_name(bench, noted, name, pattern, expected):
    contract = bench.contract([{"name": "a", "type": "text"}], period={"file_name": pattern, "constant": "1999"})
    assert period_of(noted, name, contract) == expected
    assert period_of(None, "other.csv", contract) == "1999"


def test_an_unknown_or_wrong_period_refuses_the_file(bench):
    contract = bench.contract([{"name": "a", "type": "text"}])
    for noted, sentence in ((None, "intake_period_unknown"), ("2025Q5", "intake_period_wrong")):
        with pytest.raises(FileRefused) as error:
            period_of(noted, "a.csv", contract)
        assert error.value.finding.sentence == sentence


def test_records_of_another_period_refuse_the_file(bench, refusal):
    columns = [{"name": "a", "type": "text"}, {"name": "p", "type": "text", "header": "报告期"}]
    contract = bench.contract(columns, period={"column": "p"})
    assert bench.stage("a,报告期\n1,2025Q1\n".encode(), contract).account.accepted == 1
    found = refusal(lambda: bench.stage("a,报告期\n1,2025Q1\n2,2025Q2\n".encode(), contract))
    assert found == ("intake_period_varies", {"column": "报告期", "period": "2025Q1", "count": 1})


@pytest.fixture
def feed(bench):
    """The catalog of a home with one feed of its own."""
    columns = [
        {"name": "no", "type": "text", "required": True},
        {"name": "idno", "type": "text", "role": "person_id"},
        {"name": "n", "type": "integer"},
    ]
    bench.contract(
        columns,
        [("small", "error", "n < 10")],
        person={"column": "idno", "id_scheme": "cn_id"},
        period={"file_name": r"(?P<period>\d{4}Q[1-4])"},
    )
    return Catalog.load(bench.folder, use=["office.cases"])


def write(tmp_path, name, rows):
    path = tmp_path / name
    path.write_text("no,idno,n\n" + "".join(rows), encoding="utf-8")
    return path


def test_a_sound_file_passes(bench, feed, tmp_path):
    path = write(tmp_path, "a_2025Q1.csv", [f"{n},{ID},1\n" for n in range(20)])
    result = check_file(path, "office.cases", feed, bench.limits)
    assert (result.passed, result.period, result.account.accepted, result.fixes.height) == (True, "2025Q1", 20, 0)
    assert "intake_unchecked_linkage" in result.not_checked
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a_2025Q1.csv", "feeds"]


@pytest.mark.parametrize(("bad", "passed"), [(1, True), (2, False)])
def test_the_share_of_refused_records_decides(bench, feed, tmp_path, bad, passed):
    rows = [f"{n},{ID},{99 if n < bad else 1}\n" for n in range(20)]
    result = check_file(write(tmp_path, "a_2025Q1.csv", rows), "office.cases", feed, bench.limits)
    assert (result.passed, result.account.quarantined) == (passed, bad)
    assert result.fixes["rule_id"].to_list() == ["small"] * bad
    assert result.fixes["file"].unique().to_list() == ["a_2025Q1.csv"]


def test_the_delivery_note_counts(bench, feed, tmp_path):
    path = write(tmp_path, "a.csv", [f"1,{ID},1\n", "2,short\n"])
    note = path.with_name("a.csv.note.yaml")
    note.write_text(yaml.safe_dump({"period": "2025Q1", "rows": 3}), encoding="utf-8")
    result = check_file(path, "office.cases", feed, bench.limits)
    assert (result.passed, result.refused.sentence) == (False, "intake_note_rows")
    assert result.fixes.select("rule_id", "severity").rows()[0] == ("intake_note_rows", "error")
    note.write_text("perod: 2025Q1\n", encoding="utf-8")
    result = check_file(path, "office.cases", feed, bench.limits)
    assert result.refused.sentence == "landing_note_wrong"
    assert "period" in result.fixes["message_en"][0]


def test_a_file_that_is_too_large_is_not_opened(bench, feed, tmp_path):
    path = write(tmp_path, "a_2025Q1.csv", ["1,2,3\n"])
    limits = bench.limits.model_copy(update={"file_bytes": 10})
    assert check_file(path, "office.cases", feed, limits).refused.sentence == "intake_too_large"
