"""The rules of delivery, one test per sentence of the dictionary: from the landing folder to the rows that count."""

from itertools import permutations
from types import SimpleNamespace

import polars as pl
import pytest

from assets.compute.references import broken_records
from assets.intake import ledger
from assets.intake.fixes import fix_list
from assets.intake.profiles import profile_rows
from assets.intake.quality import file_rows
from assets.lake.parts import files_in_force
from data_contracts.closed import DefinitionError
from data_contracts.contracts import Catalog
from data_contracts.deliveries import delivery_rules
from data_contracts.messages import both
from data_contracts.periods import Period
from tests.unit.intake.office import COLUMNS, MONTHS, Office

JANUARY = ["1,10.00,2025-01-05", "2,20.00,2025-01-06", "3,30.00,2025-01-07", "4,40.00,2025-01-08"]


@pytest.fixture
def office(tmp_path, bench):
    return Office(tmp_path, bench)


@pytest.fixture
def register(tmp_path, bench):
    return Office(tmp_path, bench, delivery="snapshot", rules=[])


@pytest.fixture
def yearly(tmp_path, bench):
    return Office(tmp_path, bench, delivery="cumulative")


def test_every_feed_says_its_rules_and_every_rule_has_a_test(bench):
    tested = {name.removeprefix("test_rule_") for name in globals() if name.startswith("test_rule_")}
    feeds = [feed for versions in Catalog.load().feeds.values() for feed in versions]
    columns = [{"name": "no", "type": "text"}, {"name": "day", "type": "date"}]
    feeds.append(bench.contract(columns, event_date="day", delivery="cumulative"))
    said = {rule.removeprefix("accounting_rule_") for feed in feeds for rule in delivery_rules(feed)}
    assert said == tested
    for feed in feeds:
        rules = delivery_rules(feed)
        assert len(set(rules)) == len(rules)
        assert all(both(rule)["zh"] and both(rule)["en"] for rule in rules)


def test_a_cumulative_feed_needs_the_dates_that_tell_periods(bench):
    with pytest.raises(DefinitionError, match="event_date"):
        bench.contract([{"name": "no", "type": "text"}], delivery="cumulative")


def test_rule_key(office):
    office.land("a_2025-01.csv", [*JANUARY, "1,10.00,2025-01-05", "2,25.00,2025-01-06"], "period: 2025-01\n")
    office.run()
    assert office.counted("2025-01") == {"1": 1000, "3": 3000, "4": 4000}
    assert office.counts("H1/a_2025-01.csv") == (2, 3, 0, 1)
    assert ("key_conflict", "error", 2) in office.quarantine()


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ("sequence: 1\n", "sequence: 2\n", "b"),
        ("sequence: 2\n", "sequence: 1\n", "a"),
        ("received_at: 2025-02-03 08:00\n", "received_at: 2025-02-02 08:00\n", "a"),
        ("sequence: 1\nreceived_at: 2025-02-09 08:00\n", "sequence: 2\nreceived_at: 2025-02-02 08:00\n", "b"),
    ],
)
def test_rule_order(office, first, second, wins):
    office.land("a.csv", ["1,1.00,2025-01-05"], f"period: 2025-01\n{first}")
    office.land("b.csv", ["1,2.00,2025-01-05"], f"period: 2025-01\n{second}")
    office.run()
    assert office.counted("2025-01") == {"1": 100 if wins == "a" else 200}
    assert office.said("H1/a.csv") | office.said("H1/b.csv") == set()


def test_an_order_that_nothing_tells_is_pointed_out_and_stays_the_same(office):
    office.land("a.csv", ["1,1.00,2025-01-05", "2,2.00,2025-01-05"], "period: 2025-01\n")
    office.land("b.csv", ["1,2.00,2025-01-05", "2,2.00,2025-01-05"], "period: 2025-01\n")
    office.run()
    said = {name: office.said(name) for name in ("H1/a.csv", "H1/b.csv")}
    winner = max(ledger.entries(office.home), key=lambda entry: entry.sha256).landing_name[-5:]
    assert said.pop(f"H1/{winner}") == {"accounting_order_unknown"}
    assert set().union(*said.values()) == set()
    assert office.counted("2025-01") == {"1": 100 if winner == "a.csv" else 200, "2": 200}


