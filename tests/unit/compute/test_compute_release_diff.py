"""What changed between the money of two releases: to the fen by payee and step, with its cause in files and rules."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.compute.allocation import allocate
from assets.lake import parts
from assets.release.differing import _changed
from assets.release.publish import ReleaseContent, publish
from data_contracts.closed import DefinitionError
from data_contracts.periods import Period
from data_contracts.tables import output_tables
from pipelines.differing import run_diff
from pipelines.outcomes import SaysNo
from tests.unit.compute.test_compute_incentive_audit import NOW, PEOPLE, RULES, filled

LATE = {"file_id": "f2", "sha256": "b", "sender": "hospitals", "feed": "visits", "institution": "H1", "period": NOW}
FIRST = {**LATE, "file_id": "f1", "sha256": "a"}


def released(workshop: Any, *inputs: dict[str, str], code: str = "one") -> Path:
    """A release of what the settings and figures of the home divide now."""
    found = allocate(workshop.home, workshop.settings, Period.parse(NOW))
    assert found.status == "ok", found.message
    tables = {name: frame for name, frame in found.tables.items() if output_tables()[name].document.published}
    for name in ("mart__areas", "risk__areas"):
        tables[name] = parts.read_table(workshop.home, name, [NOW])
    content = ReleaseContent(
        NOW, tables, lambda _: None, list(inputs), workshop.settings.as_dict(), {"source": code, "lock": ""}
    )  # fmt: skip
    return publish(workshop.home, content, lambda _: None)[0]


def people(workshop: Any, **changed: int) -> None:
    rows = [
        {"area_level": "community", "stratum": "all", "area_id": area, "measure_id": "population", "rule_set": rule,
         "value": count}
        for area, count in {**PEOPLE, **changed}.items() for rule in RULES
    ]  # fmt: skip
    workshop.put_rows("ind__counts", NOW, rows)


def amounts(release: Path) -> dict[str, int]:
    frame = pl.read_parquet(release / "internal/tables/alloc__payees.parquet")
    return dict(frame.select("payee_id", "amount_fen").iter_rows())


def test_a_late_file_is_the_cause_and_every_fen_is_accounted_for(workshop: Any, tmp_path: Path) -> None:
    home = filled(workshop, "risk_structural")
    before = released(home, FIRST)
    people(home, c1=3500)
    after = released(home, FIRST, LATE)
    run = run_diff(after, None, tmp_path / "out")
    old, new = amounts(before), amounts(after)
    found = {row["payee_id"]: row for row in run.found.money.payees.iter_rows(named=True)}
    for payee, row in found.items():
        assert (row["a_fen"], row["b_fen"]) == (old.get(payee, 0), new.get(payee, 0))
    assert sum(row["difference_fen"] for row in found.values()) == sum(new.values()) - sum(old.values()) == 0
    steps = run.found.money.steps.group_by("payee_id").agg(pl.col("difference_fen").sum())
    assert all(found[payee]["difference_fen"] == fen for payee, fen in steps.iter_rows())
    figures = run.found.figures.filter(figure="people").select("payee_id", "a_value", "b_value").rows()
    assert figures == [("c1", 3000.0, 3500.0)]
    words = " ".join(own["zh"] for own in run.found.causes)
    assert "hospitals.visits H1 2025Q4" in words
    assert "全部来自数据" in words
    for language, name in (("zh", "index.html"), ("en", "en.html")):
        page = (tmp_path / "out" / name).read_text("utf-8")
        assert all(own[language] in page for own in run.found.causes)
        assert "社区c1" in page
    document = json.loads((tmp_path / "out/run.json").read_text("utf-8"))
    assert (document["a"], document["b"]) == (before.name, after.name)
    said = "\n".join(run.lines("en"))
    assert "all of the difference comes from data" in said
    assert "  社区c1 c1: " in said


def test_a_changed_rule_is_named(workshop: Any) -> None:
    home = filled(workshop, "risk_structural")
    released(home, FIRST)
    path = home.home.settings / "allocation.yaml"
    path.write_text(path.read_text("utf-8").replace("ratio: 2", "ratio: 3"), encoding="utf-8")
    run = run_diff(released(home, FIRST), None, None)
    words = " ".join(own["en"] for own in run.found.causes)
    assert "allocation.streams.need.risk.ratio 2 → 3" in words
    assert "comes from rules or program" in words
    assert run.found.figures.is_empty()
    assert run.found.money.payees["difference_fen"].abs().sum() > 0


def test_each_changed_setting_is_named_with_its_value_before_and_after() -> None:
    streams = [{"id": "perf", "threshold": "0.50", "points": [[80, 0.9]]}, {"id": "need", "ratio": 2}]
    old = {"allocation": {"streams": streams, "note": "x" * 60, "cap": None}, "limits": {"rows": 1}}
    new = {
        "allocation": {
            # Order alone is no change.
            "streams": [{"id": "need", "ratio": 2}, {**streams[0], "threshold": "0.45", "points": [[80, 0.8]]},
                        {"id": "more"}],
            "note": "y" * 60, "cap": True,
        },
        "limits": {"rows": 2},
    }  # fmt: skip
    assert list(_changed(old, new)) == [
        "allocation.cap — → true",
        "allocation.note … → …",
        'allocation.streams.more — → {"id": "more"}',
        "allocation.streams.perf.points [[80, 0.9]] → [[80, 0.8]]",
        "allocation.streams.perf.threshold 0.50 → 0.45",
    ]
    assert not list(_changed(old, old))


def test_rules_and_data_together_are_not_told_apart(workshop: Any) -> None:
    home = filled(workshop, "risk_structural")
    released(home, FIRST)
    people(home, c1=3500)
    run = run_diff(released(home, FIRST, LATE, code="two"), None, None)
    words = " ".join(own["zh"] for own in run.found.causes)
    assert "各占多少" in words
    assert "程序" in words


def test_what_cannot_be_compared_is_named(workshop: Any, tmp_path: Path) -> None:
    home = filled(workshop, "risk_structural")
    only = released(home, FIRST)
    with pytest.raises(SaysNo):
        run_diff(only, None, None)
    with pytest.raises(DefinitionError):
        run_diff(only, tmp_path, None)
    manifest = only / "internal/manifest.json"
    document = json.loads(manifest.read_text("utf-8"))
    document["settings"]["allocation"] = None
    manifest.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DefinitionError, match="no rules of money"):
        run_diff(only, only, None)
