"""What every column and feed means, in Chinese: complete, worth reading, and shown in place of the English."""

import re
from functools import cache
from importlib.resources import files

import pytest

from data_contracts.closed import DefinitionError, read_yaml
from data_contracts.contracts import Catalog, normal_header
from data_contracts.dictionary import dictionary_of

CATALOG = Catalog.load()
VERSIONS = [version for versions in CATALOG.feeds.values() for version in versions]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Two words of English in a row; a unit, a code or a name of a column is one.
ENGLISH = re.compile(r"[A-Za-z]{2,} (?:[a-z]+ )*[a-z]{2,}")
PARTS = ("purpose", "usage", "limitations")


@cache
def document(source):
    return read_yaml(files("data_contracts").joinpath("feeds", source))


@pytest.fixture(params=VERSIONS, ids=lambda version: version.source.removesuffix(".yaml"))
def contract(request):
    return request.param


def chinese(words):
    return bool(CHINESE.search(words)) and not ENGLISH.search(words) and words.endswith("。")


def test_every_column_says_in_chinese_what_it_means(contract):
    for column in contract.columns:
        own = column.extras.description_zh
        assert own is not None, column.name
        assert chinese(own), column.name
        # A heading alone tells nothing, and in a sheet it may be taken for the heading of the data.
        known = {normal_header(header) for item in contract.columns for header in item.headers}
        assert normal_header(own.removesuffix("。")) not in known, column.name
        assert column.description.zh == own
        assert column.description.en != own


def test_every_feed_says_in_chinese_what_it_is_for(contract):
    written, shown = document(contract.source)["description"], dictionary_of(contract)
    for part in PARTS:
        words = getattr(shown, part)
        assert chinese(words.zh), part
        assert words.en == written[part]
    assert len({getattr(shown, part).zh for part in PARTS}) == len(PARTS)
    # A feed is more than one of its columns, whatever the name of that column is.
    assert not {getattr(shown, part).zh for part in PARTS} & {column.description.zh for column in contract.columns}


def test_a_standard_is_cited_as_its_document_is_called(contract):
    for entry in dictionary_of(contract).columns:
        assert not ENGLISH.search(entry.standard), entry.name


def test_two_columns_of_a_feed_do_not_mean_the_same(contract):
    """Two that are refused alike may: nothing of them is kept."""
    kept = [column for column in contract.columns if column.role != "drop"]
    assert len({column.description.zh for column in kept}) == len(kept)


def ours(item):
    return next(entry["value"] for entry in item["customProperties"] if entry["property"] == "kangheng")


def test_without_chinese_the_english_is_shown_and_the_other_way_round(draft):
    def one_each(written):
        first, second, third = written["schema"][0]["properties"][:3]
        ours(first).pop("description_zh")
        second.pop("description")
        third.pop("description"), ours(third).pop("description_zh")
        written["description"].pop("limitations")
        ours(written)["descriptions_zh"] = {"purpose": "随访。", "limitations": "只有一家。"}

    old, new = (
        draft("health_bureau.followups_diabetes").read(),
        draft("health_bureau.followups_diabetes").read(one_each),
    )
    first, second, third = (column.meaning for column in dictionary_of(new).columns[:3])
    assert first.zh == first.en == old.columns[0].description.en
    assert second.zh == second.en == old.columns[1].description.zh
    assert (third.zh, third.en) == ("", "")
    assert (new.purpose.zh, new.purpose.en) == ("随访。", old.purpose.en)
    assert new.usage.zh == new.usage.en == old.usage.en
    assert new.limitations.zh == new.limitations.en == "只有一家。"


def test_a_feed_that_describes_nothing_is_what_its_title_says(draft):
    def silent(written):
        del written["description"], ours(written)["descriptions_zh"]

    bare = draft("hospitals.encounters").read(silent)
    assert bare.purpose == bare.extras.titles
    assert (bare.usage.zh, bare.usage.en, bare.limitations.zh) == ("", "", "")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda d: ours(d["schema"][0]["properties"][0]).update(description_zh=""), "description_zh:"),
        (lambda d: ours(d)["descriptions_zh"].update(usages="x"), "did you mean 'usage'?"),
        (lambda d: ours(d)["descriptions_zh"].pop("purpose"), "descriptions_zh.purpose:"),
    ],
)
def test_a_mistake_is_named(draft, edit, said):
    with pytest.raises(DefinitionError, match=re.escape(said)):
        draft("hospitals.encounters").read(edit)
