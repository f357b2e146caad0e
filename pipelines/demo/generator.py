"""The whole demo: month by month what happens, period by period what is delivered, faults, files, truth.

Put here: the order of work and which sender writes which file. Keep out: each part's content.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from zlib import crc32

import numpy as np
import polars as pl

from data_contracts.contracts import Catalog, FeedContract
from pipelines.demo import bureau, forms, records, truth, truth_rows
from pipelines.demo.care import Care
from pipelines.demo.city import City, build_city
from pipelines.demo.draws import Draws
from pipelines.demo.faults import Fault, Spoiled, faults_of, spoil
from pipelines.demo.hostile import hostile_files
from pipelines.demo.levers import Levers
from pipelines.demo.people import CONDITIONS, People, make_people
from pipelines.demo.scenario import DEFAULT, Scenario, load_scenario
from pipelines.demo.timeline import Month, Span, spans_between
from pipelines.demo.truth_basis import Period

# Each fault of a file is planted once more for every so many records.
_RECORDS_PER_FAULT = 50_000
_DAYS_TO_CORRECT = 25
# Files are received from this day after the period on, on one of so many days; some senders have fewer.
_DAYS_TO_DELIVER, _DAYS_APART = 3, 10
# Feeds of which a file of some length holds one record twice.
_REPEATS = ("health_bureau.residents", "hospitals.encounters", "insurers.settlements")
_REPEATS_FROM = 400
_READ_BY_OTHERS = ("health_bureau.institutions", "health_bureau.serves", "civil_affairs.area_changes")
# Feeds whose rows of the year so far decide counts of a later period of the year.
_OF_THE_YEAR = ("exams", "settlements", "fund_ledger", *(f"followups_{condition}" for condition in CONDITIONS))
_KEPT_OF_SETTLEMENTS = ("person", "total_fee_fen", "month")
_SEED = 20250101
Extra = Mapping[str, pl.Series | str]


@dataclass
class DemoSummary:
    """What was written. `feeds`: every feed the city's senders deliver, also one without records in its periods."""

    files: int = 0
    records: int = 0
    faults: int = 0
    feeds: set[str] = field(default_factory=set)


