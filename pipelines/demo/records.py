"""What is recorded about the city in one period, as typed tables with the person behind each row.

Put here: registers, follow-ups, encounters, settlements, lists, survey. Keep out: file forms, faults, truth, and money,
staff and tasks (bureau.py). Every table has `person` (index or −1), `community` (index) where it has a place, and the
typed columns of its feed; further columns are for the truth alone.
"""

import numpy as np
import polars as pl
from scipy.special import ndtr

from pipelines.demo.care import Care
from pipelines.demo.city import City
from pipelines.demo.draws import Draws, Luck
from pipelines.demo.levers import Levers
from pipelines.demo.people import CONDITIONS, People
from pipelines.demo.timeline import Month, Span, day_of

_BANDS = ((0, 14), (15, 34), (35, 64), (65, 200))
BAND_KEYS = ("0_14", "15_34", "35_64", "65_plus")
READINGS = {
    "hypertension": ("sbp_mmhg", "dbp_mmhg"), "diabetes": ("glucose_tenths",), "dyslipidaemia": ("ldl_tenths",),
}  # fmt: skip
# Steps above a limit (of 1 mmHg or 0.2 mmol/L) within which a reading is just above it.
_JUST_ABOVE = 10
HOSPITALS = ("H01", "H02", "H03", "H04")
# How much easier or harder than pressure the other conditions are to control.
CONTROL_OFFSET = {"hypertension": 0.0, "diabetes": -0.04, "dyslipidaemia": -0.08}
# Per month and unit of burden: outpatient and emergency visits, other admissions; per condition, related admissions.
_OUTPATIENT, _EMERGENCY, _ADMITTED, _RELATED = 0.28, 0.012, 0.0055, 0.0060
_BY_EMERGENCY = 0.35
_RELATED_CODES = np.array(["I10.x00x002", "I25.103", "I63.900", "E11.500", "N18.900"])
_OTHER_CODES = np.array(["J18.900", "J44.100", "K29.500", "M51.202", "S72.000", "E11.900", "I15.000", "C34.900"])
_DEPARTMENTS = {
    "I10.x00x002": "心内科", "I25.103": "心内科", "I63.900": "神经内科", "E11.500": "内分泌科", "N18.900": "肾内科",
    "J18.900": "呼吸内科", "J44.100": "呼吸内科", "K29.500": "消化内科", "M51.202": "骨科", "S72.000": "骨科",
    "E11.900": "内分泌科", "I15.000": "心内科", "C34.900": "肿瘤科",
}  # fmt: skip
_SETTLED, _REVERSED = 0.97, 0.002
_RESPONDENTS, _UNITS = 24, 3


def serial(prefix: str, span: Span, n: int) -> pl.Series:
    """Numbers that are unique in a feed: prefix, period, running number."""
    head = pl.Series([f"{prefix}{span.key}-"]).new_from_index(0, n)
    return head + pl.Series(np.arange(1, n + 1)).cast(pl.String).str.zfill(8)


def _only(values: np.ndarray, known: np.ndarray) -> pl.Series:
    """The values where known, else nothing."""
    return pl.Series(values).zip_with(pl.Series(known), pl.Series([None], dtype=pl.Series(values).dtype))


def residents(people: People, care: Care, levers: Levers, span: Span) -> pl.DataFrame:
    """Everybody with an archive; those who died or left stay in it for a year with that status.

    Where archives are stale, some of those who are gone are still kept as active, for good.
    """
    here = people.lives(span.end)
    gone = np.minimum(people.died, people.left)
    home = np.where(here, people.home(span.end), np.where(people.moves_on <= gone, people.homes[1], people.homes[0]))
    kept = (gone <= span.end) & (np.arange(len(gone)) * 17 % 1000 < levers.trait("stale")[home] * 1000)
    recently = (gone <= span.end) & (gone > span.end - 365)
    rows = np.flatnonzero((care.archived_on <= span.end) & (here | recently | kept))
    home = home[rows]
    status = np.where(here[rows] | kept[rows], "active", np.where(people.died[rows] <= span.end, "dead", "moved"))
    register: dict[str, np.ndarray | pl.Series] = {
        "person": rows,
        "community": home,
        "sex": np.where(people.male[rows], "M", "F"),
        "birth_date": people.born[rows],
        "archive_date": care.archived_on[rows],
        "archive_status": status,
        "age_years": people.age_at(span.end)[rows],
    }
    for at, condition in enumerate(CONDITIONS):
        on = care.registered_on[at, rows]
        known = on <= span.end
        register[f"is_{condition}_registered"] = known
        register[f"{condition}_registered_on"] = _only(on, known)
    return pl.DataFrame(register)


