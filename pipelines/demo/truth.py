"""The true counts behind every indicator, from the generator's own tables of valid rows.

Put here: counting per community. Keep out: what each policy changed of a count (truth_effects), summing up the areas
(truth_rows) and reading any file.
Definitions are written out here a second time on purpose: this is the independent answer the pipeline is tested
against.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import polars as pl

from pipelines.demo.people import CONDITIONS
from pipelines.demo.records import BAND_KEYS
from pipelines.demo.timeline import Span, day_of
from pipelines.demo.truth_basis import RULES, Count, Period, Rules, at_target, to_specification, visits_due
from pipelines.demo.truth_effects import (
    by_ratio,
    by_share,
    is_related,
    month_of,
    on_admissions,
    on_control,
    on_management,
    thinned,
)

_PATIENTS_FROM = 35
# Both sides of the year so far, but for one of the period; and those counted for the year over people at its end.
_OF_THE_YEAR = ("chronic_", "three_highs_", "cost_per_managed_patient", "fund_execution_against_time_pct")
_OF_THE_PERIOD = "chronic_hypertension_followup_pct"
_OVER_PEOPLE_AT_END = (
    "elderly_health_management_pct",
    "related_admissions_per_1k",
    "related_admitted_persons_per_1k",
    "emergency_admissions_per_1k",
)
_FIRST_DUE = 3
_NAMES = {"hypertension": "hypertension", "diabetes": "diabetes", "dyslipidaemia": "lipid"}
_BANDS = {"0_14": "0-14", "15_34": "15-34", "35_64": "35-64", "65_plus": "65+"}


def counts(period: Period) -> dict[tuple[str, str, str], Count]:
    """True counts by indicator, rule set and stratum."""
    active = period.now["residents"].filter(archive_status="active")
    found: dict[tuple[str, str, str], Count] = {}
    shared = _of_any_rules(period, active)
    judged = {"control": "is_controlled"}
    # In January and February no follow-up is due yet, by neither rule set.
    if period.last.of_year >= _FIRST_DUE:
        judged["to_specification"] = "is_regular"
    for rule_set, rules in RULES.items():
        states = {condition: _states(period, active, rules, condition) for condition in CONDITIONS}
        care = {condition: _care(period, states[condition], rules, condition) for condition in CONDITIONS}
        for condition, name in _NAMES.items():
            for what in judged:
                found[f"chronic_{name}_{what}_pct", rule_set, "all"] = care[condition][what]
        found["chronic_hypertension_followup_pct", rule_set, "all"] = care["hypertension"]["followup"]
        for what, flag in judged.items():
            found[f"three_highs_{what}_pct", rule_set, "all"] = _summed([care[c][what] for c in CONDITIONS])
            found[f"three_highs_all_of_{what}_pct", rule_set, "all"] = _all_of(period, states, flag)
        managed = pl.concat([frame.filter("is_managed").select("person", "community") for frame in states.values()])
        found["cost_per_managed_patient", rule_set, "all"] = _cost(period, managed.unique())
        found["elderly_health_management_pct", rule_set, "all"] = _elderly(period, active, rules)
        found["contract_renewal_pct", rule_set, "all"] = _renewal(period, active, rules)
        for (indicator, stratum), count in shared.items():
            found[indicator, rule_set, stratum] = count
    return found


def _summed(parts: list[Count]) -> Count:
    policies = {policy for part in parts for policy in part.effects}
    zero = np.zeros(len(parts[0].numerator))
    return Count(
        sum((part.numerator for part in parts), zero),
        sum((part.denominator for part in parts), zero),
        effects={policy: sum((part.effects.get(policy, zero) for part in parts), zero) for policy in policies},
    )


# chronic care -------------------------------------------------------------------------------------------------


def _states(period: Period, active: pl.DataFrame, rules: Rules, condition: str) -> pl.DataFrame:
    """The patients on one register: managed, at target, managed to specification, followed in the period."""
    patients = active.filter(pl.col(f"is_{condition}_registered") & (pl.col("age_years") >= _PATIENTS_FROM)).select(
        "person", "community", "age_years", pl.col(f"{condition}_registered_on").alias("since")
    )
    visits = period.year[f"followups_{condition}"]
    examined = _examined(period)
    came = visits.select("person").unique()
    managed = pl.concat([came, examined]).unique() if rules.managed_by_exam else came
    good = visits.filter(to_specification(rules, condition))
    last = good.sort("followup_date", "followup_no").group_by("person", maintain_order=True).last()
    this_period = good.filter(pl.col("followup_date") >= period.span.start).select("person").unique()
    state = patients.join(last.drop("community"), on="person", how="left").join(
        good.group_by("person").len("visits"), on="person", how="left"
    )
    for name, who in (("is_managed", managed), ("is_examined", examined), ("is_followed", this_period)):
        state = state.join(who.with_columns(pl.lit(value=True).alias(name)), on="person", how="left")
    state = state.with_columns(pl.col("is_managed", "is_examined", "is_followed").fill_null(value=False))
    exam_due = rules.with_exam and period.span.of_year == period.span.per_year
    enough = pl.col("visits").fill_null(0) >= visits_due(period.span, rules)
    return state.with_columns(
        (pl.col("is_managed") & at_target(rules, condition).fill_null(value=False)).alias("is_controlled"),
        (pl.col("is_managed") & enough & (pl.col("is_examined") if exam_due else True)).alias("is_regular"),
    )


def _examined(period: Period) -> pl.DataFrame:
    return period.year["exams"].filter("is_complete").select("person").unique()


def _care(period: Period, state: pl.DataFrame, rules: Rules, condition: str) -> dict[str, Count]:
    """Control, management to specification and follow-up of the patients on one register."""
    bottom = period.tally(state.filter("is_managed"))
    regular = state.filter("is_regular")
    return {
        "control": Count(
            period.tally(state.filter("is_controlled")),
            bottom,
            effects=on_control(period, state, rules, condition),
        ),
        "to_specification": Count(period.tally(regular), bottom, effects=on_management(period, regular, rules)),
        "followup": Count(period.tally(state.filter("is_followed")), period.tally(state)),
    }


def _all_of(period: Period, states: dict[str, pl.DataFrame], flag: str) -> Count:
    """Persons managed for any of the conditions; of them those of whom it holds in every condition registered."""
    every = pl.concat([state.select("person", "community", "is_managed", flag) for state in states.values()])
    persons = every.group_by("person", "community").agg(pl.col("is_managed").any(), pl.col(flag).all())
    managed = persons.filter("is_managed")
    return Count(period.tally(managed.filter(flag)), period.tally(managed))


def _elderly(period: Period, active: pl.DataFrame, rules: Rules) -> Count:
    if rules.old_at_year_end:
        old = active.filter(pl.col("birth_date") < day_of(f"{period.span.year - 64}-01-01"))
    else:
        old = active.filter(pl.col("age_years") >= 65)
    seen = old.join(_examined(period), on="person", how="semi")
    bands = period.now["population"].sort("community")
    bottom = sum(bands[f"population_{sex}_65_plus"].to_numpy() for sex in "mf")
    by_age = period.year["exams"].filter(pl.col("is_complete") & (pl.col("exam_type") == "elderly")).select("person")
    invited = seen.join(by_age.unique(), on="person", how="semi")
    effects = by_share(period, "exam", invited, period.now["shares"]["exam"][invited["person"]], so_far=True)
    return Count(period.tally(seen), np.asarray(bottom), effects=effects)


def _renewal(period: Period, active: pl.DataFrame, rules: Rules) -> Count:
    """Contracts whose grace ran out in the year so far, and those after which a later one was signed within it."""
    contracts = period.now["contracts"]
    home = active.select("person", "community")
    judged_on = pl.col("ends_on") + rules.grace_days
    ended = contracts.filter(judged_on.is_between(period.span.year_start, period.span.end)).drop("community")
    later = contracts.select("person", pl.col("signed_on").alias("again"), pl.col("ends_on").alias("until"))
    pairs = ended.join(later, on="person").filter(
        (pl.col("again") > pl.col("signed_on"))
        & (pl.col("until") > pl.col("ends_on"))
        & (pl.col("again") <= pl.col("ends_on") + rules.grace_days)
    )
    renewed = ended.join(pairs.select("contract_no").unique(), on="contract_no", how="semi").join(home, on="person")
    # Whether a contract is renewed is decided in the month of the day after its last.
    decided = renewed.with_columns(month_of(period, renewed["ends_on"] + 1).alias("month"))
    return Count(
        period.tally(renewed), period.tally(ended.join(home, on="person")), effects=thinned(period, "renew", decided)
    )


def _cost(period: Period, managed: pl.DataFrame) -> Count:
    """Settled fees of the year so far of everybody managed for any condition; reversals are negative."""
    fees = period.year["settlements"].join(managed, on="person")
    effects = thinned(period, "cost", fees, "total_fee_fen")
    return Count(period.total(fees, "total_fee_fen"), period.tally(managed), effects=effects)


# what no rule set decides -------------------------------------------------------------------------------------


def _of_any_rules(period: Period, active: pl.DataFrame) -> dict[tuple[str, str], Count]:
    now = period.now
    home = active.select("person", "community")
    bands = now["population"].sort("community")
    by_band = {
        key: bands[f"population_m_{key}"].to_numpy() + bands[f"population_f_{key}"].to_numpy() for key in BAND_KEYS
    }
    everybody = np.sum(list(by_band.values()), axis=0)
    found = {
        **_archives(period, active, by_band, everybody),
        **_visits(period, active, home, everybody),
        **_survey(period),
        **_money(period),
    }
    contracts = now["contracts"].filter(
        (pl.col("signed_on") <= period.span.end) & (pl.col("ends_on") >= period.span.end)
    )
    signed = contracts.select("person").unique().join(home, on="person")
    owed = contracts.filter(pl.col("items_due") > 0).drop("community").join(home, on="person")
    kept = owed.filter(pl.col("items_done") >= pl.col("items_due"))
    listed = now["welfare"].select("person", "community").unique()
    members = now["health_points"].select("person").unique().join(home, on="person")
    posts = now["staff"].filter((pl.col("post") == "general_practitioner") & pl.col("left_on").is_null())
    posts = posts.with_columns((pl.col("fte") * 100).round().cast(pl.Int64).alias("hundredths"))
    due = now["tasks"].filter(pl.col("due_on") <= period.span.end)
    done = due.filter(pl.col("done_on") <= pl.col("due_on"))
    old = by_band["65_plus"]
    coverage = Count(period.tally(signed), everybody, effects=by_ratio(period, "contract", period.tally(signed)))
    kept_by_lever = by_share(period, "fulfil", owed.drop("month"), owed["luck"])
    joined = by_share(period, "points", members, now["shares"]["points"][members["person"]], so_far=True)
    found |= {
        ("contract_coverage_pct", "all"): coverage,
        ("contract_fulfilment_pct", "all"): Count(period.tally(kept), period.tally(owed), effects=kept_by_lever),
        ("health_points_members_pct", "all"): Count(period.tally(members), everybody, effects=joined),
        ("tasks_on_time_pct", "all"): Count(
            period.tally(done), period.tally(due), effects=by_share(period, "on_time", due, due["luck"])
        ),
        ("cross_department_linkage_pct", "all"): Count(
            period.tally(now["welfare"].join(home, on="person", how="semi")), period.tally(now["welfare"])
        ),
        ("general_practitioners_per_10k", "all"): Count(_hundredths(period.total(posts, "hundredths")), everybody),
        ("population_aged_65_plus_pct", "all"): Count(old, everybody),
        ("welfare_recipients_pct", "all"): Count(period.tally(listed), everybody),
    }
    return found


def _archives(
    period: Period, active: pl.DataFrame, by_band: dict[str, np.ndarray], everybody: np.ndarray
) -> dict[tuple[str, str], Count]:
    edges = {"0_14": (0, 14), "15_34": (15, 34), "35_64": (35, 64), "65_plus": (65, 999)}
    found = {("archive_coverage_pct", "all"): Count(period.tally(active), everybody)}
    for key, (low, high) in edges.items():
        inside = active.filter(pl.col("age_years").is_between(low, high))
        found["archive_coverage_pct", f"age={_BANDS[key]}"] = Count(period.tally(inside), by_band[key])
    return found


def _visits(
    period: Period, active: pl.DataFrame, home: pl.DataFrame, everybody: np.ndarray
) -> dict[tuple[str, str], Count]:
    """Visits and admissions of those with an archive, where they live at the end of each period."""
    seen, ill = (
        period.now["encounters"].drop("community"),
        active.filter(pl.any_horizontal(f"is_{condition}_registered" for condition in CONDITIONS)),
    )
    admitted = seen.filter(encounter_class="inpatient").join(home, on="person")
    related = seen.filter(is_related()).join(ill.select("person", "community"), on="person")
    by_emergency = admitted.filter(admission_route="emergency")
    came = seen.filter(pl.col("encounter_class").is_in(["outpatient", "emergency"])).join(home, on="person")
    primary = came.filter((pl.col("encounter_class") == "outpatient") & pl.col("is_primary"))
    of_year = {
        name: _of_the_year(period, name, rows) for name, rows in (("related", related), ("emergency", by_emergency))
    }
    effects = on_admissions(period, admitted)
    persons = pl.concat([period.year["admitted"], related.select("person", "community")]).unique(maintain_order=True)
    return {
        ("related_admitted_persons_per_1k", "all"): Count(period.tally(persons), period.tally(ill), persons=persons),
        ("hospital_admissions_per_1k", "all"): Count(period.tally(admitted), everybody, effects=effects),
        ("cost_per_admission", "all"): Count(period.total(admitted, "total_cost_fen"), period.tally(admitted)),
        ("primary_visit_share_pct", "all"): Count(
            period.tally(primary), period.tally(came), effects=thinned(period, "primary", primary)
        ),
        ("related_admissions_per_1k", "all"): replace(of_year["related"], denominator=period.tally(ill)),
        ("emergency_admissions_per_1k", "all"): replace(of_year["emergency"], denominator=everybody),
    }


def _of_the_year(period: Period, name: str, now: pl.DataFrame) -> Count:
    """Admissions of a kind in the year so far, with the effects on them."""
    earlier = period.year["by_span"]
    effects = {
        policy: size + (earlier[f"{name}/{policy}"].to_numpy() if f"{name}/{policy}" in earlier.columns else 0)
        for policy, size in on_admissions(period, now).items()
    }
    return Count(period.tally(now) + earlier[name].to_numpy(), np.zeros(period.places), effects=effects)


def known(found: Mapping[tuple[str, str, str], Count], span: Span, first: Span) -> dict[tuple[str, str, str], Count]:
    """What can be known of a period: nothing of the year so far in a year that began before the city's first period."""
    if span.year > first.year or first.of_year == 1:
        return dict(found)
    return {key: _without_the_year(key[0], count) for key, count in found.items()}