def test_rule_same_file(office):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("b.csv", ["1,11.00,2025-01-05"], "period: 2025-01\n")
    office.run()
    office.land("最终版(3).csv", JANUARY, "period: 2025-01\n")
    assert office.run() == 0
    assert office.counted("2025-01")["1"] == 1100
    assert sorted(office.files()) == ["H1/a.csv", "H1/b.csv"]
    office.land("最终版(4).csv", JANUARY, "period: 2025-01\nsequence: 3\n")
    assert office.run() == 1
    assert office.counted("2025-01")["1"] == 1000
    assert len(office.files()) == 2
    assert office.run() == 0


@pytest.mark.parametrize("note", ["period: 2025-01\n", ""])
def test_a_correction_is_taken_back_by_the_file_as_it_was(office, note):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("a.csv", ["1,11.00,2025-01-05", *JANUARY[1:]], "period: 2025-01\n")
    office.run()
    assert office.counted("2025-01")["1"] == 1100
    # Without its note the period of the file is only known from before.
    office.land("a.csv", JANUARY, note)
    assert office.run() == 1
    assert office.counted("2025-01")["1"] == (1000 if note else 1100)
    assert office.refused() == ({} if note else {"H1/a.csv": "intake_period_unknown"})
    assert len(office.intake.staged("office.cases", "2025-01")) == 2
    assert office.run() == 0
    office.land("a.csv", ["1,11.00,2025-01-05", *JANUARY[1:]], "period: 2025-01\n")
    assert office.run() == 1
    assert office.counted("2025-01")["1"] == 1100
    assert office.run() == 0


def test_a_correction_with_a_higher_number_is_not_taken_back_by_the_file_as_it_was(office):
    office.land("a.csv", JANUARY, "period: 2025-01\nsequence: 1\n")
    office.run()
    office.land("a.csv", ["1,11.00,2025-01-05"], "period: 2025-01\nsequence: 2\n")
    office.run()
    office.land("a.csv", JANUARY, "period: 2025-01\nsequence: 1\n")
    office.run()
    assert office.counted("2025-01")["1"] == 1100
    assert office.run() == 0


def test_rule_note(office):
    office.land("a.csv", JANUARY, "period: 2025-02\n")
    office.land("b.csv", ["1,11.00,2025-01-05"], "period: 2025-01\nsequence: 1\nrows: 2\n")
    office.run()
    assert (office.counted("2025-01"), office.counted("2025-02")) == ({}, {})
    assert office.refused() == {"H1/b.csv": "intake_note_rows"}
    office.land("a.csv", JANUARY, "period: 2025-01\nsequence: 2\n")
    office.land("b.csv", ["1,11.00,2025-01-05"], "period: 2025-01\nsequence: 1\nrows: 1\n")
    assert office.run() == 2
    assert office.counted("2025-01") == {"1": 1000, "2": 2000, "3": 3000, "4": 4000}
    assert office.refused() == {}
    assert {(name, row["period"], row["sequence"]) for name, row in office.files().items()} == {
        ("H1/a.csv", "2025-01", 2),
        ("H1/b.csv", "2025-01", 1),
    }
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    assert office.run() == 1
    assert office.counted("2025-01")["1"] == 1100, "the newest note says no sequence, so the other file comes after it"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("rows: 4", None),
        ("rows: 5", "intake_note_rows"),
        ("sums: {金额: '100.00'}", None),
        ("sums: {amount: 10000}", None),
        ("sums: {金额: '100.01'}", "accounting_sum_differs_few"),
        ("distinct: {编号: 4, 金额: 4}", None),
        ("distinct: {编号: 3}", "accounting_distinct_differs"),
        (f"sha256: '{'0' * 64}'", "landing_note_hash"),
    ],
)
def test_rule_totals(office, line, sentence):
    office.land("a.csv", JANUARY, f"period: 2025-01\n{line}\n")
    office.run()
    assert office.refused() == ({"H1/a.csv": sentence} if sentence else {})
    assert len(office.counted("2025-01")) == (0 if sentence else 4)


