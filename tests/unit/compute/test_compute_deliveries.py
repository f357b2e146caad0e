"""Whole-delivery judgement: a planted drift fails by name and alone, its neighbour passes, the unseen never does."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from assets.compute import deliveries
from assets.compute.deliveries import Judge, check_bounds, judge_deliveries
from assets.compute.observations import Counts
from assets.compute.suite import unmet
from data_contracts.closed import DefinitionError, parse, read_yaml
from data_contracts.judgement import EXPECTATIONS, Bound, Expectation
from data_contracts.periods import Period, periods_between
from data_contracts.settings.loading import REGISTRY
from data_contracts.tables import output_tables

REGISTERED = {key: parse(Expectation, entry, key) for key, entry in read_yaml(REGISTRY / "judgement.yaml").items()}
FEED = "hospitals.encounters"
HURTS = {(FEED, None): ["hospital_admissions_per_1k"], (FEED, "sbp_mmhg"): ["chronic_hypertension_control_pct"]}
JUDGE = Judge(REGISTERED, 0.05, HURTS)
NOW = "2025Q2"
Count = tuple[str | None, str | None, str, str | None, int]


@dataclass
class Delivered:
    """Deliveries of one feed by period and institution, counted as intake counts them."""

    files: list[tuple[Any, ...]] = field(default_factory=list)
    profiles: list[tuple[Any, ...]] = field(default_factory=list)
    reconciled: list[tuple[Any, ...]] = field(default_factory=list)
    register: list[tuple[str, str, str]] = field(default_factory=list)

    def file(
        self,
        period: str,
        institution: str | None = "H01",
        records: int = 1000,
        *,
        refused: int = 0,
        duplicate: int = 0,
        resent: int = 0,
        counts: Sequence[Count] = (),
        counted: int | None = None,
        status: str = "taken",
    ) -> "Delivered":
        """One file; `counts` are rows (institution, column, measure, category, count) of its profile."""
        accepted = records - refused
        name = f"f{len(self.files)}"
        row = {
            "file_id": name, "sender": "hospitals", "institution": institution, "feed": "encounters", "period": period,
            "records": records, "unreadable": 0, "non_data": 0, "quarantined": refused,
            "current": accepted - duplicate, "superseded": 0, "duplicate": duplicate, "status": status,
            "resent": resent,
        }  # fmt: skip
        self.files.append(tuple(row.get(column) for column in output_tables()["quality__files"].columns))
        own = [
            (institution, None, "records", None, records - duplicate),
            (institution, None, "accepted", None, accepted - duplicate if counted is None else counted),
            *counts,
        ]
        self.profiles += [(period, "hospitals", "encounters", *count) for count in own]
        return self

    def counts(self, first: str = "2024Q1", last: str = NOW) -> Counts:
        frames = {
            "quality__files": self.files,
            "quality__profiles": self.profiles,
            "quality__reconciliation": self.reconciled,
        }
        made = [pl.DataFrame(rows, schema=output_tables()[name].schema, orient="row") for name, rows in frames.items()]
        named = ("period", "institution_code", "institution_level")
        register = pl.DataFrame(self.register, schema=dict.fromkeys(named, pl.String()), orient="row")
        return Counts(periods_between(first, last), *made, register, [FEED])

    def judged(self, judge: Judge = JUDGE, **span: str) -> pl.DataFrame:
        return judge_deliveries(self.counts(**span), judge)

    def failed(self, judge: Judge = JUDGE, **span: str) -> list[tuple[Any, ...]]:
        """(expectation, institution, column) of every failure."""
        rows = self.judged(judge, **span).filter(~pl.col("success"))
        return sorted(rows.select("expectation", "institution", "column").rows(), key=str)


def both(**kinds: Sequence[Count]) -> Delivered:
    """The period before and this one, with the counts of each."""
    return Delivered().file("2025Q1", counts=kinds["before"]).file(NOW, counts=kinds["now"])


def test_every_expectation_is_registered_and_the_registry_has_no_other() -> None:
    assert list(REGISTERED) == list(EXPECTATIONS)


# volume ---------------------------------------------------------------------------------------------------------


def test_the_usual_passes_and_says_what_was_expected_by_whom() -> None:
    judged = Delivered().file("2025Q1").file(NOW).judged()
    assert judged["success"].all()
    row = judged.row(by_predicate=pl.col("expectation") == "volume_against_previous", named=True)
    assert (row["observed"], row["expected"], row["counted"], row["against"]) == ("1", "0.5–2", 1000, "2025Q1")
    assert row["source"] == REGISTERED["volume_against_previous"].bounds[0].reference
    assert (row["since"], row["hurts"], row["severity"]) == (None, "hospital_admissions_per_1k", "warning")


# Accepted before: 996. Bounds: half of it is 498, twice 1992.
@pytest.mark.parametrize(("records", "fails"), [(497, True), (498, False), (1992, False), (1993, True)])
def test_a_volume_far_from_the_period_before_fails_by_name(records: int, fails: bool) -> None:
    delivered = Delivered().file("2025Q1", "H01", 996).file("2025Q1", "H02", 996).file(NOW, "H01", 996)
    delivered.file(NOW, "H02", records)
    assert delivered.failed() == ([("volume_against_previous", "H02", None)] if fails else [])


@pytest.mark.parametrize(("records", "fails"), [(49, False), (50, True)])
def test_few_records_raise_no_alarm(records: int, fails: bool) -> None:
    found = Delivered().file("2025Q1", records=records).file(NOW, records=1).failed()
    assert found == ([("volume_against_previous", "H01", None)] if fails else [])


def test_like_is_compared_with_like_a_year_apart() -> None:
    delivered = Delivered().file("2024Q2", records=3000).file("2025Q1").file(NOW)
    (row,) = delivered.judged().filter(~pl.col("success")).to_dicts()
    assert (row["expectation"], row["against"], row["observed"]) == ("volume_against_last_year", "2024Q2", "0.3333")
    # Nothing a year ago is nothing to be compared with.
    assert "volume_against_last_year" not in set(Delivered().file("2025Q1").file(NOW).judged()["expectation"])


def test_somebody_who_delivered_before_and_does_not_now_fails_with_severity_error_until_a_year_has_passed() -> None:
    delivered = Delivered()
    for period in ("2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3"):
        delivered.file(period, "H01")
    delivered.file("2024Q2", "H02")
    for last, since in (("2024Q3", "2024Q3"), ("2025Q1", "2024Q3"), ("2025Q2", "2024Q3")):
        (row,) = delivered.judged(last=last).filter(~pl.col("success")).to_dicts()
        assert (row["expectation"], row["institution"], row["severity"]) == ("delivery_present", "H02", "error")
        assert (row["observed"], row["expected"], row["since"], row["against"]) == ("0", "≥ 1", since, "2024Q2")
    assert delivered.failed(last="2025Q3") == []


@pytest.mark.parametrize("status", ["refused", "withdrawn"])
def test_a_file_that_was_not_taken_is_no_delivery(status: str) -> None:
    delivered = Delivered().file("2025Q1", records=40).file(NOW, records=0, status=status)
    assert delivered.failed() == [("delivery_present", "H01", None)]


def test_a_feed_of_one_period_a_year_is_not_missed_in_the_others() -> None:
    delivered = Delivered().file("2024Q1", None).file("2025Q1", None)
    assert delivered.failed(last="2025Q2") == []
    # In its first year nobody knows that, and whoever is silent in its period is missed.
    assert Delivered().file("2024Q1", None).failed(last="2024Q2") == [("delivery_present", None, None)]
    assert delivered.failed(last="2026Q1") == [("delivery_present", None, None)]


def test_since_is_the_first_period_of_the_unbroken_run() -> None:
    delivered = Delivered()
    for period, refused in (("2024Q2", 90), ("2024Q3", 0), ("2024Q4", 80), ("2025Q1", 70), ("2025Q2", 60)):
        delivered.file(period, refused=refused)
    judged = delivered.judged().filter(pl.col("expectation") == "refused_share_within_limit")
    assert judged.select("success", "since").rows() == [(False, "2024Q4")]


@pytest.mark.parametrize(("april", "fails"), [(99, True), (100, False)])
def test_a_month_without_its_records_fails_by_name(april: int, fails: bool) -> None:
    months = [("2025-04", april), ("2025-05", 400), ("2025-06", 500)]
    counts = [("H01", "admit_date", "month", month, count) for month, count in [*months, ("2024-12", 7)]]
    found = Delivered().file(NOW, counts=counts).failed()
    assert found == ([("months_alike", "H01", "admit_date")] if fails else [])
    lacking = Delivered().file(NOW, counts=[count for count in counts if count[3] != "2025-04"])
    assert lacking.failed() == [("months_alike", "H01", "admit_date")]


# content --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("refused", "fails"), [(50, False), (51, True)])
def test_too_many_refused_records_fail_by_name(refused: int, fails: bool) -> None:
    found = Delivered().file(NOW, refused=refused).failed()
    assert found == ([("refused_share_within_limit", "H01", None)] if fails else [])


@pytest.mark.parametrize(("duplicate", "fails"), [(50, False), (51, True)])
def test_too_many_duplicates_fail_by_name(duplicate: int, fails: bool) -> None:
    found = Delivered().file(NOW, duplicate=duplicate).failed()
    assert found == ([("duplicate_share_within_limit", "H01", None)] if fails else [])
    # What a correction repeats of the file before it is no export made twice.
    again = Delivered().file(NOW, duplicate=duplicate + 400, resent=400).failed()
    assert again == found


def test_counts_that_disagree_with_the_accounting_are_an_error() -> None:
    (row,) = Delivered().file(NOW, counted=999).judged().filter(~pl.col("success")).to_dicts()
    assert (row["expectation"], row["observed"], row["severity"]) == ("counts_complete", "-1", "error")


def test_a_delivery_without_any_count_is_an_error_and_never_a_pass() -> None:
    delivered = Delivered().file(NOW)
    delivered.profiles.clear()
    (row,) = delivered.judged().filter(pl.col("expectation") == "counts_complete").to_dicts()
    assert (row["success"], row["observed"], row["severity"]) == (False, None, "error")


def _empty(count: int) -> list[Count]:
    return [("H01", "sbp_mmhg", "empty", None, count), ("H01", "dbp_mmhg", "empty", None, 10)]


# One in a hundred was empty. Of 2 × 1000 records with a pooled share p the bound is 0.10 + 3 √(p (1 − p) / 500).
@pytest.mark.parametrize(("count", "fails"), [(145, False), (146, True)])
def test_a_column_that_is_suddenly_empty_names_the_indicator_it_hurts(count: int, fails: bool) -> None:
    pooled = (10 + count) / 2000
    assert ((count - 10) / 1000 > 0.10 + 3 * (pooled * (1 - pooled) / 500) ** 0.5) == fails
    judged = both(before=_empty(10), now=_empty(count)).judged().filter(~pl.col("success"))
    assert judged.select("expectation", "column", "hurts").rows() == (
        [("empty_share_against_previous", "sbp_mmhg", "chronic_hypertension_control_pct")] if fails else []
    )


def test_a_column_that_is_new_has_nothing_to_be_compared_with() -> None:
    assert both(before=_empty(10)[1:], now=_empty(900)).failed() == []


def _classes(**shares: int) -> list[Count]:
    return [("H01", "encounter_class", "category", name, count) for name, count in shares.items()]


def test_changed_category_shares_fail_by_name() -> None:
    before = _classes(outpatient=700, inpatient=300)
    assert both(before=before, now=_classes(outpatient=600, inpatient=400)).failed() == []
    expected = [("category_shares_against_previous", "H01", "encounter_class")]
    assert both(before=before, now=_classes(outpatient=400, inpatient=600)).failed() == expected
    # A category nobody had before counts, and so does one that is gone.
    assert both(before=before, now=_classes(outpatient=400, inpatient=300, emergency=300)).failed() == expected
    assert both(before=before, now=_classes(outpatient=1000)).failed() == expected


def test_the_distance_between_category_shares_is_half_the_sum_of_differences() -> None:
    found = both(before=_classes(a=500, b=300, c=200), now=_classes(a=200, b=300, d=500)).judged()
    (row,) = found.filter(pl.col("expectation") == "category_shares_against_previous").to_dicts()
    assert row["observed"] == "0.5"


def _digits(counts: Sequence[int], institution: str = "C1") -> list[Count]:
    return [(institution, "sbp_mmhg", "last_digit", str(digit), count) for digit, count in enumerate(counts)]


# Of 1000 readings the bound is 0.25 + 3 √(0.25 · 0.75 / 1000) = 0.2911.
@pytest.mark.parametrize(("noughts", "fails"), [(191, False), (192, True)])
def test_rounded_readings_fail_by_name(noughts: int, fails: bool) -> None:
    rest = [(1000 - noughts - 100) // 8] * 8
    rest[0] += 1000 - noughts - 100 - sum(rest)
    found = Delivered().file(NOW, counts=_digits([noughts, *rest[:4], 100, *rest[4:]])).failed()
    assert [item for item in found if item[0] == "terminal_digits_spread"] == (
        [("terminal_digits_spread", "C1", "sbp_mmhg")] if fails else []
    )


def test_copied_readings_fail_by_name_where_their_digit_is_neither_nought_nor_five() -> None:
    copied = _digits([70, 70, 70, 70, 70, 70, 370, 70, 70, 70], "C1")
    fair = _digits([100] * 10, "C2")
    judged = Delivered().file(NOW, counts=[*copied, *fair]).judged().filter(~pl.col("success"))
    assert judged.select("expectation", "institution", "column", "observed").rows() == [
        ("single_digit_rare", "C1", "sbp_mmhg", "0.37"),
        ("single_digit_rare", None, "sbp_mmhg", "0.235"),
    ]
    assert set(judged["hurts"]) == {"chronic_hypertension_control_pct"}


def test_too_few_readings_say_nothing_of_digits() -> None:
    assert Delivered().file(NOW, counts=_digits([99, *[0] * 9])).failed() == []
    assert Delivered().file(NOW, counts=_digits([100, *[0] * 9])).failed() != []


# coverage -------------------------------------------------------------------------------------------------------


def _named(**institutions: int) -> list[Count]:
    return [(None, "institution_code", "institution", name, count) for name, count in institutions.items()]


def _covered(now: dict[str, int], before: dict[str, int], register: Sequence[tuple[str, str]] = ()) -> Delivered:
    delivered = Delivered().file("2025Q1", None, counts=_named(**before)).file(NOW, None, counts=_named(**now))
    delivered.register = [(NOW, code, level) for code, level in register]
    return delivered


def test_an_institution_that_stopped_fails_by_name() -> None:
    found = _covered({"C1": 500}, {"C1": 500, "C2": 10, "C3": 9})
    assert found.failed() == [("institution_still_delivers", "C2", None)]


def test_an_institution_that_was_closed_is_not_expected() -> None:
    register = [("C1", "primary")]
    assert _covered({"C1": 500}, {"C1": 500, "C2": 100}, register).failed() == []


def test_an_institution_of_the_register_that_never_delivered_fails_where_most_of_its_level_deliver() -> None:
    primary = [(f"C{n}", "primary") for n in range(1, 6)]
    hospitals = [(f"H{n}", "secondary") for n in range(1, 4)]
    now = {"C1": 50, "C2": 60, "C3": 70, "C4": 80, "H1": 90}
    found = _covered(now, {"C1": 50}, [*primary, *hospitals]).failed()
    # Two of three hospitals deliver nothing, so nothing is expected of hospitals here.
    assert found == [("registered_institution_delivers", "C5", None)]


@pytest.mark.parametrize(
    "value", ["110101195001011234", "11010119500101123X", "110101500101123", "13912345678", "张三"]
)
@pytest.mark.parametrize("registered", [True, False])
def test_what_stands_for_an_institution_but_is_none_is_never_named(value: str, registered: bool) -> None:
    delivered = _covered({"C1": 500}, {"C1": 500, value: 500}, [("C1", "primary")] if registered else [])
    delivered.file(NOW, None, counts=_digits([1000, *[0] * 9], value))
    delivered.reconciled = [(NOW, "no_contact_after_death", FEED, value, None, None, "cdc.deaths", 9, 900)]
    judged = delivered.judged()
    assert value not in set(judged["institution"])
    assert judged.filter(~pl.col("success"), pl.col("institution").is_not_null()).is_empty()


# reconciliation -------------------------------------------------------------------------------------------------


def _compared(expectation: str, matched: int | None, base: int | None, institution: str | None = "H01") -> Delivered:
    delivered = Delivered().file(NOW)
    delivered.reconciled = [(NOW, expectation, FEED, institution, None, None, "cdc.deaths", matched, base)]
    return delivered


@pytest.mark.parametrize(
    ("expectation", "fine", "bad"),
    [
        ("no_contact_after_death", (0, 500), (1, 500)),
        # 0.7 gives way by 3 √(0.7 · 0.3 / 1000) = 0.0435
        ("admitted_persons_settled", (657, 1000), (656, 1000)),
        ("settled_persons_admitted", (657, 1000), (656, 1000)),
        ("settlements_per_admission", (600, 1000), (599, 1000)),
        ("settlements_per_admission", (1200, 1000), (1201, 1000)),
        ("archives_within_population", (1000, 1000), (1001, 1000)),
    ],
)
def test_senders_that_contradict_each_other_fail_by_name(
    expectation: str, fine: tuple[int, int], bad: tuple[int, int]
) -> None:
    assert _compared(expectation, *fine).failed() == []
    (row,) = _compared(expectation, *bad).judged().filter(~pl.col("success")).to_dicts()
    assert (row["expectation"], row["institution"], row["against"]) == (expectation, "H01", "cdc.deaths")
    assert row["counted"] == bad[1]


def test_a_comparison_that_failed_or_saw_no_rows_is_an_error() -> None:
    for expectation in ("no_contact_after_death", "admitted_persons_settled", "archives_within_population"):
        (row,) = _compared(expectation, None, None).judged().filter(pl.col("expectation") == expectation).to_dicts()
        assert (row["success"], row["severity"], row["observed"]) == (False, "error", None)


# bounds and the suite -------------------------------------------------------------------------------------------


def _with(name: str, *bounds: dict[str, Any]) -> Judge:
    changed = REGISTERED[name].model_copy(update={"bounds": [parse(Bound, bound, name) for bound in bounds]})
    return replace(JUDGE, expectations={**REGISTERED, name: changed})


def test_the_most_particular_bound_in_force_then_the_newest_holds() -> None:
    delivered = Delivered().file("2025Q1").file(NOW, records=600)
    old = {"valid_from": "2017-01-01", "reference": "old", "low": "0.5"}
    new = {"valid_from": "2025-06-30", "reference": "new", "low": "0.7"}
    later = {"valid_from": "2025-07-01", "reference": "later", "low": "0.9"}
    own = {"valid_from": "2017-01-01", "reference": "own", "feed": FEED, "low": "0.6"}
    other = {"valid_from": "2025-01-01", "reference": "other", "feed": "insurers.settlements", "low": "0.99"}
    none = {"valid_from": "2025-01-01", "reference": "none", "feed": FEED}
    for bounds, source, expected in (
        ((old,), "old", "≥ 0.5"),
        ((old, new, later), "new", "≥ 0.7"),
        ((new, old), "new", "≥ 0.7"),
        ((own, old, new, other), "own", "≥ 0.6"),
    ):
        judged = delivered.judged(_with("volume_against_previous", *bounds))
        (row,) = judged.filter(pl.col("expectation") == "volume_against_previous").to_dicts()
        assert (row["source"], row["expected"], row["success"]) == (source, expected, source != "new")
    unjudged = delivered.judged(_with("volume_against_previous", old, none))
    assert "volume_against_previous" not in set(unjudged["expectation"])


def test_a_period_is_judged_by_the_bound_that_held_then() -> None:
    delivered = (
        Delivered().file("2024Q3").file("2024Q4", records=600).file("2025Q1", records=360).file(NOW, records=216)
    )
    strict = _with(
        "volume_against_previous",
        {"valid_from": "2017-01-01", "reference": "old", "low": "0.5"},
        {"valid_from": "2025-01-01", "reference": "new", "low": "0.7"},
    )
    judged = delivered.judged(strict).filter(pl.col("expectation") == "volume_against_previous")
    assert judged.select("success", "since").rows() == [(False, "2025Q1")]


def test_a_bound_whose_low_lies_above_high_is_refused() -> None:
    with pytest.raises(DefinitionError, match="low lies above high"):
        parse(Bound, {"valid_from": "2017-01-01", "reference": "x", "low": 2, "high": 1}, "x")


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ("feed: hospitals.encounter", "no feed 'hospitals.encounter'; did you mean 'hospitals.encounters'"),
        ("feed: hospitals.encounters, column: cost", "hospitals.encounters has no column 'cost'"),
    ],
)
def test_a_bound_for_a_feed_or_column_nobody_knows_is_refused(workshop: Any, bound: str, words: str) -> None:
    workshop.write_settings(
        "judgement",
        "duplicate_share_within_limit:\n  titles: {zh: x, en: x}\n  formula: {zh: x, en: x}\n  severity: warning\n"
        f'  bounds: [{{valid_from: "2017-01-01", reference: x, high: 1, {bound}}}]\n',
    )
    with pytest.raises(DefinitionError, match=words):
        check_bounds(workshop.settings, workshop.catalog)


def test_an_expectation_nobody_judges_is_refused(workshop: Any) -> None:
    workshop.write_settings("judgement", "volume_against_previos: {}\n")
    with pytest.raises(DefinitionError):
        _ = workshop.settings


def test_the_suite_finds_what_is_missing_below_or_above_and_nothing_else() -> None:
    rows = [
        (1.0, 1.0, None),
        (0.9, 1.0, None),
        (None, 1.0, None),
        (2.0, None, 2.0),
        (2.1, None, 2.0),
        (None, None, 1.0),
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("value", "low", "high"), pl.Float64()), orient="row")
    found = unmet(frame)
    assert (found.missing, found.outside, found.raised) == (frozenset({2, 5}), frozenset({1, 4}), False)
    assert unmet(frame.clear()).raised


def test_a_suite_that_raised_passes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def raised(figures: pl.DataFrame) -> Any:
        return replace(unmet(figures), raised=True)

    monkeypatch.setattr(deliveries, "unmet", raised)
    judged = Delivered().file("2025Q1").file(NOW).judged()
    assert judged.height > 2
    assert not judged["success"].any()
    assert set(judged["severity"]) == {"error"}


def test_nothing_delivered_is_nothing_judged() -> None:
    assert Delivered().judged().is_empty()


def test_a_hundred_deliveries_of_three_years_are_judged_in_two_seconds_beyond_the_import() -> None:
    import time

    delivered = Delivered()
    columns = [f"column_{n}" for n in range(12)]
    for period in periods_between("2023Q1", "2025Q4"):
        for number in range(100):
            institution = f"H{number:03}"
            counts: list[Count] = [(institution, name, "empty", None, 5) for name in columns]
            counts += [(institution, "kind", "category", name, 300) for name in "abc"]
            delivered.file(period.key, institution, counts=counts)
    counted = delivered.counts("2023Q1", "2025Q4")
    Delivered().file(NOW).judged()
    start = time.process_time()
    judged = judge_deliveries(counted, JUDGE)
    assert judged.height > 1500
    assert judged["success"].all()
    assert time.process_time() - start < 2


def test_shares_and_bounds_are_exact_decimals_in_settings() -> None:
    assert REGISTERED["empty_share_against_previous"].bounds[0].high == Decimal("0.10")
    assert REGISTERED["empty_share_against_previous"].bound(FEED, None, Period.parse("2016Q4")) is None
