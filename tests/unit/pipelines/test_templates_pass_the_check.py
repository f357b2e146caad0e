"""The template of every feed passes the check filled in as its own example shows, and delivers nothing as it is."""

import csv
import re
import zipfile

import fastexcel
import pytest

from assets.intake.check import check_file
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog, package_feeds
from data_contracts.dictionary import dictionary_of
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY
from reports.template import write_template

FEEDS = package_feeds()


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture(scope="module")
def limits():
    return parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")


def quarter(day):
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}"


def period_of(contract):
    """The quarter of the example's event; of a state the last quarter in which anything of the example happened."""
    days = {c.name: c.examples[0] for c in contract.columns if c.type == "date" and c.examples}
    if contract.delivery == "snapshot" and days:
        return quarter(max(max(days.values()), "2025-12-31"))
    return quarter(days.get(contract.extras.event_date, "2025-12-31"))


def rows_of(path):
    return fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_polars().rows()


@pytest.mark.parametrize("key", FEEDS)
def test_a_template_filled_in_as_its_example_shows_passes(key, catalog, limits, tmp_path):
    contract = catalog.feed(key)
    template = write_template(dictionary_of(contract), tmp_path / "template.xlsx")
    left = check_file(template, key, catalog, limits, period_of(contract))
    assert left.refused is not None
    assert left.refused.sentence == "accounting_no_records"
    assert "intake_example_left" in [item.sentence for item in left.account.findings]

    filled = tmp_path / "filled.csv"
    with filled.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=contract.extras.file.delimiter)
        writer.writerows([cell or "" for cell in row[:-1]] for row in rows_of(template))
    found = check_file(filled, key, catalog, limits, period_of(contract))
    assert found.refused is None, found.refused and found.refused.words("en")
    assert found.passed
    assert (found.account.records, found.account.accepted) == (1, 1)
    assert found.fixes["rule_id"].to_list() == ["example_row"]
    assert found.account.findings == []
    assert [rule for rule, count in found.account.rules.items() if count.violated] == ["example_row"]


@pytest.mark.parametrize("key", FEEDS)
def test_what_the_drop_downs_offer_can_be_read(key, catalog):
    for column in catalog.feed(key).columns:
        if column.code_list:
            offered = {titles.zh for titles in column.code_list.values.values()}
            assert offered <= set(column.code_list.map)


def cells(path, sheet):
    """The texts of a sheet, by number or name: rows of cells."""
    return fastexcel.read_excel(path).load_sheet(sheet, header_row=None, dtypes="string").to_polars().rows()


def drop_downs(path):
    """Position of a column of the first sheet → entries of its drop-down, as the workbook itself says."""
    with zipfile.ZipFile(path) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    rule = r'<dataValidation [^>]*sqref="([A-Z]+)\d+[^>]*><formula1>\'([^<]+)\'!\$([A-Z]+)\$2:\$\3\$(\d+)</formula1>'
    for ours, name, listed, last in re.findall(rule, sheet):
        yield place(ours), [row[place(listed)] for row in cells(path, name)[1 : int(last)]]


def place(letters):
    """Where a column stands: A is 0."""
    at = 0
    for letter in letters:
        at = at * 26 + ord(letter) - ord("A") + 1
    return at - 1


@pytest.mark.parametrize("key", FEEDS)
def test_the_example_offers_entries_of_its_drop_downs(key, catalog, tmp_path):
    contract = catalog.feed(key)
    path = write_template(dictionary_of(contract), tmp_path / "template.xlsx")
    example = rows_of(path)[contract.extras.file.header_rows]
    lists = dict(drop_downs(path))
    coded = [at for at, column in enumerate(contract.columns) if column.type in ("code", "boolean")]
    assert sorted(lists) == coded
    assert [contract.columns[at].name for at in coded if (example[at] or None) not in [None, *lists[at]]] == []
    assert [bool(example[at]) for at in coded] == [bool(contract.columns[at].filled) for at in coded]


def test_the_dictionary_says_which_columns_must_be_there_and_which_are_kept(catalog, tmp_path):
    contract = catalog.feed("health_bureau.followups_diabetes")
    head, *rows = cells(write_template(dictionary_of(contract), tmp_path / "t.xlsx"), "数据字典")
    needed, kept = head.index("必填 Required"), head.index("是否保存 Kept")
    said = {row[0]: (row[needed], row[kept]) for row in rows}
    glucose, weight, name = (
        said[contract.by_name[column].headers[0]] for column in ("glucose_mmol_l", "weight_kg", "person_name")
    )
    assert glucose == ("否，但列必须有 no, but the column must be there", "保存 kept")
    assert weight == ("否 no", "保存 kept")
    assert name == ("否 no", "不保存原值 not kept as it is")