def test_rule_increment_period(office):
    office.land("a.csv", [*JANUARY, "5,1.00,2025-02-01", "6,1.00,2024-12-31"], "period: 2025-01\n")
    office.run()
    assert sorted(office.counted("2025-01")) == ["1", "2", "3", "4"]
    assert ("day_in_period", "error", 2) in office.quarantine()


def test_rule_increment_again(office):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("b.csv", ["1,11.00,2025-01-05", "2,20.00,2025-01-06"], "period: 2025-01\nsequence: 2\n")
    office.run()
    assert office.counted("2025-01") == {"1": 1100, "2": 2000, "3": 3000, "4": 4000}
    assert (office.counts("H1/a.csv"), office.counts("H1/b.csv")) == ((0, 2, 1, 1), (0, 2, 0, 0))
    office.land("c.csv", ["1,12.00,2025-01-05"], "period: 2025-01\nsequence: 3\nsupersedes: [a.csv, b.csv]\n")
    office.run()
    assert office.counted("2025-01") == {"1": 1200}
    assert [office.files()[name]["status"] for name in ("H1/a.csv", "H1/b.csv", "H1/c.csv")] == [
        "withdrawn",
        "withdrawn",
        "taken",
    ]


@pytest.mark.parametrize("order", list(permutations(["2025-01", "2025-02", "2025-03"]))[::2])
def test_rule_cumulative(yearly, order):
    files = {
        "2025-01": ["1,1.00,2025-01-05", "2,2.00,2025-01-31"],
        "2025-02": ["1,1.00,2025-01-05", "2,2.50,2025-01-31", "3,3.00,2025-02-01"],
        "2025-03": [
            "1,1.00,2025-01-05",
            "3,3.50,2025-02-01",
            "4,4.00,2025-03-31",
            "5,5.0,2025-04-01",
            "6,6,2024-12-31",
        ],
    }
    # The number of the delivery says which is the later one, whatever the order they arrive in.
    for period in order:
        office_note = f"period: {period}\nsequence: {int(period[-2:])}\n"
        yearly.land(f"{period}.csv", files[period], office_note)
        yearly.run()
    assert yearly.counted("2025-01") == {"1": 100, "2": 250}
    assert yearly.counted("2025-02") == {"3": 350}
    assert yearly.counted("2025-03") == {"4": 400}
    assert yearly.counts("H1/2025-03.csv") == (2, 3, 0, 0)
    assert yearly.counts("H1/2025-02.csv") == (0, 1, 1, 1)
    assert yearly.counts("H1/2025-01.csv") == (0, 0, 1, 1)
    assert ("cumulative_day", "error", 2) in yearly.quarantine()


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_a_record_whose_date_moves_into_another_period_counts_once(yearly, order):
    # The record is moved forward by the second file and back by the third, which names its number last.
    days = {1: "2025-01-31", 2: "2025-02-01", 3: "2025-01-30"}
    for number in order:
        note = f"period: 2025-0{number}\nsequence: {number}\n"
        yearly.land(f"{number}.csv", [f"a,{number}.00,{days[number]}", f"{number},7.00,2025-01-01"], note)
        yearly.run()
        highest = max(order[: order.index(number) + 1])
        counted = {period: yearly.counted(period).get("a") for period in MONTHS}
        expected = {period: highest * 100 if days[highest].startswith(period) else None for period in MONTHS}
        assert counted == expected
    assert yearly.counts("H1/2.csv") == (0, 1, 1, 0)
    assert yearly.counts("H1/1.csv") == (0, 1, 1, 0)
    assert yearly.counts("H1/3.csv") == (0, 2, 0, 0)


def test_a_record_moved_by_a_file_that_is_withdrawn_comes_back(yearly):
    yearly.land("1.csv", ["a,1.00,2025-01-31"], "period: 2025-01\n")
    yearly.land("2.csv", ["a,2.00,2025-02-01"], "period: 2025-02\nsequence: 1\n")
    yearly.run()
    assert (yearly.counted("2025-01"), yearly.counted("2025-02")) == ({}, {"a": 200})
    yearly.land("3.csv", ["b,3.00,2025-02-02"], "period: 2025-02\nsequence: 2\nsupersedes: [2.csv]\n")
    yearly.run()
    assert (yearly.counted("2025-01"), yearly.counted("2025-02")) == ({"a": 100}, {"b": 300})
    assert yearly.run() == 0
    assert yearly.intake.stage_feed("office.cases", MONTHS) == []


