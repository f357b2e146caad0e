"""Statements of a release: lines sum to what is paid, the year and the payment told apart, nothing runs in them."""

import re
from typing import Any

import polars as pl
import pytest

from assets.compute.allocation import allocate
from assets.lake import parts
from data_contracts.periods import Period
from data_contracts.tables import output_tables
from pipelines.allocating import EXAMPLES, run_allocate
from reports.context import context_from_settings
from reports.release_money import links, write_statements
from reports.site import render_page, write_site
from reports.site_data import areas_of
from tests.printed import Page, fen
from tests.unit.compute.test_compute_allocation import ALLOCATION, NOW, PEOPLE, city, counted, risked, valued

__all__ = ["city"]
FOLDERS = {"zh": "statements", "en": "en/statements"}
HOSTILE = '../c<"9">&'


def release(city: Any, period: str = NOW) -> tuple[Any, dict[str, pl.DataFrame]]:
    found = allocate(city.home, city.settings, Period.parse(period))
    areas = output_tables()["mart__areas"].shape(parts.read_table(city.home, "mart__areas", [NOW]))
    budget = found.budget if found.status == "ok" else None
    context = context_from_settings(city.settings, period, "r", budget_minor=budget)
    return context, {**found.tables, "areas": areas.with_columns(period=pl.lit(period))}


def paid(frames: dict[str, pl.DataFrame], table: str, column: str) -> dict[str, int]:
    rows = frames[table].filter(pl.col("payee_kind") == "community")
    return dict(rows.group_by("payee_id").agg(pl.col(column).sum()).iter_rows())


@pytest.mark.parametrize("period", ["2025Q1", NOW])
def test_lines_of_the_year_and_of_the_period_sum_to_what_is_paid(city: Any, tmp_path: Any, period: str) -> None:
    for table in ("mart__areas", "ind__counts", "ind__values", "risk__areas", "score__policies"):
        rows = parts.read_table(city.home, table, [NOW])
        if period != NOW and rows is not None:
            city.put_rows(table, period, rows.drop("period").to_dicts())
    context, frames = release(city, period)
    write_statements(context, frames, tmp_path)
    now, year = paid(frames, "alloc__payees", "amount_fen"), paid(frames, "alloc__payments", "year_fen")
    due, before = paid(frames, "alloc__payments", "due_fen"), paid(frames, "alloc__payments", "before_fen")
    assert set(now) == set(PEOPLE)
    assert any(before.values()) == (period == NOW)
    for payee in PEOPLE:
        for folder in FOLDERS.values():
            rows = Page(tmp_path / folder / f"{payee}.html").rows
            first = next(at for at, (kind, _) in enumerate(rows) if kind == "total")
            split = max(at for at, (kind, _) in enumerate(rows[:first]) if kind == "block")
            lines = [[fen(cells[2]) for _, cells in part if cells[0].isdigit()]
                     for part in (rows[:split], rows[split:first])]  # fmt: skip
            assert sum(lines[0]) == year[payee] == fen(rows[split - 1][1][2])
            assert sum(map(sum, lines)) == now[payee] == fen(rows[first][1][2])
            sums = [[fen(cell) for cell in cells[1:]] for kind, cells in rows if kind == "total" and len(cells) == 5]
            assert sums == [[year[payee], due[payee], before[payee], now[payee]]]


def test_every_payee_is_linked_and_every_link_leads_somewhere(city: Any, tmp_path: Any) -> None:
    context, frames = release(city)
    out = tmp_path / "site"
    out.mkdir()
    written = write_site(context, frames, out)
    assert sorted(written) == sorted(path for path in out.rglob("*") if path.is_file())
    assert links(context, frames) == {("community", area): f"statements/{area}.html" for area in PEOPLE}
    for folder in FOLDERS.values():
        for area in PEOPLE:
            path = out / folder / f"{area}.html"
            page = Page(path)
            assert all((path.parent / link.split("#")[0]).resolve().is_file() for link in page.links)
            assert f"../money.html#payee=community%3A{area}" in page.links
            assert "script" not in page.elements
    words = (out / "money.html").read_text("utf-8")
    assert all(f'"statements/{area}.html"' in words for area in PEOPLE)
    page = Page(out / "money.html")
    totals = [fen(cells[-1]) for kind, cells in page.rows if kind == "total" and len(cells) == 8]
    assert totals == [frames["alloc__payees"]["amount_fen"].sum()]


