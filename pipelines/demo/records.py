"""What is recorded about the city in one quarter, as typed tables with the person behind each row.

Put here: registers, visits, encounters, settlements, lists, survey, money. Keep out: file forms, faults, truth.
Every table has `person` (index or −1), `community` (index) where it has a place, and the typed columns of its feed.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.demo.city import City
from pipelines.demo.people import People, day_of, diabetes, hypertension

_BANDS = ((0, 14), (15, 34), (35, 64), (65, 200))
BAND_KEYS = ("0_14", "15_34", "35_64", "65_plus")
# Policy, its yearly budget in fen per resident, and who pays it.
POLICIES = (("htn_management", 6000, "central"), ("healthy_communities", 3900, "city"))
_DIAGNOSES = np.array(
    ["I10.x00x002", "I25.103", "I63.900", "E11.900", "J18.900", "J44.100", "K29.500", "M51.202", "N18.900", "S72.000"]
)
# The department that treats each of the diagnoses above.
_DEPARTMENTS = np.array(
    ["心内科", "心内科", "神经内科", "内分泌科", "呼吸内科", "呼吸内科", "消化内科", "骨科", "肾内科", "骨科"]
)
HOSPITALS = ("H01", "H02", "H03", "H04")


@dataclass(frozen=True)
class Quarter:
    """A quarter: key, first and last day, number from 0, quarter of the year from 1."""

    key: str
    start: int
    end: int
    number: int
    of_year: int


def _count(rng: np.random.Generator, chance: np.ndarray) -> np.ndarray:
    """Indexes of those drawn by `chance`, repeated by how often (Poisson)."""
    return np.repeat(np.arange(len(chance)), rng.poisson(chance))


def _dates(rng: np.random.Generator, quarter: Quarter, n: int) -> np.ndarray:
    return rng.integers(quarter.start, quarter.end + 1, n)


def _serial(prefix: str, quarter: Quarter, n: int) -> pl.Series:
    head = f"{prefix}{quarter.key}-"
    return pl.Series([head], dtype=pl.String).new_from_index(0, n) + pl.Series(np.arange(1, n + 1)).cast(
        pl.String
    ).str.zfill(8)


def _only(values: np.ndarray, known: np.ndarray) -> pl.Series:
    """The values where known, else nothing."""
    return pl.Series(values).set(pl.Series(~known), None)


def residents(city: City, people: People, quarter: Quarter) -> pl.DataFrame:
    """Everybody with an archive; those who died or left stay in it for a year with that status."""
    age = people.age_at(quarter.end)
    here = people.lives(quarter.end)
    gone = np.minimum(people.died, people.left)
    recently = (gone <= quarter.end) & (gone > quarter.end - 365)
    rows = np.flatnonzero(people.archived & (people.archive_day <= quarter.end) & (here | recently))
    status = np.where(here[rows], "active", np.where(people.died[rows] <= quarter.end, "dead", "moved"))
    finds = np.clip(city.finds[people.community] + 0.006 * quarter.number, 0, 0.97)
    registered = hypertension(people, age) & (people.found < finds)
    sugar = diabetes(people, age) & (people.found < finds)
    return pl.DataFrame(
        {
            "person": rows,
            "community": people.community[rows],
            "sex": np.where(people.male[rows], "M", "F"),
            "birth_date": people.born[rows],
            "archive_date": people.archive_day[rows],
            "archive_status": status,
            "is_hypertension_registered": registered[rows],
            "is_diabetes_registered": sugar[rows],
            "age_years": age[rows],
        }
    )


def followups_hypertension(
    rng: np.random.Generator, city: City, people: People, register: pl.DataFrame, quarter: Quarter
) -> pl.DataFrame:
    """Visits of registered patients: how many, how and with what readings depends on the community.

    Who is only called mostly has no readings; a few others decline, or miss one of the two.
    """
    ill = register.filter((pl.col("archive_status") == "active") & pl.col("is_hypertension_registered"))
    place = ill["community"].to_numpy()
    chance = np.clip(city.visits[place] + 0.008 * quarter.number, 0, 0.98)
    visits = (rng.random(len(place)) < chance).astype(int) + (rng.random(len(place)) < chance * 0.5)
    at = np.repeat(np.arange(len(place)), visits)
    where = place[at]
    n = len(at)
    face = rng.random(n) < city.face_to_face[where]
    mode = np.where(
        face, np.where(rng.random(n) < 0.7, "outpatient", "home"), np.where(rng.random(n) < 0.9, "phone", "other")
    )
    patient = ill["person"].to_numpy()[at]
    change = 2 * (quarter.of_year == 1) - 0.35 * quarter.number
    sbp = rng.normal(137, 9, n) + people.pressure[patient] + city.controls[where] + change
    dbp = rng.normal(82, 8, n) + city.controls[where] * 0.4
    sbp, dbp = np.clip(np.rint(sbp), 92, 210).astype(int), np.clip(np.rint(dbp), 50, 130).astype(int)
    sbp, dbp = (np.where(city.rounds[where], np.rint(x / 10) * 10, x).astype(int) for x in (sbp, dbp))
    dbp = np.minimum(dbp, sbp - 12)
    age = ill["age_years"].to_numpy()[at]
    limit = np.where(age >= 65, 150, 140)
    day = np.maximum(_dates(rng, quarter, n), ill["archive_date"].to_numpy()[at])
    measured = rng.random(n) < np.where(face, 0.985, 0.15)
    both = measured & (rng.random(n) < 0.997)
    verdict = np.where((sbp < limit) & (dbp < 90), "satisfied", "unsatisfied")
    return pl.DataFrame(
        {
            "person": patient,
            "community": where,
            "followup_date": day,
            "visit_mode": mode,
            "sbp_mmhg": _only(sbp, measured),
            "dbp_mmhg": _only(dbp, both),
            "classification": _only(verdict, both),
            "medication_adherence": np.where(rng.random(n) < 0.75, "regular", "intermittent"),
            "next_date": day + 90,
        }
    ).with_columns(_serial("SF", quarter, n).alias("followup_no"))


def followups_diabetes(rng: np.random.Generator, city: City, register: pl.DataFrame, quarter: Quarter) -> pl.DataFrame:
    """Visits of registered diabetes patients with a glucose reading."""
    ill = register.filter((pl.col("archive_status") == "active") & pl.col("is_diabetes_registered"))
    place = ill["community"].to_numpy()
    keep = rng.random(len(place)) < np.clip(city.visits[place], 0, 0.97)
    ill, where, n = ill.filter(keep), place[keep], int(keep.sum())
    day = np.maximum(_dates(rng, quarter, n), ill["archive_date"].to_numpy())
    glucose = np.clip(rng.normal(72, 14, n) + city.controls[where] * 0.6, 36, 250).astype(int)
    return pl.DataFrame(
        {
            "person": ill["person"],
            "community": where,
            "followup_date": day,
            "visit_mode": np.where(rng.random(n) < city.face_to_face[where], "outpatient", "phone"),
            "glucose_tenths": glucose,
            "glucose_test": np.where(rng.random(n) < 0.85, "fasting", "postprandial"),
            "next_date": day + 90,
        }
    ).with_columns(_serial("TN", quarter, n).alias("followup_no"))


def encounters(rng: np.random.Generator, people: People, quarter: Quarter) -> pl.DataFrame:
    """Encounters with the four hospitals by age and illness."""
    age = people.age_at(quarter.end)
    here = people.lives(quarter.end)
    burden = 0.4 + np.clip(age - 20, 0, 80) * 0.018 + 0.5 * hypertension(people, age) + 0.4 * diabetes(people, age)
    burden = burden * here * (1.08 if quarter.of_year in (1, 4) else 0.95)
    outpatient, emergency, inpatient = (_count(rng, burden * part) for part in (1.2, 0.035, 0.028))
    person = np.concatenate([outpatient, emergency, inpatient])
    kind = np.repeat(["outpatient", "emergency", "inpatient"], [len(outpatient), len(emergency), len(inpatient)])
    n = len(person)
    admit = np.maximum(_dates(rng, quarter, n), people.since[person])
    stays = kind == "inpatient"
    stay = np.where(stays, rng.geometric(0.12, n), 0)
    cost = np.where(stays, rng.lognormal(13.6, 0.6, n), rng.lognormal(10.0, 0.7, n)).astype(np.int64)
    order = np.argsort(admit, kind="stable")
    illness = rng.integers(0, len(_DIAGNOSES), n)
    return pl.DataFrame(
        {
            "person": person[order],
            "hospital": rng.integers(0, len(HOSPITALS), n),
            "encounter_class": kind[order],
            "admit_date": admit[order],
            "discharge_date": _only((admit + stay)[order], stays[order]),
            "diagnosis_code": _DIAGNOSES[illness],
            "department": np.where(kind[order] == "emergency", "急诊科", _DEPARTMENTS[illness]),
            "total_cost_fen": cost[order],
        }
    ).with_columns(_serial("JZ", quarter, n).alias("encounter_no"))


def settlements(rng: np.random.Generator, seen: pl.DataFrame, quarter: Quarter) -> pl.DataFrame:
    """Insurer's view of most encounters that ended in the quarter; a few are reversed by a negative settlement."""
    ended = pl.coalesce("discharge_date", "admit_date")
    kept = seen.filter(pl.Series(rng.random(seen.height) < 0.82) & (ended <= quarter.end))
    n = kept.height
    total = kept["total_cost_fen"].to_numpy()
    fund = (total * rng.uniform(0.45, 0.8, n)).astype(np.int64)
    kind = {"outpatient": "11", "emergency": "11", "inpatient": "21"}
    frame = pl.DataFrame(
        {
            "person": kept["person"],
            "insurance_type": np.where(kept["person"].to_numpy() % 3 == 0, "310", "390"),
            "medical_type": kept["encounter_class"].replace_strict(kind),
            "settled_on": kept.select(ended).to_series(),
            "institution_code": pl.Series(HOSPITALS)[kept["hospital"]],
            "total_fee_fen": total,
            "fund_pay_fen": fund,
            "person_pay_fen": total - fund,
            "is_reversal": np.zeros(n, dtype=bool),
        }
    )
    back = frame.filter(rng.random(n) < 0.002).with_columns(
        -pl.col("total_fee_fen", "fund_pay_fen", "person_pay_fen"), pl.lit(value=True).alias("is_reversal")
    )
    both = pl.concat([frame, back])
    return both.with_columns(_serial("S", quarter, both.height).alias("setl_id"))


