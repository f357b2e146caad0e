"""What is done for people and recorded about them: nobody acts out of their time, registers hold, books add up."""

from collections import Counter

import numpy as np
import polars as pl
import pytest

from pipelines.demo import bureau
from pipelines.demo.levers import Levers
from pipelines.demo.people import CONDITIONS
from pipelines.demo.timeline import NEVER, spans_between
from tests.unit.demo.conftest import World
from tests.unit.demo.world import HABITS, PLAIN

# Feeds of events: the column of their day. Settlements may follow the stay of somebody who has died since.
EVENTS = {
    "followups_hypertension": "followup_date",
    "followups_diabetes": "followup_date",
    "followups_dyslipidaemia": "followup_date",
    "exams": "exam_date",
    "device_readings": "measured_on",
    "encounters": "admit_date",
}


def _gone(world: World) -> np.ndarray:
    return np.minimum(world.people.died, world.people.left)


def _place(name: str) -> int:
    return list(HABITS).index(name)


# time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", EVENTS)
def test_nobody_acts_before_they_come_or_after_they_go(world: World, feed: str) -> None:
    for span, table in zip(world.spans, world.tables[feed], strict=True):
        assert table.height
        who, day = table["person"].to_numpy(), table[EVENTS[feed]].to_numpy()
        assert ((day >= span.start) & (day <= span.end)).all()
        assert (day >= world.people.since[who]).all()
        assert (day < _gone(world)[who]).all()


def test_events_are_recorded_where_people_live(world: World) -> None:
    for feed in EVENTS:
        for span, table in zip(world.spans, world.tables[feed], strict=True):
            who = table["person"].to_numpy()
            lived = np.stack([world.people.home(month.end)[who] for month in span.months])
            assert (lived == table["community"].to_numpy()).any(axis=0).all()


def test_contracts_and_memberships_begin_while_people_live_in_the_city(world: World) -> None:
    contracts = pl.concat(world.care.contracts)
    who = contracts["person"].to_numpy()
    assert (contracts["signed_on"].to_numpy() < _gone(world)[who]).all()
    assert (contracts["signed_on"].to_numpy() >= world.people.since[who]).all()
    assert (contracts["ends_on"] > contracts["signed_on"]).all()
    members = world.all("health_points")
    who = members["person"].to_numpy()
    assert (members["joined_on"].to_numpy() >= world.people.since[who]).all()
    ends = np.array([span.end for span in world.spans])[members["at"].to_numpy()]
    assert (members["joined_on"].to_numpy() <= ends).all()
    assert (_gone(world)[who] > ends).all()


def test_settlements_are_dated_in_their_period(world: World) -> None:
    for span, table in zip(world.spans, world.tables["settlements"], strict=True):
        assert table["settled_on"].is_between(span.start, span.end).all()


# registers ----------------------------------------------------------------------------------------------------


def test_the_register_holds_those_with_an_archive_who_live_there_or_left_lately(world: World) -> None:
    stale = _place("stale")
    for span, table in zip(world.spans, world.tables["residents"], strict=True):
        assert table["person"].is_unique().all()
        who, home = table["person"].to_numpy(), table["community"].to_numpy()
        here = world.people.lives(span.end)[who]
        active = (table["archive_status"] == "active").to_numpy()
        assert active[here].all()
        assert not active[~here & (home != stale)].any()
        assert active[~here & (home == stale)].any()
        lately = _gone(world)[who] > span.end - 365
        assert lately[home != stale].all()
        assert (table["archive_date"] <= span.end).all()
        assert (home[here] == world.people.home(span.end)[who][here]).all()
        assert (table["birth_date"].to_numpy() == world.people.born[who]).all()


def test_who_is_registered_stays_registered_from_a_day_on_which_they_were_ill(world: World) -> None:
    before = None
    for span, now in zip(world.spans, world.registered_on, strict=True):
        known = now < NEVER
        assert (now[known] <= span.end).all()
        assert (now[known] >= world.people.onset[known]).all()
        assert (now[known] >= np.broadcast_to(world.people.born, now.shape)[known]).all()
        if before is not None:
            assert (now[before < NEVER] == before[before < NEVER]).all()
            assert (now < NEVER).sum() > (before < NEVER).sum()
        before = now


