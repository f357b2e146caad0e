"""Pages of policies: what is in force, what is missing, whose money, in both languages."""

import dataclasses
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_contracts.messages import catalogue
from reports import policy_data
from reports.site import write_site
from tests.unit.reports.test_reports_site import in_browser, payload

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def home(make_home: Callable[..., Any], trees: dict[str, Any]) -> Any:
    return make_home(trees["city"])


@pytest.fixture(scope="module")
def city(home: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("policies")
    write_site(*home, out)
    return out


def said(message: str, language: str, **params: object) -> str:
    return catalogue()[message][language].format(**params)


@pytest.mark.parametrize(("language", "folder"), [("zh", "."), ("en", "en")])
def test_gaps_are_named_in_words(city: Path, language: str, folder: str) -> None:
    page = (city / folder / "policy_htn_management.html").read_text("utf-8")
    for gap in ("no_service", "no_indicator", "no_service_no_indicator"):
        assert page.count(f'<span class="gap">{said(f"reports.gap.{gap}", language)}</span>') == 1


def test_a_chain_is_shown_from_clause_to_verdict(city: Path) -> None:
    page = (city / "en" / "policy_htn_management.html").read_text("utf-8")
    row = re.search(r"<td class=\"words\"[^>]*>Clause visit.*?</tr>", page, re.DOTALL)
    assert row is not None
    for words in ("Visit", "4 × a year, face to face", "≥ 62.5% by 2025-12-31", "58.3%", "57.0 – 59.0", "not met"):
        assert words in row[0], words


def test_the_version_in_force_is_marked_and_the_change_told(city: Path) -> None:
    page = (city / "en" / "policy_htn_management.html").read_text("utf-8")
    rows = re.findall(r"<tr><td class=\"nowrap\">(2017|2024)(.*?)</tr>", page, re.DOTALL)
    assert [version for version, _ in rows] == ["2024", "2017"]
    assert ["this period" in words for _, words in rows] == [True, False]
    assert "More often" in rows[0][1]
    assert "2017-02-28 to 2024-03-31" in rows[1][1]


def test_a_policy_that_is_not_in_force_says_why_it_has_no_score(city: Path) -> None:
    page = (city / "policy_kiosks.html").read_text("utf-8")
    reason = said("reports.standing.not_yet", "zh", first="2030-01-01")
    assert said("reports.empty.score", "zh", reason=reason) in page
    assert payload(city / "policy_kiosks.html")["policy"]["score"] is None


def test_own_records_of_a_policy_and_of_no_other_are_shown(city: Path) -> None:
    chain = {entry["id"]: entry for entry in payload(city / "policy_htn_management.html")["policy"]["chain"]}
    assert set(chain["fund_execution_against_time_pct"]["val"]) == {91.5}
    assert set(chain["fund_execution_against_time_pct"]["past"]) == {91.5}
    assert chain["chronic_hypertension_control_pct"]["chain"] == "result"


def test_the_chain_shows_published_values_of_every_area(home: Any, city: Path) -> None:
    _, frames = home
    shown = payload(city / "policy_htn_management.html")
    entry = next(item for item in shown["policy"]["chain"] if item["id"] == "chronic_hypertension_control_pct")
    for period, key in (("2025Q4", "val"), ("2024Q4", "past")):
        values = frames["ind__values"].filter(
            pl.col("period") == period, pl.col("indicator_id") == entry["id"], pl.col("stratum") == "all"
        )
        expected = dict(zip(values["area_id"], values["value"], strict=True))
        assert entry[key] == [expected[area] for area in shown["areas"]["id"]]


def test_money_is_whole_and_entries_of_no_area_are_listed(city: Path) -> None:
    shown = payload(city / "policy_htn_management.html")
    money = shown["policy"]["money"]
    assert [source["title"] for source in money["sources"]] == ["中央", "合计"]
    assert [column[0] for column in money["sources"][1]["amounts"]] == [400_000, 300_000, 200_000, 300, 200]
    assert money["unplaced"] == [["c404", 400_000, 300_000, 200_000, 300, 200]]
    assert all(
        isinstance(amount, int) for source in money["sources"] for column in source["amounts"] for amount in column
    )


def test_the_register_lists_policies_services_and_money_nobody_registered(city: Path) -> None:
    page = (city / "en" / "policies.html").read_text("utf-8")
    assert 'href="policy_htn_management.html"' in page
    assert 'href="policy_kiosks.html"' in page
    assert "12,345" in page
    assert "777" in page
    assert said("reports.service.no_feed", "en") in page
    unregistered = page.split(said("reports.section.unregistered", "en"))[1].split("</section>")[0]
    assert "nobody" in unregistered
    assert "4,000.00 yuan" in unregistered


def test_every_page_of_policies_links_to_all_of_them(city: Path) -> None:
    for name in ("policies", "policy_htn_management", "policy_kiosks"):
        nav = (city / f"{name}.html").read_text("utf-8").split('class="subtabs"')[1].split("</nav>")[0]
        assert re.findall(r'href="([^"]+)"', nav) == [
            "policies.html",
            "policy_htn_management.html",
            "policy_kiosks.html",
        ]
        assert nav.count("aria-current") == 1


def test_hostile_words_of_policies_stay_words(home: Any, tmp_path: Path) -> None:
    context, frames = home
    view = context.policies["htn_management"]
    bad = view.titles.model_copy(update={"zh": HOSTILE, "en": HOSTILE})
    broken = dataclasses.replace(view, titles=bad, owner=bad, class_titles=bad, document=HOSTILE)
    clauses = frames["policy__clauses"].with_columns(clause_zh=pl.lit(HOSTILE), clause_en=pl.lit(HOSTILE))
    context = dataclasses.replace(context, policies={**context.policies, "htn_management": broken})
    for path in write_site(context, {**frames, "policy__clauses": clauses}, tmp_path):
        if path.suffix == ".html":
            content = path.read_text("utf-8")
            assert "<img" not in content
            assert content.count("</script>") == 3


def test_without_tables_of_policies_pages_say_so(home: Any, tmp_path: Path) -> None:
    context, frames = home
    kept = {name: frame for name, frame in frames.items() if not name.startswith(("policy__", "score__"))}
    write_site(context, kept, tmp_path)
    for message in ("reports.empty.clauses", "reports.empty.policy_money"):
        assert said(message, "zh") in (tmp_path / "policy_htn_management.html").read_text("utf-8")
    assert said("reports.empty.policies", "zh") in (tmp_path / "policies.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("row", "zh", "en"),
    [
        ({"times": 4, "per": "year", "mode": "face_to_face"}, "每年 4 次，面对面", "4 × a year, face to face"),
        ({"times": 2, "per": "month", "mode": "any"}, "每月 2 次", "2 × a month"),
        ({"times": None, "per": None, "mode": None}, "", ""),
    ],
)
def test_frequencies_in_words(row: dict[str, Any], zh: str, en: str) -> None:
    assert (policy_data.frequency(row, "zh"), policy_data.frequency(row, "en")) == (zh, en)


def test_a_target_of_an_earlier_year_says_in_which_it_was_judged(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["city"])
    table = frames["policy__clauses"]
    late = pl.col("indicator_id").is_not_null()
    past = table.with_columns(
        pl.when(late).then(pl.lit(date(2024, 12, 31))).otherwise(pl.col("target_by")).alias("target_by"),
        pl.when(late).then(pl.lit("past")).otherwise(pl.col("status")).alias("status"),
    )
    write_site(context, {**frames, "policy__clauses": past}, tmp_path)
    assert "已过期；于 2024 年判定" in (tmp_path / "policy_htn_management.html").read_text("utf-8")
    assert "（截至 2024-12-31）" in (tmp_path / "policy_htn_management.html").read_text("utf-8")
    assert "past; judged in 2024" in (tmp_path / "en" / "policy_htn_management.html").read_text("utf-8")


def test_every_verdict_gap_standing_period_and_mode_has_its_words() -> None:
    from typing import get_args

    from data_contracts.settings.policies import Gap
    from data_contracts.settings.services import Frequency
    from data_contracts.tables import output_tables

    known, tables = catalogue(), output_tables()
    wanted = {f"reports.gap.{gap}" for gap in get_args(Gap)} - {"reports.gap.none"}
    wanted |= {f"reports.verdict.{item}" for item in tables["policy__clauses"].columns["status"].allowed}
    wanted |= {f"reports.standing.{item}" for item in tables["policy__register"].columns["status"].allowed}
    wanted |= {f"reports.per.{item}" for item in get_args(Frequency.model_fields["per"].annotation)}
    wanted |= {f"reports.mode.{item}" for item in get_args(Frequency.model_fields["mode"].annotation)} - {
        "reports.mode.any"
    }
    assert sorted(wanted - set(known)) == []


@pytest.mark.slow
def test_a_page_of_a_policy_follows_the_area_chosen(home: Any, city: Path, tmp_path: Path) -> None:
    shown = payload(city / "policy_htn_management.html")
    county = shown["areas"]["level"].index(1)
    fragment = f"#within=1:{shown['areas']['id'][county]}&level=2"
    dom = in_browser(city / "policy_htn_management.html", fragment, tmp_path)
    assert dom.count(f"· {shown['areas']['name'][county]}</span>") >= 3
    outcome = next(part for part in shown["policy"]["parts"] if part["dimension"] == "health_outcome")
    cards = dom.split('id="cards"')[1].split('id="chain"')[0]
    assert f"<span>{outcome['points'][county]:.1f}</span>" in cards
    assert "4,000.00" in dom.split('id="policy-money"')[1]