# follow-ups ---------------------------------------------------------------------------------------------------


def followups(
    draws: Draws, levers: Levers, months: dict[int, Month], visits: pl.DataFrame, span: Span
) -> dict[str, pl.DataFrame]:
    """Follow-up records by condition: one for every condition that a visit was about, with its reading.

    Where a policy changes control, each has also what would have been read without it, for the truth alone.
    """
    prefixes = {"hypertension": "SF", "diabetes": "TN", "dyslipidaemia": "XZ"}
    policies = [policy for policy, lever in levers.touched() if lever == "control"]
    found = {}
    for condition in CONDITIONS:
        table = visits.filter(f"has_{condition}")
        columns = {
            "person": table["person"],
            "community": table["community"],
            "followup_date": table["day"],
            "visit_mode": table["visit_mode"],
            "next_date": table["day"] + 90,
            **_readings(draws, levers, months, table, condition),
        }
        for policy in policies:
            made = _readings(draws, levers, months, table, condition, policy)
            columns |= {without(name, policy): made[name] for name in READINGS[condition]}
        found[condition] = pl.DataFrame(columns).with_columns(
            serial(prefixes[condition], span, table.height).alias("followup_no")
        )
    return found


def without(column: str, policy_id: str) -> str:
    """Name of the column that holds what would have been read without a policy."""
    return f"{column}/{policy_id}"


def _readings(
    draws: Draws,
    levers: Levers,
    months: dict[int, Month],
    table: pl.DataFrame,
    condition: str,
    policy_id: str | None = None,
) -> dict[str, pl.Series]:
    """The readings of visits; with a policy left out they are made with the same chance."""
    chance = draws.luck(table["ticket"].to_numpy(), "reading", condition)
    at_target = control_of(levers, months, table, condition, policy_id)
    luck = table[f"luck_{condition}"].to_numpy()
    # Where in its range a reading lies: 0 next to the target, 1 far from it.
    good = luck < at_target
    depth = np.where(good, 1 - luck / np.maximum(at_target, 1e-9), (luck - at_target) / (1 - at_target + 1e-9))
    return _MAKERS[condition](chance, table, good, depth, levers)


def control_of(
    levers: Levers, months: dict[int, Month], table: pl.DataFrame, condition: str, without: str | None = None
) -> np.ndarray:
    """The share at target in the community and month of each row; `without` leaves one policy out."""
    by_month = np.zeros((max(months) + 1, len(levers.own["control"])))
    for number, month in months.items():
        by_month[number] = levers.value("control", month, without)
    share = by_month[table["month"].to_numpy(), table["community"].to_numpy()] + CONTROL_OFFSET[condition]
    bounded: np.ndarray = np.clip(share, 0.0, 1.0)
    return bounded