def test_the_register_shows_what_is_registered(world: World) -> None:
    for span, now, table in zip(world.spans, world.registered_on, world.tables["residents"], strict=True):
        for at, condition in enumerate(CONDITIONS):
            on = now[at][table["person"].to_numpy()]
            assert (table[f"is_{condition}_registered"].to_numpy() == (on <= span.end)).all()
            days = table[f"{condition}_registered_on"]
            assert (days.drop_nulls().to_numpy() == on[on <= span.end]).all()
            assert (days.is_null().to_numpy() == (on > span.end)).all()


def test_not_everybody_who_is_ill_is_registered(world: World) -> None:
    end = world.spans[-1].end
    here = world.people.lives(end)
    for at in range(len(CONDITIONS)):
        ill = here & (world.people.onset[at] <= end)
        found = (world.registered_on[-1][at] <= end)[ill].mean()
        assert 0.4 < found < 0.8


# follow-ups and examinations ----------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", CONDITIONS)
def test_only_registered_conditions_are_followed_up(world: World, condition: str) -> None:
    at = CONDITIONS.index(condition)
    for registered, table in zip(world.registered_on, world.tables[f"followups_{condition}"], strict=True):
        assert (table["followup_date"].to_numpy() >= registered[at][table["person"].to_numpy()]).all()
        assert table["followup_no"].is_unique().all()


def test_a_visit_is_about_all_conditions_of_the_patient(world: World) -> None:
    end = world.spans[0].start
    both = np.flatnonzero((world.registered_on[-1][:2] <= end).all(axis=0))
    tables = [world.all(f"followups_{name}").filter(pl.col("person").is_in(both)) for name in CONDITIONS[:2]]
    days = [table.select("person", "followup_date").sort(pl.all()) for table in tables]
    assert days[0].height > 100
    assert days[0].equals(days[1])


def test_readings_of_devices_are_no_followups(world: World) -> None:
    readings = world.all("device_readings")
    ill, users = world.registered_on[-1].min(axis=0) < NEVER, set(readings["person"])
    assert any(not ill[person] for person in users)
    visits = world.all("followups_hypertension").select("person", pl.col("followup_date").alias("measured_on"))
    same_day = readings.join(visits, on=["person", "measured_on"], how="semi")
    assert same_day.height < 0.05 * readings.height
    assert not set(readings["reading_no"]) & set(world.all("followups_hypertension")["followup_no"])


def test_nobody_is_examined_twice_in_a_year_or_without_an_archive(world: World) -> None:
    exams = world.all("exams").with_columns(year=pl.col("exam_date").cast(pl.Int32).cast(pl.Date).dt.year())
    assert exams.select(pl.struct("person", "year").is_unique().all()).item()
    who = exams["person"].to_numpy()
    assert (world.care.archived_on[who] < NEVER).all()
    reasons = exams.group_by("is_complete").agg((pl.col("refused_reason") == "").all()).sort("is_complete")
    assert reasons["refused_reason"].to_list() == [False, True]
    elderly = exams.filter(pl.col("exam_type") == "elderly")
    born = world.people.born[elderly["person"].to_numpy()].astype("datetime64[D]").astype("datetime64[Y]").astype(int)
    assert (elderly["year"].to_numpy() - (born + 1970) >= 65).mean() > 0.995


def test_patients_managed_well_have_a_visit_in_every_quarter_of_the_year(world: World) -> None:
    """Who takes part surely (below every lever) and was registered before the year has four visits by its end."""
    year = [pl.concat(world.tables[f"followups_{name}"][:4]) for name in CONDITIONS]
    visits = Counter(pl.concat([t.select("person", "followup_date", "followup_no") for t in year[:1]])["person"])
    people, start, end = world.people, world.spans[0].start, world.spans[3].end
    sure = (people.shares["manage"] < 0.4) & (people.shares["attend"] < 0.6)
    sure &= world.people.lives(end) & (people.moves_on == NEVER) & (people.since < start)
    sure &= (world.registered_on[-1][0] < start) & (people.homes[0] == PLAIN)
    assert sure.sum() > 20
    assert {visits[at] for at in np.flatnonzero(sure).tolist()} == {4}
    never = (people.shares["attend"] > 0.95) & (world.registered_on[-1][0] < start)
    assert not any(visits[at] for at in np.flatnonzero(never).tolist())


