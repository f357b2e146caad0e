"""Every indicator counted record by record from the landing files of a demo city without faults.

Written from the definitions of the registry in plain Python; it knows nothing of the generator or of the SQL.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

import polars as pl

from data_contracts.periods import Period
from tests.unit.demo.conftest import Files, day

Cells = dict[str, str]
Places = list[tuple[str, Decimal | int]]
Key = tuple[str, str, str]
LEVELS = ("community", "township", "county", "city")
CONDITIONS = ("hypertension", "diabetes", "dyslipidaemia")
_NAMES = {"hypertension": "hypertension", "diabetes": "diabetes", "dyslipidaemia": "lipid"}
_RELATED = ("I10", "I11", "I12", "I13", "I20", "I21", "I22", "I23", "I24", "I25", "N18", *(f"I6{n}" for n in range(10)))
_YEARLY = ("cost_per_managed_patient", "fund_execution_against_time_pct")
_YEARLY_OVER_PEOPLE = (
    "elderly_health_management_pct",
    "emergency_admissions_per_1k",
    "related_admissions_per_1k",
    "related_admitted_persons_per_1k",
)
_BANDS = {"age=0-14": (0, 14), "age=15-34": (15, 34), "age=35-64": (35, 64), "age=65+": (65, 200)}


@dataclass(frozen=True)
class Rules:
    """A rule set, copied by hand from rule_sets.yaml."""

    pressure: int
    pressure_old: int
    glucose_after_meal: Decimal
    ldl: Decimal
    any_mode: bool
    any_test: bool
    due_by_quarters: bool
    exam_at_year_end: bool
    managed_by_exam: bool
    old_at_year_end: bool
    grace: int


RULES = {
    "national_2017": Rules(140, 150, Decimal(10), Decimal("2.6"), False, False, True, True, True, True, 30),
    "platform_2011": Rules(140, 140, Decimal(10), Decimal("3.4"), True, True, False, False, False, False, 90),
}


def age_at(born: date, at: date) -> int:
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def known_day(text: str) -> date:
    found = day(text)
    assert found is not None, text
    return found


def person_of(cells: Cells) -> str:
    """The first 17 digits of an identity number, which are different for every person."""
    text = cells["person_id_no"]
    return text[:6] + "19" + text[6:15] if len(text) == 15 else text[:17]


def fen(text: str) -> int:
    return int(Decimal(text) * 100)


@dataclass(frozen=True)
class Visit:
    """A follow-up: when, how, of which test and its one or two readings where taken."""

    person: str
    on: date
    number: str
    face_to_face: bool
    test: str
    readings: tuple[Decimal, ...] | None


@dataclass(frozen=True)
class Patient:
    """An archive in use at the end of a period."""

    person: str
    area: str
    born: date
    age: int
    registered: dict[str, date]


@dataclass(frozen=True)
class State:
    """How the care of one condition of a patient stands."""

    patient: Patient
    managed: bool
    controlled: bool
    regular: bool
    followed: bool


class Landing:
    """The records of all feeds by period, and what the files of a period say of areas."""

    def __init__(self, files: Files, periods: list[Period]) -> None:
        self.files, self.periods = files, periods
        self._feeds: dict[str, dict[str, list[Cells]]] = {}
        self._quarters: dict[Period, Quarter] = {}

    def quarter(self, period: Period) -> "Quarter":
        return self._quarters.setdefault(period, Quarter(self, period))

    def of(self, feed: str, period: Period) -> list[Cells]:
        if feed not in self._feeds:
            found = self._feeds[feed] = defaultdict(list)
            for record in self.files.records(feed):
                found[record.period.key].append(record.cells)
        return self._feeds[feed][period.key]

    def areas(self, period: Period) -> dict[str, dict[str, str]]:
        """Areas above every community, by level."""
        rows = self.of("civil_affairs.areas", period)
        return {row["community_id"]: {level: row[f"{level}_id"] for level in LEVELS} for row in rows}

    def every_code(self) -> set[str]:
        """Codes of communities that were ever in force."""
        return {code for period in self.periods for code in self.areas(period)}

    def code_at(self, code: str, period: Period) -> str:
        """What became of a community's code by the end of a period."""
        changes = {row["old_id"]: row["new_id"] for row in self.of("civil_affairs.area_changes", period)}
        while code in changes:
            code = changes[code]
        return code

    def population(self, period: Period) -> dict[str, dict[str, int]]:
        """Residents by community and band, from the workbooks."""
        found: dict[str, dict[str, int]] = {}
        folder = self.files.home / "landing/civil_affairs/population"
        for path in sorted(folder.rglob(f"*{period.key}.xlsx")):
            sheet = pl.read_excel(path, engine="calamine", has_header=False, drop_empty_rows=False)
            for row in sheet.rows():
                if row[0] is not None and len(str(row[0])) == 12:
                    men, women = ([int(float(cell)) for cell in row[at : at + 4]] for at in (2, 6))
                    found[row[0]] = {band: men[at] + women[at] for at, band in enumerate(_BANDS)}
        return found


