"""A demo home lists the feeds that its city delivers, so that nobody waits for others."""

from pathlib import Path

from data_contracts.contracts import Catalog
from data_contracts.settings.loading import load_settings
from pipelines.demo_home import make_demo_home

# Delivered only when there is something to say.
PERHAPS = {"civil_affairs.area_changes", "health_bureau.device_readings", "health_bureau.health_points"}


def test_a_demo_home_lists_what_is_in_its_landing_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_demo_home(home, residents=300, first="2025Q4", last="2025Q4")
    landed = {f"{folder.parent.name}.{folder.name}" for folder in (home / "landing").glob("*/*") if folder.is_dir()}
    listed = load_settings(home).home.feeds
    assert listed == sorted(listed)
    assert landed <= set(listed) <= landed | PERHAPS
    assert list(Catalog.load(home / "contracts", listed).feeds) == listed
    assert set(listed) < set(Catalog.load().feeds)
