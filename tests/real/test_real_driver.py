"""The driver of `make real`: homes are YAML, land what sources.yaml says and are reported with a verified release."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.real import MissingDataError, build_home, report
from data_contracts.closed import DefinitionError

TEMPLATES = Path(__file__).parents[2] / "benchmarks" / "real"


def template(folder: Path, sources: dict[str, object]) -> Path:
    """A template that is nothing but sources."""
    folder.mkdir()
    (folder / "sources.yaml").write_text(yaml.safe_dump(sources))
    return folder


@pytest.fixture
def own_data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "one.csv").write_text("\ufeffcode,size\n007,1\n008,2\n")
    (folder / "two.csv").write_text("code,size\n008,3\n009,4\n")
    return folder


def test_homes_have_no_program_of_their_own() -> None:
    kinds = {path.suffix for path in TEMPLATES.rglob("*") if path.is_file()}
    assert kinds == {".yaml"}


def test_files_are_copied_and_derived(tmp_path: Path, own_data: Path) -> None:
    query = "select o.code, n.size - cast(o.size as int) as more from one as o join two as n using (code)"
    query = query.replace("n.size", "cast(n.size as int)") + " where cast(n.size as int) >= cast($least as int)"
    derived = {"query": query, "tables": {"one": "one.csv", "two": "two.csv"}, "parameters": {"least": "3"}}
    made = template(tmp_path / "t", {"a/b/one.csv": "one.csv", "a/c/pairs.csv": derived})
    home = build_home(made, own_data, tmp_path / "home")
    assert (home / "landing/a/b/one.csv").read_bytes() == (own_data / "one.csv").read_bytes()
    assert (home / "landing/a/c/pairs.csv").read_text() == "code,more\n008,1\n"
    assert not (home / "sources.yaml").exists()


def test_an_old_home_does_not_shine_through(tmp_path: Path, own_data: Path) -> None:
    made = template(tmp_path / "t", {"a/b/one.csv": "one.csv"})
    (tmp_path / "home" / "landing").mkdir(parents=True)
    (tmp_path / "home" / "landing" / "old.csv").write_text("x")
    assert not (build_home(made, own_data, tmp_path / "home") / "landing" / "old.csv").exists()


def test_a_missing_file_is_named(tmp_path: Path, own_data: Path) -> None:
    derived = {"query": "select 1", "tables": {"one": "one.csv", "two": "three.csv"}}
    for source in ("three.csv", derived):
        made = template(tmp_path / "t", {"a/b/x.csv": source})
        with pytest.raises(MissingDataError, match=r"three\.csv.*KANGHENG_DATA"):
            build_home(made, own_data, tmp_path / "home")
        shutil.rmtree(made)


def test_an_unknown_word_in_sources_is_named(tmp_path: Path, own_data: Path) -> None:
    made = template(tmp_path / "t", {"a/b/x.csv": {"query": "select 1", "tabels": {}}})
    with pytest.raises(DefinitionError, match="tabels"):
        build_home(made, own_data, tmp_path / "home")


HOME = """
format: 1
name: {zh: 两年, en: Two years}
level: region
calendar: {grain: year, first: "2023", last: "2025"}
levels: [{id: site, titles: {zh: 点, en: Site}}, {id: region, titles: {zh: 区, en: Region}}]
feeds: [office.counts, office.changes]
indicators: [share]
rule_sets: [own]
"""
RULE_SETS = """
own: {titles: {zh: 自有, en: Own}, reference: Own, valid_from: "2020-01-01", parameters: {}}
"""
MEASURES = """
part: {titles: {zh: 部分, en: Part}, mart: mart__area_facts, filter: "fact = 'part'", aggregate: sum, column: value,
  window: at_end}
whole: {titles: {zh: 全部, en: Whole}, mart: mart__area_facts, filter: "fact = 'whole'", aggregate: sum, column: value,
  window: at_end}