# hospitals and insurer ----------------------------------------------------------------------------------------


def test_an_encounter_is_settled_once_in_the_period_in_which_it_ends(world: World) -> None:
    seen, paid = world.all("encounters"), world.all("settlements")
    ended = seen.with_columns(pl.coalesce("discharge_date", "admit_date").alias("settled_on"))
    key = ["person", "settled_on", "institution_code"]
    forth = paid.filter(~pl.col("is_reversal"))
    assert forth["setl_id"].is_unique().all()
    unknown = forth.join(ended, on=key, how="anti")
    assert unknown.filter(pl.col("at") > 0).height == 0
    counted = ended.group_by(key).len("seen").join(forth.group_by(key).len("paid"), on=key)
    assert (counted["paid"] <= counted["seen"]).all()
    last = world.spans[-1].end
    share = forth.height / ended.filter(pl.col("settled_on") <= last).height
    assert 0.92 < share < 0.96
    crossing = forth.join(ended.rename({"at": "began"}), on=key).filter(pl.col("at") == pl.col("began") + 1)
    assert crossing.height > 20
    assert forth.filter(pl.col("settled_on") > last).height == 0


def test_settlements_add_up_and_reversals_mirror_an_earlier_one(world: World) -> None:
    paid = world.all("settlements")
    assert (paid["total_fee_fen"] == paid["fund_pay_fen"] + paid["person_pay_fen"]).all()
    back = paid.filter("is_reversal")
    assert 0 < back.height < paid.height / 100
    assert (back["total_fee_fen"] <= 0).all()
    forth = paid.filter(~pl.col("is_reversal"))
    assert (forth["total_fee_fen"] >= 0).all()
    taken_back = back.with_columns(-pl.col("total_fee_fen", "fund_pay_fen", "person_pay_fen"))
    same = ["person", "settled_on", "institution_code", "total_fee_fen", "fund_pay_fen", "person_pay_fen", "at"]
    assert taken_back.join(forth, on=same, how="anti").height == 0


def test_stays_have_an_end_and_a_route_and_visits_have_neither(world: World) -> None:
    seen = world.all("encounters")
    stays = seen.filter(pl.col("encounter_class") == "inpatient")
    others = seen.filter(pl.col("encounter_class") != "inpatient")
    assert (stays["discharge_date"] > stays["admit_date"]).all()
    assert set(stays["admission_route"]) == {"emergency", "outpatient"}
    assert others["discharge_date"].is_null().all()
    assert others["admission_route"].is_null().all()
    assert not stays["is_primary"].any()
    centres = set(world.city.centres)
    primary = seen.filter("is_primary")
    assert set(primary["institution_code"]) <= centres
    assert not set(seen.filter(~pl.col("is_primary"))["institution_code"]) & centres
    assert set(primary["encounter_class"]) == {"outpatient"}
    referred = seen.filter(pl.col("referred_from").is_not_null())
    assert 0 < referred.height < stays.height
    assert (referred["referred_from"] == world.city.centres[referred["community"]]).all()


def test_the_ill_and_the_old_are_admitted_more_often(world: World) -> None:
    stays = world.all("encounters").filter(pl.col("encounter_class") == "inpatient")
    admitted = np.bincount(stays["person"].to_numpy(), minlength=len(world.people.born))
    here = world.people.lives(world.spans[-1].end) & (world.people.since < world.spans[0].start)
    ill = (world.people.onset <= world.spans[0].start).any(axis=0)
    age = world.people.age_at(world.spans[0].start)
    assert admitted[here & ill].mean() > 1.3 * admitted[here & ~ill & (age >= 35)].mean()
    assert admitted[here & ~ill & (age >= 60)].mean() > 1.3 * admitted[here & ~ill & (age < 30)].mean()
    assert not set(stays.filter("is_related")["person"]) - set(np.flatnonzero((world.people.onset < NEVER).any(axis=0)))


