"""A release that does not pass its examination is not put in force and leaves nothing behind."""

from pathlib import Path

import pytest

from assets.lake.home import Home
from assets.release.publish import ReleaseContent, current, publish, releases_of


class UnsoundError(RuntimeError):
    pass


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home")
    place.path.mkdir()
    place.make_folders()
    return place


def content(words: str) -> ReleaseContent:
    def draw(folder: Path) -> None:
        (folder / "page.txt").write_text(words)

    return ReleaseContent("2025Q4", {}, draw, inputs=[], settings={}, code={})


def test_an_unsound_release_changes_nothing(home: Home) -> None:
    first, new = publish(home, content("first"), lambda _: None)
    assert new
    before = current(home)
    assert before["periods"] == {"2025Q4": first.name}

    def refuse(release: Path) -> None:
        assert (release / "internal/manifest.json").is_file()
        assert (release / "internal/page.txt").read_text() == "second"
        raise UnsoundError

    with pytest.raises(UnsoundError):
        publish(home, content("second"), refuse)
    assert current(home) == before
    assert releases_of(home, "2025Q4") == [first]
    second, new = publish(home, content("second"), lambda _: None)
    assert new
    assert second.name == "2025Q4-r2"
    assert not list(home.releases.glob(".tmp-*"))
