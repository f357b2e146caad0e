"""Rules between the records of one file against a naive reading: keys that contradict each other, and sequences."""

from collections import defaultdict
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.intake.account import Account
from assets.intake.across import FoundAcross
from assets.intake.check import check_file
from assets.intake.fixes import fix_list
from assets.intake.rules import check_contract
from assets.intake.staging import FileContext, stage
from data_contracts.closed import DefinitionError
from data_contracts.contracts import Catalog
from data_contracts.dictionary import rule_titles

COLUMNS = [
    {"name": "key", "type": "text", "required": True},
    {"name": "who", "type": "text"},
    {"name": "day", "type": "date"},
    {"name": "dose", "type": "integer", "unit": "次"},
]
WORDS = {"titles": {"zh": "剂次递增", "en": "Doses rise"}, "fix": {"zh": "核对剂次", "en": "Check the dose"}}
RISING = {"id": "dose_rises", "by": ["who"], "order_by": "day", "holds": "dose > previous_dose", **WORDS}
HEADER = "key,who,day,dose\n"


@pytest.fixture(scope="module")
def plain(shared_bench):
    return shared_bench.contract(COLUMNS)


@pytest.fixture(scope="module", params=["error", "warning"])
def sequenced(request, shared_bench):
    return shared_bench.contract(COLUMNS, sequences=[{**RISING, "severity": request.param}])


ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from(["p", "q", ""]), st.integers(1, 4),
        st.sampled_from(["1", "2", "3", "", "x"]),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def text(rows):
    return (HEADER + "".join(f"{key},{who},2025-01-0{day},{dose}\n" for key, who, day, dose in rows)).encode()


def in_conflict(rows):
    """Numbers of the sound records that share their key with one of other content."""
    contents = defaultdict(set)
    sound = [(at, row) for at, row in enumerate(rows, 1) if row[3] != "x"]
    for _, row in sound:
        contents[row[0]].add(row[1:])
    return {at for at, row in sound if len(contents[row[0]]) > 1}


@settings(max_examples=40)
@given(rows=ROWS, chunk=st.integers(1, 60))
def test_records_that_contradict_each_other_are_refused_together(shared_bench, plain, rows, chunk):
    result = shared_bench.stage(text(rows), plain, chunk=chunk)
    broken = {row["record_no"] for row in result.fixes.rows(named=True) if row["rule"] == "key_conflict"}
    assert broken == in_conflict(rows)
    unread = {at for at, row in enumerate(rows, 1) if row[3] == "x"}
    assert set(result.accepted["record_no"]) == set(range(1, len(rows) + 1)) - broken - unread
    account = result.account
    assert account.records == len(rows) == account.accepted + account.quarantined
    assert result.refused.height == account.quarantined
    count = account.rules["key_conflict"]
    assert (count.severity, count.violated, count.checked) == ("error", len(broken), len(rows) - len(unread))


def test_records_that_say_the_same_are_left_to_selection(shared_bench, plain):
    rows = [("a", "p", 1, "1"), ("a", "p", 1, "1"), ("b", "p", 1, "1")]
    result = shared_bench.stage(text(rows), plain)
    assert (result.account.accepted, result.account.rules["key_conflict"].violated) == (3, 0)


@pytest.mark.parametrize("chunk", [0, 11])
def test_where_a_key_may_be_empty_an_empty_part_is_one_like_any_other(bench, chunk):
    contract = bench.contract(COLUMNS, business_key=["key", "who"], empty_in_key=["who"])
    rows = [("a", "", 1, "1"), ("a", "", 1, "2"), ("a", "p", 1, "1"), ("a", "q", 1, "2"), ("b", "", 1, "2")]
    result = bench.stage(text(rows), contract, chunk=chunk)
    assert result.accepted["record_no"].to_list() == [3, 4, 5]
    count = result.account.rules["key_conflict"]
    assert (count.violated, count.not_applicable, count.checked) == (2, 0, 5)


