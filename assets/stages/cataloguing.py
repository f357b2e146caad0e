"""The catalog of a home after a run: which parts each view shows and the comment on every column.

Put here: gathering names, parts and comments. Keep out: making the database (assets.lake.warehouse).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assets.compute.marts import mart_columns, mart_names
from assets.compute.plan import selection_table
from assets.lake.parts import files_in_force
from assets.lake.selection import verdicts_in_force
from assets.lake.warehouse import replace_warehouse
from data_contracts.contracts import FeedContract
from data_contracts.tables import output_tables

if TYPE_CHECKING:
    from assets.stages.road import Road

_TECHNICAL = {
    "file_id": "文件编号 / file",
    "record_no": "文件内记录序号 / record within the file",
    "period": "报告期 / period",
    "institution_id": "机构 / institution",
    "event_date": "事件日期 / date of the event",
    "person_key": "假名键 / pseudonym",
    "person_id_class": "证件类别 / class of the identifier",
    "person_id": "人员编号 / person",
    "area_id": "地区编码 / area",
    "sex": "性别 / sex",
    "age_band": "年龄组 / age band",
    "warnings": "提示规则 / rules that warned",
    "row_hash": "内容哈希 / hash of the content",
}


def replace_catalog(road: "Road") -> None:
    """Replace `warehouse.duckdb` by a catalog of everything in force now."""
    periods = [item.key for item in road.periods_up_to(road.settings.home.calendar.last)]
    feeds = {feed.table: feed for feed in road.catalog.current()}
    marts = mart_names(road.catalog)
    names = [*feeds, *marts, *output_tables()]
    files = {name: files_in_force(road.home, name, periods) for name in names}
    hidden = {
        name: [path for period in periods for path in verdicts_in_force(road.home, name, selection_table(feed), period)]
        for name, feed in feeds.items()
    }
    by_mart = {feed.mart: feed for feed in road.catalog.current()}
    comments = {name: _feed_comments(road.catalog.feeds[feed.key]) for name, feed in feeds.items()}
    comments |= {
        name: {
            **_feed_comments(road.catalog.feeds[by_mart[name].key]),
            **{c: _TECHNICAL[c] for c in mart_columns(road.catalog, name) if c in _TECHNICAL},
        }
        for name in marts
        if name in by_mart
    }
    comments |= {
        name: {"": f"{table.document.titles.zh} / {table.document.grain}"}
        | {column: f"{known.titles.zh} / {known.titles.en}" for column, known in table.columns.items()}
        for name, table in output_tables().items()
    }
    replace_warehouse(road.home, files, hidden, comments)


def _feed_comments(versions: Sequence[FeedContract]) -> dict[str, str]:
    """What the view and its columns are called, a column by the newest contract that has it."""
    found = {"": f"{versions[-1].extras.titles.zh} / {versions[-1].extras.titles.en}", **_TECHNICAL}
    for feed in versions:
        found |= {column.name: f"{column.titles.zh} / {column.titles.en}" for column in feed.columns}
        found |= {item.name: f"{item.titles.zh} / {item.titles.en}" for item in feed.extras.derived}
    return found