def _without_the_year(indicator: str, count: Count) -> Count:
    zero = np.zeros(len(count.numerator), dtype=np.int64)
    if indicator.startswith(_OF_THE_YEAR) and indicator != _OF_THE_PERIOD:
        return Count(zero, zero, progress=count.progress)
    return Count(zero, count.denominator) if indicator in _OVER_PEOPLE_AT_END else count


def reached(found: Mapping[tuple[str, str, str], Count]) -> dict[str, pl.DataFrame]:
    """Admissions of the year up to this period, which later periods of the year go on from."""
    rule_set = next(iter(RULES))
    persons = found["related_admitted_persons_per_1k", rule_set, "all"].persons
    sums = {}
    for name in ("related", "emergency"):
        count = found[f"{name}_admissions_per_1k", rule_set, "all"]
        sums[name] = count.numerator
        sums |= {f"{name}/{policy}": size for policy, size in count.effects.items()}
    return {"by_span": pl.DataFrame(sums), "admitted": persons if persons is not None else pl.DataFrame()}


def nobody(places: int) -> dict[str, pl.DataFrame]:
    """What `reached` gives before the first period of a year."""
    zero = np.zeros(places, dtype=np.int64)
    empty = pl.DataFrame(schema={"person": pl.Int64, "community": pl.Int32})
    return {"by_span": pl.DataFrame({"related": zero, "emergency": zero}), "admitted": empty}