def test_a_cumulative_file_counts_from_the_ledger_whatever_period_is_run(yearly):
    yearly.land("1.csv", ["1,1.00,2025-01-05"], "period: 2025-01\nsequence: 1\n")
    yearly.land("3.csv", ["1,9.00,2025-01-05"], "period: 2025-03\nsequence: 3\n")
    yearly.run(["2025-01"])
    assert yearly.counted("2025-01") == {"1": 900}
    yearly.run(MONTHS)
    assert yearly.counted("2025-01") == {"1": 900}


def test_rule_snapshot_again(register):
    register.land("a.csv", JANUARY, "period: 2025-01\n")
    register.run()
    register.land("b.csv", ["1,10.00,2025-01-05", "2,22.00,2025-01-06", "9,1.00,2025-01-01"], "period: 2025-01\n")
    register.run()
    assert register.counted("2025-01") == {"1": 1000, "2": 2200, "9": 100}
    assert register.counts("H1/a.csv") == (0, 0, 3, 1)
    assert register.said("H1/b.csv") == {"accounting_snapshot_dropped"}
    (finding,) = register.intake.noticed("office.cases", "2025-01")[register.files()["H1/b.csv"]["file_id"]]
    assert finding.params == {"other": "a.csv", "count": 2}


@pytest.mark.parametrize(("kept", "replaces"), [(1, False), (2, True), (3, True), (4, True)])
def test_a_snapshot_is_the_whole_state_from_half_of_the_keys_on(register, kept, replaces):
    register.land("a.csv", JANUARY, "period: 2025-01\n")
    register.run()
    register.land("b.csv", [*JANUARY[:kept], "9,1.00,2025-01-01"], "period: 2025-01\n")
    register.run()
    held = [str(number) for number in range(1, (kept if replaces else 4) + 1)]
    assert sorted(register.counted("2025-01")) == sorted([*held, "9"])
    expected = {"accounting_snapshot_dropped"} if kept < 4 else set()
    assert register.said("H1/b.csv") == (expected if replaces else {"accounting_snapshot_added"})


def test_rule_snapshot_part(register):
    register.land("a.csv", JANUARY, "period: 2025-01\n")
    register.land("b.csv", ["1,10.50,2025-01-05", "8,1.00,2025-01-05"], "period: 2025-01\nsequence: 2\n")
    register.run()
    assert register.counted("2025-01") == {"1": 1050, "2": 2000, "3": 3000, "4": 4000, "8": 100}
    assert register.said("H1/b.csv") == {"accounting_snapshot_added"}
    # Nearly all of it is refused, so what was taken is no state of the register.
    bad = [f"{number},oops,2025-01-05" for number in range(20, 30)]
    register.land("c.csv", [*JANUARY[:3], *bad], "period: 2025-01\nsequence: 3\n")
    register.run()
    assert register.counted("2025-01") == {"1": 1000, "2": 2000, "3": 3000, "4": 4000, "8": 100}
    assert register.said("H1/c.csv") == {"accounting_snapshot_unsound"}
    register.land("d.csv", ["7,1.00,2025-01-05"], "period: 2025-01\nsequence: 4\nsupersedes: [a.csv, b.csv, c.csv]\n")
    register.run()
    assert register.counted("2025-01") == {"7": 100}


@pytest.mark.parametrize(("second", "said"), [(1, set()), (2, {"accounting_snapshot_added"})])
def test_parts_of_one_delivery_bear_one_number(register, second, said):
    register.land("a.csv", JANUARY[:2], "period: 2025-01\nsequence: 1\n")
    register.land("b.csv", JANUARY[2:], f"period: 2025-01\nsequence: {second}\n")
    register.run()
    assert len(register.counted("2025-01")) == 4
    assert (register.said("H1/a.csv") | register.said("H1/b.csv")) == said


def test_a_snapshot_of_another_institution_replaces_nothing(register):
    register.land("a.csv", JANUARY, "period: 2025-01\n", "H1")
    register.run()
    register.land("a.csv", JANUARY[:3], "period: 2025-01\n", "H2")
    register.run()
    assert sorted(register.counted("2025-01")) == ["1", "2", "3", "4"]


