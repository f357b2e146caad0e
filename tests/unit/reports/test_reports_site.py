import dataclasses
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_contracts.judgement import EXPECTATIONS
from data_contracts.messages import catalogue
from data_contracts.tables import output_tables
from reports import site_data
from reports.context import ExpectationView, parameter_in_words, words
from reports.quality_data import observed, quality_payload, suspects
from reports.site import PAGES, embed, write_site

ROOM = Path(site_data.__file__).parent
HOSTILE = "</script><img src=x onerror=alert(1)>&\"'\u2028{{7*7}}"
TABLES = ("ind__values", "score__policies", "risk__areas", "alloc__lines", "alloc__payees", "quality__files", "areas")


def payload(page: Path) -> dict[str, Any]:
    inside = re.search(
        r'<script type="application/json" id="payload">(.*?)</script>', page.read_text("utf-8"), re.DOTALL
    )
    assert inside is not None
    return json.loads(inside[1])


def digest(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def city(make_home: Callable[..., Any], trees: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    context, frames = make_home(trees["city"], hostile=HOSTILE)
    out = tmp_path_factory.mktemp("city")
    write_site(context, frames, out)
    return out


def test_files_of_the_site(make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path) -> None:
    context, frames = make_home(trees["towns"], money=False)
    written = write_site(context, frames, tmp_path)
    assert written[0] == tmp_path / "index.html"
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    pages = {*PAGES, *(f"policy_{policy}" for policy in context.policies)}
    assert {path.name for path in (tmp_path / "en").iterdir()} == {f"{page}.html" for page in pages}


def test_same_input_same_bytes_whatever_the_row_order(
    make_home: Callable[..., Any], trees: dict[str, Any], city: Path, tmp_path: Path
) -> None:
    context, frames = make_home(trees["city"], hostile=HOSTILE)
    write_site(context, {name: frame.reverse() for name, frame in reversed(frames.items())}, tmp_path)
    assert digest(tmp_path) == digest(city)


def test_nothing_is_fetched(city: Path) -> None:
    for path in city.rglob("*"):
        if path.is_file() and path.name != "plotly.min.js":
            content = path.read_text("utf-8")
            assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", content), path.name
            assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|import)\s*\(", content), path.name
            assert "@import" not in content, path.name
            assert "url(" not in content, path.name


def test_only_own_files_are_linked(city: Path) -> None:
    for page in city.rglob("*.html"):
        targets = re.findall(r'(?:src|href)="([^"#]+)"', page.read_text("utf-8"))
        assert targets
        for target in targets:
            assert (page.parent / target).resolve().is_file(), (page, target)


def test_one_plotly_for_both_languages(city: Path) -> None:
    assert [path.parent for path in city.rglob("plotly.min.js")] == [city]


def test_hostile_name_stays_text(city: Path) -> None:
    for page in city.rglob("*.html"):
        content = page.read_text("utf-8")
        assert "<img" not in content
        assert "\u2028" not in content
        assert content.count("</script>") == 3
    assert HOSTILE in payload(city / "index.html")["areas"]["name"]


def test_hostile_words_of_the_context_are_escaped(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["towns"], money=False)
    bad = context.home.model_copy(update={"zh": HOSTILE, "en": HOSTILE})
    context = dataclasses.replace(context, home=bad, warnings=(bad,), release_id=HOSTILE)
    for page in write_site(context, frames, tmp_path):
        if page.suffix == ".html":
            assert "<img" not in page.read_text("utf-8")


def test_embed_reads_back() -> None:
    document = {"a": [HOSTILE, None, 1.5, {"b": "\u2029<!--"}]}
    assert json.loads(embed(document)) == document
    assert not set("<>&\u2028\u2029") & set(embed(document))


def test_embed_refuses_numbers_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        embed([float("nan")])


@pytest.mark.parametrize("missing", [*TABLES, "everything"])
def test_a_page_without_its_table_says_so(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path, missing: str
) -> None:
    context, frames = make_home(trees["towns"])
    gone = TABLES if missing == "everything" else (missing,)
    absent = {name: frame for name, frame in frames.items() if name not in gone}
    empty = {name: frame.clear() if name in gone else frame for name, frame in frames.items()}
    page_of = {
        "ind__values": ("indicators", "indicators"),
        "score__policies": ("dimensions", "dimensions"),
        "risk__areas": ("risk", "risk"),
        "alloc__payees": ("money", "money"),
        "quality__files": ("quality", "files"),
        "areas": ("index", "areas"),
    }
    for folder, given in (("absent", absent), ("empty", empty)):
        write_site(context, given, tmp_path / folder)
        for name in gone:
            page, sentence = page_of.get(name, ("index", None))
            if sentence is None or (missing == "everything" and sentence != "files" and page not in ("index", "money")):
                continue
            for language, path in (("zh", f"{page}.html"), ("en", f"en/{page}.html")):
                words = catalogue()[f"reports.empty.{sentence}"][language]
                assert words in (tmp_path / folder / path).read_text("utf-8")


def test_footnote_on_every_page(city: Path) -> None:
    for page in city.rglob("*.html"):
        foot = page.read_text("utf-8").split("<footer>")[1].split("</footer>")[0]
        assert "2025Q4-r1" in foot
        assert ("不得对外公开" in foot) or ("Not for public release" in foot)
        assert ("版本：内部" in foot) or ("Profile: internal" in foot)
        assert ("2025年第4季度" in foot) or ("Q4 2025" in foot)
        assert ("2025 口径" in foot) or ("National basic services, 2025" in foot)


def test_language_switch_points_to_the_same_page(city: Path) -> None:
    for page in (*PAGES, "policy_htn_management"):
        assert f'href="en/{page}.html"' in (city / f"{page}.html").read_text("utf-8")
        assert f'href="../{page}.html"' in (city / "en" / f"{page}.html").read_text("utf-8")


def test_figures_on_the_page_are_those_of_the_table(
    make_home: Callable[..., Any], trees: dict[str, Any], city: Path
) -> None:
    context, frames = make_home(trees["city"], hostile=HOSTILE)
    data = payload(city / "indicators.html")
    areas = data["areas"]
    levels = list(reversed(context.levels))
    seen = {
        (levels[areas["level"][at]], areas["id"][at], entry["id"]): (
            entry["num"][at],
            entry["den"][at],
            entry["val"][at],
            entry["lo"][at],
            entry["hi"][at],
            data["statuses"][entry["st"][at]],
        )
        for entry in data["indicators"]
        for at in range(len(areas["id"]))
    }
    rows = frames["ind__values"].filter(pl.col("period") == context.period)
    expected = {
        (row["area_level"], row["area_id"], row["indicator_id"]): (
            row["numerator"],
            row["denominator"],
            row["value"],
            row["lower"],
            row["upper"],
            row["status"],
        )
        for row in rows.iter_rows(named=True)
    }
    assert seen == expected


def test_last_year_is_the_same_quarter(make_home: Callable[..., Any], trees: dict[str, Any], city: Path) -> None:
    _, frames = make_home(trees["city"], hostile=HOSTILE)
    entry = payload(city / "index.html")["indicators"][0]
    past = frames["ind__values"].filter(
        pl.col("period") == "2024Q4", pl.col("indicator_id") == entry["id"], pl.col("area_level") == "city"
    )
    assert entry["past"][0] == past["value"][0]


def test_statement_lines_add_up_to_the_amount(city: Path) -> None:
    for path in (city / "money.html", city / "en" / "money.html"):
        money = payload(path)["money"]
        assert len(money["key"]) == 61
        for amount, lines in zip(money["amount"], money["lines"], strict=True):
            assert sum(line[4] for line in lines) == amount


def test_statement_is_in_the_language_of_the_page(city: Path) -> None:
    assert payload(city / "money.html")["money"]["lines"][0][0][1] == "按资金类别：按规定计算"
    assert payload(city / "en" / "money.html")["money"]["lines"][0][0][1] == "By stream: by rule"


def test_thousands_of_areas_keep_pages_light(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["england"])
    pages = [path for path in write_site(context, frames, tmp_path) if path.suffix == ".html"]
    # 3,452 areas and 6 indicators; a bureau twice the size stays below 15 MB with room for more indicators.
    assert max(path.stat().st_size for path in pages) < 4_000_000
    kept = [entry["trend"]["count"] for entry in payload(tmp_path / "index.html")["indicators"]]
    assert all(count >= 1 + 7 + 42 + 378 for count in kept)


def test_every_label_used_exists() -> None:
    known = catalogue()
    script = (ROOM / "static" / "site.js").read_text("utf-8")
    strings = site_data.script_strings("zh")
    used = set(re.findall(r'\bS\("([a-z_.]+)"[,)]', script)) | {
        f"about.{key}" for key in re.findall(r'\["([a-z_]+)", (?:entry|policy)\.', script)
    }
    assert len(used) > 60
    assert sorted(used - set(strings)) == []
    for template in (ROOM / "templates").glob("*.html"):
        for message_id in re.findall(r"t\('(reports\.[a-z_.]+[a-z_])'\)", template.read_text("utf-8")):
            assert message_id in known, (template.name, message_id)
    for page in PAGES:
        assert f"reports.page.{page}" in known
        assert f"reports.lead.{page}" in known
    assert site_data.script_strings("en").keys() == strings.keys()


def test_both_languages_have_the_same_places_to_fill() -> None:
    for message_id, wording in catalogue().items():
        if message_id.startswith("reports."):
            places = [set(re.findall(r"\{(\w+)\}", wording[language])) for language in ("zh", "en")]
            assert places[0] == places[1], message_id


def in_browser(page: Path, fragment: str, profile: Path) -> str:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here: the script of the pages is not run")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=8000", "--dump-dom", page.as_uri() + fragment]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.decode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", [*PAGES, "policy_htn_management", "policy_kiosks"])
def test_pages_draw_in_a_browser(city: Path, tmp_path: Path, page: str) -> None:
    dom = in_browser(city / f"{page}.html", "", tmp_path)
    charts = {"index": 6, "indicators": 2, "dimensions": 1, "risk": 2, "money": 2, "quality": 1}
    charts["policy_htn_management"] = 1
    assert dom.count('class="main-svg"') >= charts.get(page, 0)
    assert "<img" not in dom


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "unit"), [("", "元"), ("en/", "yuan")])
def test_heads_are_whole_and_money_has_its_unit_on_the_first_page(
    make_home: Callable[..., Any], trees: dict[str, Any], city: Path, tmp_path: Path, folder: str, unit: str
) -> None:
    context, frames = make_home(trees["city"], hostile=HOSTILE)
    dom = in_browser(city / folder / "index.html", "", tmp_path)
    tiles = {
        re.findall(r"indicator=([a-z0-9_]+)", tile)[0]: re.findall(r"<b>([^<]*)</b> ", tile)
        for tile in dom.split('<article class="tile">')[1:]
    }
    rows = frames["ind__values"].filter(pl.col("period") == context.period, pl.col("area_level") == "city")
    fractions = 0
    for row in rows.iter_rows(named=True):
        if row["numerator"] is None:
            continue
        shown = tiles[row["indicator_id"]][-2:]
        if row["indicator_id"] == "fund_execution_against_time_pct":
            fen = [int(row[side].quantize(1, rounding=ROUND_HALF_UP)) for side in ("numerator", "denominator")]
            assert shown == [f"{part // 100:,}.{part % 100:02d} {unit}" for part in fen]
            fractions += row["denominator"] % 1 != 0
        else:
            assert shown == [f"{int(row[side]):,}" for side in ("numerator", "denominator")]
    assert fractions == 1


