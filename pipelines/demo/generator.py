"""The whole demo: quarter by quarter, records, faults, files, truth.

Put here: the order of work and what is planted where. Keep out: each part's content.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from data_contracts.contracts import Catalog
from data_contracts.periods import periods_between
from pipelines.demo import forms, records, truth
from pipelines.demo.city import COUNTIES, City, build_city
from pipelines.demo.faults import FAULTS, Spoiled, spoil
from pipelines.demo.people import People, day_of, make_people, move_some
from pipelines.demo.records import HOSPITALS, Quarter

# Each fault of a file is planted once more for every so many records.
_RECORDS_PER_FAULT = 50_000
_DAYS_TO_CORRECT = 25
# Feeds of which a file of some length holds one record twice.
_REPEATS = ("health_bureau.residents", "hospitals.encounters", "insurers.settlements")


@dataclass
class DemoSummary:
    """What was written."""

    files: int = 0
    records: int = 0
    faults: int = 0


@dataclass
class _Demo:
    landing: Path
    city: City
    people: People
    forms: forms.Forms
    rng: np.random.Generator
    with_faults: bool
    summary: DemoSummary = field(default_factory=DemoSummary)
    notes: list[tuple[str, int, str, str]] = field(default_factory=list)
    now: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def deliver(
        self,
        key: str,
        name: str,
        table: pl.DataFrame,
        extra: dict[str, pl.Series | str],
        encoding: str,
    ) -> Spoiled:
        """Write one CSV of a feed, with faults if wanted, and remember its valid rows."""
        texts = self.forms.texts(key, table, extra)
        faults = FAULTS.get(key, []) if self.with_faults else []
        spoiled = spoil(texts, faults, self.rng, times=1 + table.height // _RECORDS_PER_FAULT)
        rows = spoiled.texts
        if self.with_faults and texts.height > 400 and key in _REPEATS:
            rows = self._repeat_one(rows, spoiled)
        contract = self.forms.contract(key)
        path = f"{key.replace('.', '/')}/{name}"
        forms.write(self.landing / path, forms.csv_bytes(contract, rows, encoding, spoiled.broken_lines))
        self.notes.extend((path, at + 1, rule, kind) for at, rule, kind in spoiled.notes)
        self.summary.files += 1
        self.summary.records += rows.height
        self.keep(key, table.filter(spoiled.valid))
        return spoiled

    def _repeat_one(self, rows: pl.DataFrame, spoiled: Spoiled) -> pl.DataFrame:
        """Append an exact copy of one untouched row: the earlier of the two is a duplicate."""
        at = next(k for k in range(rows.height) if k not in spoiled.touched)
        spoiled.notes.append((at, "", "duplicate"))
        return pl.concat([rows, rows.slice(at, 1)])

    def keep(self, key: str, valid: pl.DataFrame) -> None:
        """Remember valid rows of this quarter for the truth."""
        self.now.setdefault(key.split(".")[1], []).append(valid)


def generate(
    home: Path,
    *,
    residents: int = 120_000,
    seed: int = 20250101,
    first: str = "2023Q1",
    last: str = "2025Q4",
    faults: bool = True,
    progress: Callable[[str], None] | None = None,
) -> DemoSummary:
    """Write landing/ and truth/ below `home`; the same arguments give the same bytes."""
    quarters = [
        Quarter(period.key, day_of(period.start), day_of(period.end), number, period.index)
        for number, period in enumerate(periods_between(first, last))
    ]
    rng = np.random.default_rng(seed)
    city = build_city(rng)
    people = make_people(rng, city, residents, [quarter.end for quarter in quarters])
    demo = _Demo(home / "landing", city, people, forms.Forms(Catalog.load(), city, people), rng, faults)
    year: dict[str, list[pl.DataFrame]] = {}
    answers = []
    for quarter in quarters:
        if progress:
            progress(quarter.key)
        if quarter.number:
            move_some(rng, people, city)
        if quarter.of_year == 1:
            year = {}
        demo.now = {}
        _quarter(demo, quarter)
        now = {feed: pl.concat(frames) for feed, frames in demo.now.items()}
        for feed in ("followups_hypertension", "fund_ledger"):
            year.setdefault(feed, []).append(now[feed])
        answers.append(truth.counts(city, quarter, now, {feed: pl.concat(frames) for feed, frames in year.items()}))
    _write_truth(home, pl.concat(answers), demo)
    demo.summary.faults = len(demo.notes)
    return demo.summary


def _write_truth(home: Path, answers: pl.DataFrame, demo: _Demo) -> None:
    folder = home / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    answers.write_csv(folder / "indicators.csv")
    notes = pl.DataFrame(
        sorted(demo.notes),
        schema={"file": pl.String, "record": pl.Int64, "rule": pl.String, "kind": pl.String},
        orient="row",
    )
    notes.write_csv(folder / "faults.csv")


def _quarter(demo: _Demo, quarter: Quarter) -> None:
    rng, city, people = demo.rng, demo.city, demo.people
    county = city.areas["county_id"].replace_strict({item[0]: at for at, item in enumerate(COUNTIES)}).to_numpy()
    register = records.residents(city, people, quarter)
    visits = records.followups_hypertension(rng, city, people, register, quarter)
    sugar = records.followups_diabetes(rng, city, register, quarter)
    lists = records.welfare(people, quarter)
    counted = records.population(city, people, quarter)
    everybody = counted.drop("community").sum_horizontal().to_numpy()
    answers = records.survey(rng, city, everybody, quarter)
    for at, (county_id, county_name, _) in enumerate(COUNTIES):
        inside = {
            name: _inside(table, county, at)
            for name, table in (("r", register), ("v", visits), ("s", sugar), ("w", lists), ("a", answers))
        }
        _registers(demo, quarter, county_id, county_name, inside)
        _population(demo, quarter, county_id, county_name, counted.filter(county == at))
    _city_files(demo, quarter, everybody)
    demo.keep("civil_affairs.population", counted)


def _inside(table: pl.DataFrame, county: np.ndarray, at: int) -> pl.DataFrame:
    return table.filter(county[table["community"].to_numpy()] == at)


def _registers(
    demo: _Demo, quarter: Quarter, county_id: str, county_name: str, tables: dict[str, pl.DataFrame]
) -> None:
    ids = demo.city.areas["community_id"]
    register = tables["r"]
    who = register["person"].to_numpy()
    extra: dict[str, pl.Series | str] = {
        "archive_no": pl.Series(who).cast(pl.String).str.zfill(17),
        # No mobile number starts with 10, so nobody's telephone can ring.
        "phone": "100" + pl.Series((who * 7_368_787 + 31_415_926) % 100_000_000).cast(pl.String).str.zfill(8),
        "address": demo.city.areas["community_name"][register["community"]]
        + pl.Series(who % 180 + 1).cast(pl.String)
        + "号",
    }
    place = f"{county_id}/"
    demo.deliver(
        "health_bureau.residents", f"{place}居民健康档案_{county_name}_{quarter.key}.csv", register, extra, "gb18030"
    )
    visits = tables["v"]
    centre = ids[visits["community"]].str.slice(0, 9) + "01"
    key = "health_bureau.followups_hypertension"
    name = f"{place}高血压随访_{county_name}_{quarter.key}.csv"
    spoiled = demo.deliver(key, name, visits, {"institution_code": centre, **_readings(visits)}, "utf-8-sig")
    if demo.with_faults and quarter.of_year == 2:
        _correct(demo, quarter, key, name, visits, spoiled)
    sugar = tables["s"].with_columns((pl.col("glucose_tenths") / 10).round(1).alias("glucose_mmol_l"))
    centre = ids[sugar["community"]].str.slice(0, 9) + "01"
    glucose = (sugar["glucose_tenths"] // 10).cast(pl.String) + "." + (sugar["glucose_tenths"] % 10).cast(pl.String)
    extra = {"institution_code": centre, "glucose_mmol_l": glucose}
    demo.deliver(
        "health_bureau.followups_diabetes", f"{place}糖尿病随访_{county_name}_{quarter.key}.csv", sugar, extra, "utf-8"
    )
    demo.deliver(
        "civil_affairs.welfare",
        f"{place}社会救助名单_{county_name}_{quarter.key}.csv",
        tables["w"],
        _short_ids(demo, tables["w"]),
        "gb18030",
    )
    answers = tables["a"]
    stratum = ids[answers["community"]]
    units = answers["weight_units"]
    extra = {
        "stratum": stratum,
        "psu": stratum + "-" + answers["psu"].cast(pl.String),
        "weight": (units // 10_000).cast(pl.String) + "." + (units % 10_000).cast(pl.String).str.zfill(4),
        "self_rated_health": answers["self_rated_health"].cast(pl.String).fill_null("拒答"),
    }
    name = f"{place}居民调查_{county_name}_{quarter.key}.csv"
    demo.deliver("health_bureau.survey", name, answers, extra, "utf-8")
    if demo.with_faults and quarter.of_year == 3:
        # The same bytes under another name are no second delivery.
        source = demo.landing / "health_bureau/survey" / name
        forms.write(source.with_name(source.name.replace("居民调查", "居民调查最终版(2)")), source.read_bytes())
        demo.summary.files += 1


def _readings(visits: pl.DataFrame) -> dict[str, pl.Series]:
    """Blood pressure as text; where it was not measured, some write so and others leave the cell empty."""
    none = pl.when(pl.col("person") % 2 == 0).then(pl.lit("未测")).otherwise(pl.lit(""))
    texts = visits.select(pl.col("sbp_mmhg", "dbp_mmhg").cast(pl.String).fill_null(none))
    return {name: texts[name] for name in texts.columns}


def _settlement_times(paid: pl.DataFrame) -> pl.Series:
    """The insurer writes day and time."""
    seconds = pl.col("settled_on") * 86_400 + 28_800 + pl.col("person") * 7_919 % 32_400
    return paid.select(pl.from_epoch(seconds, time_unit="s").dt.to_string("%Y-%m-%d %H:%M:%S")).to_series()


def _short_ids(demo: _Demo, table: pl.DataFrame) -> dict[str, pl.Series | str]:
    """Civil affairs still hold a few identity numbers of the old 15 digits."""
    ids = pl.Series(demo.people.ids[table["person"].to_numpy()])
    old = pl.Series(table["person"].to_numpy() % 40 == 0) & (ids.str.slice(6, 2) == "19")
    return {"person_id_no": ids.zip_with(~old, ids.str.slice(0, 6) + ids.str.slice(8, 9))}


def _correct(demo: _Demo, quarter: Quarter, key: str, name: str, visits: pl.DataFrame, spoiled: Spoiled) -> None:
    """A second delivery: refused readings corrected, and some accepted ones replaced by other readings."""
    if not spoiled.notes:
        return
    refused = [at for at, rule, kind in spoiled.notes if kind == "reject" and rule in ("sbp_range", "sbp_above_dbp")]
    accepted = list(islice((at for at in range(visits.height) if at not in spoiled.touched), 40, 46))
    fixed = visits[refused + accepted].with_columns(
        pl.lit(126, pl.Int64).alias("sbp_mmhg"),
        pl.lit(78, pl.Int64).alias("dbp_mmhg"),
        pl.lit("satisfied").alias("classification"),
    )
    centre = demo.city.areas["community_id"][fixed["community"]].str.slice(0, 9) + "01"
    texts = demo.forms.texts(key, fixed, {"institution_code": centre})
    path = f"{key.replace('.', '/')}/{name.replace('随访', '随访更正')}"
    contract = demo.forms.contract(key)
    received = np.datetime64(quarter.end + _DAYS_TO_CORRECT, "D")
    note = f"period: {quarter.key}\nsequence: 2\nreceived_at: {received}T09:00:00+08:00\nrows: {texts.height}\n"
    forms.write(demo.landing / path, forms.csv_bytes(contract, texts, "utf-8-sig", set()), note)
    original = f"{key.replace('.', '/')}/{name}"
    demo.notes.extend((original, at + 1, "", "superseded") for at in accepted)
    demo.summary.files += 1
    demo.summary.records += texts.height
    frames = demo.now["followups_hypertension"]
    frames[-1] = frames[-1].filter(~pl.col("followup_no").is_in(fixed["followup_no"].to_list()))
    frames.append(fixed)


def _population(demo: _Demo, quarter: Quarter, county_id: str, county_name: str, counted: pl.DataFrame) -> None:
    areas = demo.city.areas[counted["community"]]
    data = forms.population_workbook(
        demo.forms.contract("civil_affairs.population"),
        counted,
        areas["community_name"].to_list(),
        areas["community_id"].to_list(),
        f"{county_name}{quarter.key}常住人口统计表",
    )
    forms.write(demo.landing / f"civil_affairs/population/{county_id}/常住人口_{county_name}_{quarter.key}.xlsx", data)
    demo.summary.files += 1
    demo.summary.records += counted.height


def _city_files(demo: _Demo, quarter: Quarter, everybody: np.ndarray) -> None:
    rng, city = demo.rng, demo.city
    seen = records.encounters(rng, demo.people, quarter)
    for at, hospital in enumerate(HOSPITALS):
        here = seen.filter(pl.col("hospital") == at)
        demo.deliver("hospitals.encounters", f"{hospital}/就诊记录_{hospital}_{quarter.key}.csv", here, {}, "utf-8")
    paid = records.settlements(rng, seen, quarter)
    flag = paid["is_reversal"].replace_strict({True: "1", False: "0"}, return_dtype=pl.String)
    extra: dict[str, pl.Series | str] = {
        **_short_ids(demo, paid),
        "settled_on": _settlement_times(paid),
        "is_reversal": flag,
        "insurance_type": paid["insurance_type"],
        "medical_type": paid["medical_type"],
    }
    demo.deliver("insurers.settlements", f"医保结算_{quarter.key}.csv", paid, extra, "utf-8")
    money = records.fund_ledger(rng, city, everybody, quarter)
    purpose = {"budget": "年初预算", "appropriation": "资金到位", "spending": "服务经费"}
    extra = {"purpose": money["entry_type"].replace_strict(purpose)}
    demo.deliver("health_bureau.fund_ledger", f"项目资金台账_{quarter.key}.csv", money, extra, "utf-8")
    contract = demo.forms.contract("civil_affairs.areas")
    areas = city.areas.select(column.name for column in contract.columns)
    forms.write(
        demo.landing / f"civil_affairs/areas/行政区划_{quarter.key}.csv",
        forms.csv_bytes(contract, areas, "utf-8", set()),
    )
    demo.summary.files += 1
    demo.summary.records += areas.height