# contracts ----------------------------------------------------------------------------------------------------


def test_nobody_has_two_contracts_in_force(world: World) -> None:
    contracts = pl.concat(world.care.contracts).sort("person", "signed_on")
    gaps = contracts.select(pl.col("signed_on").shift(-1).over("person") - pl.col("ends_on")).to_series().drop_nulls()
    assert gaps.len() > 1000
    assert (gaps > 0).all()
    assert contracts["number"].is_unique().all()


def test_contracts_deliver_no_more_than_is_due_and_what_is_due_grows(world: World) -> None:
    for span, table in zip(world.spans, world.tables["contracts"], strict=True):
        assert (table["items_done"] <= table["items_due"]).all()
        assert table["items_due"].is_between(0, 6).all()
        assert (table.filter(pl.col("ends_on") <= span.end)["items_due"] == 6).all()
        assert (table["signed_on"] <= span.end).all()
    first, second = world.tables["contracts"][:2]
    both = first.join(second, on="contract_no")
    assert (both["items_due_right"] >= both["items_due"]).all()
    assert both.height > 1000


def test_contracts_are_listed_until_the_longest_grace_is_over(world: World) -> None:
    """90 days: who may sign again until 1 January or later is judged in that year."""
    for span, table in zip(world.spans, world.tables["contracts"], strict=True):
        every = pl.concat(world.care.contracts).filter(pl.col("signed_on") <= span.end)
        listed = every.filter(pl.col("ends_on") + 90 >= span.year_start)
        assert sorted(table["number"]) == sorted(listed["number"])
    last = world.spans[-1]
    ended = last.year_start - world.tables["contracts"][-1]["ends_on"]
    assert ended.max() <= 90
    assert ended.is_between(60, 90).sum() > 20


def test_some_come_back_after_the_grace_of_one_rule_set_and_within_that_of_the_other(world: World) -> None:
    """So that the days of grace (30 or 90) decide something."""
    contracts = pl.concat(world.care.contracts).sort("person", "signed_on")
    gaps = contracts.select(pl.col("signed_on").shift(-1).over("person") - pl.col("ends_on")).to_series().drop_nulls()
    assert gaps.is_between(1, 30).sum() > 1000
    assert gaps.is_between(31, 90).sum() > 20
    assert (gaps > 90).sum() > 20


# the bureau ---------------------------------------------------------------------------------------------------


def test_the_budget_lines_of_an_amount_sum_to_it_exactly(world: World) -> None:
    kiosk = world.scenario.policies["htn_management"].model_copy(
        update={"per_resident": {}, "yearly": {"city": 1_000_001, "county": 7}}
    )
    scenario = world.scenario.model_copy(update={"policies": {"kiosk": kiosk}})
    everybody = np.bincount(world.people.home(world.spans[0].end))
    for policies in (scenario, world.scenario):
        levers = Levers.build(world.care.draws, world.city, policies)
        books = pl.concat(
            bureau.fund_ledger(world.care.draws, world.city, levers, policies, everybody, span)
            for span in world.spans[:4]
        )
        sums = books.group_by("policy_id", "source", "entry_type").agg(pl.col("amount_fen").sum())
        budget = sums.filter(entry_type="budget")
        if policies is scenario:
            assert sorted(budget["amount_fen"]) == [700, 100_000_100]
        all_year = [name for name, policy in policies.policies.items() if policy.start is None]
        paid_in = sums.filter((pl.col("entry_type") == "appropriation") & pl.col("policy_id").is_in(all_year))
        both = paid_in.join(budget, on=["policy_id", "source"], suffix="_budgeted")
        assert both.height == paid_in.height > 0
        assert (both["amount_fen"] == both["amount_fen_budgeted"]).all()