def welfare(people: People, quarter: Quarter) -> pl.DataFrame:
    """Who is on a welfare list; a few persons are on two."""
    age, here = people.age_at(quarter.end), people.lives(quarter.end)
    poor = here & (people.poor < 0.02 + 0.01 * (people.community % 5))
    lists = [(poor, "low_income"), (here & (age >= 85), "old_age"), (here & (people.poor > 0.988), "disability")]
    frames = [
        pl.DataFrame({"person": np.flatnonzero(on), "community": people.community[on]}).with_columns(
            pl.lit(name).alias("category")
        )
        for on, name in lists
    ]
    both = pl.concat(frames)
    usual = day_of("2018-01-01") + both["person"].to_numpy() % 1500
    both = both.with_columns(pl.Series("start_date", np.maximum(usual, people.since[both["person"].to_numpy()])))
    return both.with_columns(_serial("MZ", quarter, both.height).alias("beneficiary_no"))


def population(city: City, people: People, quarter: Quarter) -> pl.DataFrame:
    """De-facto residents by community, sex and age band: everybody who lives there, with an archive or not."""
    age, here = people.age_at(quarter.end), people.lives(quarter.end)
    columns = {}
    for sex, chosen in (("m", people.male), ("f", ~people.male)):
        for key, (low, high) in zip(BAND_KEYS, _BANDS, strict=True):
            counted = here & chosen & (age >= low) & (age <= high)
            columns[f"population_{sex}_{key}"] = np.bincount(people.community[counted], minlength=len(city.size))
    return pl.DataFrame({"community": np.arange(len(city.size)), **columns})