class Quarter:
    """Everything that the indicators of one period are counted from."""

    def __init__(self, landing: Landing, period: Period) -> None:
        self.landing, self.period, self.end = landing, period, period.end
        self.year = [p for p in landing.periods if p.year == period.year and p.index <= period.index]
        self.year_start = date(period.year, 1, 1)

    def now(self, feed: str) -> list[Cells]:
        return self.landing.of(feed, self.period)

    def year_to_date(self, feed: str) -> Iterator[Cells]:
        for period in self.year:
            yield from self.landing.of(feed, period)

    @cached_property
    def patients(self) -> dict[str, Patient]:
        found = {}
        for cells in self.now("health_bureau.residents"):
            if cells["archive_status"] != "正常":
                continue
            person, born = person_of(cells), known_day(cells["birth_date"])
            registered = {
                condition: known_day(cells[f"{condition}_registered_on"])
                for condition in CONDITIONS
                if cells[f"is_{condition}_registered"] == "是"
            }
            assert person not in found
            found[person] = Patient(person, cells["community_id"], born, age_at(born, self.end), registered)
        return found

    @cached_property
    def examined(self) -> set[str]:
        return {person_of(c) for c in self.year_to_date("health_bureau.exams") if c["is_complete"] == "是"}

    @cached_property
    def visits(self) -> dict[str, dict[str, list[Visit]]]:
        return {condition: _by_person(self._visits(condition)) for condition in CONDITIONS}

    @cached_property
    def admitted(self) -> set[tuple[str, str]]:
        """Persons with a related admission in the year to date and the communities in which they lived then."""
        return {
            (patient.person, patient.area)
            for _, cells, patient in _encounters(self)
            if cells["encounter_class"] == "住院" and _is_related(cells["diagnosis_code"]) and patient.registered
        }

    def _visits(self, condition: str) -> Iterator[Visit]:
        columns = {
            "hypertension": ("sbp_mmhg", "dbp_mmhg"), "diabetes": ("glucose_mmol_l",), "dyslipidaemia": ("ldl_mmol_l",),
        }[condition]  # fmt: skip
        for cells in self.year_to_date(f"health_bureau.followups_{condition}"):
            texts = [cells[name] for name in columns]
            complete = all(text not in ("", "未测") for text in texts)
            yield Visit(
                person_of(cells),
                known_day(cells["followup_date"]),
                cells["followup_no"],
                cells["visit_mode"] in ("门诊", "家庭"),
                cells.get("glucose_test", ""),
                tuple(Decimal(text) for text in texts) if complete else None,
            )


def _by_person(visits: Iterable[Visit]) -> dict[str, list[Visit]]:
    found: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        found[visit.person].append(visit)
    return found


# chronic care -------------------------------------------------------------------------------------------------


def _states(quarter: Quarter, rules: Rules, condition: str) -> list[State]:
    return [
        _state(quarter, rules, condition, patient)
        for patient in quarter.patients.values()
        if condition in patient.registered and patient.age >= 35
    ]


def _state(quarter: Quarter, rules: Rules, condition: str, patient: Patient) -> State:
    visits = quarter.visits[condition].get(patient.person, [])
    good = [
        visit
        for visit in visits
        if visit.readings is not None
        and (rules.any_mode or visit.face_to_face)
        and (rules.any_test or condition != "diabetes" or visit.test == "空腹")
    ]
    examined = patient.person in quarter.examined
    managed = bool(visits) or (rules.managed_by_exam and examined)
    last = max(good, key=lambda visit: (visit.on, visit.number), default=None)
    enough = len(good) >= min(4, _due(quarter, rules, patient.registered[condition]))
    exam_due = rules.exam_at_year_end and quarter.end.month == 12
    return State(
        patient,
        managed,
        managed and last is not None and _at_target(rules, condition, patient, last),
        managed and enough and (examined or not exam_due),
        any(quarter.period.start <= visit.on <= quarter.end for visit in good),
    )


def _due(quarter: Quarter, rules: Rules, registered: date) -> int:
    since = max(registered, quarter.year_start)
    if rules.due_by_quarters:
        return quarter.end.month // 3 - (since.month - 1) // 3
    return ((quarter.end - since).days + 1) // 90