@pytest.mark.slow
def test_periods_stand_in_order_where_the_first_has_no_value(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["city"])
    gone = pl.col("period") == "2023Q1"
    values = frames["ind__values"].with_columns(
        pl.when(gone).then(None).otherwise(pl.col(name)).alias(name) for name in ("value", "lower", "upper")
    )
    write_site(context, {**frames, "ind__values": values}, tmp_path / "site")
    dom = in_browser(tmp_path / "site" / "index.html", "", tmp_path / "profile")
    sparks = [spark.split("</article>")[0] for spark in dom.split('id="spark-')[1:]]
    found = [
        re.findall(r'<g class="xtick"><text[^>]*translate\(([0-9.]+),.*?>(20\d\dQ\d)</text>', spark) for spark in sparks
    ]
    assert len(found) == 6
    for ticks in found:
        assert [period for _, period in sorted((float(x), period) for x, period in ticks)] == ["2023Q1", "2025Q4"]


@pytest.mark.slow
def test_statement_opens_from_a_link(city: Path, tmp_path: Path) -> None:
    dom = in_browser(city / "money.html", "#payee=fund:reserve_fund", tmp_path)
    statement = dom.split('class="statement"')[1]
    assert "统筹预备资金" in statement
    assert "10,000.01 元" in statement
    assert catalogue()["reports.js.adds_up"]["zh"] in statement