def _survey(period: Period) -> dict[tuple[str, str], Count]:
    answers = period.now["survey"]
    questions = {
        "self_rated_health_good_pct": ("self_rated_health", 4, "healthy", pl.lit(value=True)),
        "service_satisfaction_pct": ("service_satisfaction", 4, "satisfied", pl.lit(value=True)),
        "health_literacy_pct": ("literacy_score", 80, "literate", pl.col("age_years").is_between(15, 69)),
    }
    found = {}
    for indicator, (column, least, lever, asked) in questions.items():
        valid = answers.filter(asked & pl.col(column).is_not_null())
        yes = valid.filter(pl.col(column) >= least)
        effects = {
            policy: size / 10_000
            for policy, size in by_share(period, lever, valid, valid[f"luck_{lever}"], "weight_units").items()
        }
        top, bottom = (_scaled(period.total(frame, "weight_units"), -4) for frame in (yes, valid))
        found[indicator, "all"] = Count(top, bottom, effects=effects)
    return found


def _money(period: Period) -> dict[tuple[str, str], Count]:
    ledger = period.year["fund_ledger"]
    spent, budget = (ledger.filter(entry_type=kind) for kind in ("spending", "budget"))
    count = Count(
        period.total(spent, "amount_fen"),
        period.total(budget, "amount_fen"),
        progress=True,
        effects=thinned(period, "spend", spent, "amount_fen"),
    )
    return {("fund_execution_against_time_pct", "all"): count}


def _scaled(values: np.ndarray, digits: int) -> np.ndarray:
    return np.array([Decimal(int(value)).scaleb(digits) for value in values], dtype=object)


def _hundredths(values: np.ndarray) -> np.ndarray:
    return _scaled(values, -2)