def test_rule_elsewhere(office):
    office.land("a.csv", JANUARY, "period: 2025-01\n", "H1")
    office.run()
    office.land("a.csv", ["1,1.00,2025-01-05", "2,20.00,2025-01-06", "7,7.00,2025-01-07"], "period: 2025-01\n", "H2")
    office.run()
    assert office.counted("2025-01") == {"1": 100, "2": 2000, "3": 3000, "4": 4000, "7": 700}
    assert (office.said("H1/a.csv"), office.said("H2/a.csv")) == ({"accounting_key_elsewhere"}, set())
    (finding,) = office.intake.noticed("office.cases", "2025-01")[office.files()["H1/a.csv"]["file_id"]]
    assert finding.params == {"institution": "H2", "count": 2}
    assert finding.words("zh").count("H2") == 1


def test_two_institutions_whose_order_nothing_tells_are_told_the_same(office):
    for site, amount in (("H1", "1.00"), ("H2", "2.00")):
        rows = [f"1,{amount},2025-01-05", "2,5.00,2025-01-06", f"{site},1.00,2025-01-07"]
        office.land("a.csv", rows, "period: 2025-01\n", site)
    office.run()
    winner = max(ledger.entries(office.home), key=lambda entry: entry.sha256).institution_id
    loser = {"H1": "H2", "H2": "H1"}[winner]
    assert office.counted("2025-01")["1"] == {"H1": 100, "H2": 200}[winner]
    noticed = office.intake.noticed("office.cases", "2025-01")
    found = {site: noticed[office.files()[f"{site}/a.csv"]["file_id"]] for site in (winner, loser)}
    (kept,) = found[winner]
    assert (kept.sentence, kept.params["count"]) == ("accounting_order_unknown_between", 2)
    assert loser in kept.words("zh")
    # Whose a record is belongs to what it says: the second one differs in that alone.
    assert {item.sentence: item.params["count"] for item in found[loser]} == {"accounting_key_elsewhere_untold": 2}
    for language, word in (("zh", "分不出先后"), ("en", "nothing tells")):
        (told,) = (item.words(language) for item in found[loser])
        assert word in told
        assert winner in told


def test_rule_own_numbers(tmp_path, bench):
    """Two hospitals number from one on, in one file and in two; each sends again what is its own."""
    columns = [{"name": "site", "type": "text", "header": "机构", "required": True}, *COLUMNS]
    own = {"business_key": ["site", "no"], "institution": {"column": "site"}}
    office = Office(tmp_path, bench, columns, **own)
    header = "机构,编号,金额,日期\n"

    def counted():
        files = files_in_force(office.home, office.contract.table, ["2025-01"])
        rows = pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files])
        rows = rows.join(office.intake.not_current(office.contract, "2025-01"), on=["file_id", "record_no"], how="anti")
        return sorted(rows.select("site", "no", "amount").rows())

    office.land("a.csv", f"{header}A,1,1.00,2025-01-05\nB,1,2.00,2025-01-05\n", "period: 2025-01\n")
    office.land("b.csv", f"{header}C,1,3.00,2025-01-05\n,1,9.00,2025-01-05\n", "period: 2025-01\n", "H2")
    office.run()
    assert counted() == [("A", "1", 100), ("B", "1", 200), ("C", "1", 300)]
    assert office.quarantine() == [("required_site", "error", 1)]
    office.land("c.csv", f"{header}B,1,5.00,2025-01-05\n", "period: 2025-01\nsequence: 2\n")
    office.run()
    assert counted() == [("A", "1", 100), ("B", "1", 500), ("C", "1", 300)]
    assert {name: said for name in office.files() if (said := office.said(name))} == {}
    office.land("d.csv", f"{header}D,1,1.00,2025-01-05\n", "period: 2025-01\nsequence: 3\nsupersedes: [a.csv]\n")
    office.run()
    assert counted() == [("B", "1", 500), ("C", "1", 300), ("D", "1", 100)]