def test_the_indicators_page_shows_the_parameters_its_rule_set_states(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["towns"])
    key = "chronic_hypertension_control_pct"
    used = dataclasses.replace(context.indicators[key], parameters=("sbp_target_mmhg", "any_visit_mode", "unstated"))
    stated = {
        name: parameter_in_words(name, value) for name, value in (("any_visit_mode", 0), ("sbp_target_mmhg", 141))
    }
    context = dataclasses.replace(
        context,
        indicators={**context.indicators, key: used},
        parameters=dict.fromkeys(context.rule_sets, stated),
    )
    write_site(context, frames, tmp_path)
    for folder, shown in (
        ("", [["收缩压低于（mmHg）", "141"], ["规范随访不限方式（否：仅面对面）", "否"]]),
        (
            "en",
            [["Systolic pressure below (mmHg)", "141"], ["Any mode of follow-up counts (no: face to face only)", "no"]],
        ),
    ):
        entries = payload(tmp_path / folder / "indicators.html")["indicators"]
        assert {entry["id"]: entry["parameters"] for entry in entries if entry["parameters"]} == {key: shown}


def test_checks_of_deliveries_are_in_the_words_of_the_page(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["towns"])
    titles = {
        name: ExpectationView(words(f"期望{at}", f"expectation {at}"), words("怎样算", "how"))
        for at, name in enumerate(EXPECTATIONS)
    }
    context = replace(context, expectations=titles)
    row = frames["quality__deliveries"].head(1)
    checks = pl.concat(
        row.with_columns(
            pl.lit(name).alias("expectation"), pl.lit(seen).alias("observed"), pl.lit(wish).alias("expected")
        )
        for name, seen, wish in (("delivery_present", "0", "≥ 1"), ("volume_against_previous", "0", "≥ 0.7"))
    )
    write_site(context, {**frames, "quality__deliveries": checks}, tmp_path)
    for folder, title, late, there in (
        ("", "期望", "未报送", "已报送"),
        ("en", "expectation", "not delivered", "delivered"),
    ):
        shown = payload(tmp_path / folder / "quality.html")["quality"]["checks"]
        assert [line[2].startswith(title) for line in shown] == [True, True]
        assert [line[4:6] for line in shown] == [[late, there], ["0", "≥ 0.7"]]


