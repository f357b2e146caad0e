"""Feeds that share most of their columns: a file of one is refused as the other, and known for what it is."""

from itertools import permutations

import pytest

from assets.intake.check import check_file
from assets.intake.recognising import candidates
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY

OF_THEIR_OWN = {
    "health_bureau.followups_hypertension": ("收缩压", "舒张压"),
    "health_bureau.followups_diabetes": ("血糖", "检测类型"),
    "health_bureau.followups_dyslipidaemia": ("低密度脂蛋白胆固醇",),
}
SHARED = ("随访编号", "身份证号", "姓名", "机构编码", "随访日期", "随访方式")


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture(scope="module")
def limits():
    return parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")


@pytest.mark.parametrize(("feed", "other"), list(permutations(OF_THEIR_OWN, 2)))
def test_a_file_of_a_sibling_is_refused_and_not_taken_with_empty_readings(feed, other, catalog, limits, tmp_path):
    file = tmp_path / "随访_2025Q4.csv"
    values = ("SF1", "990101195603090011", "", "99010100101", "2025-10-08", "门诊")
    header = (*SHARED, *OF_THEIR_OWN[other])
    file.write_text(f"{','.join(header)}\n{','.join(values)}{',' * len(OF_THEIR_OWN[other])}\n", encoding="utf-8")
    assert check_file(file, other, catalog, limits).refused is None, "readings may be empty"
    refused = check_file(file, feed, catalog, limits).refused
    assert refused is not None
    assert (refused.sentence, refused.params["column"]) == ("intake_header_missing", OF_THEIR_OWN[feed][0])


@pytest.mark.parametrize("feed", OF_THEIR_OWN)
def test_a_header_that_siblings_could_read_too_is_known_by_the_columns_only_its_feed_needs(feed, catalog):
    rows = [[*SHARED, *OF_THEIR_OWN[feed], "服药依从性", "下次随访日期"]]
    assert [item.feed for item in candidates([rows], catalog.current())] == [feed]