def _is_any_visit_due(quarter: Quarter, rules: Rules) -> bool:
    """Whether the year is old enough that somebody on a register since it began should have had a visit."""
    return _due(quarter, rules, quarter.year_start) > 0


def _at_target(rules: Rules, condition: str, patient: Patient, visit: Visit) -> bool:
    assert visit.readings is not None
    if condition == "hypertension":
        upper, lower = visit.readings
        return upper < (rules.pressure_old if patient.age >= 65 else rules.pressure) and lower < 90
    if condition == "diabetes":
        return visit.readings[0] < (7 if visit.test == "空腹" else rules.glucose_after_meal)
    return visit.readings[0] < rules.ldl


def _ones(areas: Iterable[str]) -> Places:
    return [(area, 1) for area in areas]


def _where(states: list[State], flag: str) -> Places:
    return _ones(state.patient.area for state in states if getattr(state, flag))


def _chronic(quarter: Quarter, rules: Rules) -> dict[str, tuple[Places, Places]]:
    states = {condition: _states(quarter, rules, condition) for condition in CONDITIONS}
    found = {}
    for condition, name in _NAMES.items():
        managed = _where(states[condition], "managed")
        found[f"chronic_{name}_control_pct"] = (_where(states[condition], "controlled"), managed)
        if _is_any_visit_due(quarter, rules):
            found[f"chronic_{name}_to_specification_pct"] = (_where(states[condition], "regular"), managed)
    pressure = states["hypertension"]
    found["chronic_hypertension_followup_pct"] = (
        _where(pressure, "followed"),
        _ones(state.patient.area for state in pressure),
    )
    every = [state for condition in CONDITIONS for state in states[condition]]
    persons: dict[str, list[State]] = defaultdict(list)
    for state in every:
        persons[state.patient.person].append(state)
    cared_for = [mine for mine in persons.values() if any(state.managed for state in mine)]
    everybody = _ones(mine[0].patient.area for mine in cared_for)
    for what, flag in (("control", "controlled"), ("to_specification", "regular")):
        if what == "to_specification" and not _is_any_visit_due(quarter, rules):
            continue
        found[f"three_highs_{what}_pct"] = (_where(every, flag), _where(every, "managed"))
        wholly = [mine for mine in cared_for if all(getattr(state, flag) for state in mine)]
        found[f"three_highs_all_of_{what}_pct"] = (_ones(mine[0].patient.area for mine in wholly), everybody)
    fees: Counter[str] = Counter()
    for cells in quarter.year_to_date("insurers.settlements"):
        paid = abs(fen(cells["total_fee_fen"]))
        fees[person_of(cells)] += -paid if cells["is_reversal"] == "1" else paid
    cost = [(mine[0].patient.area, fees[mine[0].patient.person]) for mine in cared_for]
    found["cost_per_managed_patient"] = (cost, everybody)
    return found


# what else the rule sets decide -------------------------------------------------------------------------------


def _elderly(quarter: Quarter, rules: Rules) -> Places:
    def is_old(patient: Patient) -> bool:
        years = quarter.end.year - patient.born.year if rules.old_at_year_end else patient.age
        return years >= 65

    return _ones(p.area for p in quarter.patients.values() if is_old(p) and p.person in quarter.examined)


def _renewal(quarter: Quarter, rules: Rules) -> tuple[Places, Places]:
    spans: dict[str, list[tuple[date, date]]] = defaultdict(list)
    for cells in quarter.now("health_bureau.contracts"):
        if person_of(cells) in quarter.patients:
            spans[person_of(cells)].append((known_day(cells["signed_on"]), known_day(cells["ends_on"])))
    top, bottom = [], []
    for person, mine in spans.items():
        for signed, ends in mine:
            latest = ends + timedelta(days=rules.grace)
            if not quarter.year_start <= latest <= quarter.end:
                continue
            bottom.append(quarter.patients[person].area)
            if any(again > signed and until > ends and again <= latest for again, until in mine):
                top.append(quarter.patients[person].area)
    return _ones(top), _ones(bottom)


# what no rule set decides -------------------------------------------------------------------------------------


def _encounters(quarter: Quarter) -> Iterator[tuple[Period, Cells, Patient]]:
    """Encounters of the year to date with the patient's archive as it was in their period."""
    for period in quarter.year:
        patients = quarter.landing.quarter(period).patients
        for cells in quarter.landing.of("hospitals.encounters", period):
            patient = patients.get(person_of(cells))
            if patient is not None:
                yield period, cells, patient


