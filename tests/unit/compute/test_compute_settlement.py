"""A year settled against its own releases: Q1 to the settlement, with late figures, against a naive reckoning by hand.

The oracle below knows the rules in words only: no code of the engine or of the road.
"""

import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.compute.allocation import Allocation, allocate
from assets.release import publish as publishing
from assets.release.finance import payment_of_road
from assets.release.paid import paid_mark, released_money
from assets.release.publish import ReleaseContent, publish
from data_contracts.periods import Period
from data_contracts.settings.resolved import Settings
from data_contracts.tables import output_tables
from evaluations.allocation.payment import printed
from tests.unit.compute.test_compute_allocation import DEMO, MANAGED, RULES, counted

_READ: dict[str, Settings] = {}
QUARTERS = ("2025Q1", "2025Q2", "2025Q3", "2025Q4")
YEAR = 40_000_000
MONEY = f"""
id: money
titles: {{zh: 资金, en: Money}}
references: [x]
unit: yuan
payee_level: community
population: population
budgets: [{{year: 2025, amount: "400000.00", reference: x}}]
tables:
  areas:
    rows: payees
    columns:
      id: {{area: id}}
      people: {{measure: population}}
      balance: {{measure: budget}}
  quality: {{rows: indicators, indicators: [{MANAGED}]}}
payees: {{table: areas, id: id}}
settlement: {{carried_over: {{column: balance}}}}
streams:
  - {{id: need, titles: {{zh: 需要, en: Need}}, kind: need, share: "0.6", population: {{column: people}}}}
  - id: deeds
    kind: performance
    share: "0.4"
    registered: {{column: people}}
    data: {{table: quality, payee: payee, indicator: indicator, quarter: quarter, numerator: numerator,
           denominator: denominator}}
    figures: year_so_far
    score: achievement
    indicators: [{{id: {MANAGED}, weight: 1, threshold: "0.2", benchmark: "0.8"}}]
    quarterly: {{advance: "0.8", largest_change: "0.1"}}
sources:
  - {{id: central, kind: central, share: "0.3"}}
  - {{id: county, kind: county, residual: true}}
"""
# What each quarter knows of itself when it is paid: people and per cent managed; None has not been reported in time.
PEOPLE = [
    {"c1": 3000, "c2": 1000, "c3": 1000},
    {"c1": 3000, "c2": 1000, "c3": 1000},
    {"c1": 3000, "c2": 1000, "c3": 2000},  # many more were found in c3, so the others had too much in spring
    {"c1": 3000, "c2": 1000, "c3": 2000},
]
MANAGED_PCT: list[dict[str, int | None]] = [
    {"c1": 50, "c2": 80, "c3": 80},
    {"c1": 80, "c2": None, "c3": 80},
    {"c1": 80, "c2": 26, "c3": 80},
    {"c1": 65, "c2": 23, "c3": None},
]
# In fen: the balance that c1 brings into the year, and what the settlement of 2024 left c2 to give back.
BALANCE, OWED = {"c1": 5_000_000, "c2": 0, "c3": 0}, {"c2": 300_000}


def by_largest_remainder(weights: list[int], total: int) -> list[int]:
    shares = [Fraction(weight * total, sum(weights) or 1) for weight in weights]
    found = [int(share) for share in shares]
    for at in sorted(range(len(shares)), key=lambda at: (found[at] - shares[at], at))[: total - sum(found)]:
        found[at] += 1
    return found if sum(weights) else [0] * len(weights)


