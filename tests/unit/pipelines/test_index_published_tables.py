"""Tables as foreign agencies publish them: several files, two header rows, other alphabets; the two shipped schemes."""

import csv
import math
from fractions import Fraction

import pytest
import yaml

from data_contracts.closed import DefinitionError
from pipelines.engines import EXAMPLES, run_index
from pipelines.outcomes import SaysNo

SPEC = {
    "id": "x",
    "titles": {"zh": "指数", "en": "Index"},
    "reference": "test",
    "unit": "id",
    "tree": {
        "id": "root",
        "weights": {"how": "equal"},
        "combine": {"how": "arithmetic", "missing": "reweigh"},
        "parts": [{"id": "a", "steps": []}, {"id": "b", "steps": []}],
    },
}


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def column(out, table, part, name="value"):
    found = [row for row in rows(out / "tables" / f"{table}.csv") if row["part"] == part]
    return {row["unit"]: float(row[name]) if row[name] and name != "grade" else row[name] or None for row in found}


def run(folder, *files, **more):
    (folder / "spec.yaml").write_text(yaml.safe_dump({**SPEC, **more}, allow_unicode=True), encoding="utf-8")
    paths = []
    for at, content in enumerate(files):
        paths.append(folder / f"{at}.csv")
        paths[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    run_index(folder / "spec.yaml", paths, folder / "out", progress=lambda _: None)
    return column(folder / "out", "scores", "root")


def test_tables_of_the_same_units_are_joined_by_unit(tmp_path):
    first, second = "id,name,a\n001,East,1\n002,West,2\n", "id,name,b\n003,South,5\n001,East,3\n"
    assert run(tmp_path, first, second, name="name") == {"001": 2, "002": 2, "003": 5}
    assert {row["name"] for row in rows(tmp_path / "out" / "tables" / "scores.csv")} == {"East", "West", "South"}
    with pytest.raises(SaysNo, match=r"1.csv: column 'name' says otherwise .* for 1 units"):
        run(tmp_path, first, second.replace("East", "Est"), name="name")
    # A column that the spec does not read may differ.
    assert run(tmp_path, first, second.replace("East", "Est")) == {"001": 2, "002": 2, "003": 5}
    with pytest.raises(SaysNo, match=r"1.csv: column 'id' repeats ids in 2 rows \(first: row 2\)"):
        run(tmp_path, first, second.replace("003", "001"))
    with pytest.raises(DefinitionError, match="no column 'id'"):
        run(tmp_path, first, second.replace("id,", "key,"))


def test_header_below_a_title_other_separators_and_alphabets(tmp_path):
    text = "Doña Ana and others;;;\nid;a;a;\n001;1,5;2,5;x\n"
    table = {"header_row": 2, "encoding": "windows-1252", "separator": ";", "repeated": "number"}
    parts = [{"id": "a", "steps": []}, {"id": "b", "column": "a 2", "steps": []}]
    spec = {"table": table, "figures": {"decimal": "comma"}, "tree": {**SPEC["tree"], "parts": parts}}
    assert run(tmp_path, text.encode("cp1252"), **spec) == {"001": 2}
    with pytest.raises(SaysNo, match="not encoded as utf-8"):
        run(tmp_path, text.encode("cp1252"), **{**spec, "table": {**table, "encoding": "utf-8"}})
    with pytest.raises(SaysNo, match="without a name"):
        run(tmp_path, text.encode("cp1252"), **{**spec, "table": {**table, "repeated": "refuse"}})
    # Rows are counted as they stand in the file.
    with pytest.raises(SaysNo, match=r"'a' has 1 cells that are no number \(first: row 3\)"):
        run(tmp_path, text.replace("1,5", "1,5?").encode("cp1252"), **spec)


def ran(name, out):
    folder = EXAMPLES / name
    run_index(folder / "spec.yaml", folder / "data.csv", out, progress=lambda _: None)
    return rows(folder / "data.csv")


def averaged(figures, share):
    """PCTLDEF 5 of SAS."""
    ordered, place = sorted(figures), Fraction(share) * len(figures)
    at = math.floor(place)
    return ordered[at] if place > at else (ordered[at - 1] + ordered[at]) / 2


def test_the_penalty_for_hospital_acquired_conditions(tmp_path):
    hospitals = {row["Facility ID"]: row for row in ran("hospital_penalty", tmp_path)}
    names = {"psi_90": "PSI 90 Composite Value", "clabsi": "CLABSI SIR", "cauti": "CAUTI SIR", "ssi": "SSI SIR",
             "mrsa": "MRSA SIR"}  # fmt: skip
    totals = {unit: [] for unit in hospitals}
    for part, name in names.items():
        known = {unit: float(row[name]) for unit, row in hospitals.items() if row[name] != "N/A"}
        low, high = (averaged(known.values(), share) for share in ("1/20", "19/20"))
        drawn = {unit: min(max(figure, low), high) for unit, figure in known.items()}
        centre = sum(drawn.values()) / len(drawn)
        spread = math.sqrt(sum((figure - centre) ** 2 for figure in drawn.values()) / (len(drawn) - 1))
        scores = {unit: (figure - centre) / spread for unit, figure in drawn.items()}
        worst = max(scores.values())
        for unit, row in hospitals.items():
            if part != "psi_90" and row["HAI Footnote"] == "11":
                scores[unit] = worst
            totals[unit] += [scores[unit]] if unit in scores else []
        published = column(tmp_path, "scores", part)
        assert {unit: figure for unit, figure in published.items() if figure is not None} == pytest.approx(
            scores, abs=0.5001e-4
        )
    published = column(tmp_path, "scores", "total")
    for unit, own in totals.items():
        wanted = sum(own) / len(own) if own else None
        assert published[unit] == (None if wanted is None else pytest.approx(wanted, abs=0.5001e-4))
    concerned = [total for unit, total in published.items() if hospitals[unit]["State"] != "MD" and total is not None]
    cut = averaged(concerned, "3/4")
    for unit, grade in column(tmp_path, "grades", "total", "grade").items():
        reduced = published[unit] is not None and published[unit] > cut
        assert grade == (None if hospitals[unit]["State"] == "MD" else "reduced" if reduced else "kept")


def test_purchasing_agrees_with_what_is_stated_and_gives_back_what_was_withheld(tmp_path):
    payments = {row["Facility ID"]: int(row["Payments"].strip("$").replace(",", ""))
                for row in ran("value_purchasing", tmp_path)}  # fmt: skip
    claims = [row for row in rows(tmp_path / "tables" / "submitted.csv") if row["submitted"]]
    assert len(claims) > 30
    assert {row["agrees"] for row in claims} == {"true"}
    factor = {unit: own for unit, own in column(tmp_path, "scores", "factor").items() if own is not None}
    whole = sum(payments[unit] for unit in factor)
    assert sum(payments[unit] * own for unit, own in factor.items()) == pytest.approx(whole, rel=1e-9)
    domains = [column(tmp_path, "scores", name) for name in ("clinical", "engagement", "safety", "efficiency")]
    for unit, total in column(tmp_path, "scores", "total").items():
        there = [own[unit] for own in domains if own[unit] is not None]
        assert total == (pytest.approx(sum(there) / len(there), abs=1e-9) if len(there) >= 3 else None)
