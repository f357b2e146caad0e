"""A release sums to the budget, verifies, says no to tampering, and holds no identifier; nothing new costs nothing."""

import base64
import csv
import io
import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from tests.road.conftest import LAST, RESIDENTS, kangheng, released

Here = Callable[..., subprocess.CompletedProcess[str]]


def test_money_sums_at_every_level(release: Path) -> None:
    lines, payees = released(release, "alloc__lines"), released(release, "alloc__payees")
    manifest = json.loads((release / "internal/manifest.json").read_text("utf-8"))
    budget = manifest["settings"]["budget_of_period"]
    assert budget == 99 * 100 * RESIDENTS // 4
    assert payees["amount_fen"].sum() == lines["amount_fen"].sum() == budget
    sums = lines.group_by("payee_id").agg(pl.col("amount_fen").sum().alias("of_lines"))
    assert payees.join(sums, on="payee_id").filter(pl.col("amount_fen") != pl.col("of_lines")).height == 0
    for stream in manifest["settings"]["allocation"]["streams"]:
        part = lines.filter(pl.col("stream") == stream["id"])["amount_fen"].sum()
        assert abs(part - budget * float(stream["share"])) <= 1
    payments, sources = released(release, "alloc__payments"), released(release, "alloc__sources")
    of_payments = payments.group_by("payee_id").agg(pl.col("amount_fen").sum().alias("of_payments"))
    assert payees.join(of_payments, on="payee_id").filter(pl.col("amount_fen") != pl.col("of_payments")).height == 0
    keys = ["payee_kind", "payee_id", "line_no"]
    of_sources = sources.filter("cash").group_by(keys).agg(pl.col("amount_fen").sum().alias("of_sources"))
    both = lines.join(of_sources, on=keys, how="left")
    assert both.filter(pl.col("amount_fen") != pl.col("of_sources").fill_null(0)).height == 0
    reserve = released(release, "alloc__reserves").row(0, named=True)
    # Before the settlement results count with all they may earn in the year: of three quarters four thirds.
    rural = payees.filter(pl.col("is_rural")).select("payee_id", "year_fen", "undecided_fen")
    pay = payments.filter(stream="performance").select("payee_id", of_pay="year_fen")
    results = released(release, "alloc__performance").group_by("payee_id").agg(pl.col("potential_fen").sum())
    held = rural.join(pay, on="payee_id", how="left").join(results, on="payee_id", how="left").fill_null(0)
    certain = (held["year_fen"] - held["of_pay"] + held["undecided_fen"]).sum()
    assert reserve["settled"] is False
    assert abs(certain + held["potential_fen"].sum() * 4 / 3 - reserve["reached_fen"]) <= 2 * held.height
    assert reserve["reached_fen"] >= reserve["minimum_fen"]
    assert reserve["minimum_fen"] * 10 >= reserve["base_fen"] * 3


def test_pages_and_workbook_are_there(release: Path) -> None:
    pages = {path.name for path in (release / "internal/site").glob("*.html")}
    assert pages >= {"index.html", "indicators.html", "dimensions.html", "risk.html", "money.html", "quality.html"}
    assert (release / "internal/finance" / f"allocation_{LAST}.xlsx").is_file()


def test_the_release_verifies(release: Path) -> None:
    done = kangheng("verify", release)
    assert done.returncode == 0, done.stdout


def _tamper_byte(folder: Path) -> None:
    path = folder / "tables/ind__values.csv"
    path.write_bytes(path.read_bytes().replace(b",ok", b",OK", 1))


def _tamper_extra(folder: Path) -> None:
    (folder / "tables/more.csv").write_text("x\n")


def _tamper_missing(folder: Path) -> None:
    (folder / "tables/risk__areas.parquet").unlink()


def _tamper_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_text("utf-8"))
    document["settings"]["budget_of_period"] += 1
    path.write_text(json.dumps(document), encoding="utf-8")


def _tamper_money_and_hash(folder: Path) -> None:
    """Between payees only the lines give it away."""
    _move_a_fen(folder, "alloc__payees")


def _tamper_sources_and_hash(folder: Path) -> None:
    """Between sources of two lines, too."""
    _move_a_fen(folder, "alloc__sources")


def _tamper_payments_and_hash(folder: Path) -> None:
    _move_a_fen(folder, "alloc__payments")


def _move_a_fen(folder: Path, table: str) -> None:
    """Move one fen from the last row to the first and repair every hash."""
    from assets.lake.atomic import sha256_file
    from assets.release.publish import content_hash

    path = folder / f"tables/{table}.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    rows[0]["amount_fen"] = str(int(rows[0]["amount_fen"]) + 1)
    rows[-1]["amount_fen"] = str(int(rows[-1]["amount_fen"]) - 1)
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    document = json.loads((folder / "manifest.json").read_text("utf-8"))
    for item in document["outputs"]:
        item["sha256"] = sha256_file(folder / item["path"])
        item["bytes"] = (folder / item["path"]).stat().st_size
    document["content_hash"] = content_hash(document["outputs"], document)
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    "tamper",
    [
        _tamper_byte, _tamper_extra, _tamper_missing, _tamper_manifest, _tamper_money_and_hash,
        _tamper_sources_and_hash, _tamper_payments_and_hash,
    ],
)  # fmt: skip
def test_tampering_is_found(release: Path, tmp_path: Path, tamper: object, kangheng_here: Here) -> None:
    copy = tmp_path / release.name
    shutil.copytree(release, copy)
    tamper(copy / "internal")  # type: ignore[operator]
    done = kangheng_here("verify", copy)
    assert done.returncode == 1, done.stdout