def test_a_number_that_one_system_gives_is_one_record_and_a_change_of_institution_is_said(tmp_path, bench):
    columns = [*COLUMNS, {"name": "site", "type": "text", "header": "机构"}]
    office = Office(tmp_path, bench, columns, institution={"column": "site"})
    header = "编号,金额,日期,机构\n"
    office.land("a.csv", f"{header}1,1.00,2025-01-05,A\n2,2.00,2025-01-05,A\n", "period: 2025-01\n")
    office.land("b.csv", f"{header}1,1.00,2025-01-05,B\n2,3.00,2025-01-05,A\n", "period: 2025-01\nsequence: 2\n")
    office.run()
    assert office.counted("2025-01") == {"1": 100, "2": 300}
    (finding,) = office.intake.noticed("office.cases", "2025-01")[office.files()["H1/a.csv"]["file_id"]]
    assert (finding.sentence, finding.params) == ("accounting_key_elsewhere", {"institution": "B", "count": 1})


@pytest.mark.parametrize("delivery", ["increment", "snapshot"])
def test_records_whose_key_may_be_empty_in_part_neither_double_nor_vanish_when_sent_again(tmp_path, bench, delivery):
    columns = [*COLUMNS, {"name": "until", "type": "text", "header": "止"}]
    extras = {"business_key": ["no", "until"], "empty_in_key": ["until"], "delivery": delivery}
    office = Office(tmp_path, bench, columns, **extras)
    header = "编号,金额,日期,止\n"
    office.land("a.csv", f"{header}1,1.00,2025-01-05,\n2,2.00,2025-01-05,\n3,3.00,2025-01-05,x\n", "period: 2025-01\n")
    office.run()
    again = f"{header}1,1.00,2025-01-05,\n2,2.50,2025-01-05,\n3,3.00,2025-01-05,x\n"
    office.land("b.csv", again, "period: 2025-01\nsequence: 2\n")
    office.run()
    assert office.counted("2025-01") == {"1": 100, "2": 250, "3": 300}
    assert office.counts("H1/a.csv") == (0, 0, 1, 2)


def test_rule_sequences(tmp_path, bench):
    """The record before is looked for in the same file: what another file holds is not judged, as the sentence says."""
    rising = {"id": "amount_rises", "by": ["who"], "order_by": "day", "holds": "amount > previous_amount"}
    words = {"titles": {"zh": "递增", "en": "Rises"}, "fix": {"zh": "核对", "en": "Check"}, "severity": "error"}
    columns = [*COLUMNS, {"name": "who", "type": "text", "header": "谁"}]
    office = Office(tmp_path, bench, columns, sequences=[{**rising, **words}])
    header, first, second = "编号,金额,日期,谁\n", "1,5.00,2025-01-05,p\n", "2,3.00,2025-01-06,p\n"
    office.land("a.csv", header + first, "period: 2025-01\nsequence: 1\n")
    office.land("b.csv", header + second, "period: 2025-01\nsequence: 2\n")
    office.run()
    assert office.counted("2025-01") == {"1": 500, "2": 300}
    office.land("c.csv", header + first + second, "period: 2025-01\nsequence: 3\nsupersedes: [a.csv, b.csv]\n")
    office.run()
    assert ("amount_rises", "error", 1) in office.quarantine()


def test_rule_two_periods(office):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.land("b.csv", JANUARY, "period: 2025-02\n")
    office.run()
    assert office.said("H1/a.csv") == office.said("H1/b.csv") == {"accounting_two_periods"}
    assert (len(office.counted("2025-01")), len(office.counted("2025-02"))) == (4, 0)
    assert office.counts("H1/b.csv") == (4, 0, 0, 0)
    (entry,) = [entry for entry in ledger.entries(office.home) if entry.period == "2025-02"]
    office.land("c.csv", ["1,10.00,2025-01-05"], f"period: 2025-01\nsupersedes: ['{entry.sha256}']\n")
    office.run()
    assert office.files()["H1/b.csv"]["status"] == "withdrawn"
    assert office.said("H1/a.csv") == set()