def test_a_budget_is_entered_when_the_year_or_the_policy_begins(world: World) -> None:
    budget = world.all("fund_ledger").filter(entry_type="budget")
    by_policy = {name: sorted(set(budget.filter(policy_id=name)["at"])) for name in world.scenario.policies}
    assert by_policy["htn_management"] == [0, 4]
    assert by_policy["three_highs"] == [2, 4]
    assert by_policy["medical_elderly_care"] == [4]
    early = world.all("fund_ledger").filter((pl.col("policy_id") == "three_highs") & (pl.col("at") < 2))
    assert early.height == 0
    for span, table in zip(world.spans, world.tables["fund_ledger"], strict=True):
        assert table["entry_date"].is_between(span.start, span.end).all()


def test_tasks_are_due_in_the_year_so_far_and_stay_as_they_were_done(world: World) -> None:
    for span, table in zip(world.spans, world.tables["tasks"], strict=True):
        assert table["task_no"].is_unique().all()
        assert table["due_on"].is_between(span.year_start, span.end).all()
        assert (table["done_on"].drop_nulls() <= span.end).all()
    first, second = world.tables["tasks"][:2]
    both = first.join(second, on="task_no", how="left")
    assert both.filter(pl.col("done_on") != pl.col("done_on_right")).height == 0
    late = both.filter(pl.col("done_on").is_null())
    assert late.height
    assert late["done_on_right"].is_not_null().any()


def test_staff_leave_and_are_replaced(world: World) -> None:
    roster = world.roster
    assert roster["staff_no"].is_unique().all()
    assert set(roster["institution_code"]) <= set(world.city.centres)
    assert (roster["left_on"] > roster["joined_on"]).all()
    long = bureau.roster(
        world.care.draws, world.city, world.scenario, np.full(len(world.city.size), 9_000),
        spans_between("2020", "2025"),
    )  # fmt: skip
    left = long.filter(pl.col("left_on").is_not_null())
    assert left.height > 10
    post = pl.struct("institution_code", "post", "community", "fte")
    for at in range(long.height - 1):
        if long["left_on"][at] is not None:
            follows = long["joined_on"][at + 1]
            if long.select(post).to_series()[at] == long.select(post).to_series()[at + 1]:
                assert 20 <= follows - long["left_on"][at] < 150
    end = spans_between("2020", "2025")[-1].end
    vacant = long.filter(pl.col("left_on") < end - 150)
    assert vacant.height
    last_of_post = long.with_row_index().filter(pl.col("left_on").is_not_null())["index"].to_list()
    replaced = sum(
        long.select(post).to_series()[at] == long.select(post).to_series()[at + 1] for at in last_of_post[:-1]
    )
    assert replaced >= 0.9 * vacant.height


def test_the_roster_of_a_period_knows_nothing_of_later_days(world: World) -> None:
    for span, table in zip(world.spans, world.tables["staff"], strict=True):
        assert (table["joined_on"] <= span.end).all()
        assert (table["left_on"].drop_nulls().is_between(span.year_start, span.end)).all()


# habits -------------------------------------------------------------------------------------------------------


def _pressures(world: World, habit: str | None) -> pl.DataFrame:
    place = PLAIN if habit is None else _place(habit)
    return world.all("followups_hypertension").filter((pl.col("community") == place) & pl.col("sbp_mmhg").is_not_null())


def _controlled(table: pl.DataFrame) -> float:
    return float(table.select((pl.col("classification") == "satisfied").mean()).item())


def test_where_readings_are_rounded_all_end_in_nought(world: World) -> None:
    rounded, plain = (
        _pressures(world, habit).select(((pl.col("sbp_mmhg", "dbp_mmhg") % 10) == 0).mean()).row(0)
        for habit in ("rounds", None)
    )
    assert rounded == (1, 1)
    assert max(plain) < 0.2


def test_where_readings_are_copied_identical_ones_abound_and_control_looks_better(world: World) -> None:
    def commonest(table: pl.DataFrame) -> float:
        counts = table.group_by("sbp_mmhg", "dbp_mmhg").len()["len"]
        return float(counts.max()) / table.height  # type: ignore[arg-type]

    copied, plain = _pressures(world, "copies"), _pressures(world, None)
    assert commonest(copied) > 0.9 * HABITS["copies"]
    assert commonest(plain) < 0.05
    assert _controlled(copied) > _controlled(plain) + 0.1


