"""A home with one feed and two periods of any grain, small enough to be walked from end to end in a test."""

from collections.abc import Callable
from pathlib import Path

import pytest
from stdnum.cn import ric

PERIODS = {"month": ("2025-11", "2025-12"), "quarter": ("2025Q3", "2025Q4"), "year": ("2024", "2025")}
HEADER = "编号,身份证号,姓名,类别,开始日期,社区编码,结束日期,月补助金额（元）,是否户主,保障人口数,残疾类别,残疾等级"
_HOME = """
format: 1
name: {{zh: 小城, en: Small town}}
level: city
time_zone: {zone}
calendar: {{grain: {grain}, first: '{first}', last: '{last}'}}
levels: [{{id: community, titles: {{zh: 社区, en: Community}}}}]
senders:
  civil_affairs: {{titles: {{zh: 民政局, en: Civil affairs}}, deadline_days: 20}}
  hospitals: {{titles: {{zh: 医院, en: Hospitals}}, deadline_days: 10}}
feeds: [civil_affairs.welfare]
rule_sets: [national_2017]
indicators: []
"""


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Path]:
    """Make a home of a grain in a folder of its own."""

    def make(grain: str = "quarter", zone: str = "Asia/Shanghai") -> Path:
        home = tmp_path / grain
        home.mkdir()
        first, last = PERIODS[grain]
        (home / "home.yaml").write_text(_HOME.format(grain=grain, first=first, last=last, zone=zone), encoding="utf-8")
        return home

    return make


@pytest.fixture
def land() -> Callable[..., Path]:
    """Land a list of 40 records, `bad` of them of no known category."""

    def put(home: Path, period: str, bad: int = 0, name: str = "名单", institution: str = "990101") -> Path:
        rows = []
        for number in range(40):
            identity = f"11010119500101{number:03d}"
            category = "低保" if number >= bad else "无此类"
            rows.append(
                f"MZ{number},{identity}{ric.calc_check_digit(identity + '0')},,{category},2022-06-01,990101001001,,,,,,"
            )
        path = home / "landing" / "civil_affairs" / "welfare" / institution / f"{name}_{period}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
        return path

    return put