def _pressures(
    chance: Luck, table: pl.DataFrame, good: np.ndarray, depth: np.ndarray, levers: Levers
) -> dict[str, pl.Series]:
    """Pressure; some are too high in the lower reading alone. Where not measured there is none, or one of the two."""
    limit = np.where(table["age_years"].to_numpy() >= 65, 150, 140)
    low_only = ~good & (chance.random() < 0.12)
    step = np.floor(26 * depth**1.2 + 3 * chance.random()).astype(np.int64)
    sbp = np.where(good | low_only, limit - 1 - step, limit + step)
    dbp = np.where(low_only, 90 + step // 3, 62 + np.floor(27 * chance.random()).astype(np.int64))
    sbp, dbp = np.where(low_only, np.maximum(sbp, dbp + 20), sbp), np.minimum(dbp, sbp - 12)
    home = table["community"].to_numpy()
    dressed = ~good & ~low_only & (step < _JUST_ABOVE) & (chance.random() < levers.trait("dresses")[home])
    sbp, dbp = np.where(dressed, limit - 1, sbp), np.where(dressed, np.minimum(dbp, 88), dbp)
    rounds = chance.random() < levers.trait("rounds")[home]
    sbp, dbp = (np.where(rounds, np.rint(x / 10) * 10, x).astype(np.int64) for x in (sbp, dbp))
    copied = table["is_copied"].to_numpy()
    sbp, dbp = np.where(copied, 128, sbp), np.where(copied, 78, dbp)
    dbp = np.minimum(dbp, sbp - 10)
    measured = table["is_measured"].to_numpy()
    both = measured & (chance.random() < 0.999)
    verdict = np.where((sbp < limit) & (dbp < 90), "satisfied", "unsatisfied")
    return {
        "sbp_mmhg": _only(sbp, measured),
        "dbp_mmhg": _only(dbp, both),
        "classification": _only(verdict, both),
        "medication_adherence": pl.Series(np.where(chance.random() < 0.75, "regular", "intermittent")),
    }


def _glucose(
    chance: Luck, table: pl.DataFrame, good: np.ndarray, depth: np.ndarray, levers: Levers
) -> dict[str, pl.Series]:
    """Glucose in tenths of mmol/L; who is not managed well more often comes after a meal."""
    step = np.floor(24 * depth + 3 * chance.random()).astype(np.int64)
    tenths = np.where(good, 69 - step, 70 + 2 * step)
    home = table["community"].to_numpy()
    dressed = ~good & (step < _JUST_ABOVE) & (chance.random() < levers.trait("dresses")[home])
    tenths = np.where(table["is_copied"].to_numpy(), 60, np.where(dressed, 69, tenths))
    after_meal = chance.random() < np.where(table["is_well_managed"].to_numpy(), 0.004, 0.15)
    kind = np.where(after_meal, np.where(chance.random() < 0.7, "postprandial", "random"), "fasting")
    known = table["is_measured"].to_numpy()
    return {
        "glucose_tenths": _only(np.where(after_meal, tenths + 25, tenths), known),
        "glucose_test": pl.Series(kind),
    }


def _lipids(
    chance: Luck, table: pl.DataFrame, good: np.ndarray, depth: np.ndarray, levers: Levers
) -> dict[str, pl.Series]:
    """LDL cholesterol in tenths of mmol/L."""
    step = np.floor(13 * depth + 2 * chance.random()).astype(np.int64)
    tenths = np.where(good, 25 - step, 26 + 2 * step)
    home = table["community"].to_numpy()
    dressed = ~good & (step < _JUST_ABOVE) & (chance.random() < levers.trait("dresses")[home])
    tenths = np.where(table["is_copied"].to_numpy(), 22, np.where(dressed, 25, tenths))
    return {"ldl_tenths": _only(tenths, table["is_measured"].to_numpy())}


_MAKERS = {"hypertension": _pressures, "diabetes": _glucose, "dyslipidaemia": _lipids}


def exams(table: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Examinations of the period, numbered; an incomplete form has a reason."""
    reason = pl.when("is_complete").then(pl.lit("")).otherwise(pl.lit("拒绝抽血"))
    return table.with_columns(serial("TJ", span, table.height).alias("exam_no"), reason.alias("refused_reason"))


def device_readings(
    draws: Draws, levers: Levers, table: pl.DataFrame, months: dict[int, Month], span: Span
) -> pl.DataFrame:
    """Readings at devices: no follow-up, whoever they are of."""
    rng = draws.stream("device", span.key)
    at_target = control_of(levers, months, table, "hypertension")
    luck = table["luck_hypertension"].to_numpy()
    n = table.height
    sbp = np.where(luck < at_target, 138 - np.floor(25 * rng.random(n)), 141 + np.floor(25 * rng.random(n)))
    return table.with_columns(
        serial("SB", span, n).alias("reading_no"),
        (pl.lit("KX") + pl.col("community").cast(pl.String).str.zfill(4)).alias("device_no"),
        pl.Series("sbp_mmhg", sbp.astype(np.int64)),
        pl.Series("dbp_mmhg", (62 + np.floor(26 * rng.random(n))).astype(np.int64)),
    )


# hospitals and insurer ----------------------------------------------------------------------------------------


def encounters(draws: Draws, city: City, people: People, levers: Levers, span: Span) -> pl.DataFrame:
    """Encounters with hospitals and centres by age and illness, month by month."""
    frames = [_encounters_of(draws, people, levers, month) for month in span.months]
    table = pl.concat(frames).sort("admit_date", maintain_order=True)
    rng = draws.stream("encounters", span.key)
    n = table.height
    hospital = pl.Series(HOSPITALS)[pl.Series(rng.integers(0, len(HOSPITALS), n))]
    primary = table["is_primary"]
    centre = city.centres[table["community"]]
    referred = table["is_related"] & pl.Series(rng.random(n) < 0.25) & ~primary
    return table.with_columns(
        centre.zip_with(primary, hospital).alias("institution_code"),
        centre.zip_with(referred, pl.Series([None], dtype=pl.String)).alias("referred_from"),
        pl.col("diagnosis_code").replace_strict(_DEPARTMENTS).alias("department"),
    ).with_columns(
        pl.when(encounter_class="emergency").then(pl.lit("急诊科")).otherwise("department").alias("department"),
        # Every institution numbers from one on.
        (
            pl.lit(f"JZ{span.key}-")
            + pl.int_range(1, pl.len() + 1).over("institution_code").cast(pl.String).str.zfill(8)
        ).alias("encounter_no"),
    )


def _encounters_of(draws: Draws, people: People, levers: Levers, month: Month) -> pl.DataFrame:
    rng = draws.stream("encounters", month.key)
    who = np.flatnonzero(people.lives(month.end) & (people.since <= month.start))
    home = people.home(month.end)[who]
    has = people.onset[:, who] <= month.end
    ill = has.sum(axis=0)
    shares = np.stack([people.shares[f"find/{condition}"][who] for condition in CONDITIONS])
    found = (has & (shares < levers.value("find", month)[home])).any(axis=0)
    age = (month.end - people.born[who]) / 365.25
    burden = 0.4 + np.clip(age - 20, 0, 80) * 0.018 + 0.4 * ill
    by_emergency = _BY_EMERGENCY * levers.value("emergency", month)[home]
    admissions = levers.value("admissions", month)[home]
    # The severely ill are admitted more often; over all the ill the factor is 1 on average.
    severe = 2 * ndtr(people.severity[:, who].max(axis=0)) - (len(CONDITIONS) - 1) / (len(CONDITIONS) + 1)
    related, other = _RELATED * ill * admissions * np.maximum(severe, 0.1), _ADMITTED * burden
    planned = 1 - _BY_EMERGENCY
    rates = {
        ("outpatient", False, False): _OUTPATIENT * burden,
        ("emergency", False, False): _EMERGENCY * burden,
        ("inpatient", True, False): related * planned,
        ("inpatient", True, True): related * by_emergency,
        ("inpatient", False, False): other * planned,
        ("inpatient", False, True): other * by_emergency,
    }
    # Where events fall evenly they do so among the registered and the others, those who come and the rest.
    along = found + people.shares["attend"][who]
    frames = []
    for (kind, is_related, is_emergency), rate in rates.items():
        at = np.repeat(np.arange(len(who)), draws.events(rng, rate, home, along))
        frames.append(
            _made(draws, rng, levers, month, who[at], home[at], along[at], kind, is_related=is_related, by=is_emergency)
        )
    return pl.concat(frames)


def _made(
    draws: Draws,
    rng: np.random.Generator,
    levers: Levers,
    month: Month,
    who: np.ndarray,
    home: np.ndarray,
    along: np.ndarray,
    kind: str,
    *,
    is_related: bool,
    by: bool,
) -> pl.DataFrame:
    n = len(who)
    admit = month.start + (rng.random(n) * (month.end + 1 - month.start)).astype(np.int64)
    stays = kind == "inpatient"
    primary = (rng.random(n) < levers.value("primary", month)[home]) & (kind == "outpatient")
    codes = _RELATED_CODES if is_related else _OTHER_CODES
    factor = np.where(levers.trait("shifts")[home] > 0, 1.0, levers.value("cost", month)[home])
    level, spread = (13.6, 0.6) if stays else (10.0, 0.7)
    cost = np.exp(level + spread * draws.normal(rng, along)) * np.where(primary, 0.45, 1.0) * factor
    route = "emergency" if by else "outpatient"
    return pl.DataFrame(
        {
            "person": who,
            "community": home,
            "encounter_class": pl.Series([kind]).new_from_index(0, n),
            "admission_route": pl.Series([route if stays else None], dtype=pl.String).new_from_index(0, n),
            "admit_date": admit,
            "discharge_date": _only(admit + rng.geometric(0.12, n), np.full(n, stays)),
            "diagnosis_code": pl.Series(codes)[pl.Series(rng.integers(0, len(codes), n))],
            "total_cost_fen": cost.astype(np.int64),
            "is_primary": primary,
            "is_related": np.full(n, is_related),
            "month": np.full(n, month.number),
        }
    )


def settlements(
    draws: Draws, people: People, levers: Levers, months: dict[int, Month], seen: pl.DataFrame, span: Span
) -> pl.DataFrame:
    """The insurer's view of the encounters that ended in the period; a few are reversed by a negative settlement.

    Where costs are shifted, the insurer settles less than the encounter cost.
    """
    rng = draws.stream("settlements", span.key)
    insured = pl.Series(people.shares["insured"][seen["person"].to_numpy()] < _SETTLED)
    kept = seen.filter(insured & pl.Series(rng.random(seen.height) < _SETTLED))
    n = kept.height
    home = kept["community"].to_numpy()
    shifts = levers.trait("shifts")[home] > 0
    by_month = {number: levers.value("cost", month) for number, month in months.items()}
    factor = np.ones(n)
    if shifts.any():
        factors = np.stack(
            [by_month.get(number, np.ones_like(by_month[min(by_month)])) for number in range(max(months) + 1)]
        )
        factor = np.where(shifts, factors[kept["month"].to_numpy(), home], 1.0)
    total = (kept["total_cost_fen"].to_numpy() * factor).astype(np.int64)
    fund = (total * rng.uniform(0.45, 0.8, n)).astype(np.int64)
    kind = {"outpatient": "11", "emergency": "11", "inpatient": "21"}
    employee = people.shares["insured"][kept["person"].to_numpy()] < _SETTLED / 3
    frame = pl.DataFrame(
        {
            "person": kept["person"],
            "community": kept["community"],
            "insurance_type": np.where(employee, "310", "390"),
            "medical_type": kept["encounter_class"].replace_strict(kind),
            "settled_on": kept.select(pl.coalesce("discharge_date", "admit_date")).to_series(),
            "institution_code": kept["institution_code"],
            "total_fee_fen": total,
            "fund_pay_fen": fund,
            "person_pay_fen": total - fund,
            "is_reversal": np.zeros(n, dtype=bool),
            "month": kept["month"],
        }
    )
    back = frame.filter(rng.random(n) < _REVERSED).with_columns(
        -pl.col("total_fee_fen", "fund_pay_fen", "person_pay_fen"), pl.lit(value=True).alias("is_reversal")
    )
    both = pl.concat([frame, back])
    return both.with_columns(serial("S", span, both.height).alias("setl_id"))


# civil affairs and survey -------------------------------------------------------------------------------------


def welfare(people: People, span: Span) -> pl.DataFrame:
    """Who is on a welfare list; a few persons are on two."""
    age, here, home = people.age_at(span.end), people.lives(span.end), people.home(span.end)
    poor = here & (people.shares["poor"] < 0.02 + 0.01 * (home % 5))
    listed = [
        (poor, "low_income"),
        (here & (age >= 85), "old_age"),
        (here & (people.shares["disabled"] < 0.012), "disability"),
    ]
    both = pl.concat(
        [
            pl.DataFrame({"person": np.flatnonzero(on), "community": home[on]}).with_columns(
                pl.lit(name).alias("category")
            )
            for on, name in listed
        ]
    )
    who = both["person"].to_numpy()
    start = np.maximum(day_of("2016-01-01") + who % 1500, people.since[who])
    return both.with_columns(
        pl.Series("start_date", np.minimum(start, span.end)), serial("MZ", span, both.height).alias("beneficiary_no")
    )


def population(city: City, people: People, span: Span) -> pl.DataFrame:
    """De-facto residents by community, sex and age band: everybody who lives there, with an archive or not."""
    age, here, home = people.age_at(span.end), people.lives(span.end), people.home(span.end)
    columns = {}
    for sex, chosen in (("m", people.male), ("f", ~people.male)):
        for key, (low, high) in zip(BAND_KEYS, _BANDS, strict=True):
            counted = here & chosen & (age >= low) & (age <= high)
            columns[f"population_{sex}_{key}"] = np.bincount(home[counted], minlength=len(city.size))
    return pl.DataFrame({"community": np.arange(len(city.size)), **columns})


def survey(draws: Draws, levers: Levers, everybody: np.ndarray, span: Span) -> pl.DataFrame:
    """A sample of every community: one stratum with three sampling units of eight respondents; a few do not answer."""
    places = len(everybody)
    rng = draws.stream("survey", span.key)
    community = np.repeat(np.arange(places), _RESPONDENTS)
    unit = np.tile(np.repeat(np.arange(1, _UNITS + 1), _RESPONDENTS // _UNITS), places)
    n = len(community)
    age = rng.integers(15, 90, n)
    month = span.months[-1]
    together = rng.normal(0, 0.25, (places, _UNITS))[community, unit - 1]

    def holds(lever: str, tilt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        luck = _normal_share(rng.standard_normal(n) + together + tilt)
        return luck, luck < levers.value(lever, month)[community]

    none = np.zeros(n)
    luck_satisfied, satisfied = holds("satisfied", none)
    luck_healthy, healthy = holds("healthy", (age - 50) * 0.018)
    luck_literate, literate = holds("literate", (age - 45) * 0.012)
    weight = np.maximum(everybody[community], 1) / _RESPONDENTS * rng.uniform(0.7, 1.3, n)
    return pl.DataFrame(
        {
            "community": community,
            "psu": unit,
            "weight_units": np.maximum(np.rint(weight * 10_000), 1).astype(np.int64),
            "age_years": age,
            "sex": np.where(rng.random(n) < 0.5, "M", "F"),
            "self_rated_health": _only(
                np.where(healthy, rng.integers(4, 6, n), rng.integers(1, 4, n)), rng.random(n) < 0.97
            ),
            "service_satisfaction": _only(
                np.where(satisfied, rng.integers(4, 6, n), rng.integers(1, 4, n)), rng.random(n) < 0.98
            ),
            "literacy_score": _only(
                np.where(literate, rng.integers(80, 101, n), rng.integers(25, 80, n)), rng.random(n) < 0.98
            ),
            "luck_satisfied": luck_satisfied,
            "luck_healthy": luck_healthy,
            "luck_literate": luck_literate,
        }
    ).with_columns(serial("DC", span, n).alias("respondent_no"))


def _normal_share(values: np.ndarray) -> np.ndarray:
    """Uniform shares from values that are about standard normal."""
    order = np.argsort(values, kind="stable")
    share = np.empty(len(values))
    share[order] = (np.arange(len(values)) + 0.5) / len(values)
    return share


def contracts(city: City, people: People, care: Care, levers: Levers, span: Span) -> pl.DataFrame:
    """Contracts in force at the end of the period or so lately run out that they are still judged in its year."""
    table = care.contracts_of(span.year_start, span.end)
    who = table["person"].to_numpy()
    home = people.home(span.end)[who]
    kept = table["luck"].to_numpy() < levers.value("fulfil", span.months[-1])[home]
    due = table["items_due"].to_numpy()
    number = pl.col("number").cast(pl.String).str.zfill(9)
    return table.with_columns(
        pl.Series("community", home),
        (pl.lit("QY") + number).alias("contract_no"),
        pl.Series("items_done", np.where(kept, due, np.maximum(due - 1 - who % 2, 0))),
        city.centres[pl.Series(home)].alias("institution_code"),
    )


def health_points(people: People, care: Care, span: Span) -> pl.DataFrame:
    """Members of the points scheme who live in the city."""
    who = np.flatnonzero((care.member_since <= span.end) & people.lives(span.end))
    days = span.end - care.member_since[who]
    earned = days // 6 + who % 40
    return pl.DataFrame(
        {
            "person": who,
            "community": people.home(span.end)[who],
            "account_no": (pl.Series(["JF"]).new_from_index(0, len(who)) + pl.Series(who).cast(pl.String).str.zfill(9)),
            "joined_on": care.member_since[who],
            "points_earned": earned,
            "points_redeemed": earned * (who % 60) // 100,
        }
    )