def test_a_refused_file_is_told_from_a_delivery_of_nothing(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["towns"])
    files = frames["quality__files"]
    states = output_tables()["quality__files"].columns["status"].allowed or []
    given = pl.concat(
        files.head(1).with_columns(pl.lit(state).alias("file_id"), pl.lit(state).alias("status")) for state in states
    )
    write_site(context, {**frames, "quality__files": given}, tmp_path)
    for folder in ("", "en"):
        data = payload(tmp_path / folder / "quality.html")
        assert {row[0]: row[-1] for row in data["quality"]["files"]} == {state: state for state in states}
        assert len({data["strings"][f"file.{state}"] for state in states}) == len(states) == 3


def test_a_suspect_delivery_says_where_what_since_when_and_which_indicators_and_leads_to_the_fix_list(
    make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path
) -> None:
    context, frames = make_home(trees["city"])
    view = ExpectationView(
        words("记录数与上期之比", "Records relative to last period"), words("本期除以上期", "now by then")
    )
    context = replace(
        context,
        expectations={"volume_against_previous": view},
        fix_lists={("hospitals.encounters", "inst-1"): "fixlists/2025Q4/hospitals.encounters/整改.xlsx"},
        columns={("hospitals.encounters", "cost"): words("费用", "Cost")},
    )
    checks = frames["quality__deliveries"].with_columns(
        pl.when(~pl.col("success")).then(pl.lit("cost")).alias("column")
    )
    write_site(context, {**frames, "quality__deliveries": checks}, tmp_path)
    chinese, english = ((tmp_path / name).read_text("utf-8") for name in ("quality.html", "en/quality.html"))
    for page, wanted in (
        (
            chinese,
            (
                "记录数与上期之比",
                "inst-1",
                "列：费用",
                "0.012",
                "0.5–2",
                "基数 1,000",
                "2025年第4季度",
                "本期除以上期",
                "WHO",
            ),
        ),
        (
            english,
            ("Records relative to last period", "inst-1", "column: Cost", "0.012", "0.5–2", "now by then", "Q4 2025"),
        ),
    ):
        part = page[page.index('id="suspects"') : page.index("</section>", page.index('id="suspects"'))]
        assert [text for text in (*wanted, "inst-1", "0.012", "0.5–2") if text not in part] == []
        assert "indicators.html#indicator=hospital_admissions_per_1k" in part
        assert part.count("<tr>") == 2
    # The path in the home is named and no link leaves the folder of the release, which may be mailed without the home.
    assert "fixlists/2025Q4/hospitals.encounters/整改.xlsx" in chinese
    assert "fixlists/2025Q4/hospitals.encounters/整改.xlsx" in english
    assert 'href="../../' not in chinese + english