def test_the_same_bytes_whatever_the_order_of_rows(city: Any, tmp_path: Any) -> None:
    context, frames = release(city)
    contents = []
    for name, given in (("a", frames), ("b", {table: frame.reverse() for table, frame in frames.items()})):
        write_statements(context, given, tmp_path / name)
        files = sorted((tmp_path / name).rglob("*.html"))
        contents.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2 * len(PEOPLE)


def test_ids_and_names_of_areas_neither_run_nor_leave_the_folder(city: Any, tmp_path: Any) -> None:
    areas = [*PEOPLE, HOSTILE]
    city.put_rows("mart__areas", NOW, [
        {"area_level": "community", "area_id": area, "area_name": "<img src=x onerror=alert(1)>", "is_rural": False,
         "leaf_count": 1}
        for area in areas
    ])  # fmt: skip
    counted(city, "population", dict.fromkeys(areas, 1000))
    valued(city, dict.fromkeys(areas, (60, 100, "ok")))
    risked(city, dict.fromkeys(areas, 50.0))
    context, frames = release(city)
    before = set(tmp_path.rglob("*"))
    written = write_statements(context, frames, tmp_path / "site")
    assert len(written) == 8
    assert sorted(written) == sorted(path for path in {*tmp_path.rglob("*")} - before if path.is_file())
    for path in written:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+\.html", path.name)
        assert Page(path).elements.isdisjoint({"img", "script"})


def test_impossible_rules_are_on_the_money_page_and_no_statement_is(city: Any, tmp_path: Any) -> None:
    city.write_settings("allocation", ALLOCATION.replace('"0.005"', '"0.5"'))
    context, frames = release(city)
    assert write_statements(context, frames, tmp_path / "site") == []
    assert not (tmp_path / "site").exists()
    assert links(context, frames) == {}
    areas = areas_of(context, frames)
    for language in FOLDERS:
        page = render_page("money", language, context, frames, areas)
        words = re.sub(r"\s+", " ", page).replace("&#39;", "'")
        for table in ("alloc__conflict", "alloc__relaxations", "alloc__best_shares", "alloc__proposal"):
            assert all(said in words for said in frames[table][f"words_{language}"])


def test_what_would_change_it_is_the_division_made_again(city: Any, tmp_path: Any) -> None:
    """A person of another risk, by dividing again with that figure and nothing else."""
    context, frames = release(city)
    own = frames["alloc__changes"].filter(what="risk", status="ok")
    assert set(own["payee_id"]) == set(PEOPLE)
    payee, change = own.select("payee_id", "change_fen").row(0)
    risks = parts.read_table(city.home, "risk__areas", [NOW]).filter(component="total")
    known = dict(risks.unique(["area_id"]).select("area_id", "value").iter_rows())
    risked(city, {**known, payee: known[payee] + 1})
    _, then = release(city)
    year, moved = (paid(own, "alloc__payments", "year_fen")[payee] for own in (frames, then))
    assert change == moved - year
    write_statements(context, frames, tmp_path)
    words = (tmp_path / FOLDERS["zh"] / f"{payee}.html").read_text("utf-8")
    assert "重新算一遍" in words


def test_a_home_in_another_currency_speaks_of_it_everywhere(city: Any, tmp_path: Any) -> None:
    path = city.home.path / "home.yaml"
    currency = "currency: {code: GBP, minor_unit: penny, major: {zh: 英镑, en: pounds}}\n"
    path.write_text(path.read_text("utf-8") + currency, encoding="utf-8")
    context, frames = release(city)
    out = tmp_path / "site"
    out.mkdir()
    write_site(context, frames, out)
    for folder, word, other in (("", "英镑", r"\d 元|元）|（元"), ("en/", "pounds", r"\byuan\b")):
        for page in (out / folder / "money.html", *(out / folder / "statements").glob("*.html")):
            words = page.read_text("utf-8")
            assert word in words
            assert not re.search(other, words), page.name


def test_who_bears_floors_and_caps_is_what_lines_say(tmp_path: Any) -> None:
    for name in sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()):
        folder = EXAMPLES / name
        tables = run_allocate(folder / "spec.yaml", folder / "data", tmp_path / name).tables
        if "payers" not in tables:
            continue
        lines = tables["lines"].filter(pl.col("stage") == "S3", pl.col("payee_kind") != "fund")
        moved = lines.group_by("payee_id").agg(pl.col("amount_fen").sum()).filter(pl.col("amount_fen") != 0)
        stated = tables["payers"].filter(rule="floors_and_caps").group_by("payee_id").agg(pl.col("amount_fen").sum())
        assert dict(moved.iter_rows()) == dict(stated.iter_rows())
