"""`kangheng demo`: a home with the settings of a fictional city, its files, its truth and what to expect of it.

Put here: which settings a scenario has, and printing what is planted. Keep out: the generator (demo/).
"""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml

from assets.lake.home import Home
from data_contracts.closed import read_yaml
from data_contracts.messages import both, did_you_mean, text, wrong
from data_contracts.periods import periods_between
from data_contracts.settings.loading import load_settings
from pipelines.demo.generator import DemoSummary, generate
from pipelines.demo.scenario import DEFAULT, Expected, Scenario, load_scenario, scenario_folder
from pipelines.demo.truth_money import write_money
from pipelines.expectations import Found
from pipelines.locking import lock_settings

# Below so many residents a community of the city has hardly a figure that may be shown.
_SMALL = 20_000
_SETTINGS = Path(__file__).parent / "demo" / "settings"
# National base standard of basic public-health services, yuan per resident and year.
_STANDARD = {2020: 74, 2021: 79, 2022: 84, 2023: 89, 2024: 94, 2025: 99}
# The city fixed its weights before the first period it reports.
_LOCKED_BY, _LOCKED_AT = "规划信息科（示例）", datetime(2022, 12, 30, 10, tzinfo=timezone(timedelta(hours=8)))
_HOME = """format: 1
name: {{zh: 康宁市（虚构）, en: Kangning (fictional)}}
level: city
time_zone: Asia/Shanghai
calendar: {{grain: {grain}, first: "{first}", last: "{last}"}}
levels:
  - {{id: community, titles: {{zh: 社区, en: Community}}}}
  - {{id: township, titles: {{zh: 乡镇街道, en: Township}}}}
  - {{id: county, titles: {{zh: 区县, en: County}}}}
  - {{id: city, titles: {{zh: 全市, en: City}}}}
senders:
  health_bureau: {{titles: {{zh: 卫生健康局, en: Health bureau}}, deadline_days: 15}}
  hospitals: {{titles: {{zh: 医院, en: Hospitals}}, deadline_days: 10}}
  civil_affairs: {{titles: {{zh: 民政局, en: Civil affairs}}, deadline_days: 20}}
  insurers: {{titles: {{zh: 医保局, en: Insurers}}, deadline_days: 25}}
approval: none
rule_sets: [national_2017, platform_2011]
feeds:
{feeds}"""


def make_demo_home(
    path: Path,
    *,
    scenario: str = DEFAULT,
    residents: int | None = None,
    seed: int | None = None,
    first: str | None = None,
    last: str | None = None,
    faults: bool = True,
    progress: Callable[[str], None] | None = None,
) -> DemoSummary:
    """Make the home of a scenario and fill its landing folder; refuses a folder that is a home already.

    What is left out is as the scenario says.
    """
    if (path / "home.yaml").exists():
        raise wrong("wrong_home_exists", path=path)
    story = load_scenario(scenario)
    first, last = first or story.first, last or story.last
    grain = periods_between(first, last)[0].grain
    path.mkdir(parents=True, exist_ok=True)
    Home(path).make_folders()
    for name, document in _settings(scenario, story, residents or story.residents, grain).items():
        words = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)
        target = path / "settings" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(words, encoding="utf-8")
    chosen = {} if seed is None else {"seed": seed}
    summary = generate(
        path, scenario=story, residents=residents, first=first, last=last, faults=faults, progress=progress, **chosen
    )
    if (residents, seed, faults) == (None, None, True) and (first, last) == (story.first, story.last):
        _write_expected(path / "truth" / "expected.csv", story)
    # Written last: a folder without home.yaml is no home, so a killed generation is not taken for a finished one.
    feeds = "".join(f"  - {key}\n" for key in sorted(summary.feeds))
    words = _HOME.format(grain=grain, first=first, last=last, feeds=feeds)
    (path / "home.yaml").write_text(words, encoding="utf-8")
    lock_settings(path, _LOCKED_BY, at=_LOCKED_AT)
    if scenario == DEFAULT and grain == "quarter":
        write_money(path / "truth", load_settings(path).as_dict())
    return summary