def _is_related(code: str) -> bool:
    head = code[:3].upper()
    fourth = code[4:5] if code[3:4] == "." else code[3:4]
    diabetes = head in ("E10", "E11", "E12", "E13", "E14") and fourth in tuple("012345678")
    return head in _RELATED or diabetes


def _hospital(quarter: Quarter, everybody: Places) -> dict[str, tuple[Places, Places]]:
    level = {c["institution_code"]: c["institution_level"] for c in quarter.now("health_bureau.institutions")}
    admitted: list[tuple[str, Cells]] = []
    came: list[tuple[str, Cells]] = []
    related, by_emergency = [], []
    for period, cells, patient in _encounters(quarter):
        kind = cells["encounter_class"]
        if kind == "住院" and _is_related(cells["diagnosis_code"]) and patient.registered:
            related.append(patient)
        if kind == "住院" and cells["admission_route"] == "急诊":
            by_emergency.append(patient.area)
        if period == quarter.period:
            (admitted if kind == "住院" else came).append((patient.area, cells))
    ill = _ones(patient.area for patient in quarter.patients.values() if patient.registered)
    primary = _ones(area for area, cells in came if level.get(cells["institution_code"]) == "基层")
    cost = [(area, fen(cells["total_cost_fen"])) for area, cells in admitted]
    visits = _ones(area for area, cells in came if cells["institution_code"] in level)
    return {
        "hospital_admissions_per_1k": (_ones(area for area, _ in admitted), everybody),
        "cost_per_admission": (cost, _ones(area for area, _ in admitted)),
        "primary_visit_share_pct": (primary, visits),
        "related_admissions_per_1k": (_ones(patient.area for patient in related), ill),
        "related_admitted_persons_per_1k": (_ones(patient.area for patient in related), ill),
        "emergency_admissions_per_1k": (_ones(by_emergency), everybody),
    }


def _survey(quarter: Quarter) -> dict[str, tuple[Places, Places]]:
    asked = {
        "self_rated_health_good_pct": ("self_rated_health", 4, (0, 200)),
        "service_satisfaction_pct": ("service_satisfaction", 4, (0, 200)),
        "health_literacy_pct": ("literacy_score", 80, (15, 69)),
    }
    found = {}
    for indicator, (column, least, (low, high)) in asked.items():
        valid = [
            (cells["community_id"], Decimal(cells["weight"]), int(cells[column]))
            for cells in quarter.now("health_bureau.survey")
            if cells[column] != "拒答" and low <= int(cells["age_years"]) <= high
        ]
        yes = [(area, weight) for area, weight, answer in valid if answer >= least]
        found[indicator] = (yes, [(area, weight) for area, weight, _ in valid])
    return found


def _contracts(quarter: Quarter, everybody: Places) -> dict[str, tuple[Places, Places]]:
    in_force = [
        (quarter.patients[person_of(cells)], int(cells["items_due"]), int(cells["items_done"]))
        for cells in quarter.now("health_bureau.contracts")
        if known_day(cells["signed_on"]) <= quarter.end <= known_day(cells["ends_on"])
        and person_of(cells) in quarter.patients
    ]
    persons = {patient.person: patient.area for patient, _, _ in in_force}
    owed = [(patient.area, due, done) for patient, due, done in in_force if due > 0]
    return {
        "contract_coverage_pct": (_ones(persons.values()), everybody),
        "contract_fulfilment_pct": (
            _ones(area for area, due, done in owed if done >= due),
            _ones(area for area, _, _ in owed),
        ),
    }


def _bureau(quarter: Quarter, everybody: Places) -> dict[str, tuple[Places, Places]]:
    money: dict[str, Places] = defaultdict(list)
    for cells in quarter.year_to_date("health_bureau.fund_ledger"):
        money[cells["entry_type"]].append((cells["community_id"], fen(cells["amount_fen"])))
    due = [
        (cells["community_id"], known_day(cells["due_on"]), day(cells["done_on"]))
        for cells in quarter.now("health_bureau.tasks")
        if quarter.year_start <= known_day(cells["due_on"]) <= quarter.end
    ]
    posts = [
        (cells["community_id"], Decimal(cells["fte"]))
        for cells in quarter.now("health_bureau.staff")
        if cells["post"] == "全科医生"
        and known_day(cells["joined_on"]) <= quarter.end
        and (day(cells["left_on"]) or date.max) > quarter.end
    ]
    return {
        "fund_execution_against_time_pct": (money["支出"], money["预算"]),
        "tasks_on_time_pct": (
            _ones(area for area, by, done in due if done is not None and done <= by),
            _ones(area for area, _, _ in due),
        ),
        "general_practitioners_per_10k": (posts, everybody),
    }


