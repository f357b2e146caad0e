"""The true counts behind every indicator, from the generator's own tables of valid rows.

Put here: counting per community, summing up the areas, and what each policy changed. Keep out: reading any file.
Definitions are written out here a second time on purpose: this is the independent answer the pipeline is tested
against.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl

from pipelines.demo.city import LEVELS, City
from pipelines.demo.levers import Levers
from pipelines.demo.people import CONDITIONS
from pipelines.demo.records import BAND_KEYS, READINGS, without
from pipelines.demo.timeline import Month, Span, day_of

Tables = Mapping[str, pl.DataFrame]
_MICRO = Decimal("0.000001")


@dataclass(frozen=True)
class Rules:
    """The parameters of a rule set, written out independently of the pipeline's."""

    old_at_year_end: bool
    limits: tuple[int, int]
    ldl_below: int
    any_mode: bool
    any_glucose: bool
    by_days: bool
    with_exam: bool
    grace_days: int
    managed_by_exam: bool


RULES = {
    "national_2017": Rules(True, (140, 150), 26, False, False, False, True, 30, True),
    "platform_2011": Rules(False, (140, 140), 34, True, True, True, False, 90, False),
}
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


@dataclass(frozen=True)
class Count:
    """Numerator and denominator of an indicator per community; the effects of policies on the numerator, by policy.

    `progress`: the denominator is a year's and counts by the share of the year that has passed. `persons`: the
    numerator counts persons once in every area, and these lived in several communities over the year.
    """

    numerator: np.ndarray
    denominator: np.ndarray
    progress: bool = False
    effects: dict[str, np.ndarray] = field(default_factory=dict)
    persons: pl.DataFrame | None = None


@dataclass(frozen=True)
class Period:
    """Everything a count of one period needs: `now` the valid rows of the period, `year` those of the year so far."""

    city: City
    levers: Levers
    months: dict[int, Month]
    span: Span
    now: Tables
    year: Tables

    @property
    def places(self) -> int:
        """Number of communities."""
        return len(self.city.size)

    @property
    def last(self) -> Month:
        """The last month."""
        return self.span.months[-1]

    def tally(self, frame: pl.DataFrame) -> np.ndarray:
        """Rows per community."""
        return np.bincount(frame["community"].to_numpy(), minlength=self.places)

    def total(self, frame: pl.DataFrame, column: str) -> np.ndarray:
        """Sum of a column of whole numbers per community."""
        totals = np.zeros(self.places, dtype=np.int64)
        np.add.at(totals, frame["community"].to_numpy(), frame[column].to_numpy())
        return totals

    def changed(self, lever: str) -> list[str]:
        """Policies that change a lever."""
        return [policy for policy, touched in self.levers.touched() if touched == lever]


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
    good = visits.filter(_to_specification(rules, condition))
    last = good.sort("followup_date", "followup_no").group_by("person", maintain_order=True).last()
    this_period = good.filter(pl.col("followup_date") >= period.span.start).select("person").unique()
    state = patients.join(last.drop("community"), on="person", how="left").join(
        good.group_by("person").len("visits"), on="person", how="left"
    )
    for name, who in (("is_managed", managed), ("is_examined", examined), ("is_followed", this_period)):
        state = state.join(who.with_columns(pl.lit(value=True).alias(name)), on="person", how="left")
    state = state.with_columns(pl.col("is_managed", "is_examined", "is_followed").fill_null(value=False))
    exam_due = rules.with_exam and period.span.of_year == period.span.per_year
    enough = pl.col("visits").fill_null(0) >= _visits_due(period.span, rules)
    return state.with_columns(
        (pl.col("is_managed") & _at_target(rules, condition).fill_null(value=False)).alias("is_controlled"),
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
            effects=_effects_on_control(period, state, rules, condition),
        ),
        "to_specification": Count(
            period.tally(regular), bottom, effects=_effects_on_management(period, regular, rules)
        ),
        "followup": Count(period.tally(state.filter("is_followed")), period.tally(state)),
    }


