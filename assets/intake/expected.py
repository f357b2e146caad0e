"""Which feeds and institutions are expected to deliver for a period: the one definition behind every "not here yet".

Put here: the definition, from contracts and from what was delivered before. Keep out: deadlines, and what follows
from a delivery that is missing.
"""

from collections.abc import Collection, Iterable, Mapping, Set
from datetime import date, timedelta

from assets.intake.ledger import Entry
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.periods import Period
from data_contracts.settings.home import HomeDocument

Delivered = Mapping[str, Set[str]]
_MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


def delivered_feeds(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """Period → keys of the feeds of which a file was delivered for it."""
    found: dict[str, set[str]] = {}
    for entry in entries:
        found.setdefault(entry.period, set()).add(entry.key)
    return found


def expected_feeds(
    catalog: Catalog, listed: Collection[str] | None, delivered: Delivered, period: Period
) -> list[FeedContract]:
    """The feeds of which a file is expected for `period`, by key, in the version in force.

    `listed`: the feeds that home.yaml lists, None where it lists none. A feed is expected where its contract is in
    force and its stated rhythm comes round. Of a feed without stated rhythm what was delivered decides: where a year
    earlier is known, it is expected if it came then or for both periods before this one; where it is not known, if it
    is listed or has ever come; and before anything has come, always. Changes of areas are never expected. What came
    for later periods decides nothing, so that an earlier period judged again is judged the same.
    """
    so_far = {key: feeds for key, feeds in delivered.items() if key <= period.key}
    in_force = [
        catalog.feed(key, period.key)
        for key, versions in sorted(catalog.feeds.items())
        if versions[0].extras.valid_from <= period.end and versions[0].kind != "area_changes"
    ]
    return [feed for feed in in_force if _is_expected(feed, listed, so_far, period)]


def _is_expected(feed: FeedContract, listed: Collection[str] | None, delivered: Delivered, period: Period) -> bool:
    ever = {key for keys in delivered.values() for key in keys}
    in_use = feed.key in ever or (not ever if listed is None else feed.key in listed)
    if feed.extras.every is not None:
        return in_use and _comes_round(feed.extras.every, period)
    year_ago = delivered.get(Period(period.year - 1, period.index, period.grain).key)
    if year_ago:
        before = [delivered.get(period.shift(-back).key, set()) for back in (1, 2)]
        return feed.key in year_ago or all(feed.key in keys for keys in before)
    return in_use


def _comes_round(every: str, period: Period) -> bool:
    """Whether a span of this rhythm, counted within the year, ends with or within `period`."""
    months = _MONTHS[every]
    return period.end.month // months > (period.start.month - 1) // months


def unused_feeds(catalog: Catalog, listed: Collection[str] | None, delivered: Delivered) -> list[str]:
    """Feeds the home knows but neither lists nor ever had a file of, by key; nobody waits for them."""
    ever = {key for keys in delivered.values() for key in keys}
    if listed is not None or not ever:
        return []
    return [feed.key for feed in catalog.current() if feed.key not in ever and feed.kind != "area_changes"]


def expected_institutions(entries: Iterable[Entry], key: str, period: Period) -> list[str]:
    """Institutions of whom a feed is expected: who delivered it for `period` or for one of the year before it.

    A year, so that one that is silent twice is not forgotten, nor one that delivers once a year. None where nobody
    says whose the files are: then one delivery is expected for all.
    """
    since = Period(period.year - 1, period.index, period.grain).key
    own = [entry for entry in entries if entry.key == key and since <= entry.period <= period.key]
    return sorted({entry.institution_id for entry in own if entry.institution_id})


def missing_institutions(entries: Collection[Entry], key: str, period: Period) -> list[str]:
    """Those of the expected institutions that did not deliver a feed for `period`."""
    here = {entry.institution_id for entry in entries if (entry.key, entry.period) == (key, period.key)}
    return [name for name in expected_institutions(entries, key, period) if name not in here]


def due_date(home: HomeDocument, sender: str, period: Period) -> date:
    """The last day on which a delivery for `period` is in time."""
    known = home.senders.get(sender)
    return period.end + timedelta(days=known.deadline_days if known else 0)
