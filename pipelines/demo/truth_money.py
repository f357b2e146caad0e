"""What the money of the city must be: reckoned by hand from its true counts and the settings as they are printed.

Put here: the year's money of every community, stream by stream, in plain fractions, for the kinds of streams that the
city's own settings use. Keep out: every engine; awards, which nobody has decided before the year is over.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

Counts = Mapping[tuple[str, str], tuple[Fraction, Fraction]]
"""Community and indicator → numerator and denominator."""
Found = dict[str, dict[str, int]]
"""Stream → community → fen of the year."""
_COLUMNS = ("period", "payee_id", "stream", "year_fen")
_MICRO = Decimal("0.000001")
_PEOPLE = "population_aged_65_plus_pct"
_LAST = 4


def write_money(truth: Path, settings: Mapping[str, Any]) -> None:
    """truth/money.csv from truth/indicators.csv and truth/areas.csv; `settings`: as the manifest prints them."""
    counts: dict[str, dict[tuple[str, str], tuple[Fraction, Fraction]]] = defaultdict(dict)
    rules = settings["home"]["rule_sets"][0]
    for row in _rows(truth / "indicators.csv"):
        if (row["area_level"], row["rule_set"], row["stratum"]) == ("community", rules, "all"):
            pair = (Fraction(row["numerator"] or 0), Fraction(row["denominator"] or 0))
            counts[row["period"]][row["area_id"], row["indicator_id"]] = pair
    rural: dict[str, dict[str, bool]] = defaultdict(dict)
    for row in _rows(truth / "areas.csv"):
        rural[row["period"]][row["area_id"]] = row["is_rural"] == "true"
    with (truth / "money.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for period in sorted(counts):
            if period.endswith(f"Q{_LAST}") or int(period[:4]) not in _budgets(settings):
                continue
            for name, amounts in _Reckoning(settings, counts, rural[period], period).money().items():
                writer.writerows((period, own, name, amount) for own, amount in sorted(amounts.items()))


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _budgets(settings: Mapping[str, Any]) -> dict[int, int]:
    return {own["year"]: int(Decimal(own["amount"]) * 100) for own in settings["allocation"]["budgets"]}


class _Reckoning:
    """The money of one period."""

    def __init__(
        self, settings: Mapping[str, Any], counts: Mapping[str, Counts], rural: Mapping[str, bool], period: str
    ) -> None:
        self.settings, self.counts, self.rural, self.period = settings, counts, rural, period
        self.streams = {own["id"]: own for own in settings["allocation"]["streams"]}
        self.columns = settings["allocation"]["tables"]["communities"]["columns"]
        people = {area: pair[1] for (area, name), pair in counts[period].items() if name == _PEOPLE}
        self.people = {area: count for area, count in sorted(people.items()) if count}
        self.year, self.quarter = int(period[:4]), int(period[-1])

    def money(self) -> Found:
        """Of every stream that pays communities before the year is over."""
        names = list(self.streams)
        shares = [Fraction(str(own["share"])) for own in self.streams.values()]
        pools = dict(zip(names, rounded(shares, _budgets(self.settings)[self.year]), strict=True))
        found: Found = {}
        for name, own in self.streams.items():
            if own["kind"] == "standard":
                found[name] = self._standard(own, pools[name])
            if own["kind"] == "performance":
                found[name] = self._performance(own, pools[name])
        for name, own in self.streams.items():
            if own["kind"] == "need":
                found[name] = self._need(own, pools, found)
        return found

    def _standard(self, own: Mapping[str, Any], pool: int) -> dict[str, int]:
        """People by the national standard, the funded part of it; less for everybody where the pool is too small."""
        yuan = {2023: 89, 2024: 94, 2025: 99}[self.year]
        due = {area: half_up(count * yuan * 100 * Fraction(str(own["funded"]))) for area, count in self.people.items()}
        if sum(due.values()) <= pool:
            return due
        return dict(zip(due, rounded(list(due.values()), pool), strict=True))

    # performance --------------------------------------------------------------------------------------------------

    def _performance(self, own: Mapping[str, Any], pool: int) -> dict[str, int]:
        """The part of what is due so far that scores earn, rounded down."""
        potential = rounded(list(self.people.values()), pool)
        scores = {item["id"]: self._scores(item) for item in own["indicators"]}
        whole = sum(Fraction(str(item["weight"])) for item in own["indicators"])
        earned = {}
        for area, fen in zip(self.people, potential, strict=True):
            part = sum(Fraction(str(item["weight"])) * scores[item["id"]][area] for item in own["indicators"]) / whole
            earned[area] = floor(fen * self.quarter // _LAST * part)
        return earned

    def _scores(self, item: Mapping[str, Any]) -> dict[str, Fraction]:
        """Of the quarter; what is not known counts like the quarter before, once, then as the weakest quarter do."""
        low, high = Fraction(str(item["threshold"])), Fraction(str(item["benchmark"]))

        def own(period: str) -> dict[str, Fraction]:
            shares = {area: self._share(area, item["id"], period) for area in self.people}
            return {
                area: min(Fraction(1), max(Fraction(0), (share - low) / (high - low)))
                for area, share in shares.items()
                if share is not None
            }

        before = f"{self.year - 1}Q{_LAST}"
        last = {area: (score, True) for area, score in own(before).items()} if before in self.counts else {}
        for quarter in range(1, self.quarter + 1):
            now = own(f"{self.year}Q{quarter}")
            weak = quarter_of(sorted(now.values()))
            filled = {area: (score, True) for area, score in now.items()}
            for area in self.people:
                if area not in now:
                    score, fresh = last.get(area, (Fraction(0), False))
                    filled[area] = (score if fresh else min(weak, score), False)
            last = filled
        return {area: last[area][0] for area in self.people}

    def _share(self, area: str, indicator: str, period: str) -> Fraction | None:
        """The proportion where it may be shown."""
        least = Fraction(str(self.settings["indicators"][indicator]["minimum_denominator"]))
        top, bottom = self.counts[period].get((area, indicator), (Fraction(0), Fraction(0)))
        return top / bottom if bottom and bottom >= least else None

    # need ---------------------------------------------------------------------------------------------------------

    def _need(self, own: Mapping[str, Any], pools: Mapping[str, int], others: Found) -> dict[str, int]:
        """By people and risk within floors and caps; rural communities at least what is reserved for them."""
        pool, areas = pools[own["id"]], list(self.people)
        weights = {area: self.people[area] * self._times_at_risk(own["risk"], area) for area in areas}
        whole = sum(weights.values())
        target = {area: pool * weight / whole for area, weight in weights.items()}
        floors, caps = {}, {}
        last = self.counts.get(f"{self.year - 1}Q{_LAST}", {})
        for area in areas:
            count = last.get((area, _PEOPLE), (Fraction(0), Fraction(0)))[1]
            before = count * Fraction(str(self.columns["before"]["times"])) * 100
            law = self.people[area] * Fraction(str(self.columns["least"]["times"])) * 100
            kept = before * (1 + Fraction(str(own["pace"]["floor_change"])))
            floors[area] = ceil(max(kept, target[area] * Fraction(str(own["pace"]["min_vs_target"])), law))
            rise = floor(before * (1 + Fraction(str(own["pace"]["cap_change"]))))
            caps[area] = max(rise, floors[area]) if before else None
        found = filled(target, floors, caps, pool)
        for reserve in self.settings["allocation"]["reserves"]:
            base = sum(fen for name, fen in pools.items() if not self.streams[name].get("contingency"))
            inside = [area for area in areas if self.rural[area]]
            elsewhere = sum(self._most(name, pools, own)[area] for name, own in others.items() for area in inside)
            least = ceil(base * Fraction(str(reserve["minimum_share"]))) - elsewhere
            if sum(found[area] for area in inside) < least:
                outside = [area for area in areas if area not in inside]
                for part, money in ((inside, least), (outside, pool - least)):
                    found |= filled({area: target[area] for area in part}, floors, caps, money)
        return found

    def _most(self, name: str, pools: Mapping[str, int], own: Mapping[str, int]) -> Mapping[str, int]:
        """Money of a stream in the year; of results, until the last quarter, all that they may still earn."""
        if self.streams[name]["kind"] != "performance" or self.quarter == _LAST:
            return own
        return dict(zip(self.people, rounded(list(self.people.values()), pools[name]), strict=True))

    def _times_at_risk(self, rule: Mapping[str, Any], area: str) -> Fraction:
        """How many times as much a person counts at the risk of the community: ratio^((risk − reference)/100)."""
        with localcontext(Context(prec=50)):
            away = (self._risk(area) - Decimal(str(rule["reference"]))) / 100
            return Fraction((Decimal(str(rule["ratio"])) ** away).quantize(Decimal("1e-12")))

    def _risk(self, area: str) -> Decimal:
        """Weighted mean of the parts between their goalposts, 0 where too few are known."""
        tree = self.settings["indices"]["risk_structural"]["tree"]
        total, weights = Fraction(0), Fraction(0)
        for part in tree["parts"]:
            value, (step,) = self._value(area, part["id"]), part["steps"]
            if value is not None:
                worst, best = Fraction(str(step["worst"])), Fraction(str(step["best"]))
                score = min(Fraction(1), max(Fraction(0), (value - worst) / (best - worst))) * 100
                total, weights = total + score * Fraction(str(part["weight"])), weights + Fraction(str(part["weight"]))
        whole = sum(Fraction(str(part["weight"])) for part in tree["parts"])
        if weights < whole * Fraction(str(tree["combine"]["minimum_weight_share"])):
            return Decimal(0)
        mean = total / weights
        with localcontext(Context(prec=50)):
            return (Decimal(mean.numerator) / mean.denominator).quantize(_MICRO, rounding=ROUND_HALF_EVEN)

    def _value(self, area: str, indicator: str) -> Fraction | None:
        """The published figure, with the digits it is published with."""
        words = self.settings["indicators"][indicator]
        share = self._share(area, indicator, self.period)
        if share is None:
            return None
        value, digit = share * Fraction(str(words["multiplier"])), Decimal(1).scaleb(-int(words["digits"]))
        with localcontext(Context(prec=50)):
            return Fraction((Decimal(value.numerator) / value.denominator).quantize(digit, rounding=ROUND_HALF_EVEN))


def rounded(weights: Sequence[Fraction | int], total: int) -> list[int]:
    """Whole parts of `total`, the largest remainders rounded up, ties to the first."""
    whole = sum(weights)
    exact = [Fraction(weight) * total / whole for weight in weights]
    found = [floor(own) for own in exact]
    for at in sorted(range(len(exact)), key=lambda at: (found[at] - exact[at], at))[: total - sum(found)]:
        found[at] += 1
    return found


def half_up(amount: Fraction) -> int:
    """The nearest whole number, a half up."""
    return floor(amount + Fraction(1, 2))


def quarter_of(ordered: Sequence[Fraction]) -> Fraction:
    """The figure a quarter of the way through ordered ones; 0 of none."""
    if not ordered:
        return Fraction(0)
    place = Fraction(len(ordered) - 1, 4)
    low = ordered[floor(place)]
    return low + (ordered[min(floor(place) + 1, len(ordered) - 1)] - low) * (place - floor(place))


def filled(
    target: Mapping[str, Fraction], floors: Mapping[str, int], caps: Mapping[str, int | None], pool: int
) -> dict[str, int]:
    """Targets times one number, each within floor and cap, so that they sum to the pool."""
    areas = sorted(target)

    def amount(area: str, times: Fraction) -> Fraction:
        own, cap = max(times * target[area], Fraction(floors[area])), caps[area]
        return own if cap is None else min(own, Fraction(cap))

    # Between two neighbouring numbers at which somebody meets a floor or a cap the sum is a straight line.
    edges = sorted({
        Fraction(edge) / target[area] for area in areas for edge in (floors[area], caps[area]) if edge is not None
    })  # fmt: skip
    times = Fraction(0)
    below = [edge for edge in edges if sum(amount(area, edge) for area in areas) <= pool]
    times = max([times, *below])
    moving = [
        area for area in areas
        if times * target[area] >= floors[area] and (caps[area] is None or times * target[area] < caps[area])  # type: ignore[operator]
    ]  # fmt: skip
    still = sum((amount(area, times) for area in areas if area not in moving), Fraction(0))
    if moving:
        times = (pool - still) / sum((target[area] for area in moving), Fraction(0))
    exact = {area: amount(area, times) for area in areas}
    whole = dict(zip(moving, rounded([exact[area] for area in moving], int(pool - still)), strict=True))
    return {area: whole.get(area, int(exact[area])) for area in areas}