def survey(rng: np.random.Generator, city: City, people_by_community: np.ndarray, quarter: Quarter) -> pl.DataFrame:
    """A sample of every community: one stratum with three sampling units of eight respondents; a few do not answer."""
    places = len(city.size)
    community = np.repeat(np.arange(places), 24)
    unit = np.tile(np.repeat(np.arange(1, 4), 8), places)
    n = len(community)
    age = rng.integers(18, 90, n)
    mood = 0.9 - (age - 18) * 0.006 - city.controls[community] * 0.012 + 0.05 * (unit - 2) + 0.004 * quarter.number
    health = np.clip(np.rint(2.2 + 2.2 * mood + rng.normal(0, 0.8, n)), 1, 5).astype(int)
    weight = np.maximum(people_by_community[community], 1) / 24 * rng.uniform(0.7, 1.3, n)
    return pl.DataFrame(
        {
            "community": community,
            "psu": unit,
            "weight_units": np.maximum(np.rint(weight * 10_000), 1).astype(np.int64),
            "age_years": age,
            "sex": np.where(rng.random(n) < 0.5, "M", "F"),
            "self_rated_health": _only(health, rng.random(n) < 0.97),
            "service_satisfaction": np.clip(np.rint(rng.normal(4.0, 0.8, n)), 1, 5).astype(int),
        }
    ).with_columns(_serial("DC", quarter, n).alias("respondent_no"))


