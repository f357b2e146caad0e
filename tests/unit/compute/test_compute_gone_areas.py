"""A lowest-level area that is gone and became nothing: where its past counts on a later geography."""

from datetime import date

from assets.compute.geography import Areas, Changes, _placed

THEN = date(2016, 12, 31)
NOTHING = Changes.read([], "changes")


def areas(leaf: str, board: str, region: str) -> Areas:
    return {0: ("practice", leaf), 1: ("board", board), 2: ("region", region), 3: ("nation", "N")}


def placed(before: dict[str, Areas], now: dict[str, Areas]) -> dict[str, dict[str, str]]:
    """Leaf → level → area, by the closure of the later geography."""
    closure = _placed({leaf: (THEN, found) for leaf, found in before.items()}, THEN, now, NOTHING).closure
    found: dict[str, dict[str, str]] = {}
    for leaf, level, area in closure.select("leaf_id", "area_level", "area_id").iter_rows():
        found.setdefault(leaf, {})[level] = area
    return found


def test_it_lies_where_the_lowest_area_that_is_left_lies_now() -> None:
    # The regions were given new codes; the board of the closed practice was not.
    found = placed(
        {"p1": areas("p1", "b1", "old"), "closed": areas("closed", "b1", "old")}, {"p1": areas("p1", "b1", "new")}
    )
    assert found["closed"] == {"board": "b1", "region": "new", "nation": "N"}
    assert found["p1"] == {"practice": "p1", "board": "b1", "region": "new", "nation": "N"}


def test_a_board_that_moved_takes_its_closed_practices_with_it() -> None:
    now = {"p1": areas("p1", "b1", "east"), "p2": areas("p2", "b2", "west")}
    found = placed({"closed": areas("closed", "b1", "west")}, now)
    assert found["closed"] == {"board": "b1", "region": "east", "nation": "N"}


def test_it_stays_where_it_was_when_the_board_lies_in_two_regions() -> None:
    now = {"p1": areas("p1", "b1", "east"), "p2": areas("p2", "b1", "west")}
    assert placed({"closed": areas("closed", "b1", "west")}, now)["closed"]["region"] == "west"


def test_without_any_area_of_the_lower_levels_only_the_nation_is_left() -> None:
    found = placed({"closed": areas("closed", "b9", "old")}, {"p1": areas("p1", "b1", "new")})
    assert found["closed"] == {"nation": "N"}