def test_rule_late(office):
    office.land("feb.csv", ["1,1.00,2025-02-03"], "period: 2025-02\nreceived_at: 2025-03-10 23:59\n")
    office.run()
    office.land("jan.csv", JANUARY, "period: 2025-01\nreceived_at: 2025-03-11 00:00\n")
    office.land("mar.csv", ["1,1.00,2025-03-03"], "period: 2025-03\n")
    office.run()
    assert (len(office.counted("2025-01")), len(office.counted("2025-02")), len(office.counted("2025-03"))) == (4, 1, 1)
    rows = office.files().items()
    assert {name: (str(row["received_on"]), str(row["due_on"]), row["on_time"]) for name, row in rows} == {
        "H1/feb.csv": ("2025-03-10", "2025-03-10", True),
        "H1/jan.csv": ("2025-03-11", "2025-02-10", False),
        "H1/mar.csv": ("None", "2025-04-10", None),
    }


@pytest.mark.parametrize(
    ("kind", "text", "note", "sentence"),
    [
        ("office", "", "", "intake_empty"),
        ("office", "编号,金额,日期\n\n,,\n", "", "accounting_no_records"),
        ("office", "编号,金额,日期\n", "rows: 0\n", None),
        ("register", "编号,金额,日期\n", "", "accounting_no_records"),
        ("register", "编号,金额,日期\n", "rows: 0\nsequence: 9\n", None),
    ],
)
def test_rule_empty(request, kind, text, note, sentence):
    office = request.getfixturevalue(kind)
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("b.csv", text, f"period: 2025-01\n{note}")
    office.run()
    assert len(office.counted("2025-01")) == 4
    assert office.refused() == ({"H1/b.csv": sentence} if sentence else {})
    assert office.counts("H1/a.csv") == (0, 4, 0, 0)


def test_an_empty_file_under_the_name_of_the_one_before_changes_nothing(office):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("a.csv", [], "period: 2025-01\nsequence: 2\nsupersedes: [a.csv]\n")
    office.run()
    assert len(office.counted("2025-01")) == 4
    assert office.refused() == {"H1/a.csv": "accounting_no_records"}


def test_rule_withdrawal(office):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("b.csv", ["9,1.00,2025-01-05"], "period: 2025-01\nsupersedes: [a.csv]\nrows: 7\n")
    office.run()
    assert len(office.counted("2025-01")) == 4, "a file that is refused itself withdraws nothing"
    office.land("b.csv", ["9,1.00,2025-01-05"], "period: 2025-01\nsupersedes: [a.csv]\nrows: 1\n")
    office.run()
    assert office.counted("2025-01") == {"9": 100}
    assert office.counts("H1/a.csv") == (0, 0, 4, 0)
    office.land("b.csv", ["9,1.00,2025-01-05"], "period: 2025-01\nrows: 1\n")
    office.run()
    assert len(office.counted("2025-01")) == 5, "the newest note withdraws nothing any more"
    # One record more refused than the limit bears, and it withdraws nothing; see test_accounting_resends.py.
    office.land("b.csv", ["9,1.00,2025-01-05", "10,oops,2025-01-05"], "period: 2025-01\nsupersedes: [a.csv]\n")
    office.run()
    assert sorted(office.counted("2025-01")) == ["1", "2", "3", "4", "9"]


@pytest.mark.parametrize(("own", "said"), [(1, True), (2, False)])
def test_a_correction_with_less_than_half_of_what_it_withdraws_is_pointed_out(office, own, said):
    office.land("a.csv", JANUARY, "period: 2025-01\n")
    office.run()
    office.land("b.csv", JANUARY[:own], "period: 2025-01\nsupersedes: [a.csv]\n")
    office.run()
    assert len(office.counted("2025-01")) == own
    assert ("accounting_withdrawal_short" in office.said("H1/b.csv")) is said
    if said:
        found = office.intake.noticed("office.cases", "2025-01")[office.files()["H1/b.csv"]["file_id"]]
        (params,) = [item.params for item in found if item.sentence == "accounting_withdrawal_short"]
        assert params == {"other": "a.csv", "count": 4, "own": 1}


def test_rule_same_name(office):
    office.land("a.csv", [*JANUARY, "5,oops,2025-01-09"], "period: 2025-01\n")
    office.run()
    office.land("a.csv", ["1,11.00,2025-01-05"], "period: 2025-01\nsequence: 2\n")
    office.run()
    assert [item.account.quarantined for item in office.intake.standing("office.cases", "2025-01")] == [1, 0]
    assert "accounting_resent_in_part" in office.said("H1/a.csv")
    office.land("a.csv", [*JANUARY, "5,5.00,2025-01-09"], "period: 2025-01\nsequence: 3\n")
    office.run()
    assert [item.account.quarantined for item in office.intake.standing("office.cases", "2025-01")] == [0]