def test_a_record_without_its_key_is_sent_back(bench):
    result = bench.stage(text([("a", "p", 1, "1"), ("", "p", 1, "2"), ("无", "p", 2, "2")]), bench.contract(COLUMNS))
    assert result.accepted["record_no"].to_list() == [1]
    assert result.fixes.select("record_no", "rule").rows() == [(2, "required_key"), (3, "required_key")]


def falling(rows):
    """Numbers of the records whose dose does not exceed that of the one before, and how often nothing can be said."""
    people = defaultdict(list)
    for at, (_, who, day, dose) in enumerate(rows, 1):
        if who:
            people[who].append((day, at, int(dose) if dose else None))
    broken, told = set(), 0
    for records in people.values():
        records.sort()
        for (_, _, before), (_, at, now) in pairwise(records):
            if before is not None and now is not None:
                told += 1
                if now <= before:
                    broken.add(at)
    return broken, told


@settings(max_examples=40)
@given(rows=ROWS, chunk=st.integers(1, 60))
def test_a_sequence_is_judged_over_the_whole_file(shared_bench, sequenced, rows, chunk):
    rows = [(f"k{at}", who, day, "" if dose == "x" else dose) for at, (_, who, day, dose) in enumerate(rows)]
    severity = sequenced.extras.sequences[0].severity
    result = shared_bench.stage(text(rows), sequenced, chunk=chunk)
    broken, told = falling(rows)
    assert {row["record_no"] for row in result.fixes.rows(named=True) if row["rule"] == "dose_rises"} == broken
    count = result.account.rules["dose_rises"]
    assert (count.violated, count.not_applicable, count.checked) == (len(broken), len(rows) - told, len(rows))
    refused = broken if severity == "error" else set()
    assert set(result.accepted["record_no"]) == set(range(1, len(rows) + 1)) - refused
    flagged = dict(result.accepted.select("record_no", "warnings").iter_rows())
    assert {at for at, words in flagged.items() if words == "dose_rises"} == broken - refused


def test_a_file_without_contradictions_is_read_once(shared_bench, plain):
    context = FileContext("0123456789abcdef", "2025Q1", "H1")

    def staged(rows):
        return list(
            stage([text(rows)], plain, context, shared_bench.codes["yes_no"], b"k" * 32, shared_bench.limits, Account())
        )

    assert staged([("a", "p", 1, "1"), ("b", "p", 2, "2")])
    with pytest.raises(FoundAcross):
        staged([("a", "p", 1, "1"), ("a", "p", 2, "2")])


def test_check_tells_what_a_run_would(bench, tmp_path):
    bench.contract(COLUMNS, sequences=[{**RISING, "severity": "warning"}])
    path = tmp_path / "x.csv"
    path.write_bytes(text([("a", "p", 1, "1"), ("a", "p", 2, "2"), ("b", "q", 1, "2"), ("c", "q", 2, "1")]))
    result = check_file(path, "office.cases", Catalog.load(tmp_path, ["office.cases"]), bench.limits, "2025Q1")
    shown = result.fixes.select("record_no", "rule_id", "severity", "fix_zh").rows()
    assert shown[:3] == [
        (1, "key_conflict", "error", shown[0][3]),
        (2, "key_conflict", "error", shown[1][3]),
        (4, "dose_rises", "warning", "核对剂次"),
    ]
    assert (result.account.accepted, result.account.quarantined, result.account.records) == (2, 2, 4)


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        ("dose > previous_dos", "no column 'previous_dos'; did you mean 'previous_dose'?"),
        ("previous_dose", "is neither true nor false"),
        ("lower(dose) > previous_who", "cannot be evaluated"),
        ("read_text('x') = dose", "not among the allowed functions"),
    ],
)
def test_a_sequence_is_checked_before_any_file_is_read(bench, holds, words):
    contract = bench.contract(COLUMNS, sequences=[{**RISING, "holds": holds, "severity": "error"}])
    with pytest.raises(DefinitionError, match="sequence dose_rises") as error:
        check_contract(contract)
    assert words in str(error.value)