def fund_ledger(
    rng: np.random.Generator, city: City, people_by_community: np.ndarray, quarter: Quarter
) -> pl.DataFrame:
    """The year's budget in its first quarter, money paid in and spent every quarter, a reversal at times."""
    places = np.arange(len(city.size))
    frames = []
    for policy, per_head, source in POLICIES:
        year = people_by_community * per_head
        spent = (year / 4 * city.spends * rng.uniform(0.85, 1.15, len(places))).astype(np.int64)
        lines = [
            ("spending", spent, rng.integers(quarter.start, quarter.end + 1, len(places))),
            ("appropriation", (year // 4).astype(np.int64), np.full(len(places), quarter.start + 9)),
        ]
        if quarter.of_year == 1:
            lines.append(("budget", year.astype(np.int64), np.full(len(places), quarter.start + 14)))
        back = rng.random(len(places)) < 0.05
        for kind, amount, day in lines:
            frames.append(_entries(places, (policy, source), kind, amount, day))
        reversed_on = np.full(int(back.sum()), quarter.end)
        frames.append(_entries(places[back], (policy, source), "spending", -(spent[back] // 20), reversed_on))
    both = pl.concat(frames)
    return both.with_columns(_serial("PZ", quarter, both.height).alias("entry_no"))


def _entries(
    places: np.ndarray, policy: tuple[str, str], kind: str, amount: np.ndarray, day: np.ndarray
) -> pl.DataFrame:
    n = len(places)
    return pl.DataFrame(
        {
            "community": places,
            "policy_id": [policy[0]] * n,
            "source": [policy[1]] * n,
            "entry_type": [kind] * n,
            "amount_fen": amount,
            "entry_date": day,
        },
        schema={
            "community": pl.Int64,
            "policy_id": pl.String,
            "source": pl.String,
            "entry_type": pl.String,
            "amount_fen": pl.Int64,
            "entry_date": pl.Int64,
        },
    )
