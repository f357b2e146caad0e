"""The desk of a home: partitions of its grain, jobs from every stage, checks that name who sent what."""

from pathlib import Path

import pytest

from assets.stages import STAGES
from assets.stages.plan import Plan
from pipelines.assembly import build
from pipelines.jobs import job_names


def _definitions(home: Path | None = None):
    return build(Plan.of_home(home), str(home or ""))


@pytest.mark.parametrize(
    ("grain", "keys"),
    [("month", ["2025-11", "2025-12"]), ("quarter", ["2025Q3", "2025Q4"]), ("year", ["2024", "2025"])],
)
def test_partitions_are_the_periods_of_the_home_by_their_public_keys(make_home, grain, keys):
    definitions = _definitions(make_home(grain))
    graph = definitions.resolve_asset_graph()
    found = {tuple(graph.get(key).partitions_def.get_partition_keys()) for key in graph.get_all_asset_keys()}
    assert found == {tuple(keys)}
    jobs = {name: definitions.resolve_job_def(name).partitions_def.get_partition_keys() for name in job_names()}
    assert list(jobs.values()) == [keys] * len(STAGES)


def test_the_road_is_everything_and_every_later_stage_has_a_job_of_its_own():
    definitions = _definitions()
    graph = definitions.resolve_asset_graph()
    assert job_names() == ["road", *(f"from_{stage}" for stage in list(STAGES)[1:])]
    every = set(graph.get_all_asset_keys())
    assert _assets(definitions, "road") == every
    for stage in list(STAGES)[1:]:
        assert _assets(definitions, f"from_{stage}") == _walked(graph, stage), stage


def _assets(definitions, job):
    return set(definitions.resolve_job_def(job).asset_layer.executable_asset_keys)


def _walked(graph, stage):
    """A stage and what reads it, found by asking every table what it reads until nothing is added."""
    reached = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == stage}
    while True:
        more = {key for key in graph.get_all_asset_keys() if graph.get(key).parent_keys & reached} - reached
        if not more:
            return reached
        reached |= more


def test_checks_of_a_feed_name_its_sender_in_both_languages(make_home):
    graph = _definitions(make_home()).resolve_asset_graph()
    found = {
        key.name: graph.get_check_spec(key).description
        for key in graph.asset_check_keys
        if key.asset_key.to_user_string() == "stg_civil_affairs__welfare"
    }
    assert sorted(found) == ["records_add_up", "refused_share", "whole_files"]
    for words in found.values():
        assert "民政局（civil_affairs）" in words
        assert "Civil affairs (civil_affairs)" in words


def test_a_feed_shows_its_owner_its_columns_and_the_contract_in_force(make_home):
    home = make_home()
    asset = _definitions(home).resolve_assets_def("stg_civil_affairs__welfare")
    (spec,) = asset.specs
    assert spec.owners == ["team:民政局"]
    columns = [column.name for column in spec.metadata["dagster/column_schema"].columns]
    assert "category" in columns
    assert "person_name" not in columns
    place = spec.metadata["契约 contract"].url
    assert place.startswith("/program/feeds/civil_affairs.welfare/")
    served = Path(__file__).parents[3] / "data_contracts" / "feeds"
    assert (served / place.removeprefix("/program/feeds/")).is_file()


def test_every_table_says_what_it_is_in_chinese_and_english():
    graph = _definitions().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        words = graph.get(key).description
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words), key
        assert any(letter.isascii() and letter.isalpha() for letter in words), key
