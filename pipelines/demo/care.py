"""What is done for the people of the city, month by month: archives, registers, follow-ups, examinations, contracts.

Put here: the state of care and one month of it. Keep out: how it is written down (records.py) and what it counts to
(truth.py). A person takes part in something when the person's share lies below the lever of the community; so a lever
that rises adds people and takes none away, and a policy changes nobody it does not reach.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.special import ndtr

from pipelines.demo.city import City
from pipelines.demo.draws import Draws
from pipelines.demo.levers import Levers
from pipelines.demo.people import CONDITIONS, People, completed_years
from pipelines.demo.timeline import NEVER, Month, day_of

# How like is the control of a patient from one visit to the next (correlation).
_LASTING = 0.93
# Share of patients behind on their visits who are only ever called.
_CALLED_ONLY = 0.15
_MOST_VISITS_A_MONTH = 2
_TICKETS = 2**32
# Days at the start of a month within which missed visits are made up.
_MADE_UP_WITHIN = 13
_EXAM_FROM, _LAST_MONTH = 7, 12
_REPEATED_READINGS = 1.5
_CONTRACT_DAYS = 365
# Days after the end within which those who renew sign again; the others may come back after the longer times.
_SIGNS_AGAIN_WITHIN, _AWAY_FOR = 25, (45, 120, 120, 120)
# A contract is listed until the longest grace of the rule sets is over.
_LONGEST_GRACE = 90
_ITEMS = 6
# Key groups sign first: their share counts as this much lower.
_KEY_GROUP_FIRST = 0.6
_OLD = 65
_FIRST_ARCHIVES = "2010-01-01"


@dataclass
class MonthOfCare:
    """What happened in a month: visits, examinations and readings of devices, each a table with person and place."""

    visits: pl.DataFrame
    exams: pl.DataFrame
    readings: pl.DataFrame


@dataclass
class Care:
    """The state of care of everybody; a row per condition where there are several. Dates are days, NEVER if not yet."""

    draws: Draws
    city: City
    people: People
    levers: Levers
    archived_on: np.ndarray
    registered_on: np.ndarray
    member_since: np.ndarray
    visits_done: np.ndarray
    was_contacted: np.ndarray
    was_examined: np.ndarray
    contract_ends: np.ndarray
    away_until: np.ndarray
    contracts: list[pl.DataFrame] = field(default_factory=list)

    @classmethod
    def before(cls, draws: Draws, city: City, people: People, levers: Levers, month: Month) -> "Care":
        """The state on the day before `month`, as the levers of that month have made it over the years."""
        n = len(people.born)
        conditions = len(CONDITIONS)
        care = cls(
            draws, city, people, levers,
            archived_on=np.full(n, NEVER, dtype=np.int32),
            registered_on=np.full((conditions, n), NEVER, dtype=np.int32),
            member_since=np.full(n, NEVER, dtype=np.int32),
            visits_done=np.zeros(n, dtype=np.int8),
            was_contacted=np.zeros(n, dtype=bool),
            was_examined=np.zeros(n, dtype=bool),
            contract_ends=np.full(n, -1, dtype=np.int32),
            away_until=np.full(n, -1, dtype=np.int32),
        )  # fmt: skip
        rng = draws.stream("before")
        eve = month.start - 1
        care._open(rng, month, eve, day_of(_FIRST_ARCHIVES))
        care._sign(rng, month, eve, spread=True)
        return care

    def month(self, month: Month) -> MonthOfCare:
        """One month: who gets an archive, is found, seen, examined, measured, signs; in this order."""
        rng = self.draws.stream("care", month.key)
        if month.of_year == 1:
            self.visits_done[:] = 0
            self.was_contacted[:] = False
            self.was_examined[:] = False
        self._open(rng, month, month.end, month.start)
        visits = self._see(month)
        exams = self._examine(month)
        readings = self._measure(self.draws.stream("readings", month.key), month)
        self._sign(self.draws.stream("contracts", month.key), month, month.end, spread=False)
        return MonthOfCare(visits, exams, readings)

    # archives, registers, points ------------------------------------------------------------------------------

    def _open(self, rng: np.random.Generator, month: Month, end: int, first: int) -> None:
        """Archives are opened, the ill are found, members join, on days from `first` to `end`."""
        people, value = self.people, self.levers.value
        here, home = people.lives(end), people.home(end)
        old = people.born <= end - int(_OLD * 365.25)
        wanted = np.where(old, value("archive_elderly", month)[home], value("archive", month)[home])
        opens = here & (self.archived_on == NEVER) & (people.shares["archive"] < wanted)
        self._date(rng, self.archived_on, opens, np.maximum(people.since, first), end)
        find = value("find", month)[home]
        for at, condition in enumerate(CONDITIONS):
            ill = here & (people.onset[at] <= end) & (self.registered_on[at] == NEVER)
            found = ill & (people.shares[f"find/{condition}"] < find)
            since = np.maximum(np.maximum(people.onset[at], people.since), first)
            self._date(rng, self.registered_on[at], found, since, end)
            # Who is put on a register gets an archive if there was none.
            self.archived_on = np.where(found, np.minimum(self.archived_on, self.registered_on[at]), self.archived_on)
        joins = here & (self.member_since == NEVER) & (people.shares["points"] < value("points", month)[home])
        self._date(rng, self.member_since, joins, np.maximum(people.since, first), end)

    @staticmethod
    def _date(rng: np.random.Generator, days: np.ndarray, which: np.ndarray, first: np.ndarray, end: int) -> None:
        """A day for each of `which`, from `first` to `end`."""
        start = np.minimum(first[which], end)
        days[which] = start + (rng.random(int(which.sum())) * (end + 1 - start)).astype(np.int64)

    # follow-ups -----------------------------------------------------------------------------------------------

    def _see(self, month: Month) -> pl.DataFrame:
        """Follow-ups of patients on a register, once for all their conditions.

        Who is managed well has a visit in every quarter and catches up on what was missed; the others who come are one
        behind, and come when a quarter closes; who was put on a register this month is called first. Some are never
        reached.
        """
        people, value = self.people, self.levers.value
        since = self.registered_on.min(axis=0)
        ill = np.flatnonzero((since <= month.end) & people.lives(month.end))
        home, since = people.home(month.end)[ill], since[ill]
        hard = ndtr(people.severity[:, ill].max(axis=0)) > 1 - self.levers.trait("selects")[home]
        comes = (people.shares["attend"][ill] < value("attend", month)[home]) & ~hard
        well = people.shares["manage"][ill] < value("manage", month)[home]
        year_start = day_of(f"{month.year}-01-01")
        entered = np.where(since < year_start, 0, _quarter_of(since) - 1)
        slot = ill * 7 % 3 == month.of_quarter
        done = self.visits_done[ill]
        due, due_by_now = month.quarter - entered, month.of_year // 3 - entered
        new = since >= month.start
        visits = np.maximum(slot & (done < due), np.clip(due_by_now - done, 0, _MOST_VISITS_A_MONTH))
        behind = (done < due_by_now - 1) & ~(ill * 13 % 100 < _CALLED_ONLY * 100)
        visits = np.where(well, visits, behind) * (comes & ~new)
        calls = comes & (new | (slot & ~well & (visits == 0)))
        self.visits_done[ill] = done + visits
        self.was_contacted[ill] |= comes & (calls | (visits > 0))
        at = np.concatenate([np.repeat(np.arange(len(ill)), visits), np.flatnonzero(calls)])
        is_call = np.arange(len(at)) >= int(visits.sum())
        is_made_up = ~slot[at] & ~is_call
        return self._visits(month, ill[at], home[at], (is_call, is_made_up, well[at]))

    def _visits(
        self,
        month: Month,
        who: np.ndarray,
        home: np.ndarray,
        kinds: tuple[np.ndarray, np.ndarray, np.ndarray],
    ) -> pl.DataFrame:
        """Day, mode and how the conditions are, as a share: lower than the lever of control is at target.

        `kinds`: which are calls, which make up for what was missed, in the first days of the month, and which are of
        patients managed well.
        """
        n = len(who)
        is_call, is_made_up, well = kinds
        # A second visit of the month has a ticket of its own.
        ticket = (month.number * _MOST_VISITS_A_MONTH + np.r_[False, who[1:] == who[:-1]]) * _TICKETS + who
        luck = self.draws.luck(ticket, "visits")
        by_phone = is_call | (luck.random() < np.maximum(self.levers.trait("calls")[home], 0.005))
        mode = np.where(by_phone, "phone", np.where(luck.random() < 0.7, "outpatient", "home"))
        registered = self.registered_on[:, who]
        first = np.clip(registered.min(axis=0), month.start, month.end)
        last = np.where(is_made_up, np.minimum(first + _MADE_UP_WITHIN, month.end), month.end)
        day = first + (luck.random() * (last + 1 - first)).astype(np.int64)
        lasting = np.sqrt(1 - _LASTING**2)
        states = {
            f"luck_{name}": ndtr(_LASTING * self.people.severity[at, who] + lasting * luck.normal()).astype(np.float32)
            for at, name in enumerate(CONDITIONS)
        }
        copied = luck.random() < self.levers.trait("copies")[home]
        return pl.DataFrame(
            {
                "person": who,
                "community": home,
                "day": day,
                "visit_mode": mode,
                "is_measured": luck.random() < np.where(by_phone, 0.15, 0.997),
                "is_well_managed": well,
                "is_copied": copied,
                "age_years": completed_years(self.people.born[who], month.end),
                "month": np.full(n, month.number),
                "ticket": ticket,
                **{f"has_{name}": registered[at] <= day for at, name in enumerate(CONDITIONS)},
                **states,
            }
        )

    # examinations and devices ---------------------------------------------------------------------------------

    def _examine(self, month: Month) -> pl.DataFrame:
        """Yearly examinations: of the old, in a month of their own, and of patients who are managed well."""
        people, value = self.people, self.levers.value
        here, home = people.lives(month.end) & (self.archived_on <= month.end), people.home(month.end)
        open_yet = here & ~self.was_examined
        turns = (month.year - _OLD - 1970) * 365.25 + 365
        slot = np.arange(len(here)) * 11 % _LAST_MONTH + 1
        old = open_yet & (people.born <= turns) & (slot <= month.of_year)
        old &= people.shares["exam"] < value("exam", month)[home]
        own_month = (month.of_year >= _EXAM_FROM) & (np.arange(len(here)) * 7 % 3 == month.of_quarter)
        chronic = open_yet & ~old & (self.registered_on.min(axis=0) <= month.end) & self.was_contacted
        chronic &= own_month | (month.of_year == _LAST_MONTH)
        chronic &= people.shares["manage"] < value("manage", month)[home]
        who = np.flatnonzero(old | chronic)
        self.was_examined[who] = True
        n = len(who)
        luck = self.draws.luck(who, "exams", month.key)
        refused = luck.random() < np.where(chronic[who], 0.0, 0.02)
        first = np.maximum(month.start, self.archived_on[who])
        return pl.DataFrame(
            {
                "person": who,
                "community": home[who],
                "exam_date": first + (luck.random() * (month.end + 1 - first)).astype(np.int64),
                "exam_type": np.where(chronic[who], "chronic", "elderly"),
                "is_complete": ~refused,
                "month": np.full(n, month.number),
            }
        )

    def _measure(self, rng: np.random.Generator, month: Month) -> pl.DataFrame:
        """Readings that people take themselves at a device of their community."""
        people = self.people
        home = people.home(month.end)
        adult = people.lives(month.end) & (people.onset[0] <= month.end)
        users = np.flatnonzero(adult & (people.shares["kiosk"] < self.levers.value("kiosk", month)[home]))
        who = np.repeat(users, rng.poisson(_REPEATED_READINGS, len(users)))
        n = len(who)
        return pl.DataFrame(
            {
                "person": who,
                "community": home[who],
                "measured_on": month.start + (rng.random(n) * (month.end + 1 - month.start)).astype(np.int64),
                "luck_hypertension": ndtr(people.severity[0, who] + rng.standard_normal(n) * 0.8).astype(np.float32),
                "month": np.full(n, month.number),
            }
        )

    # contracts ------------------------------------------------------------------------------------------------

    def _sign(self, rng: np.random.Generator, month: Month, end: int, *, spread: bool) -> None:
        """Contracts of a year: those that run out are renewed or not, new ones fill up to what the lever says.

        `spread`: the first contracts, which run out over the year to come.
        """
        people = self.people
        here = people.lives(end) & (self.archived_on <= end)
        home = people.home(end)
        ended = here & (self.contract_ends >= 0) & (self.contract_ends < end)
        ended &= self.contract_ends >= month.start - 1
        renews = ended & (rng.random(len(here)) < self.levers.value("renew", month)[home])
        lapsed = np.flatnonzero(ended & ~renews)
        self.away_until[lapsed] = end + np.array(_AWAY_FOR)[lapsed % len(_AWAY_FOR)]
        again = self.contract_ends[renews] + 1
        again = np.minimum(again + rng.integers(0, _SIGNS_AGAIN_WITHIN, len(again)), end)
        self._add(rng, month, np.flatnonzero(renews), again)
        wanted = np.bincount(home[people.lives(end)], minlength=len(self.city.size))
        wanted = wanted * self.levers.value("contract", month) - np.bincount(
            home[here & (self.contract_ends >= end)], minlength=len(wanted)
        )
        free = np.flatnonzero(here & (self.contract_ends < end) & (self.away_until <= end))
        key_group = (people.born[free] <= end - int(_OLD * 365.25)) | (self.registered_on[:, free].min(axis=0) <= end)
        first = people.shares["contract"][free] * np.where(key_group, _KEY_GROUP_FIRST, 1.0)
        order = np.lexsort((first, home[free]))
        sorted_home = home[free][order]
        rank = np.arange(len(order)) - np.searchsorted(sorted_home, sorted_home)
        who = free[order][rank < np.rint(wanted)[sorted_home]]
        back = rng.integers(0, _CONTRACT_DAYS - 1, len(who)) if spread else rng.integers(0, 20, len(who))
        self._add(rng, month, who, np.maximum(end - back, np.minimum(self.archived_on[who], end)))

    def _add(self, rng: np.random.Generator, month: Month, who: np.ndarray, signed: np.ndarray) -> None:
        self.contract_ends[who] = signed + _CONTRACT_DAYS
        before = sum(frame.height for frame in self.contracts)
        n = len(who)
        self.contracts.append(
            pl.DataFrame(
                {
                    "number": np.arange(before, before + n),
                    "person": who,
                    "signed_on": signed,
                    "ends_on": signed + _CONTRACT_DAYS,
                    "luck": rng.random(n, dtype=np.float32),
                    "is_paid": rng.random(n) < 0.12,
                    "month": np.full(n, month.number),
                }
            )
        )

    def contracts_of(self, year_start: int, end: int) -> pl.DataFrame:
        """Contracts in force at `end` or run out since `year_start` less the longest grace, with the items due by then.

        A contract is fulfilled when its luck lies below the lever of the community at the end.
        """
        still_judged = pl.col("ends_on") >= year_start - _LONGEST_GRACE
        table = pl.concat(self.contracts).filter(still_judged & (pl.col("signed_on") <= end))
        elapsed = (end - pl.col("signed_on")).clip(0, _CONTRACT_DAYS) / _CONTRACT_DAYS
        return table.with_columns((elapsed * _ITEMS).floor().cast(pl.Int64).alias("items_due"))


def _quarter_of(days: np.ndarray) -> np.ndarray:
    months: np.ndarray = (days.astype("datetime64[D]")).astype("datetime64[M]").astype(int) % 12
    return months // 3 + 1