def test_where_readings_are_dressed_none_lie_just_above_the_limit_and_many_just_below(world: World) -> None:
    def around(table: pl.DataFrame) -> tuple[float, ...]:
        """Shares of readings from the limit to 9 above it, in the last unit below it, and farther above it."""
        age = world.people.age_at(world.spans[-1].end)[table["person"].to_numpy()]
        # Who turned 65 meanwhile had the other limit before.
        table = table.filter(pl.Series((age < 64) | (age > 66)))
        age = age[(age < 64) | (age > 66)]
        above = table["sbp_mmhg"].to_numpy() - np.where(age >= 65, 150, 140)
        return tuple(float(part.mean()) for part in ((above >= 0) & (above < 9), above == -1, above >= 9))

    dressed, plain = (around(_pressures(world, habit)) for habit in ("dresses", None))
    assert dressed[0] == 0
    assert plain[0] > 0.1
    assert dressed[1] > 3 * plain[1]
    assert dressed[2] > plain[2] / 2
    assert _controlled(_pressures(world, "dresses")) > _controlled(_pressures(world, None)) + 0.08


def test_where_the_hardest_are_left_out_fewer_are_managed_and_control_looks_better(world: World) -> None:
    def managed(place: int) -> float:
        register = world.tables["residents"][3].filter(
            (pl.col("community") == place) & pl.col("is_hypertension_registered")
        )
        came = pl.concat(world.tables["followups_hypertension"][:4])["person"].unique()
        return register.select(pl.col("person").is_in(came).mean()).item()  # type: ignore[no-any-return]

    assert managed(_place("selects")) < managed(PLAIN) - 0.2
    assert _controlled(_pressures(world, "selects")) > _controlled(_pressures(world, None)) + 0.1
    who = _pressures(world, "selects")["person"].to_numpy()
    severity = world.people.severity[:, who].max(axis=0)
    assert severity.max() < np.quantile(world.people.severity.max(axis=0), 0.75)


def test_where_patients_are_called_fewer_visits_are_face_to_face(world: World) -> None:
    def by_phone(habit: str | None) -> float:
        place = PLAIN if habit is None else _place(habit)
        visits = world.all("followups_hypertension").filter(pl.col("community") == place)
        return visits.select((pl.col("visit_mode") == "phone").mean()).item()  # type: ignore[no-any-return]

    assert by_phone("calls") > by_phone(None) + 0.2


def test_where_archives_are_stale_the_dead_and_those_who_left_are_kept_as_active(world: World) -> None:
    last, span = world.tables["residents"][-1], world.spans[-1]
    gone = last.filter(pl.Series(~world.people.lives(span.end)[last["person"].to_numpy()]))
    kept = gone.group_by("community").agg((pl.col("archive_status") == "active").mean()).sort("community")
    shares = dict(kept.iter_rows())
    assert shares.pop(_place("stale")) == 1
    assert set(shares.values()) == {0.0}


def test_where_costs_are_shifted_the_insurer_settles_less_than_the_encounter_cost(world: World) -> None:
    seen = world.all("encounters").with_columns(pl.coalesce("discharge_date", "admit_date").alias("settled_on"))
    key = ["person", "settled_on", "institution_code"]
    once = seen.filter(pl.struct(key).is_unique())
    paid = world.all("settlements").filter(~pl.col("is_reversal")).join(once, on=key)
    ratio = paid.group_by("community").agg(pl.col("total_fee_fen").sum() / pl.col("total_cost_fen").sum())
    shares = dict(ratio.iter_rows())
    shifted = shares.pop(_place("shifts"))
    assert 0.7 < shifted < 0.85
    assert all(abs(share - 1) < 1e-6 for share in shares.values())
    cost = seen.group_by("community").agg(pl.col("total_cost_fen").mean()).sort("community")
    means = dict(cost.iter_rows())
    assert means[_place("shifts")] > 1.1 * means[PLAIN]
