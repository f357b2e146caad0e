"""The desk: definitions load fast and light, every asset is described, the graph is as drawn."""

import json
import os
import subprocess
import sys

HEAVY = [
    "polars",
    "pandas",
    "duckdb",
    "pyarrow",
    "plotly",
    "pandera",
    "great_expectations",
    "statsmodels",
    "scipy",
    "numpy",
]


def _load() -> dict[str, object]:
    script = (
        "import json, sys, time\n"
        "import dagster\n"
        "start = time.process_time()\n"
        "from pipelines.definitions import defs\n"
        "graph = defs.resolve_asset_graph()\n"
        "elapsed = time.process_time() - start\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "every = graph.get_all_asset_keys()\n"
        "parents = lambda k: sorted(p.to_user_string() for p in graph.get(k).parent_keys)\n"
        "keys = {k.to_user_string(): parents(k) for k in every}\n"
        "groups = {k.to_user_string(): graph.get(k).group_name for k in graph.get_all_asset_keys()}\n"
        "bare = [k.to_user_string() for k in graph.get_all_asset_keys() if not graph.get(k).description]\n"
        "print(json.dumps({'seconds': elapsed, 'heavy': heavy, 'keys': keys, 'groups': groups, 'bare': bare}))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KANGHENG_HOME"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_definitions_load_fast_and_light_and_say_what_they_are() -> None:
    loads = [_load() for _ in range(2)]
    found = loads[0]
    assert found["heavy"] == []
    assert found["bare"] == []
    assert min(float(str(load["seconds"])) for load in loads) <= 1.5
    groups = found["groups"]
    assert isinstance(groups, dict)
    assert set(groups.values()) == {"archive", "stg", "link", "mart", "ind", "score", "risk", "alloc", "quality", "pub"}
    keys = found["keys"]
    assert isinstance(keys, dict)
    assert keys["stg_hospitals__encounters"] == ["archive__files"]
    assert keys["ind__values"][0] == "ind__counts"
    read = {"ind__counts", "ind__rebased", "ind__values", "risk__areas", "risk__compared"}
    read |= {"score__policies", "score__appraisals"}
    assert set(keys["alloc__payees"]) == read
    assert "alloc__payees" in keys["pub__release"]
