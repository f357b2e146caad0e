"""What the bureau of the fictional city keeps about itself: money, tasks, institutions and their staff.

Put here: ledgers and rosters as typed tables. Keep out: persons and their care (records.py), file forms, truth.
"""

import numpy as np
import polars as pl

from pipelines.demo.city import City
from pipelines.demo.draws import Draws
from pipelines.demo.levers import Levers, places_of
from pipelines.demo.records import HOSPITALS, serial
from pipelines.demo.scenario import DemoPolicy, Scenario
from pipelines.demo.timeline import Span, day_of

_FEN = 100
_REVERSED = 0.05
# Residents per post in a centre; the chance a year that a post is left; days until it is filled again.
_POSTS = {"general_practitioner": 2800, "nurse": 2600, "public_health": 9000, "village_doctor": 1500}
_LEAVES_A_YEAR, _VACANT_DAYS = 0.08, (20, 150)
_DEPARTMENTS = ("基层卫生科", "疾病预防控制科", "医政科", "财务科", "规划信息科", "健康促进科")
_HOURS = {"111": "56.0", "112": "56.0", "121": "48.0", "210": "42.0", "220": "40.0"}
_LEDGER = {
    "community": pl.Int64, "policy_id": pl.String, "source": pl.String, "entry_type": pl.String,
    "amount_fen": pl.Int64, "entry_date": pl.Int64, "month": pl.Int64,
}  # fmt: skip
_TASKS = {
    "community": pl.Int64, "policy_id": pl.String, "department": pl.String, "due_on": pl.Int64, "done_on": pl.Int64,
    "luck": pl.Float64, "month": pl.Int64, "task_no": pl.String,
}  # fmt: skip


def fund_ledger(
    draws: Draws, city: City, levers: Levers, scenario: Scenario, everybody: np.ndarray, span: Span
) -> pl.DataFrame:
    """The year's budget when year or policy begins, money paid in and spent every period, a reversal at times."""
    rng = draws.stream("ledger", span.key)
    frames = [pl.DataFrame(schema=_LEDGER)]
    for policy_id, policy in scenario.policies.items():
        if policy.start is not None and day_of(f"{policy.start}-01") > span.end:
            continue
        for source, year in _yearly(policy, city, everybody).items():
            frames += _entries_of(rng, levers, policy_id, source, year, span)
    both = pl.concat(frames)
    return both.with_columns(serial("PZ", span, both.height).alias("entry_no"))


def _yearly(policy: DemoPolicy, city: City, everybody: np.ndarray) -> dict[str, np.ndarray]:
    """Fen a year per source and community; what is given as one amount is shared out by size and adds up."""
    chosen = places_of(city, policy.places)
    people = np.where(chosen, everybody, 0)
    found = {source: np.rint(people * yuan * _FEN).astype(np.int64) for source, yuan in policy.per_resident.items()}
    size = np.where(chosen, city.size, 0.0)
    for source, yuan in policy.yearly.items():
        reached = np.rint(np.cumsum(size) / size.sum() * yuan * _FEN).astype(np.int64)
        found[source] = np.diff(reached, prepend=0)
    return found


