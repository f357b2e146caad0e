"""A run keeps its files open and still leaves the history that Dagster itself would leave."""

from collections import Counter
from pathlib import Path

import dagster as dg

from pipelines.desk import instance_folder
from pipelines.run_history import writing_instance


@dg.asset
def counted() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset(deps=[counted])
def summed(context: dg.AssetExecutionContext) -> None:
    seen = context.instance.get_latest_materialization_event(dg.AssetKey("counted"))
    assert seen is not None


def history(folder: Path) -> tuple[list[str], Counter[str], int]:
    """What Dagster's own storage reads: states of runs, kinds of events, rows of the last materialisation."""
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        runs = instance.get_runs()
        events = Counter(
            str(entry.dagster_event.event_type_value)
            for run in runs
            for entry in instance.all_logs(run.run_id)
            if entry.dagster_event
        )
        event = instance.get_latest_materialization_event(dg.AssetKey("counted"))
        assert event is not None
        assert event.asset_materialization is not None
        return [run.status.value for run in runs], events, int(event.asset_materialization.metadata["rows"].value)


def test_the_history_is_what_dagster_would_have_written(tmp_path: Path) -> None:
    for opened, name in ((writing_instance, "kept"), (lambda f: dg.DagsterInstance.from_config(str(f)), "stock")):
        with opened(instance_folder(tmp_path / name)) as instance:
            assert dg.materialize([counted, summed], instance=instance).success
    kept, stock = (history(tmp_path / name / "dagster") for name in ("kept", "stock"))
    assert kept == stock
    assert kept[0] == ["SUCCESS"]


def test_the_desk_sees_a_run_while_it_lasts(tmp_path: Path) -> None:
    folder = instance_folder(tmp_path)
    with writing_instance(folder) as instance:
        assert dg.materialize([counted], instance=instance).success
        states, events, rows = history(folder)
        assert (states, rows) == (["SUCCESS"], 3)
        assert events["ASSET_MATERIALIZATION"] == 1
        with dg.DagsterInstance.from_config(str(folder)) as desk:
            desk.add_run_tags(desk.get_runs()[0].run_id, {"seen": "yes"})
        assert instance.get_runs()[0].tags["seen"] == "yes"
    assert sorted(path.suffix for path in folder.rglob("runs/*")) == [".db", ".db"]


def test_a_storage_that_a_home_places_elsewhere_is_used_there(tmp_path: Path) -> None:
    folder, own = instance_folder(tmp_path / "home"), tmp_path / "own"
    with (folder / "dagster.yaml").open("a", encoding="utf-8") as configuration:
        configuration.write(f"storage:\n  sqlite:\n    base_dir: {own}\n")
    with writing_instance(folder) as instance:
        assert dg.materialize([counted], instance=instance).success
    assert (own / "history" / "runs.db").is_file()
    assert not (folder / "history").exists()


def test_a_run_that_stops_half_way_is_read_as_far_as_it_came(tmp_path: Path) -> None:
    @dg.asset
    def stops() -> None:
        raise ValueError

    folder = instance_folder(tmp_path)
    with writing_instance(folder) as instance:
        assert not dg.materialize([counted, stops], instance=instance, raise_on_error=False).success
    states, events, rows = history(folder)
    assert (states, rows) == (["FAILURE"], 3)
    assert events["STEP_FAILURE"] == 1