def naive_year() -> Iterator[dict[str, dict[str, Any]]]:
    """Quarter by quarter what each community is due, is paid, owes and carries, by the words of the rules."""
    settled: dict[tuple[str, str], list[int]] = {(own, stream): [] for own in BALANCE for stream in ("need", "deeds")}
    cash, taken = dict.fromkeys(BALANCE, 0), dict.fromkeys(BALANCE, 0)
    for at in range(4):
        people, last = PEOPLE[at], at == 3
        heads = sum(people.values())
        quarter: dict[str, dict[str, Any]] = {}
        for own in BALANCE:
            need_year = Fraction(YEAR * 6 // 10 * people[own], heads)
            potential = Fraction(YEAR * 4 // 10 * people[own], heads) * (at + 1) / 4
            percent = MANAGED_PCT[at][own]
            if percent is None:
                # For an advance the last figure counts once more; in the settlement nothing is earned.
                percent = 20 if last else MANAGED_PCT[at - 1][own]
            earned = int(potential * min(Fraction(1), max(Fraction(0), Fraction(percent - 20, 60))))
            before = {stream: sum(settled[own, stream]) for stream in ("need", "deeds")}
            due = {"need": int(need_year * (at + 1) / 4), "deeds": earned}
            if not last:
                wanted = max(0, earned * 8 // 10 - before["deeds"])
                if at:
                    step = int(need_year / 4 / 10)
                    wanted = min(max(wanted, settled[own, "deeds"][-1] - step), settled[own, "deeds"][-1] + step)
                due["deeds"] = before["deeds"] + min(wanted, int(potential) - before["deeds"])
            gap = {stream: due[stream] - before[stream] for stream in due}
            room = [max(0, amount) for amount in gap.values()]
            most = BALANCE[own] + OWED.get(own, 0) - taken[own]
            now = min(most, sum(room))
            parts = by_largest_remainder(room, now)
            paid = {stream: own_room - part for stream, own_room, part in zip(gap, room, parts, strict=True)}
            owed = sum(max(0, -amount) for amount in gap.values())
            quarter[own] = {
                "due_fen": sum(due.values()), "prepaid_fen": cash[own], "carried_over_fen": BALANCE[own],
                "claw_back_fen": OWED.get(own, 0), "payable_fen": sum(paid.values()),
                "offset_next_year_fen": owed + most - now, "streams": paid,
            }  # fmt: skip
            for stream, amount in zip(gap, room, strict=True):
                settled[own, stream].append(amount)
            cash[own] += sum(paid.values())
            taken[own] += now
        yield quarter


@pytest.fixture
def town(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A home whose settlement of 2024 is published."""
    # Nobody browses these releases.
    monkeypatch.setattr(publishing, "write_database", lambda _tables, _path: None)
    for name in ("policies", "risk", "services"):
        shutil.copy(DEMO / f"{name}.yaml", workshop.home.settings)
    workshop.write_settings("allocation", MONEY)
    workshop.home.make_folders()
    (workshop.home.path / "releases").mkdir(exist_ok=True)
    settlement = {
        "period": "2024Q4", "allocation_id": "money", "payee_kind": "community", "payee_id": "c2", "due_fen": 0,
        "prepaid_fen": 300_000, "carried_over_fen": 0, "claw_back_fen": 0, "payable_fen": 0,
        "offset_next_year_fen": 300_000, "true_up_fen": 0,
    }  # fmt: skip
    table = output_tables()["alloc__settlement"]
    paid = output_tables()["alloc__payments"].empty()
    released(
        workshop, "2024Q4", {"alloc__settlement": pl.DataFrame([settlement], table.schema), "alloc__payments": paid}
    )
    return workshop


def released(town: Any, period: str, tables: dict[str, pl.DataFrame]) -> Path:
    """Publish tables of money as the road does where nobody approves."""
    kept = {name: tables[name] for name in ("alloc__payments", "alloc__settlement") if name in tables}
    content = ReleaseContent(period, kept, lambda _: None, inputs=[], settings={}, code={})
    return publish(town.home, content, lambda _: None)[0]


def delivered(town: Any, at: int) -> None:
    """What has arrived by the time the quarter is paid, late figures of earlier quarters included."""
    period = QUARTERS[at]
    areas = [
        {"area_level": "community", "area_id": own, "area_name": own, "is_rural": False, "leaf_count": 1}
        for own in BALANCE
    ]
    town.put_rows("mart__areas", period, areas)
    counted(town, "population", PEOPLE[at], period=period)
    counts = pl.read_parquet(_part(town, "ind__counts", period))
    counted(town, "budget", BALANCE, period=period)
    town.put("ind__counts", period, pl.concat([counts, pl.read_parquet(_part(town, "ind__counts", period))]))
    values = [
        {"area_level": "community", "area_id": own, "indicator_id": MANAGED, "rule_set": rule, "stratum": "all",
         "numerator": None if pct is None else pct, "denominator": None if pct is None else 100, "method": "x",
         "value": None if pct is None else float(pct), "status": "no_data" if pct is None else "ok"}
        for own, pct in MANAGED_PCT[at].items() for rule in RULES
    ]  # fmt: skip
    town.put_rows("ind__values", period, values)


def _part(town: Any, table: str, period: str) -> Path:
    from assets.lake import parts

    (path,) = parts.files_in_force(town.home, table, [period])
    return path


def divided(town: Any, at: int) -> Allocation:
    return allocate(
        town.home, settings_of(town), Period.parse(QUARTERS[at]), lambda period: released_money(town.home, period)
    )


def settings_of(town: Any) -> Settings:
    """Settings of the town, which differ between these tests by allocation.yaml alone; read once for each."""
    words = (town.home.settings / "allocation.yaml").read_text("utf-8")
    if words not in _READ:
        _READ[words] = town.settings
    return _READ[words]


def test_a_year_is_settled_against_its_own_releases_to_the_fen(town: Any) -> None:
    for at, wanted in enumerate(naive_year()):
        delivered(town, at)
        found = divided(town, at)
        assert found.status == "ok", found.message
        rows = {row["payee_id"]: row for row in found.tables["alloc__settlement"].to_dicts()}
        paid = found.tables["alloc__payments"]
        for own, row in wanted.items():
            assert {name: rows[own][name] for name in row if name != "streams"} == {
                name: amount for name, amount in row.items() if name != "streams"
            }, (QUARTERS[at], own)
            streams = paid.filter(payee_id=own).select("stream", "amount_fen")
            assert dict(streams.iter_rows()) == row["streams"], (QUARTERS[at], own)
        # Every fen of the quarter has an owner, every line and every source adds up to it.
        assert found.budget == YEAR // 4
        for name in ("alloc__lines", "alloc__payees", "alloc__payments", "alloc__streams", "alloc__sources"):
            assert found.tables[name]["amount_fen"].sum() == YEAR // 4, (QUARTERS[at], name)
        assert found.payees.filter(pl.col("payee_kind") != "fund", pl.col("amount_fen") < 0).is_empty()
        table = payment_of_road({name.removeprefix("alloc__"): frame for name, frame in found.tables.items()})
        check_one_basis(table.rows, YEAR // 4, at)
        # The same sums hold as they are printed in ten thousands.
        coarse = printed(table, 10_000).rows
        assert coarse["due_fen"].sum() - coarse["prepaid_fen"].sum() == coarse["payable_fen"].sum()
        quarters = found.tables["alloc__quarters"].filter(quarter=QUARTERS[at])
        assert set(quarters["bound"]) <= {"none", "rise", "fall", "settled"}
        released(town, QUARTERS[at], dict(found.tables))
    # What is kept for set-offs is what payees brought in and gave back, less what they still owe.
    fund = _sum_of_year(town, "settlement")
    owed = sum(row["offset_next_year_fen"] for row in wanted.values())
    assert fund == sum(BALANCE.values()) + sum(OWED.values()) - owed
    assert {own for own, row in wanted.items() if row["offset_next_year_fen"]} == {"c2", "c3"}
    assert _sum_of_year(town, "pending") == 0


def check_one_basis(rows: pl.DataFrame, quarter: int, at: int) -> None:
    """A table of the finance office as a clerk adds it up: due in the year so far, paid before, paid now.

    Row by row, and what payees set off and owe is in the totals of neither.
    """
    nothing = {"carried_over_fen": 0, "claw_back_fen": 0, "offset_next_year_fen": 0}
    sums = dict.fromkeys(("due_fen", "prepaid_fen", "payable_fen", *nothing), 0)
    for row in rows.to_dicts():
        figures = {name: row[name] or 0 for name in sums}
        kept = figures["carried_over_fen"] + figures["claw_back_fen"] - figures["offset_next_year_fen"]
        assert figures["due_fen"] - figures["prepaid_fen"] - kept == figures["payable_fen"], row["payee_id"]
        sums = {name: sums[name] + figures[name] for name in sums}
    paid = {"due_fen": quarter * (at + 1), "prepaid_fen": quarter * at, "payable_fen": quarter}
    assert sums == paid | nothing


def _sum_of_year(town: Any, payee: str) -> int:
    frames = [released_money(town.home, period) for period in QUARTERS]
    return sum(frame["alloc__payments"].filter(payee_id=payee)["amount_fen"].sum() for frame in frames if frame)


def test_late_figures_are_a_line_of_their_own(town: Any) -> None:
    for at in (0, 1):
        delivered(town, at)
        released(town, QUARTERS[at], dict(divided(town, at).tables))
    delivered(town, 2)
    found = divided(town, 2)
    line = found.lines.filter(payee_id="c1", line_id="corrected_before", stream="need").row(0, named=True)
    # 144,000 yuan a year became 120,000: two quarters had paid 12,000 too much.
    assert line["amount_fen"] == -1_200_000
    assert '"due":"60,000.00"' in line["sentence_params"]
    assert '"paid":"72,000.00"' in line["sentence_params"]


def test_an_earlier_quarter_without_a_release_is_refused_by_name(town: Any) -> None:
    delivered(town, 0)
    released(town, QUARTERS[0], dict(divided(town, 0).tables))
    delivered(town, 2)
    found = divided(town, 2)
    assert found.status == "no_data"
    assert "2025Q2" in found.message["zh"]
    assert "2025Q1" not in found.message["en"]
    assert found.lines.is_empty()


def test_two_releases_that_pay_differently_are_no_record_until_one_is_withdrawn(town: Any) -> None:
    delivered(town, 0)
    tables = dict(divided(town, 0).tables)
    first = released(town, QUARTERS[0], tables)
    mark = paid_mark(town.home, QUARTERS[0])
    again = tables["alloc__payments"].with_columns(pl.col("amount_fen") + 1)
    second = released(town, QUARTERS[0], {**tables, "alloc__payments": again})
    assert paid_mark(town.home, QUARTERS[0]) != mark
    delivered(town, 1)
    found = divided(town, 1)
    assert found.status == "no_data"
    assert f"{first.name}, {second.name}" in found.message["zh"]
    withdrawn(second)
    assert divided(town, 1).status == "ok"


def withdrawn(release: Path) -> None:
    from datetime import UTC, datetime

    from assets.release.approval import Rules, withdraw
    from assets.release.subject import subject_of

    withdraw(subject_of(release / "internal"), Rules("none", None), None, "not paid", datetime.now(UTC))


def test_a_candidate_that_nobody_published_paid_nothing(town: Any) -> None:
    delivered(town, 0)
    tables = dict(divided(town, 0).tables)
    kept = {name: tables[name] for name in ("alloc__payments", "alloc__settlement")}
    content = ReleaseContent(QUARTERS[0], kept, lambda _: None, inputs=[], settings={}, code={}, approved=False)
    publish(town.home, content, lambda _: None)
    assert released_money(town.home, QUARTERS[0]) is None


def test_a_payment_table_that_was_changed_is_no_record(town: Any) -> None:
    delivered(town, 0)
    place = released(town, QUARTERS[0], dict(divided(town, 0).tables))
    path = place / "internal/tables/alloc__payments.parquet"
    pl.read_parquet(path).with_columns(pl.col("amount_fen") + 1).write_parquet(path)
    delivered(town, 1)
    found = divided(town, 1)
    assert found.status == "no_data"
    assert place.name in found.message["en"]


def test_the_finance_office_may_say_what_was_paid(town: Any) -> None:
    declared = MONEY.replace(
        "      balance: {measure: budget}\n",
        "      paid: {measure: spending, period_before: true}\n",
    ).replace("settlement: {carried_over: {column: balance}}", "settlement: {prepaid: {column: paid}}")
    town.write_settings("allocation", declared)
    delivered(town, 0)
    counted(town, "population", PEOPLE[0], period=QUARTERS[0])
    counts = pl.read_parquet(_part(town, "ind__counts", QUARTERS[0]))
    # 36,000 yuan of need and 9,600 of performance were due to c1; 40,000 were paid.
    counted(town, "spending", {"c1": 4_000_000, "c2": 2_480_000, "c3": 1_000_000}, period=QUARTERS[0])
    town.put("ind__counts", QUARTERS[0], pl.concat([counts, pl.read_parquet(_part(town, "ind__counts", QUARTERS[0]))]))
    delivered(town, 1)
    found = divided(town, 1)
    assert found.status == "ok", found.message
    rows = {row["payee_id"]: row for row in found.tables["alloc__settlement"].to_dicts()}
    assert [rows[own]["prepaid_fen"] for own in ("c1", "c2", "c3")] == [4_000_000, 2_480_000, 1_000_000]
    need = dict(found.tables["alloc__payments"].filter(stream="need").select("payee_id", "amount_fen").iter_rows())
    # 72,000 are due by midyear; of 40,000 paid, need had 36,000 parts in 45,600.
    assert need["c1"] == 7_200_000 - by_largest_remainder([3_600_000, 960_000], 4_000_000)[0]
    assert found.payees["amount_fen"].sum() == YEAR // 4


def test_published_superseded_and_withdrawn_releases_are_told_apart(town: Any) -> None:
    delivered(town, 0)
    tables = dict(divided(town, 0).tables)
    first = released(town, QUARTERS[0], tables)
    content = ReleaseContent(QUARTERS[0], {**{k: tables[k] for k in ("alloc__payments", "alloc__settlement")}},
                             lambda folder: (folder / "page.txt").write_text("x") and None, inputs=[], settings={},
                             code={})  # fmt: skip
    second, new = publish(town.home, content, lambda _: None)
    assert new
    assert second != first
    # The same payments in two releases are one payment.
    money = released_money(town.home, QUARTERS[0])
    assert money is not None
    assert money["alloc__payments"].equals(tables["alloc__payments"])


def test_without_a_word_published_releases_are_what_was_paid_and_else_the_line_says_it_is_reckoned(town: Any) -> None:
    town.write_settings("allocation", MONEY.replace("settlement: {carried_over: {column: balance}}\n", ""))
    for at in (0, 1):
        delivered(town, at)
        released(town, QUARTERS[at], dict(divided(town, at).tables))
    delivered(town, 2)
    found = divided(town, 2)
    before = found.lines.filter(payee_id="c1", stream="need").select("line_id", "amount_fen")
    # 144,000 yuan a year were 72,000 by midyear, 120,000 are 60,000.
    assert {"paid_before": -6_000_000, "corrected_before": -1_200_000}.items() <= dict(before.iter_rows()).items()
    assert found.payees["amount_fen"].sum() == YEAR // 4
    delivered(town, 3)
    reckoned = divided(town, 3)
    assert reckoned.status == "ok"
    assert "2025Q3" in reckoned.message["zh"]
    # Advances that the rules would have paid and nobody earned are owed, so that the year is closed all the same.
    year = dict(reckoned.tables["alloc__payments"].filter(stream="deeds").select("payee_id", "year_fen").iter_rows())
    rows = {row["payee_id"]: row for row in reckoned.tables["alloc__settlement"].to_dicts()}
    assert rows["c3"]["offset_next_year_fen"] > 0 == year["c3"]
    for row in rows.values():
        assert row["due_fen"] + row["offset_next_year_fen"] == row["prepaid_fen"] + row["payable_fen"]
    line_ids = set(reckoned.lines.filter(payee_id="c1", stream="need")["line_id"])
    assert "before_by_rules" in line_ids
    # The table of quarters says the same of them as the lines do.
    earlier = pl.col("quarter") < QUARTERS[3]
    assert set(reckoned.tables["alloc__quarters"].filter(earlier)["bound"]) == {"by_rules"}
    assert set(found.tables["alloc__quarters"].filter(pl.col("quarter") < QUARTERS[2])["bound"]) == {"recorded"}
    assert not {"paid_before", "corrected_before"} & line_ids


def test_pace_may_start_from_what_the_last_release_of_the_year_before_gave(town: Any) -> None:
    pace = 'population: {column: people}, pace: {previous: {column: before}, floor_change: 0, cap_change: "0.1"}}'
    words = MONEY.replace("population: {column: people}}", pace).replace(
        "      balance:", "      before: {money: need}\n      balance:"
    )
    town.write_settings("allocation", words)
    delivered(town, 0)
    row = {"period": "2024Q4", "allocation_id": "money", "payee_kind": "community", "stream": "need", "due_fen": 0,
           "before_fen": 0, "set_off_fen": 0, "amount_fen": 0}  # fmt: skip
    given = {"c1": 12_000_000, "c2": 5_000_000, "c3": 4_900_000}
    rows = [{**row, "payee_id": own, "year_fen": fen} for own, fen in given.items()]
    rows.append({**row, "payee_id": "c1", "stream": "deeds", "year_fen": 77})
    table = output_tables()["alloc__payments"]
    withdrawn(town.home.path / "releases" / "2024Q4-r1")
    released(town, "2024Q4", {"alloc__payments": table.shape(pl.DataFrame(rows, table.schema))})
    found = {own["payee_id"]: own for own in divided(town, 0).payees.to_dicts()}
    assert {own: found[own]["last_year_fen"] for own in given} == given
    # c1 may rise by a tenth; 24 million are there for all.
    assert (found["c1"]["need_fen"], found["c1"]["bound"]) == (13_200_000, "cap")
    withdrawn(town.home.path / "releases" / "2024Q4-r2")
    refused = divided(town, 0)
    assert refused.status == "no_data"
    assert "2024Q4" in refused.message["zh"]