PERSON = {"person": {"column": "idno", "id_scheme": "cn_id"}}
NAMED = [{"name": "key", "type": "text"}, {"name": "idno", "type": "text", "role": "person_id"}]
SOUND = "11010519491231002X"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def identity(day, sequence="100"):
    """A number of the standard's form for somebody born on a day."""
    body = f"110105{day}{sequence}"
    return body + "10X98765432"[sum(int(a) * b for a, b in zip(body, WEIGHTS, strict=True)) % 11]


# One that ends in 000 by chance, and one whose last digits a spreadsheet has put to 000.
DAYS = [f"19{year}0101" for year in range(50, 99)]
ZEROS = (
    next(number for number in map(identity, DAYS) if number.endswith("000")),
    next(number[:15] + "000" for number in map(identity, DAYS) if not number.endswith("000")),
)


def ids(*numbers):
    return ("key,idno\n" + "".join(f"{at},{number}\n" for at, number in enumerate(numbers))).encode()


def test_an_id_in_zeros_is_believed_as_long_as_no_other_was_ruined(bench):
    contract = bench.contract(NAMED, **PERSON)
    assert bench.stage(ids(SOUND, ZEROS[0]), contract).account.accepted == 2
    result = bench.stage(ids(SOUND, ZEROS[0], ZEROS[1]), contract, chunk=7)
    found = result.fixes.select("record_no", "rule").rows()
    assert found == [(2, "person_id_rounded"), (3, "person_id_invalid")]
    assert result.accepted["record_no"].to_list() == [1]
    count = result.account.rules["person_id_rounded"]
    assert (count.violated, count.checked) == (1, 3)


def test_nobody_is_born_a_year_after_the_period(bench):
    contract = bench.contract(NAMED, **PERSON)
    born = {day: identity(day) for day in ("20250331", "20260331", "20260401", "20991231")}
    result = bench.stage(ids(*born.values()), contract, "2025Q1")
    assert result.accepted["record_no"].to_list() == [1, 2]
    assert result.fixes["rule"].to_list() == ["person_id_invalid"] * 2


def test_every_rule_that_was_looked_at_has_a_name_and_words(bench):
    """What a run counts can be shown: on the page of rules by its title, on the fix list by words and advice."""
    columns = [
        *NAMED,
        {"name": "sex", "type": "code", "codes": "sex"},
        {"name": "born", "type": "date", "required": True},
    ]
    person = {"person": {**PERSON["person"], "birth": "born", "sex": "sex"}}
    contract = bench.contract(columns, **person, sequences=[])
    counted = bench.stage(f"key,idno,born\n1,{SOUND},1949-12-31\n".encode(), contract).account.rules
    assert {"key_conflict", "example_row", "person_id_rounded", "person_birth_differs"} <= set(counted)
    assert set(counted) <= set(rule_titles(contract))
    rows = [(1, 2, rule, "error") for rule in counted]
    violations = pl.DataFrame(rows, schema=["record_no", "line_no", "rule", "severity"], orient="row")
    words = fix_list(violations, contract, "a.csv", None)
    assert words.select("message_zh", "message_en", "fix_zh", "fix_en").null_count().row(0) == (0, 0, 0, 0)


def test_the_fix_list_names_the_columns_of_rules_between_records(sequenced):
    rows = [(1, 2, rule, "error") for rule in ("dose_rises", "key_conflict")]
    violations = pl.DataFrame(rows, schema=["record_no", "line_no", "rule", "severity"], orient="row")
    words = fix_list(violations, sequenced, "a.csv", None)
    assert dict(words.select("rule_id", "column_title").rows()) == {"dose_rises": "day、dose", "key_conflict": "key"}