def _all_of(period: Period, states: dict[str, pl.DataFrame], flag: str) -> Count:
    """Persons managed for any of the conditions; of them those of whom it holds in every condition registered."""
    every = pl.concat([state.select("person", "community", "is_managed", flag) for state in states.values()])
    persons = every.group_by("person", "community").agg(pl.col("is_managed").any(), pl.col(flag).all())
    managed = persons.filter("is_managed")
    return Count(period.tally(managed.filter(flag)), period.tally(managed))


def _to_specification(rules: Rules, condition: str) -> pl.Expr:
    """Follow-ups with every reading, in a mode and of a test that counts."""
    wanted = pl.all_horizontal(pl.col(*READINGS[condition]).is_not_null())
    if condition == "diabetes" and not rules.any_glucose:
        wanted &= pl.col("glucose_test") == "fasting"
    return wanted if rules.any_mode else wanted & pl.col("visit_mode").is_in(["outpatient", "home"])


def _at_target(rules: Rules, condition: str) -> pl.Expr:
    if condition == "hypertension":
        limit = pl.when(pl.col("age_years") >= 65).then(rules.limits[1]).otherwise(rules.limits[0])
        return (pl.col("sbp_mmhg") < limit) & (pl.col("dbp_mmhg") < 90)
    if condition == "diabetes":
        return pl.col("glucose_tenths") < pl.when(pl.col("glucose_test") == "fasting").then(70).otherwise(100)
    return pl.col("ldl_tenths") < rules.ldl_below


def _visits_due(span: Span, rules: Rules) -> pl.Expr:
    """How many visits a patient should have had by the end of the period, four at most."""
    since = pl.max_horizontal("since", pl.lit(span.year_start))
    if rules.by_days:
        due = (span.end - since + 1) // 90
    else:
        entered = (since.cast(pl.Int32).cast(pl.Date).dt.month() - 1) // 3
        due = span.months[-1].of_year // 3 - entered.cast(pl.Int64)
    return pl.min_horizontal(due, pl.lit(4))


def _effects_on_control(period: Period, state: pl.DataFrame, rules: Rules, condition: str) -> dict[str, np.ndarray]:
    """How many more are at target at their last visit than would be without each policy, if the visits are the same."""
    actual = period.tally(state.filter("is_controlled"))
    found = {}
    for policy in period.changed("control"):
        read = state.with_columns(pl.col(without(name, policy)).alias(name) for name in READINGS[condition])
        found[policy] = actual - period.tally(read.filter(pl.col("is_managed") & _at_target(rules, condition)))
    return found


def _effects_on_management(period: Period, regular: pl.DataFrame, rules: Rules) -> dict[str, np.ndarray]:
    """How many are managed to specification because of each policy: who is managed well only with it.

    Nearly: some of them would have come often enough without. Where calls count as visits it would be many, so
    nothing is said of such rule sets.
    """
    if rules.any_mode:
        return {}
    people = period.now["shares"]["manage"].to_numpy()[regular["person"].to_numpy()]
    place = regular["community"].to_numpy()
    found = {}
    for policy in period.changed("manage"):
        now, reduced = (period.levers.value("manage", period.last, left_out)[place] for left_out in (None, policy))
        found[policy] = period.tally(regular.filter((people < now) & (people >= reduced)))
    return found


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
    effects = _by_share(period, "exam", invited, period.now["shares"]["exam"][invited["person"]], so_far=True)
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
    decided = renewed.with_columns(_month_of(period, renewed["ends_on"] + 1).alias("month"))
    return Count(
        period.tally(renewed), period.tally(ended.join(home, on="person")), effects=_thinned(period, "renew", decided)
    )