def _civil(quarter: Quarter, everybody: Places, old: Places) -> dict[str, tuple[Places, Places]]:
    listed = [(person_of(cells), cells["community_id"]) for cells in quarter.now("civil_affairs.welfare")]
    members = {person_of(cells) for cells in quarter.now("health_bureau.health_points")}
    return {
        "cross_department_linkage_pct": (
            _ones(area for person, area in listed if person in quarter.patients),
            _ones(area for _, area in listed),
        ),
        "welfare_recipients_pct": (_ones(area for _, area in set(listed)), everybody),
        "population_aged_65_plus_pct": (old, everybody),
        "health_points_members_pct": (
            _ones(quarter.patients[person].area for person in members if person in quarter.patients),
            everybody,
        ),
    }


def count(quarter: Quarter) -> dict[Key, tuple[Places, Places]]:
    """Numerator and denominator of every indicator, rule set and stratum as amounts of communities."""
    bands = quarter.landing.population(quarter.period)
    everybody: Places = [(area, sum(counts.values())) for area, counts in bands.items()]
    old: Places = [(area, counts["age=65+"]) for area, counts in bands.items()]
    archives = _ones(patient.area for patient in quarter.patients.values())
    shared: dict[tuple[str, str], tuple[Places, Places]] = {("archive_coverage_pct", "all"): (archives, everybody)}
    for band, (low, high) in _BANDS.items():
        inside = _ones(patient.area for patient in quarter.patients.values() if low <= patient.age <= high)
        shared["archive_coverage_pct", band] = (inside, [(area, counts[band]) for area, counts in bands.items()])
    for part in (
        _hospital(quarter, everybody),
        _survey(quarter),
        _contracts(quarter, everybody),
        _bureau(quarter, everybody),
        _civil(quarter, everybody, old),
    ):
        shared |= {(indicator, "all"): counts for indicator, counts in part.items()}
    found: dict[Key, tuple[Places, Places]] = {}
    for name, rules in RULES.items():
        mine = _chronic(quarter, rules)
        mine["elderly_health_management_pct"] = (_elderly(quarter, rules), old)
        mine["contract_renewal_pct"] = _renewal(quarter, rules)
        found |= {(indicator, name, "all"): counts for indicator, counts in mine.items()}
        found |= {(indicator, name, stratum): counts for (indicator, stratum), counts in shared.items()}
    return found


def _known(quarter: Quarter, counted: dict[Key, tuple[Places, Places]]) -> dict[Key, tuple[Places, Places]]:
    """Without figures of the year to date where a quarter of the year lies before the first one there is."""
    if len(quarter.year) == quarter.period.index:
        return counted
    found = dict(counted)
    for (name, *rest), (_, bottom) in counted.items():
        key = (name, *rest)
        if name.endswith(("_control_pct", "_to_specification_pct")) or name in _YEARLY:
            found[key] = ([], [])
        elif name in _YEARLY_OVER_PEOPLE:
            found[key] = ([], bottom)
    return found


def rows(quarter: Quarter, at: Period) -> dict[tuple[str, ...], tuple[Decimal, Decimal]]:
    """What the tables of truth must hold for a period, with the areas of the period `at`."""
    landing, areas = quarter.landing, quarter.landing.areas(at)
    now = {code: landing.code_at(code, at) for code in quarter.landing.every_code()}
    passed = Decimal(quarter.period.index) / {"month": 12, "quarter": 4}[quarter.period.grain]
    found = {}
    counted = _known(quarter, count(quarter))
    admitted = quarter.admitted if len(quarter.year) == quarter.period.index else set()
    for level in LEVELS:
        above = {code: areas[then][level] for code, then in now.items() if then in areas}
        persons = Counter(area for _, area in {(person, above[code]) for person, code in admitted})
        for (indicator, rule_set, stratum), (top, bottom) in counted.items():
            tops, bottoms = _summed(top, above), _summed(bottom, above)
            for area in {higher[level] for higher in areas.values()}:
                numerator, denominator = tops[area], bottoms[area]
                if indicator == "related_admitted_persons_per_1k":
                    numerator = Decimal(persons[area])
                if indicator == "fund_execution_against_time_pct":
                    denominator = (denominator * passed).quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
                found[level, area, quarter.period.key, indicator, rule_set, stratum] = (numerator, denominator)
    return found


def _summed(amounts: Places, above: dict[str, str]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = defaultdict(Decimal)
    for area, amount in amounts:
        total[above[area]] += amount
    return total
