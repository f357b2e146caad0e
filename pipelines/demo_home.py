"""`kangheng demo`: a home with the settings of the fictional city, its files and its truth."""

from collections.abc import Callable
from pathlib import Path

from assets.lake.home import Home
from data_contracts.closed import DefinitionError
from pipelines.demo.generator import DemoSummary, generate

_SETTINGS = Path(__file__).parent / "demo" / "settings"
_HOME = """format: 1
name: {{zh: 康宁市（虚构）, en: Kangning (fictional)}}
level: city
time_zone: Asia/Shanghai
calendar: {{grain: quarter, first: {first}, last: {last}}}
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
rule_sets: [national_2017]
"""


def make_demo_home(
    path: Path,
    *,
    residents: int,
    seed: int,
    first: str,
    last: str,
    faults: bool = True,
    progress: Callable[[str], None] | None = None,
) -> DemoSummary:
    """Make the home and fill its landing folder; refuses a folder that is a home already."""
    if (path / "home.yaml").exists():
        raise DefinitionError(f"{path}: there is a home here already; choose another folder or remove it first")
    path.mkdir(parents=True, exist_ok=True)
    Home(path).make_folders()
    for source in sorted(_SETTINGS.glob("*.yaml")):
        (path / "settings" / source.name).write_bytes(source.read_bytes())
    summary = generate(path, residents=residents, seed=seed, first=first, last=last, faults=faults, progress=progress)
    # Written last: a folder without home.yaml is no home, so a killed generation is not taken for a finished one.
    (path / "home.yaml").write_text(_HOME.format(first=first, last=last), encoding="utf-8")
    return summary