def _cost(period: Period, managed: pl.DataFrame) -> Count:
    """Settled fees of the year so far of everybody managed for any condition; reversals are negative."""
    fees = period.year["settlements"].join(managed, on="person")
    effects = _thinned(period, "cost", fees, "total_fee_fen")
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
    coverage = Count(period.tally(signed), everybody, effects=_by_ratio(period, "contract", period.tally(signed)))
    kept_by_lever = _by_share(period, "fulfil", owed.drop("month"), owed["luck"])
    joined = _by_share(period, "points", members, now["shares"]["points"][members["person"]], so_far=True)
    found |= {
        ("contract_coverage_pct", "all"): coverage,
        ("contract_fulfilment_pct", "all"): Count(period.tally(kept), period.tally(owed), effects=kept_by_lever),
        ("health_points_members_pct", "all"): Count(period.tally(members), everybody, effects=joined),
        ("tasks_on_time_pct", "all"): Count(
            period.tally(done), period.tally(due), effects=_by_share(period, "on_time", due, due["luck"])
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
    related = seen.filter(_is_related()).join(ill.select("person", "community"), on="person")
    by_emergency = admitted.filter(admission_route="emergency")
    came = seen.filter(pl.col("encounter_class").is_in(["outpatient", "emergency"])).join(home, on="person")
    primary = came.filter((pl.col("encounter_class") == "outpatient") & pl.col("is_primary"))
    of_year = {
        name: _of_the_year(period, name, rows) for name, rows in (("related", related), ("emergency", by_emergency))
    }
    effects = _on_admissions(period, admitted)
    persons = pl.concat([period.year["admitted"], related.select("person", "community")]).unique(maintain_order=True)
    return {
        ("related_admitted_persons_per_1k", "all"): Count(period.tally(persons), period.tally(ill), persons=persons),
        ("hospital_admissions_per_1k", "all"): Count(period.tally(admitted), everybody, effects=effects),
        ("cost_per_admission", "all"): Count(period.total(admitted, "total_cost_fen"), period.tally(admitted)),
        ("primary_visit_share_pct", "all"): Count(
            period.tally(primary), period.tally(came), effects=_thinned(period, "primary", primary)
        ),
        ("related_admissions_per_1k", "all"): replace(of_year["related"], denominator=period.tally(ill)),
        ("emergency_admissions_per_1k", "all"): replace(of_year["emergency"], denominator=everybody),
    }


def _of_the_year(period: Period, name: str, now: pl.DataFrame) -> Count:
    """Admissions of a kind in the year so far, with the effects on them."""
    earlier = period.year["by_span"]
    effects = {
        policy: size + (earlier[f"{name}/{policy}"].to_numpy() if f"{name}/{policy}" in earlier.columns else 0)
        for policy, size in _on_admissions(period, now).items()
    }
    return Count(period.tally(now) + earlier[name].to_numpy(), np.zeros(period.places), effects=effects)


def _on_admissions(period: Period, rows: pl.DataFrame) -> dict[str, np.ndarray]:
    """What policies for fewer related admissions, and for fewer by way of emergency, changed."""
    return _added(
        _thinned(period, "admissions", rows.filter(_is_related())),
        _thinned(period, "emergency", rows.filter(admission_route="emergency")),
    )


def _is_related() -> pl.Expr:
    code = pl.col("diagnosis_code")
    heart = code.str.contains("^(I1[0-3]|I2[0-5]|I6[0-9]|N18)")
    with_complication = code.str.contains(r"^E1[0-4]\.?[0-8]")
    return (pl.col("encounter_class") == "inpatient") & (heart | with_complication)


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
            for policy, size in _by_share(period, lever, valid, valid[f"luck_{lever}"], "weight_units").items()
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
        effects=_thinned(period, "spend", spent, "amount_fen"),
    )
    return {("fund_execution_against_time_pct", "all"): count}


def _scaled(values: np.ndarray, digits: int) -> np.ndarray:
    return np.array([Decimal(int(value)).scaleb(digits) for value in values], dtype=object)


def _hundredths(values: np.ndarray) -> np.ndarray:
    return _scaled(values, -2)


# effects ------------------------------------------------------------------------------------------------------


def _by_share(
    period: Period, lever: str, rows: pl.DataFrame, share: pl.Series, column: str | None = None, *, so_far: bool = False
) -> dict[str, np.ndarray]:
    """What policies added to those who take part below a lever: who does with the policy less who would without.

    `rows` are those who might, or, where nobody can be put out by a policy, those who do. The lever is that of a row's
    own `month`, or of the last one. `so_far`: once in, nobody is put out again, so the highest value up to then
    decides. `column` is summed instead of counting.
    """
    at = rows["month"].to_numpy() if "month" in rows.columns else np.full(rows.height, period.last.number)
    place, luck = rows["community"].to_numpy(), share.to_numpy()
    size = rows[column].to_numpy() if column else np.ones(rows.height)
    found = {}
    for policy in period.changed(lever):
        values = [_by_month(period, lever, left_out) for left_out in (None, policy)]
        now, reduced = (np.maximum.accumulate(table) if so_far else table for table in values)
        added = (luck < now[at, place]).astype(int) - (luck < reduced[at, place])
        found[policy] = np.bincount(place, weights=size * added, minlength=period.places)
    return found


def _thinned(period: Period, lever: str, rows: pl.DataFrame, column: str | None = None) -> dict[str, np.ndarray]:
    """What policies changed where events follow a lever in proportion, month by month."""
    at, place = rows["month"].to_numpy(), rows["community"].to_numpy()
    size = rows[column].to_numpy() if column else np.ones(rows.height)
    found = {}
    for policy in period.changed(lever):
        now, reduced = (_by_month(period, lever, left_out)[at, place] for left_out in (None, policy))
        share = np.divide(reduced, now, out=np.ones_like(now), where=now > 0)
        found[policy] = np.bincount(place, weights=size * (1 - share), minlength=period.places)
    return found


def _by_month(period: Period, lever: str, left_out: str | None) -> np.ndarray:
    """A lever by month up to the last one, and community."""
    return np.stack([period.levers.value(lever, period.months[at], left_out) for at in range(period.last.number + 1)])


def _month_of(period: Period, days: pl.Series) -> pl.Series:
    """Number of the month of each day; days before the first month count to it."""
    starts = [period.months[at].start for at in sorted(period.months)]
    return pl.Series(np.maximum(np.searchsorted(starts, days.to_numpy(), side="right") - 1, 0))


def _added(*parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for part in parts:
        for policy, size in part.items():
            found[policy] = found.get(policy, np.zeros(len(size))) + size
    return found


def _by_ratio(period: Period, lever: str, top: np.ndarray) -> dict[str, np.ndarray]:
    """What a policy added where a count is kept in proportion to the lever: the count less what it would have been."""
    found = {}
    for policy in period.changed(lever):
        value, reduced = period.levers.value(lever, period.last), period.levers.value(lever, period.last, policy)
        share = np.divide(reduced, value, out=np.ones_like(value), where=value > 0)
        found[policy] = np.asarray(top, dtype=float) * (1 - share)
    return found


# tables -------------------------------------------------------------------------------------------------------


def indicator_rows(found: Mapping[tuple[str, str, str], Count], areas: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Numerators and denominators at every level; sums of persons hold, since nobody is in two communities at once."""
    frames = [
        pl.DataFrame(
            {
                "place": np.arange(areas.height),
                "indicator_id": [indicator] * areas.height,
                "rule_set": [rule_set] * areas.height,
                "stratum": [stratum] * areas.height,
                "progress": [count.progress] * areas.height,
                "numerator": decimals(count.numerator),
                "denominator": decimals(count.denominator),
            }
        )
        for (indicator, rule_set, stratum), count in found.items()
    ]
    keys = ["indicator_id", "rule_set", "stratum", "progress"]
    summed = _with_levels(pl.concat(frames), areas, keys, span)
    for (indicator, rule_set, _), count in found.items():
        if count.persons is not None:
            mine = (pl.col("indicator_id") == indicator) & (pl.col("rule_set") == rule_set)
            once = _persons_once(count.persons, areas)
            summed = summed.join(once, on=["area_level", "area_id"], how="left", maintain_order="left").with_columns(
                pl.when(mine).then(pl.col("persons").fill_null(0)).otherwise("numerator").alias("numerator")
            )
            summed = summed.drop("persons")
    passed = Decimal(span.of_year) / span.per_year
    part = pl.Series([_rounded(x * passed) for x in summed["denominator"]], dtype=pl.Decimal(38, 6))
    return summed.with_columns(pl.when("progress").then(part).otherwise("denominator").alias("denominator")).select(
        "area_level", "area_id", "period", "indicator_id", "rule_set", "stratum", "numerator", "denominator"
    )


def _persons_once(persons: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Persons of every area, each counted once in it."""
    placed = persons.with_columns(areas[f"{level}_id"][persons["community"]] for level in LEVELS)
    frames = [
        placed.group_by(pl.col(f"{level}_id").alias("area_id"))
        .agg(pl.col("person").n_unique().cast(pl.Decimal(38, 6)).alias("persons"))
        .select(pl.lit(level).alias("area_level"), "area_id", "persons")
        for level in LEVELS
    ]
    return pl.concat(frames)


def effect_rows(found: Mapping[tuple[str, str, str], Count], areas: pl.DataFrame, span: Span) -> pl.DataFrame:
    """What each policy changed: the numerator as it is and as it would have been without, by area."""
    frames = [
        pl.DataFrame(
            {
                "place": np.arange(areas.height),
                "policy_id": [policy] * areas.height,
                "indicator_id": [indicator] * areas.height,
                "rule_set": [rule_set] * areas.height,
                "numerator": np.asarray(count.numerator, dtype=float),
                "numerator_without": np.asarray(count.numerator, dtype=float) - np.asarray(effect, dtype=float),
                "denominator": np.asarray(count.denominator, dtype=float),
            }
        )
        for (indicator, rule_set, stratum), count in found.items()
        if stratum == "all"
        for policy, effect in count.effects.items()
    ]
    if not frames:
        return pl.DataFrame()
    return _with_levels(pl.concat(frames), areas, ["policy_id", "indicator_id", "rule_set"], span).with_columns(
        pl.col("numerator_without").round(3)
    )


def cause_rows(levers: Levers, names: list[str], span: Span, areas: pl.DataFrame) -> pl.DataFrame:
    """What makes up each lever of each community at the end of a period, and the habits of communities."""
    codes, month = areas["community_id"], span.months[-1]
    frames = [
        pl.DataFrame({"area_id": codes, "lever": [lever] * len(codes), "cause": [cause] * len(codes), "part": part})
        for lever in names
        for cause, part in levers.parts(lever, month).items()
    ]
    frames += [
        pl.DataFrame({"area_id": codes, "lever": ["trait"] * len(codes), "cause": [trait] * len(codes), "part": share})
        for trait, share in levers.traits.items()
    ]
    rows = pl.concat(frames).filter(pl.col("part") != 0).with_columns(pl.col("part").round(6))
    return rows.select(
        pl.lit("community").alias("area_level"), "area_id", pl.lit(span.key).alias("period"), "lever", "cause", "part"
    )


def decimals(values: np.ndarray) -> pl.Series:
    """Exact decimals of whole numbers or decimals."""
    if values.dtype != object:
        return pl.Series(np.asarray(values).astype(np.int64)).cast(pl.Decimal(38, 6))
    return pl.Series(list(values), dtype=pl.Decimal(38, 6))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_MICRO, rounding=ROUND_HALF_UP)


def _with_levels(leaf: pl.DataFrame, areas: pl.DataFrame, keys: list[str], span: Span) -> pl.DataFrame:
    ids = areas.select(f"{level}_id" for level in LEVELS).with_columns(pl.int_range(pl.len()).alias("place"))
    placed = leaf.join(ids, on="place")
    sums = [name for name in ("numerator", "numerator_without", "denominator") if name in leaf.columns]
    frames = [
        placed.group_by(f"{level}_id", *keys)
        .agg(pl.col(sums).sum())
        .select(
            pl.lit(level).alias("area_level"),
            pl.col(f"{level}_id").alias("area_id"),
            pl.lit(span.key).alias("period"),
            *keys,
            *sums,
        )
        for level in LEVELS
    ]
    return pl.concat(frames).sort("area_level", "area_id", *keys)
