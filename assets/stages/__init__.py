"""The map of the road, in order. Each module holds the Dagster assets of one stage and nothing that computes.

Read `road.py` for what each step does in plain functions; read a stage module for what the desk shows.
"""

from data_contracts.closed import Bilingual

STAGES = {
    "archive": Bilingual(
        zh="存档：原始文件原样加密入库，记入台账",
        en="Archive: delivered bytes, kept unchanged in the vault, with a ledger",
    ),
    "stg": Bilingual(
        zh="规范化：逐类定型、校验、假名化，被拒记录进隔离区",
        en="Staging: typed, checked, pseudonymous rows per feed; refused rows go to quarantine",
    ),
    "link": Bilingual(zh="关联：哪些假名是同一个人", en="Linkage: which pseudonyms are one person"),
    "mart": Bilingual(
        zh="主题表：各期的居民、机构与地区，每条规则只在此判定一次",
        en="Marts: people, institutions and areas by period, with the flags that carry each rule once",
    ),
    "ind": Bilingual(
        zh="指标：按地区、报告期、口径的计数与指标值", en="Indicators: counts and values by area, period, rule set"
    ),
    "score": Bilingual(zh="评分：按三个维度评价政策", en="Scores: policies judged on three dimensions"),
    "risk": Bilingual(zh="风险：地区健康风险指数", en="Risk: the health-risk index of an area"),
    "alloc": Bilingual(zh="分配：逐笔到分", en="Allocation: money, line by line, to the minor unit"),
    "quality": Bilingual(
        zh="质量：到了什么、拒了什么、整批是否正常",
        en="Quality: what arrived, what was refused and whether deliveries look as they should",
    ),
    "pub": Bilingual(
        zh="发布：表、工作簿、网页与清单", en="Publication: the release of tables, workbook, pages, manifest"
    ),
}
