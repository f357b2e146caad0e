"""Published periods for which files came, or were corrected, after their release: `run` and `status` name them.

Put here: finding them and saying so. Keep out: which files bear on a period (assets.stages.road) and releasing again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.release.publish import current
from assets.stages.road import Road
from data_contracts.messages import both, text

# A long list of files is cut; the JSON has all of them.
_NAMED = 5


@dataclass(frozen=True)
class StaleRelease:
    """A release in force and the files, as `feed`, `name` and `period`, that it does not hold yet."""

    period: str
    release: str
    files: list[dict[str, str]]


def stale_releases(road: Road, shown: str) -> list[StaleRelease]:
    """Of every period but `shown`, of which the caller tells more."""
    found = []
    for period, release in sorted(current(road.home)["periods"].items()):
        changed = road.changed_since_release(period) if period != shown else []
        if changed:
            files = [{"feed": item.key, "name": item.landing_name, "period": item.period} for item in changed]
            found.append(StaleRelease(period, release, files))
    return found


def stale_lines(stale: Sequence[StaleRelease], language: str) -> Iterator[str]:
    """One line per release, naming the first files."""
    for item in stale:
        names = [f"{file['feed']} {Path(file['name']).name} ({file['period']})" for file in item.files[:_NAMED]]
        files = ("、" if language == "zh" else ", ").join(names) + (" …" if len(item.files) > _NAMED else "")
        yield text("restating_period", language, period=item.period, release=item.release, files=files)


def stale_steps(stale: Sequence[StaleRelease], home: Path) -> list[dict[str, str]]:
    """What to do about each, in both languages."""
    return [both("restating_do", home=home, period=item.period, release=item.release) for item in stale]