def test_nothing_new_is_quick_and_changes_nothing(city: Path, release: Path, tmp_path: Path) -> None:
    city = Path(shutil.copytree(city, tmp_path / "city"))
    release = city / "releases" / release.name
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    start = time.perf_counter()
    done = kangheng("run", "--home", city, "--period", LAST)
    elapsed = time.perf_counter() - start
    assert done.returncode == 0
    assert done.stdout.strip().endswith(release.name)
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before
    assert elapsed < 15  # three seconds on an idle machine; tests share theirs


def _identifiers(city: Path) -> set[str]:
    """Identity numbers and names as delivered, and the numbers without check digit."""
    found = set()
    for path in sorted((city / "landing/health_bureau/residents").rglob("*.csv"))[:2]:
        for row in csv.DictReader(io.StringIO(path.read_bytes().decode("gb18030"))):
            found |= {row["身份证号"].strip(), row["联系电话"].strip()}
    return {text for text in found if len(text) >= 11}


def _readable(path: Path) -> bytes:
    """Everything a searcher could read in a file: raw bytes, members of packages, columns of Parquet."""
    data = path.read_bytes()
    parts = [data]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as package:
            parts.extend(package.read(name) for name in package.namelist())
    if path.suffix == ".parquet":
        parts.append(
            pl.read_parquet(path, hive_partitioning=False).select(pl.all().cast(pl.String)).write_csv().encode()
        )
    return b"\n".join(parts)


def test_no_identifier_outside_landing_vault_and_truth(city: Path) -> None:
    identifiers = _identifiers(city)
    assert len(identifiers) > 900
    forms = _searched_for(identifiers)
    searched = 0
    for part in sorted(city.iterdir()):
        if part.name in ("landing", "vault", "truth"):
            continue
        paths = [path for path in sorted([part, *part.rglob("*")]) if path.is_file()]
        assert _holding(forms, [_readable(path) for path in paths], paths) == []
        searched += len(paths)
    assert searched > 100


def _searched_for(identifiers: set[str]) -> list[str]:
    """Every form of every identifier, a character for each byte."""
    return sorted({form.decode("latin-1") for text in identifiers for form in _forms(text)})


def _holding(forms: list[str], contents: list[bytes], names: Sequence[object]) -> list[object]:
    """Names of the contents in which any form stands anywhere; all forms are looked for in one pass."""
    texts = pl.Series([content.decode("latin-1") for content in contents], dtype=pl.String)
    return [name for name, found in zip(names, texts.str.contains_any(forms), strict=True) if found]


def _forms(text: str) -> list[bytes]:
    encoded = base64.b64encode(text.encode())
    return [text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), encoded[:20], text[:17].encode()]


def test_the_planted_canary_would_be_found(city: Path, tmp_path: Path) -> None:
    """The search above can fail: an identifier inside Parquet and inside a package is seen."""
    identifier = min(_identifiers(city))
    pl.DataFrame({"x": [identifier] * 3}).write_parquet(tmp_path / "a.parquet")
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/x.xml", identifier)
    names = ("a.parquet", "b.xlsx")
    contents = [_readable(tmp_path / name) for name in names]
    assert _holding(_searched_for(_identifiers(city)), [*contents, b"nobody"], [*names, "c"]) == [*names]


def test_explain_a_payee_by_its_name_ends_at_the_amount(city: Path, release: Path, kangheng_here: Here) -> None:
    payees = released(release, "alloc__payees").filter(payee_kind="community")
    areas = released(release, "mart__areas").rename({"area_id": "payee_id"})
    # Two communities may have one name.
    named = payees.join(areas, on="payee_id").filter(pl.col("area_name").is_unique()).sort("payee_id")
    name, amount = named.select("area_name", "amount_fen").row(3)
    done = kangheng_here("explain", "--home", city, "--period", LAST, "--payee", name, "--json")
    values = json.loads(done.stdout)["values"]
    assert values["sum"] == amount


def test_explain_a_cell_counts_again(city: Path, kangheng_here: Here) -> None:
    cell = f"ind__values:city/9901/{LAST}/chronic_hypertension_control_pct/national_2017/all"
    done = kangheng_here("explain", "--home", city, "--period", LAST, "--cell", cell, "--json")
    values = json.loads(done.stdout)["values"]
    assert values["same"] is True
    assert len(values["sources"]) >= 4


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("run", "--home", "{city}", "--period", "2030Q1"), 2, "2030Q1"),
        (("run", "--home", "{city}/nowhere", "--period", LAST), 2, "kangheng demo"),
        (("explain", "--home", "{city}", "--period", LAST, "--payee", "99010100100"), 2, "nearest: 9901"),
        (("check", "{city}/home.yaml", "--feed", "hospital.encounters"), 2, "hospitals.encounters"),
        (("verify", "{city}"), 1, "manifest"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    city: Path, arguments: tuple[str, ...], code: int, word: str, kangheng_here: Here
) -> None:
    done = kangheng_here(*(argument.format(city=city) for argument in arguments))
    assert done.returncode == code, done.stdout + done.stderr
    assert word in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_status_names_what_is_missing(city: Path, kangheng_here: Here) -> None:
    done = kangheng_here("status", "--home", city, "--json")
    state = json.loads(done.stdout)
    feeds = [feed for sender in state["senders"] for feed in sender["feeds"]]
    assert len(feeds) > 10
    assert all(feed["state"] == "arrived" and feed["files"] for feed in feeds)
    assert state["release"] == f"{LAST}-r1"