"""
INDICATORS = """
share:
  titles: {zh: 占比, en: Share}
  definition: {zh: 部分占全部, en: Part of the whole}
  numerator_words: {zh: 部分, en: part}
  denominator_words: {zh: 全部, en: whole}
  kind: ratio
  numerator: part
  denominator: whole
  window: at_end
  multiplier: 100
  digits: 1
  unit: {zh: "%", en: "%"}
  direction: neutral
  chain: context
  owner: {zh: 自有, en: Own}
  reference: Own
"""


def contract(feed: str, columns: dict[str, dict[str, object]], **extras: Any) -> str:
    head = {"sender": "office", "feed": feed, "titles": {"zh": feed, "en": feed}, "valid_from": "2020-01-01", **extras}
    ours = [
        {
            "name": name,
            "logicalType": "string",
            "required": name in extras["business_key"],
            "customProperties": [{"property": "kangheng", "value": {"titles": {"zh": name, "en": name}, **column}}],
        }
        for name, column in columns.items()
    ]
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"office.{feed}",
        "name": feed,
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": feed, "physicalType": "file", "properties": ours}],
        "customProperties": [{"property": "kangheng", "value": head}],
    }
    return yaml.safe_dump(document, allow_unicode=True)


@pytest.fixture
def two_years(tmp_path: Path) -> Path:
    """A template of three sites: one closes, one opens, one gets a new code; and 2024 without a file."""
    made = tmp_path / "two_years"
    text, fact = {"type": "text"}, {"type": "integer", "role": "fact"}
    counts = contract(
        "counts",
        {"site": text, "part": fact | {"fact": "part"}, "whole": fact | {"fact": "whole"}},
        kind="aggregate",
        delivery="snapshot",
        period={"file_name": "(?P<year>20[0-9]{2})"},
        business_key=["site"],
        area={"column": "site"},
        levels=[
            {"level": "site", "id": "site"},
            {"level": "region", "constant": {"id": "R", "name": {"zh": "区", "en": "R"}}},
        ],
    )
    changes = contract(
        "changes",
        dict.fromkeys(("old_id", "new_id", "change_kind"), text) | {"changed_on": {"type": "date"}},
        kind="area_changes",
        delivery="increment",
        period={"file_name": "(?P<year>20[0-9]{2})"},
        business_key=["old_id", "new_id"],
    )
    files = {
        "home.yaml": HOME,
        "settings/rule_sets.yaml": RULE_SETS,
        "settings/measures.yaml": MEASURES,
        "settings/indicators.yaml": INDICATORS,
        "contracts/feeds/office.counts/2020-01-01.yaml": counts,
        "contracts/feeds/office.changes/2020-01-01.yaml": changes,
        "sources.yaml": yaml.safe_dump(
            {f"office/counts/{year}.csv": f"{year}.csv" for year in (2023, 2025)}
            | {"office/changes/2025.csv": "changes.csv"}
        ),
    }
    for name, words in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(words, encoding="utf-8")
    return made


# Dagster warns of its own next version.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_a_home_is_reported_and_verified(
    two_years: Path, own_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_data / "2023.csv").write_text("site,part,whole\nstays,1,2\ncloses,3,4\nold,5,9\n")
    (own_data / "2025.csv").write_text("site,part,whole\nstays,2,4\nopens,1,4\nnew,x,9\nnew,6,9\n")
    (own_data / "changes.csv").write_text("old_id,new_id,change_kind,changed_on\nold,new,recode,2024-05-01\n")
    assert report(build_home(two_years, own_data, tmp_path / "home"))
    printed = capsys.readouterr().out
    for line in (
        "office.counts 2023: 3 = 0 + 0 + 0 + 3 + 0 + 0",
        "office.counts 2025: 4 = 0 + 0 + 1 + 3 + 0 + 0",
        "counts 2025 type_part (error): 1 / 4",
        "share 2023: 60.0 [9.000000 / 15.000000] ok; ok 4",
        "share 2025: 52.9 [9.000000 / 17.000000] ok; ok 4",
        # Delivered: one code in both years, four in one; now: `new` has the year of `old` as well.
        "in 2023, 2025: codes as delivered 1 in 2 + 4 in 1; codes of 2025 2 in 2 + 1 in 1, of them 1 going on",
        "content_hash",
    ):
        assert line in printed
    assert "Money" not in printed