def test_rule_note_alone(office):
    path = office.land("a.csv", JANUARY, "period: 2025-01\n")
    content = path.read_bytes()
    path.unlink()
    office.run()
    assert office.refused() == {"H1/a.csv.note.yaml": "landing_note_alone"}
    path.write_bytes(content)
    office.run()
    assert (office.refused(), len(office.counted("2025-01"))) == ({}, 4)


def test_rule_taken_away(office):
    path = office.land("a.csv", "", "period: 2025-01\n")
    office.run()
    assert office.refused() == {"H1/a.csv": "intake_empty"}
    path.unlink()
    path.with_name(f"{path.name}.note.yaml").unlink()
    assert office.refused() == {}


def test_rule_export_twice(register):
    register.land("a.csv", JANUARY, "period: 2025-01\n")
    register.land("b.csv", [*JANUARY, "5,1.00,2025-01-05"], "period: 2025-01\nsequence: 2\n")
    register.run()
    row = register.files()["H1/a.csv"]
    assert (row["duplicate"], row["resent"]) == (4, 4)


def test_rule_references(tmp_path, bench):
    words = {"zh": "上级在册", "en": "Its parent is listed"}
    pointing = {"columns": ["parent"], "feed": "office.cases", "target": ["no"], "severity": "warning"}
    columns = [*COLUMNS, {"name": "parent", "type": "text", "header": "上级"}]
    extras = {"references": [{**pointing, "titles": words, "fix": words}], "rules": []}
    office = Office(tmp_path, bench, columns, **extras)
    step, limits = Period.parse("2025-01"), SimpleNamespace(limits=bench.limits)
    header = "编号,金额,日期,上级\n"

    def listed():
        broken = broken_records(office.home, limits, office.catalog, office.contract, step, step)
        (item,) = [item for item in office.intake.staged("office.cases", "2025-01") if item.entry.sequence == 1]
        places = office.intake.lines(item, office.contract, broken["record_no"])
        rows = broken.join(places, on="record_no").with_columns(severity=pl.lit("warning"))
        found = fix_list(rows, office.contract, "a.csv", None)
        return found.select("line_no", "column_title", "severity", "fix_zh").rows()

    text = header + "1,1.00,2025-01-05,2\n\n2,1.00,2025-01-05,\n3,1.00,2025-01-05,9\n"
    office.land("a.csv", text, "period: 2025-01\nsequence: 1\n")
    office.run()
    assert listed() == [(5, "上级", "warning", "上级在册")]
    assert len(office.counted("2025-01")) == 3, "nothing is refused for it"
    office.land("b.csv", header + "9,1.00,2025-01-05,\n", "period: 2025-01\nsequence: 2\n")
    office.run()
    assert listed() == []


def test_rule_judged(office):
    def judged():
        rows = profile_rows(office.intake, "2025-01", file_rows(office.intake, MONTHS, office.document))
        total = {name: rows.filter(measure=name)["count"].sum() for name in ("records", "accepted", "month")}
        assert total["month"] == total["accepted"] == len(office.counted("2025-01"))
        empty = rows.filter(measure="empty_of_accepted", column="amount")["count"].sum()
        assert empty == sum(amount is None for amount in office.counted("2025-01").values())
        return total["records"], empty

    # One of the five is refused, two lack the amount.
    rows = ["1,,2025-01-05", "2,,2025-01-05", "3,3.00,2025-01-05", "4,4.00,2025-01-05", "5,5.00,2025-03-05"]
    office.land("a.csv", rows, "period: 2025-01\n")
    office.run()
    assert judged() == (5, 2)
    office.land("b.csv", ["1,1.00,2025-01-05", "2,2.00,2025-01-05"], "period: 2025-01\nsequence: 2\n")
    office.run()
    assert judged() == (5, 0)
    office.land("c.csv", ["3,3.00,2025-01-05", "4,4.00,2025-01-06"], "period: 2025-01\nsequence: 3\n")
    office.run()
    assert judged() == (4, 0), "no record of the first file is in force, so the one it had refused counts no more"