@dataclass
class _Demo:
    landing: Path
    scenario: Scenario
    spans: list[Span]
    draws: Draws
    city: City
    people: People
    levers: Levers
    care: Care
    roster: pl.DataFrame
    forms: forms.Forms
    summary: DemoSummary = field(default_factory=DemoSummary)
    notes: list[tuple[str, int, str, str]] = field(default_factory=list)
    links: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    now: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    unsettled: pl.DataFrame | None = None
    hostile: set[str] = field(default_factory=set)

    @property
    def with_faults(self) -> bool:
        """Whether anything is spoiled."""
        return self.scenario.faults != "none"

    @property
    def months(self) -> dict[int, Month]:
        """All months by number."""
        return {month.number: month for span in self.spans for month in span.months}

    def deliver(self, key: str, name: str, table: pl.DataFrame, extra: Extra, encoding: str = "utf-8") -> Spoiled:
        """Write one CSV of a feed, with faults if wanted, and remember its valid rows."""
        texts = self.forms.texts(key, table, extra)
        contract = forms.delivered(self.forms.contract(key), texts)
        rng = self.draws.stream("faults", key, name)
        spoiled = spoil(texts, self._faults(contract), rng, times=1 + table.height // _RECORDS_PER_FAULT)
        rows, people = spoiled.texts, table["person"] if "person" in table.columns else None
        if self.with_faults and texts.height > _REPEATS_FROM and key in _REPEATS:
            rows, at = self._repeat_one(rows, spoiled)
            people = people.append(people[at : at + 1]) if people is not None else None
        path = f"{key.replace('.', '/')}/{name}"
        data = forms.csv_bytes(contract, rows, encoding, spoiled.broken_lines)
        forms.write(self.landing / path, data, self._note(path))
        self.notes.extend((path, at + 1, rule, kind) for at, rule, kind in spoiled.notes)
        self.deliver_hostile(contract, texts, path)
        if people is not None:
            self.link(key, path, people)
        self.count(rows.height)
        self.keep(key, table.filter(spoiled.valid))
        return spoiled

    def _note(self, path: str) -> str | None:
        """The delivery note of a file: when it was received, mostly in time; a city without faults writes none.

        Where whole files are wrong too, which of two counts hangs on their notes alone.
        """
        span = next((span for span in self.spans if span.key in path), None)
        if self.scenario.faults != "usual" or span is None:
            return None
        received = np.datetime64(span.end + _DAYS_TO_DELIVER + crc32(path.encode()) % _DAYS_APART, "D")
        return f"received_at: {received}T09:00:00+08:00\n"

    def _faults(self, contract: FeedContract) -> list[Fault]:
        """What is spoiled in a feed; of lists that other feeds are read by nothing that would be refused."""
        if not self.with_faults:
            return []
        faults = faults_of(contract, "every" if self.scenario.faults == "every" else "usual")
        return [fault for fault in faults if contract.key not in _READ_BY_OTHERS or fault.kind == "harmless"]

    def deliver_hostile(self, contract: FeedContract, texts: pl.DataFrame, path: str) -> None:
        """Files that are wrong as a whole, once per feed if wanted; a refused file has its sentence under record 0."""
        if self.scenario.faults != "every" or contract.key in self.hostile or not texts.height:
            return
        self.hostile.add(contract.key)
        for file in hostile_files(contract, texts, path, (self.landing / path).read_bytes()):
            forms.write(self.landing / file.path, file.data, file.note)
            self.notes.extend((file.path, at + 1, rule, kind) for at, rule, kind in file.records)
            if file.kind != "records":
                self.notes.append((file.path, 0, file.rule, file.kind))
            self.summary.files += 1

    @staticmethod
    def _repeat_one(rows: pl.DataFrame, spoiled: Spoiled) -> tuple[pl.DataFrame, int]:
        """Append an exact copy of one untouched row: the earlier of the two is a duplicate."""
        at = next(k for k in range(rows.height) if k not in spoiled.touched)
        spoiled.notes.append((at, "", "duplicate"))
        return pl.concat([rows, rows.slice(at, 1)]), at

    def link(self, key: str, path: str, people: pl.Series) -> None:
        """Remember whom each record of a file is about, refused ones included."""
        self.links.setdefault(key, []).append(
            pl.DataFrame(
                {"record": np.arange(1, len(people) + 1, dtype=np.int32), "person": people.cast(pl.Int32)}
            ).select(pl.lit(path).alias("file"), "record", "person")
        )

    def count(self, rows: int) -> None:
        """Count one file."""
        self.summary.files += 1
        self.summary.records += rows

    def keep(self, key: str, valid: pl.DataFrame) -> None:
        """Remember valid rows of this period for the truth."""
        self.summary.feeds.add(key)
        self.now.setdefault(key.split(".")[1], []).append(valid)


def generate(
    home: Path,
    *,
    scenario: Scenario | None = None,
    residents: int | None = None,
    seed: int = _SEED,
    first: str | None = None,
    last: str | None = None,
    faults: bool = True,
    progress: Callable[[str], None] | None = None,
) -> DemoSummary:
    """Write landing/ and truth/ below `home`; the same arguments give the same bytes.

    `residents`, `first` and `last` are those of the scenario if left out.
    """
    scenario = scenario or load_scenario(DEFAULT)
    if not faults:
        scenario = scenario.model_copy(update={"faults": "none"})
    demo = _begin(home, scenario, residents or scenario.residents, seed, first or scenario.first, last or scenario.last)
    year = truth.nobody(len(demo.city.size))
    answers: dict[str, list[pl.DataFrame]] = {
        name: [] for name in ("indicators", "rebased", "effects", "causes", "areas")
    }
    for span in demo.spans:
        if progress:
            progress(span.key)
        if span.of_year == 1:
            year = truth.nobody(len(demo.city.size))
        demo.now, demo.links = {}, {}
        demo.forms.at(span)
        _period(demo, span)
        _answer(demo, span, year, answers)
        _write_links(home, demo, span)
    _write_truth(home, answers, demo)
    demo.summary.faults = len(demo.notes)
    return demo.summary


def _begin(home: Path, scenario: Scenario, residents: int, seed: int, first: str, last: str) -> _Demo:
    spans = spans_between(first, last)
    months = [month for span in spans for month in span.months]
    draws = Draws(seed, scenario.even)
    city = build_city(draws.stream("city"), scenario.shape, scenario.sizes, months, scenario.area_changes)
    people = make_people(draws, city, residents, spans, scenario.mild_found_late)
    levers = Levers.build(draws, city, scenario)
    care = Care.before(draws, city, people, levers, months[0])
    at_start = np.bincount(people.homes[0][people.lives(months[0].start)], minlength=len(city.size))
    roster = bureau.roster(draws, city, scenario, at_start, spans)
    return _Demo(
        home / "landing", scenario, spans, draws, city, people, levers, care, roster,
        forms.Forms(Catalog.load(), city, people),
    )  # fmt: skip


# truth --------------------------------------------------------------------------------------------------------


def _answer(demo: _Demo, span: Span, year: dict[str, pl.DataFrame], answers: dict[str, list[pl.DataFrame]]) -> None:
    """Count the period, and add its rows to those of the year."""
    now = {feed: pl.concat(frames) for feed, frames in demo.now.items()}
    now["shares"] = pl.DataFrame({name: demo.people.shares[name] for name in ("manage", "exam", "points")})
    for feed in _OF_THE_YEAR:
        kept = now[feed].select(_KEPT_OF_SETTLEMENTS) if feed == "settlements" else now[feed]
        year[feed] = pl.concat([year[feed], kept]) if feed in year else kept
    period = Period(demo.city, demo.levers, demo.months, span, now, year)
    found = truth.counts(period)
    year |= truth.reached(found)
    found = truth.known(found, span, demo.spans[0])
    areas, final = demo.city.areas(span), demo.city.areas(demo.spans[-1])
    answers["indicators"].append(truth_rows.indicator_rows(found, areas, span))
    answers["areas"].append(_who_is_rural(areas, span))
    if not areas.equals(final):
        answers["rebased"].append(truth_rows.indicator_rows(found, final, span))
    answers["effects"].append(truth_rows.effect_rows(found, areas, span))
    answers["causes"].append(truth_rows.cause_rows(demo.levers, list(demo.scenario.levers), span, areas))


def _who_is_rural(areas: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Communities in force at the end of a period; merged ones once."""
    rows = areas.select(
        pl.lit(span.key).alias("period"),
        pl.col("community_id").alias("area_id"),
        pl.col("urban_rural_code").is_in(["210", "220"]).alias("is_rural"),
    )
    return rows.unique("area_id", keep="first", maintain_order=True)


def _write_links(home: Path, demo: _Demo, span: Span) -> None:
    folder = home / "truth" / "links"
    folder.mkdir(parents=True, exist_ok=True)
    for key, frames in demo.links.items():
        pl.concat(frames).write_parquet(folder / f"{key}_{span.key}.parquet")


def _write_truth(home: Path, answers: dict[str, list[pl.DataFrame]], demo: _Demo) -> None:
    folder = home / "truth"
    for name, frames in answers.items():
        filled = [frame for frame in frames if frame.width]
        if filled:
            pl.concat(filled).write_csv(folder / f"{name}.csv")
    notes = pl.DataFrame(
        sorted(demo.notes),
        schema={"file": pl.String, "record": pl.Int64, "rule": pl.String, "kind": pl.String},
        orient="row",
    )
    notes.write_csv(folder / "faults.csv")
    people = demo.people
    pl.DataFrame(
        {
            "person": np.arange(len(people.born), dtype=np.int32),
            "person_id_no": people.ids,
            "household": people.household,
            "mother": people.mother,
            **{f"{name}_from": people.onset[at] for at, name in enumerate(CONDITIONS)},
        }
    ).write_parquet(folder / "persons.parquet")


# files --------------------------------------------------------------------------------------------------------


def _period(demo: _Demo, span: Span) -> None:
    """Let the months of the period pass, then write what every sender delivers of it."""
    passed = [demo.care.month(month) for month in span.months]
    months = {month.number: month for month in span.months}
    visits = pl.concat([month.visits for month in passed])
    tables = {
        "residents": records.residents(demo.people, demo.care, demo.levers, span),
        "exams": records.exams(pl.concat([month.exams for month in passed]), span),
        "device_readings": records.device_readings(
            demo.draws, demo.levers, pl.concat([month.readings for month in passed]), months, span
        ),
        "contracts": records.contracts(demo.city, demo.people, demo.care, demo.levers, span),
        "health_points": records.health_points(demo.people, demo.care, span),
        "welfare": records.welfare(demo.people, span),
    }
    for condition, table in records.followups(demo.draws, demo.levers, months, visits, span).items():
        tables[f"followups_{condition}"] = table
    counted = records.population(demo.city, demo.people, span)
    everybody = counted.drop("community").sum_horizontal().to_numpy()
    tables["survey"] = records.survey(demo.draws, demo.levers, everybody, span)
    seen = records.encounters(demo.draws, demo.city, demo.people, demo.levers, span)
    for at, (county_id, county_name) in enumerate(demo.city.counties):
        inside = {
            name: table.filter(demo.city.county[table["community"].to_numpy()] == at) for name, table in tables.items()
        }
        _county_files(demo, span, county_id, county_name, inside)
        _population(demo, span, county_id, county_name, counted.filter(demo.city.county == at))
        primary = seen.filter(pl.col("is_primary") & pl.Series(demo.city.county[seen["community"].to_numpy()] == at))
        name = f"{county_id}/基层诊疗_{county_name}_{span.key}.csv"
        demo.deliver("hospitals.encounters", name, primary, {}, "utf-8-sig")
    demo.keep("civil_affairs.population", counted)
    for hospital in records.HOSPITALS:
        here = seen.filter(pl.col("institution_code") == hospital)
        demo.deliver("hospitals.encounters", f"{hospital}/就诊记录_{hospital}_{span.key}.csv", here, {})
    _insurer_files(demo, span, seen)
    _city_files(demo, span, everybody)


def _county_files(demo: _Demo, span: Span, county_id: str, county_name: str, tables: dict[str, pl.DataFrame]) -> None:
    def named(title: str) -> str:
        return f"{county_id}/{title}_{county_name}_{span.key}.csv"

    register = tables["residents"]
    demo.deliver("health_bureau.residents", named("居民健康档案"), register, _about(demo, register), "gb18030")
    for condition, title, encoding, readings in (
        ("hypertension", "高血压随访", "utf-8-sig", _pressures),
        ("diabetes", "糖尿病随访", "utf-8", _glucose),
        ("dyslipidaemia", "血脂异常随访", "gb18030", _lipids),
    ):
        visits = tables[f"followups_{condition}"]
        extra = {"institution_code": _centre(demo, visits), **readings(visits)}
        spoiled = demo.deliver(f"health_bureau.followups_{condition}", named(title), visits, extra, encoding)
        if condition == "hypertension" and demo.with_faults and span.of_year == 2:
            _correct(demo, span, named(title), visits, spoiled)
    exams = tables["exams"]
    extra = {"institution_code": _centre(demo, exams), "refused_reason": exams["refused_reason"]}
    demo.deliver("health_bureau.exams", named("健康体检"), exams, extra)
    demo.deliver("health_bureau.contracts", named("家庭医生签约"), tables["contracts"], {})
    for feed, title in (("device_readings", "自助设备测量"), ("health_points", "健康积分")):
        if tables[feed].height:
            demo.deliver(f"health_bureau.{feed}", named(title), tables[feed], {})
        else:
            demo.keep(f"health_bureau.{feed}", tables[feed])
    lists = tables["welfare"]
    demo.deliver("civil_affairs.welfare", named("社会救助名单"), lists, _short_ids(demo, lists), "gb18030")
    _survey(demo, span, named("居民调查"), tables["survey"])


def _about(demo: _Demo, register: pl.DataFrame) -> dict[str, pl.Series | str]:
    """What an archive says of a person beside the facts."""
    who = register["person"]
    return {
        "archive_no": who.cast(pl.String).str.zfill(17),
        # No mobile number starts with 10, so nobody's telephone can ring.
        "phone": "100" + ((who.cast(pl.Int64) * 7_368_787 + 31_415_926) % 100_000_000).cast(pl.String).str.zfill(8),
        "address": demo.city.base["community_name"][register["community"]] + (who % 180 + 1).cast(pl.String) + "号",
        "household_no": pl.Series(demo.people.household[who.to_numpy()]).cast(pl.String).str.zfill(9),
    }


def _centre(demo: _Demo, table: pl.DataFrame) -> pl.Series:
    return demo.city.centres[table["community"]]


def _pressures(visits: pl.DataFrame) -> dict[str, pl.Series]:
    """Blood pressure as text; where it was not measured, some write so and others leave the cell empty."""
    none = pl.when(pl.col("person") % 2 == 0).then(pl.lit("未测")).otherwise(pl.lit(""))
    texts = visits.select(pl.col("sbp_mmhg", "dbp_mmhg").cast(pl.String).fill_null(none))
    return {name: texts[name] for name in texts.columns}


def _glucose(visits: pl.DataFrame) -> dict[str, pl.Series]:
    return {"glucose_mmol_l": forms.decimal(visits["glucose_tenths"], 1).fill_null("")}


def _lipids(visits: pl.DataFrame) -> dict[str, pl.Series]:
    return {"ldl_mmol_l": forms.decimal(visits["ldl_tenths"], 1).fill_null("")}


def _short_ids(demo: _Demo, table: pl.DataFrame) -> dict[str, pl.Series | str]:
    """Civil affairs and insurer still hold a few identity numbers of the old 15 digits."""
    ids = demo.people.ids[table["person"]]
    old = (table["person"] % 40 == 0) & (ids.str.slice(6, 2) == "19")
    return {"person_id_no": ids.zip_with(~old, ids.str.slice(0, 6) + ids.str.slice(8, 9))}


def _survey(demo: _Demo, span: Span, name: str, answers: pl.DataFrame) -> None:
    stratum = demo.city.codes(span)[answers["community"]]
    declined = {
        column: answers[column].cast(pl.String).fill_null("拒答")
        for column in ("self_rated_health", "service_satisfaction", "literacy_score")
    }
    extra: dict[str, pl.Series | str] = {
        "stratum": stratum,
        "psu": stratum + "-" + answers["psu"].cast(pl.String),
        "weight": forms.decimal(answers["weight_units"], 4),
        **declined,
    }
    demo.deliver("health_bureau.survey", name, answers, extra)
    if demo.with_faults and span.of_year == 3:
        # The same bytes under another name are no second delivery.
        source = demo.landing / "health_bureau/survey" / name
        forms.write(source.with_name(source.name.replace("居民调查", "居民调查最终版(2)")), source.read_bytes())
        demo.summary.files += 1


def _correct(demo: _Demo, span: Span, name: str, visits: pl.DataFrame, spoiled: Spoiled) -> None:
    """A second delivery: refused readings corrected, and some accepted ones replaced by other readings."""
    if not spoiled.notes:
        return
    key = "health_bureau.followups_hypertension"
    refused = [at for at, rule, kind in spoiled.notes if kind == "reject" and rule in ("sbp_range", "sbp_above_dbp")]
    accepted = list(islice((at for at in range(visits.height) if at not in spoiled.touched), 40, 46))
    # What a correction says is the same without any policy.
    said = {name: 126 if name.startswith("sbp") else 78 for name in visits.columns if name[1:].startswith("bp_mmhg")}
    fixed = visits[refused + accepted].with_columns(
        *(pl.lit(value, pl.Int64).alias(name) for name, value in said.items()),
        pl.lit("satisfied").alias("classification"),
    )
    texts = demo.forms.texts(key, fixed, {"institution_code": _centre(demo, fixed)})
    path = f"{key.replace('.', '/')}/{name.replace('随访', '随访更正')}"
    received = np.datetime64(span.end + _DAYS_TO_CORRECT, "D")
    note = f"period: {span.key}\nsequence: 2\nreceived_at: {received}T09:00:00+08:00\nrows: {texts.height}\n"
    forms.write(demo.landing / path, forms.csv_bytes(demo.forms.contract(key), texts, "utf-8-sig", set()), note)
    original = f"{key.replace('.', '/')}/{name}"
    demo.notes.extend((original, at + 1, "", "superseded") for at in accepted)
    demo.link(key, path, fixed["person"])
    demo.count(texts.height)
    frames = demo.now["followups_hypertension"]
    frames[-1] = frames[-1].filter(~pl.col("followup_no").is_in(fixed["followup_no"].to_list()))
    frames.append(fixed)


def _population(demo: _Demo, span: Span, county_id: str, county_name: str, counted: pl.DataFrame) -> None:
    """One row per area in force: merged communities are counted together."""
    areas = demo.city.areas(span)[counted["community"]]
    named = counted.drop("community").with_columns(areas["community_id"], areas["community_name"])
    rows = named.group_by("community_id", "community_name", maintain_order=True).sum()
    contract = demo.forms.contract("civil_affairs.population")
    path = f"civil_affairs/population/{county_id}/常住人口_{county_name}_{span.key}.xlsx"
    forms.write(
        demo.landing / path, forms.population_workbook(contract, rows, f"{county_name}{span.key}常住人口统计表")
    )
    contract = forms.delivered(contract, rows)
    demo.deliver_hostile(contract, rows.select(pl.col(list(contract.by_name)).cast(pl.String)), path)
    demo.count(rows.height)


def _insurer_files(demo: _Demo, span: Span, seen: pl.DataFrame) -> None:
    """Encounters are settled in the period in which they end."""
    waiting = pl.concat([demo.unsettled, seen]) if demo.unsettled is not None else seen
    ended = pl.coalesce("discharge_date", "admit_date") <= span.end
    demo.unsettled = waiting.filter(~ended)
    months = {number: month for number, month in demo.months.items() if number <= span.months[-1].number}
    paid = records.settlements(demo.draws, demo.people, demo.levers, months, waiting.filter(ended), span)
    # The insurer writes day and time.
    seconds = pl.col("settled_on").cast(pl.Int64) * 86_400 + 28_800 + pl.col("person").cast(pl.Int64) * 7_919 % 32_400
    extra: dict[str, pl.Series | str] = {
        **_short_ids(demo, paid),
        "settled_on": paid.select(pl.from_epoch(seconds, time_unit="s").dt.to_string("%Y-%m-%d %H:%M:%S")).to_series(),
        "is_reversal": paid["is_reversal"].cast(pl.Int8).cast(pl.String),
        "insurance_type": paid["insurance_type"],
        "medical_type": paid["medical_type"],
    }
    demo.deliver("insurers.settlements", f"医保结算_{span.key}.csv", paid, extra)


def _city_files(demo: _Demo, span: Span, everybody: np.ndarray) -> None:
    city = demo.city
    money = bureau.fund_ledger(demo.draws, city, demo.levers, demo.scenario, everybody, span)
    purpose = {"budget": "年初预算", "appropriation": "资金到位", "spending": "服务经费"}
    extra: dict[str, pl.Series | str] = {"purpose": money["entry_type"].replace_strict(purpose, return_dtype=pl.String)}
    demo.deliver("health_bureau.fund_ledger", f"项目资金台账_{span.key}.csv", money, extra)
    demo.deliver(
        "health_bureau.tasks",
        f"任务台账_{span.key}.csv",
        bureau.tasks(demo.draws, city, demo.levers, demo.scenario, demo.spans, span),
        {},
    )
    demo.deliver("health_bureau.institutions", f"机构名录_{span.key}.csv", bureau.institutions(city), {})
    served = bureau.serves(city, span)
    share = forms.decimal(served["share_units"], 4)
    demo.deliver("health_bureau.serves", f"机构服务范围_{span.key}.csv", served, {"share": share})
    posts = bureau.staff(demo.roster, span)
    fte = forms.decimal((posts["fte"] * 100).round().cast(pl.Int64), 2)
    demo.deliver("health_bureau.staff", f"人员名册_{span.key}.csv", posts, {"fte": fte})
    changes = bureau.area_changes(city, span)
    if changes.height:
        demo.deliver("civil_affairs.area_changes", f"区划变更_{span.key}.csv", changes, {})
    else:
        demo.keep("civil_affairs.area_changes", changes)
    contract = demo.forms.contract("civil_affairs.areas")
    areas = city.areas(span).select(column.name for column in contract.columns).unique(maintain_order=True)
    demo.keep("civil_affairs.areas", areas)
    path = f"civil_affairs/areas/行政区划_{span.key}.csv"
    forms.write(demo.landing / path, forms.csv_bytes(contract, areas, "utf-8", set()))
    demo.deliver_hostile(contract, areas, path)
    demo.count(areas.height)
