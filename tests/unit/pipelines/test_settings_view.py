"""Every setting with where it comes from, every contract with its version, unknown keys with the nearest."""

import json
from pathlib import Path

import pytest

from data_contracts.closed import DefinitionError
from pipelines.settings_view import settings_of


def by_place(home: Path) -> dict[tuple[str, str], tuple[object, str]]:
    return {(value.file, value.entry): (value.value, value.source) for value in settings_of(home).values}


def test_values_of_the_home_and_of_the_package_are_told_apart(make_home):
    home = make_home()
    (home / "settings").mkdir()
    (home / "settings" / "limits.yaml").write_text('quarantine_share: "0.2"\n', encoding="utf-8")
    found = by_place(home)
    assert found["limits.yaml", "quarantine_share"] == ("0.2", "home")
    assert found["limits.yaml", "threads"][1] == "package"
    assert found["home.yaml", "calendar.first"] == ("2025Q3", "home")
    assert found["home.yaml", "senders.hospitals.deadline_days"] == (10, "home")
    assert found["home.yaml", "currency.code"] == ("CNY", "package")


def test_a_part_that_is_half_written_has_its_other_half_from_the_package(make_home):
    home = make_home()
    path = home / "home.yaml"
    words = path.read_text("utf-8").replace(", deadline_days: 20}", "}")
    path.write_text(f"{words}currency: {{code: GBP}}\n", encoding="utf-8")
    found = by_place(home)
    assert found["home.yaml", "senders.civil_affairs.deadline_days"] == (15, "package")
    assert found["home.yaml", "currency.code"] == ("GBP", "home")
    assert found["home.yaml", "currency.minor_unit"] == ("fen", "package")


def test_contracts_show_version_and_whose_they_are(make_home):
    home = make_home()
    (contract,) = settings_of(home).contracts
    assert (contract.feed, contract.source, contract.in_force) == ("civil_affairs.welfare", "package", True)
    shipped = Path(__file__).parents[3] / "data_contracts" / "feeds" / "civil_affairs.welfare"
    own = home / "contracts" / "feeds" / "civil_affairs.welfare"
    own.mkdir(parents=True)
    (newest,) = [path for path in shipped.glob("*.yaml") if path.stem == contract.valid_from]
    for day in (contract.valid_from, "2031-01-01"):
        words = newest.read_text("utf-8").replace(contract.valid_from, day)
        (own / f"{day}.yaml").write_text(words, encoding="utf-8")
    found = [(item.valid_from, item.source, item.in_force) for item in settings_of(home).contracts]
    assert found == [(contract.valid_from, "home", True), ("2031-01-01", "home", False)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_value_stands_on_a_line_with_its_source(make_home, language):
    view = settings_of(make_home())
    lines = view.lines(language)
    words = "\n".join(lines)
    for value in view.values:
        assert f"  {value.entry}" in words
    assert lines[-1] == f"sha256 {view.settings.fingerprint}"
    assert json.dumps(view.as_dict(), default=str)


def test_an_unknown_key_is_named_with_the_nearest_in_both_languages(make_home):
    home = make_home()
    (home / "settings").mkdir()
    (home / "settings" / "limits.yaml").write_text("thread: 2\n", encoding="utf-8")
    with pytest.raises(DefinitionError) as error:
        settings_of(home)
    assert "不认识的键“thread”；是不是“threads”？" in error.value.words("zh")
    assert "unknown key 'thread'; did you mean 'threads'?" in error.value.words("en")


def test_what_is_judged_shows_its_bounds(make_home):
    """Every bound that is written stands on the line of its figure; one of the home too."""
    home = make_home()
    (home / "settings").mkdir()
    (home / "settings" / "judgement.yaml").write_text(
        "volume_against_previous:\n  titles: {zh: 比, en: ratio}\n  formula: {zh: 比, en: ratio}\n"
        "  severity: warning\n  bounds:\n"
        '    - {valid_from: "2017-01-01", low: "0.5", high: "2", minimum: 7, reference: x}\n'
        '    - {valid_from: "2018-01-01", feed: civil_affairs.welfare, reference: x}\n',
        encoding="utf-8",
    )
    view = settings_of(home)
    (line,) = [line for line in view.lines("zh") if line.strip().startswith("volume_against_previous")]
    assert "比；界限：0.5–2 （不少于 7 条才判断） 自 2017-01-01 起、" in line
    assert "civil_affairs.welfare 此处不设界限（x） 自 2018-01-01 起" in line
    for value in (value for value in view.values if value.file == "judgement.yaml"):
        (line,) = [line for line in view.lines("en") if line.strip().startswith(f"{value.entry}:")]
        for bound in value.value["bounds"]:
            assert all(str(bound[name]) in line for name in ("low", "high", "valid_from") if bound[name] is not None)
