"""The driver of `make real`: homes are YAML, land what sources.yaml says and are reported with a verified release."""

import shutil
from pathlib import Path

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


# Dagster warns of its own next version.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_a_home_is_reported_and_verified(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(build_home(TEMPLATES / "synthea", data, tmp_path / "home"))
    printed = capsys.readouterr().out
    assert "content_hash" in printed
    assert "0 quarantined" in printed