def _entries_of(
    rng: np.random.Generator, levers: Levers, policy_id: str, source: str, year: np.ndarray, span: Span
) -> list[pl.DataFrame]:
    at = np.flatnonzero(year)
    passed = span.months[0].of_year - 1
    instalment = year * (passed + len(span.months)) // 12 - year * passed // 12
    chance = 1.0 if levers.scenario.even else rng.uniform(0.85, 1.15, len(year))
    spent = np.rint(instalment * levers.value("spend", span.months[-1]) * chance).astype(np.int64)
    lines = [
        ("appropriation", instalment, np.full(len(year), span.start + 9)),
        ("spending", spent, rng.integers(span.start, span.end + 1, len(year))),
    ]
    policy = levers.scenario.policies[policy_id]
    begins = policy.start is not None and day_of(f"{policy.start}-01") >= span.start
    if begins:
        # In the year it begins a policy has money for the months that are left.
        lines.insert(0, ("budget", year - year * passed // 12, np.full(len(year), span.start + 14)))
    elif span.of_year == 1 or span.number == 0:
        lines.insert(0, ("budget", year, np.full(len(year), span.start + 14)))
    month = span.months[-1].number
    frames = [_entries(at, policy_id, source, kind, amount[at], day[at], month) for kind, amount, day in lines]
    if not levers.scenario.even:
        back = at[rng.random(len(at)) < _REVERSED]
        on = np.full(len(back), span.end)
        frames.append(_entries(back, policy_id, source, "spending", -(spent[back] // 20), on, month))
    return frames


def _entries(
    places: np.ndarray, policy_id: str, source: str, kind: str, amount: np.ndarray, day: np.ndarray, month: int
) -> pl.DataFrame:
    n = len(places)
    return pl.DataFrame(
        {
            "community": places,
            "policy_id": [policy_id] * n,
            "source": [source] * n,
            "entry_type": [kind] * n,
            "amount_fen": amount,
            "entry_date": day,
            "month": [month] * n,
        },
        schema=_LEDGER,
    )


def tasks(draws: Draws, city: City, levers: Levers, scenario: Scenario, spans: list[Span], span: Span) -> pl.DataFrame:
    """Tasks of the year so far: one per policy begun, community and period, due on the 20th of its last month."""
    frames = [pl.DataFrame(schema=_TASKS)]
    for step in (s for s in spans if s.year == span.year and s.number <= span.number):
        month = step.months[-1]
        for number, (policy_id, policy) in enumerate(scenario.policies.items()):
            if policy.start is not None and day_of(f"{policy.start}-01") > step.end:
                continue
            rng = draws.stream("tasks", policy_id, step.key)
            places = np.flatnonzero(places_of(city, policy.places))
            luck = rng.random(len(city.size))[places]
            lag = rng.integers(0, 12, len(city.size))[places]
            on_time = luck < levers.value("on_time", month)[places]
            due = month.start + 19
            done = np.where(on_time, due - lag, due + 3 + lag * 4)
            frames.append(
                pl.DataFrame(
                    {
                        "community": places,
                        "policy_id": [policy_id] * len(places),
                        "department": [_DEPARTMENTS[number % len(_DEPARTMENTS)]] * len(places),
                        "due_on": np.full(len(places), due),
                        "done_on": pl.Series(done).zip_with(
                            pl.Series(done <= span.end), pl.Series([None], dtype=pl.Int64)
                        ),
                        "luck": luck,
                        "month": np.full(len(places), month.number),
                        "task_no": [f"RW{step.key}-{policy_id}-{place:04d}" for place in places],
                    }
                )
            )
    return pl.concat(frames)


def institutions(city: City) -> pl.DataFrame:
    """Hospitals, and the centre of every township, which keeps its code when areas change."""
    first = city.base.with_row_index("community").group_by("township_id", maintain_order=True).first()
    names = first["township_name"]
    kind = (
        pl.when(pl.col("urban_rural_code").is_in(["210", "220"]))
        .then(pl.lit("卫生院"))
        .otherwise(pl.lit("社区卫生服务中心"))
    )
    centres = first.select(
        (pl.col("township_id") + "01").alias("institution_code"),
        (names + first.select(kind).to_series()).alias("institution_name"),
        pl.lit("primary").alias("institution_level"),
        pl.col("community").cast(pl.Int64),
        pl.col("urban_rural_code").replace_strict(_HOURS).alias("weekly_hours"),
    )
    hospitals = pl.DataFrame(
        {
            "institution_code": HOSPITALS,
            "institution_name": [f"康宁市第{number}医院" for number in "一二三四"],
            "institution_level": ["tertiary", "secondary", "secondary", "secondary"],
            "community": np.zeros(len(HOSPITALS), dtype=np.int64),
            "weekly_hours": ["168.0"] * len(HOSPITALS),
        }
    )
    opened = pl.lit(day_of("2009-07-01")).alias("opened_on")
    return pl.concat([centres, hospitals]).with_columns(opened, pl.lit(None, dtype=pl.Int64).alias("closed_on"))


def serves(city: City, span: Span) -> pl.DataFrame:
    """Whom the centres serve, as known at the end of a period: each its township, one community by two of them.

    The second community of the city was served by its own centre alone until 2024, then also by the next one.
    """
    areas = city.areas(span)
    places = areas.with_row_index("community").unique("community_id", keep="first", maintain_order=True)
    codes, always = list(dict.fromkeys(city.centres)), "2009-07-01"
    rows: list[tuple[int, str, int, int, int | None]] = []
    for at in places["community"]:
        centre = city.centres[int(at)]
        if at == 1 and len(codes) > 1:
            rows.append((at, centre, 10_000, day_of(always), day_of("2024-12-31")))
            rows += [
                (at, code, share, day_of("2025-01-01"), None) for code, share in ((centre, 6_000), (codes[1], 4_000))
            ]
        else:
            rows.append((at, centre, 10_000, day_of(always), None))
    schema = {
        "community": pl.Int64, "institution_code": pl.String, "share_units": pl.Int64, "served_from": pl.Int64,
        "served_to": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema, orient="row")


def roster(draws: Draws, city: City, scenario: Scenario, people: np.ndarray, spans: list[Span]) -> pl.DataFrame:
    """Everybody who held a post at a centre between first and last period, with days of joining and leaving.

    `people` are the residents per community. A post that is left is vacant for a while and then filled again.
    """
    rng = draws.stream("staff")
    start, end = spans[0].start, spans[-1].end
    rows: list[tuple[int, str, str, float, int, int | None]] = []
    departures = {departure.township: departure for departure in scenario.departures}
    for township in np.unique(city.township):
        places = np.flatnonzero(city.township == township)
        centre, rural = city.centres[int(places[0])], bool(city.rural[places[-1]])
        leaving = departures.get(int(township))
        for post, residents in _POSTS.items():
            if (post == "village_doctor") != rural and post in ("village_doctor", "nurse"):
                continue
            for number in range(max(1, round(people[places].sum() / residents))):
                place = int(places[number % len(places)])
                joined = start - int(rng.integers(200, 4000))
                fte = float(rng.choice([1.0, 1.0, 1.0, 0.5]))
                planned = leaving if number == 0 and post == "general_practitioner" else None
                rows += _holders(rng, (place, centre, post, fte), joined, end, planned, even=scenario.even)
    frame = pl.DataFrame(
        rows,
        schema={
            "community": pl.Int64, "institution_code": pl.String, "post": pl.String, "fte": pl.Float64,
            "joined_on": pl.Int64, "left_on": pl.Int64,
        },
        orient="row",
    )  # fmt: skip
    numbers = pl.Series([f"RY{number:06d}" for number in range(frame.height)])
    return frame.with_columns(numbers.alias("staff_no"))


def _holders(
    rng: np.random.Generator,
    post: tuple[int, str, str, float],
    joined: int,
    end: int,
    planned: object,
    *,
    even: bool,
) -> list[tuple[int, str, str, float, int, int | None]]:
    from pipelines.demo.scenario import Departure

    if isinstance(planned, Departure):
        return [(*post, joined, day_of(planned.left_on)), (*post, day_of(planned.replaced_on), None)]
    found: list[tuple[int, str, str, float, int, int | None]] = []
    while joined <= end:
        stays = int(rng.standard_exponential() / _LEAVES_A_YEAR * 365)
        left = joined + max(stays, 30)
        if even or left > end:
            return [*found, (*post, joined, None)]
        found.append((*post, joined, left))
        joined = left + int(rng.integers(*_VACANT_DAYS))
    return found


def staff(everyone: pl.DataFrame, span: Span) -> pl.DataFrame:
    """The roster as it is known at the end of a period: who came by then and had not left before the year."""
    known = everyone.filter(
        (pl.col("joined_on") <= span.end) & (pl.col("left_on").is_null() | (pl.col("left_on") >= span.year_start))
    )
    return known.with_columns(pl.when(pl.col("left_on") <= span.end).then("left_on").alias("left_on"))


def area_changes(city: City, span: Span) -> pl.DataFrame:
    """Changes of areas up to the end of a period, as civil affairs list them."""
    names = {"old_id": pl.String, "new_id": pl.String, "changed_on": pl.Int64, "change_kind": pl.String}
    return pl.DataFrame(city.changed_by(span), schema=names, orient="row").with_columns(
        pl.lit("community").alias("level"), pl.lit("民政函（示例）").alias("basis_document")
    )
