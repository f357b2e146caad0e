"""`kangheng init`: an empty home with a commented home.yaml to fill in."""

from pathlib import Path

from assets.lake.home import Home
from data_contracts.messages import wrong

_HOME = """# 机构目录设置 / settings of this home
# 改完后运行 kangheng settings 检查 / check them with kangheng settings
format: 1
name: {zh: 某某区卫生健康局, en: Health bureau}
level: county                      # 本机构所在层级 / level of this bureau
time_zone: Asia/Shanghai
calendar: {grain: quarter, first: 2025Q1, last: 2025Q4}   # month | quarter | year
levels:                            # 由低到高，区划表写到哪一级就列到哪一级 / lowest first, up to that of the areas
  - {id: community, titles: {zh: 社区, en: Community}}
  - {id: township, titles: {zh: 乡镇街道, en: Township}}
  - {id: county, titles: {zh: 区县, en: County}}
  - {id: city, titles: {zh: 市, en: City}}
senders:                           # 报送方与期后报送天数 / who delivers, days after the end of a period
  health_bureau: {titles: {zh: 卫生健康局, en: Health bureau}, deadline_days: 15}
  hospitals: {titles: {zh: 医院, en: Hospitals}, deadline_days: 15}
  civil_affairs: {titles: {zh: 民政局, en: Civil affairs}, deadline_days: 15}
  insurers: {titles: {zh: 医保局, en: Insurers}, deadline_days: 15}
  cdc: {titles: {zh: 疾病预防控制中心, en: Centre for disease control}, deadline_days: 15}
  statistics: {titles: {zh: 统计局, en: Statistics bureau}, deadline_days: 15}
  reference: {titles: {zh: 参考资料, en: Reference data}, deadline_days: 15}
approval: none                     # none: 直接发布 / at once; required: 一人批准 / approved by one; two: 两人 / by two
# approvers:                       # 谁可批准，kangheng keys --new 给出这几行 / who may approve, as keys --new prints it
#   - {name: 王某, role: 财务科长, key: …, from: 2026-01-01, to: 2026-12-31}
# feeds: [health_bureau.residents]                 # 只用这些数据类 / only these feeds; all when left out
# indicators: [chronic_hypertension_control_pct]   # 只报这些指标 / only these indicators
rule_sets: [national_2017]         # 口径，第一个用于分配 / the first one decides money
"""


def make_home(path: Path) -> None:
    """Make the folders and home.yaml; refuses a folder that is a home already."""
    if (path / "home.yaml").exists():
        raise wrong("wrong_home_exists", path=path)
    path.mkdir(parents=True, exist_ok=True)
    Home(path).make_folders()
    (path / "home.yaml").write_text(_HOME, encoding="utf-8")