def test_shares_are_shown_in_percent_and_other_figures_as_they_are() -> None:
    assert observed("single_digit_rare", "0.4407", "zh") == "44.1%"
    assert observed("admitted_persons_settled", "≥ 0.7", "zh") == "≥ 70%"
    assert observed("empty_share_against_previous", "0–0.0512", "en") == "0%–5.1%"
    assert observed("volume_against_previous", "0.5–2", "zh") == "0.5–2"
    assert observed("single_digit_rare", None, "zh") == "—"


def test_an_institution_is_shown_by_name_where_the_register_knows_it(
    make_home: Callable[..., Any], trees: dict[str, Any]
) -> None:
    context, frames = make_home(trees["city"])
    for known, wanted in (({}, "inst-1"), ({"inst-1": "第一医院"}, "第一医院（inst-1）")):
        shown = suspects(replace(context, institutions=known), frames, "zh")
        assert wanted in {row["where"] for kind in shown["kinds"] for row in kind["rows"]}
        checks = quality_payload(replace(context, institutions=known), frames, "zh")["checks"]
        assert wanted in {row[1] for row in checks}


def test_a_page_says_what_was_not_judged(make_home: Callable[..., Any], trees: dict[str, Any], tmp_path: Path) -> None:
    context, frames = make_home(trees["city"])
    write_site(context, frames, tmp_path)
    page = (tmp_path / "en" / "quality.html").read_text("utf-8")
    assert page.count("nothing to compare, not judged") == 3
    write_site(context, {**frames, "quality__deliveries": frames["quality__deliveries"].clear()}, tmp_path)
    assert "nothing to compare, not judged" not in (tmp_path / "en" / "quality.html").read_text("utf-8")