def story_lines(name: str, language: str, residents: int | None = None) -> list[str]:
    """A scenario in words: story, size, traps, and the figures the road gives with its own size, seed and periods.

    `residents`: the size asked for instead of its own.
    """
    story = load_scenario(name)
    lines = [f"{story.titles.get(language)} ({name})", story.story.get(language)]
    if residents is None:
        note = story.residents_note.get(language)
        lines.append(text("demo_size", language, residents=f"{story.residents:,}", note=note))
    else:
        lines.append(text("demo_size_asked", language, residents=f"{residents:,}", own=f"{story.residents:,}"))
        if residents < _SMALL and not story.refused:
            lines.append(text("demo_small", language))
    if story.twin_of:
        lines.append(text("demo_twin", language, original=story.twin_of))
    lines += [text("demo_trap", language, trap=trap.get(language)) for trap in story.traps]
    for item in story.expected:
        sentence = "demo_missed" if item.id in story.misses else "demo_expected"
        lines.append(text(sentence, language, **_expected_words(item, language)))
    if story.refused:
        lines.append(text("demo_refused", language, words=" · ".join(story.refused)))
    return lines


def _write_expected(path: Path, story: Scenario) -> None:
    """The figures of the scenario for a program to compare; `at_least`: a lower bound; `missed`: a twin's miss."""
    names = [*(name for name in Expected.model_fields if name != "what"), "missed"]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        for item in story.expected:
            writer.writerow(item.model_dump(exclude={"what"}) | {"missed": item.id in story.misses})


def found_lines(found: list[Found], language: str) -> list[str]:
    """What a release gives beside what a scenario expects."""
    return [
        text(
            "demo_found",
            language,
            **_expected_words(item.expected, language),
            mark=text("demo_holds" if item.holds else "demo_misses", language),
            value="—" if item.value is None else f"{item.value:,.2f}",
        )
        for item in found
    ]


def _expected_words(item: Expected, language: str) -> dict[str, Any]:
    bound = "≥ " if item.at_least else ""
    change = "%" if item.change_from else ""
    tolerance = "" if item.at_least or not item.tolerance else f" ± {item.tolerance:,g}{change}"
    since = f"{item.change_from} → " if item.change_from else ""
    plain = f"{item.expected:,.10g}" if item.expected % 1 else f"{item.expected:,.0f}"
    figure = f"{bound}{item.expected:+g}{change}" if item.change_from else f"{bound}{plain}"
    return {
        "what": item.what.get(language),
        "where": f"{item.level} {item.area} {since}{item.period}",
        "figure": figure + tolerance,
        "cell": f"{item.indicator}{'' if item.stratum == 'all' else ' ' + item.stratum} {item.figure} {item.rule_set}",
    }


def _documents(folder: Path) -> dict[str, Any]:
    """Every settings document of a folder by its name there."""
    return {source.relative_to(folder).as_posix(): read_yaml(source) for source in sorted(folder.rglob("*.yaml"))}


def _settings(name: str, story: Scenario, residents: int, grain: str) -> dict[str, dict[str, Any]]:
    """Settings files of the demo, overlaid by those of the scenario; only its policies, and money for its residents."""
    documents = _documents(_SETTINGS)
    for owner in filter(None, (story.twin_of, name)):
        documents |= _documents(scenario_folder(owner) / "settings")
    register = documents["policies.yaml"]
    unknown = [policy for policy in story.policies if policy not in register["policies"]]
    if unknown:
        hint = did_you_mean(unknown[0], register["policies"])
        kind = both("wrong_kind_policy")
        raise wrong("wrong_unknown", where=f"scenarios/{name}", kind=kind, name=unknown[0], hint=hint)
    register["policies"] = {policy: register["policies"][policy] for policy in story.policies}
    sources = {
        budget["year"]: {"sources": budget["sources"]}
        for budget in documents["allocation.yaml"]["budgets"]
        if "sources" in budget
    }
    documents["allocation.yaml"]["budgets"] = [
        {
            **sources.get(year, {}),
            "year": year,
            "amount": f"{yuan * residents}.00",
            "reference": f"本市预算文件（示例）：每人 {yuan} 元 × {residents} 人",
        }
        for year, yuan in _STANDARD.items()
    ]
    if not story.shape.rural_counties:
        # Nothing can be kept for rural communities where there are none.
        documents["allocation.yaml"]["reserves"] = []
    for table in documents["allocation.yaml"]["tables"].values():
        for figure in table["columns"].values() if table["rows"] == "payees" else ():
            # Awards follow the score of a policy that the scenario has.
            if figure.get("policy", "") not in ("", *story.policies):
                figure["policy"] = next(iter(story.policies))
    for stream in documents["allocation.yaml"]["streams"] if grain != "quarter" else ():
        # Only a home that reports by quarter pays performance by quarter.
        stream.pop("quarterly", None)
        stream.pop("figures", None)
        stream.get("data", {}).pop("quarter", None)
    return documents
