"""Customary streams, grants, contests and sources through the whole engine: documented examples and planted faults."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data_contracts.allocation_spec.document import AllocationSpec, read_spec
from data_contracts.closed import DefinitionError, parse, read_yaml
from evaluations.allocation.engine import Allocation, allocate
from evaluations.allocation.snapshot import DataError

EXAMPLES = Path(__file__).parents[3] / "data_contracts" / "examples" / "allocation"
NAMES = (
    "item_costs", "nhs_weighted_capitation", "official_formula", "purchases_entitlements_matching", "sources_notice",
    "special_fund_awards", "standard_coefficient", "work_points_factors",
)  # fmt: skip
Tables = dict[str, pl.DataFrame]


def _tables(name: str) -> Tables:
    return {path.stem: pl.read_csv(path, infer_schema=False) for path in (EXAMPLES / name / "data").glob("*.csv")}


def _run(name: str, change: dict[str, Any] | None = None, **stream: Any) -> Allocation:
    """The example, with keys of the spec, and of its first stream, changed."""
    document = {**read_yaml(EXAMPLES / name / "spec.yaml"), **(change or {})}
    document["streams"] = [{**document["streams"][0], **stream}, *document["streams"][1:]]
    document["streams"] = [{key: word for key, word in one.items() if word is not None} for one in document["streams"]]
    return allocate(parse(AllocationSpec, document, "spec"), _tables(name))


def _with_cell(name: str, table: str, row: int, column: str, cell: str) -> Allocation:
    tables = _tables(name)
    cells = tables[table][column].to_list()
    cells[row] = cell
    tables[table] = tables[table].with_columns(pl.Series(column, cells))
    return allocate(read_spec(EXAMPLES / name / "spec.yaml"), tables)


def _paid(found: Allocation, kind: str = "institution") -> dict[str, int]:
    assert found.conflict is None
    return dict(found.tables["payees"].filter(payee_kind=kind).select("payee_id", "amount_fen").iter_rows())


@pytest.mark.parametrize("name", NAMES)
def test_every_fen_of_an_example_has_its_payee_line_and_source(name: str) -> None:
    found = allocate(read_spec(EXAMPLES / name / "spec.yaml"), _tables(name))
    assert found.conflict is None
    lines = found.tables["lines"]
    assert lines["amount_fen"].sum() == found.budget == found.tables["payees"]["amount_fen"].sum()
    own = lines.group_by("payee_kind", "payee_id").agg(pl.col("amount_fen").sum())
    both = own.join(found.tables["payees"], on=["payee_kind", "payee_id"], how="left", suffix="_of_payee")
    assert both["amount_fen"].to_list() == both["amount_fen_of_payee"].to_list()
    if "sources" in found.tables:
        key = ["payee_kind", "payee_id", "line_no"]
        cash = found.tables["sources"].filter("cash").group_by(key).agg(pl.col("amount_fen").sum().alias("paid"))
        split = lines.join(cash, on=key, how="left")
        assert split["amount_fen"].to_list() == split["paid"].fill_null(0).to_list()


def test_the_official_formula_takes_standard_and_tier_from_the_register() -> None:
    assert _paid(_run("official_formula")) == {"51": 7_369_600_000, "43": 11_280_000_000, "32": 1_410_000_000}


def test_a_year_without_a_standard_is_not_guessed() -> None:
    with pytest.raises(DefinitionError, match="2026"):
        _run("official_formula", {"year": 2026})


def test_method_a_to_the_printed_yuan() -> None:
    found = _run("standard_coefficient")
    due = found.tables["lines"].filter(pl.col("line_id").is_in(["standard", "standard_funded", "coefficient_by_score"]))
    assert due.group_by("payee_id").agg(pl.col("amount_fen").sum()).sort("payee_id")["amount_fen"].to_list() == [
        415_800_000, 297_693_000, 239_382_000, 118_800_000, 75_735_000,
    ]  # fmt: skip
    again = found.tables["lines"].filter(line_id="regrant").sort("payee_id")["amount_fen"].to_list()
    assert again == [31_570_000, 9_020_000]
    settlement = found.tables["settlement"].sort("payee_id")
    assert (settlement["payable_fen"] - pl.Series([31_570_000, 0, 0, 9_020_000, 0])).to_list() == [
        124_740_000, 82_863_000, 59_202_000, 35_640_000, 13_365_000,
    ]  # fmt: skip


def test_without_regrant_the_deducted_money_is_returned_to_the_fund() -> None:
    found = _run("standard_coefficient", regrant=None, unspent_to="county")
    assert _paid(found, "fund") == {"county": 40_590_000}
    assert found.tables["lines"].filter(payee_kind="fund")["line_id"].to_list() == ["deducted"]
    assert found.tables["standard"].row(1)[1:] == (
        "2", "31000", "99", "1", "88.2", "0.97", 306_900_000, 297_693_000, 0, 297_693_000,
    )  # fmt: skip
    found = _run("standard_coefficient", {"budget": {"amount": 11_880_000 + 5}}, regrant=None)
    held = found.tables["lines"].filter(payee_kind="fund").select("line_id", "amount_fen").rows()
    assert held == [("deducted", 40_590_000), ("unspent", 500)]


def test_what_is_due_beyond_the_pool_is_a_named_conflict_or_shared() -> None:
    found = _run("standard_coefficient", {"budget": {"amount": 11_880_000 - 1}})
    assert found.conflict is not None
    assert not found.tables
    assert (found.conflict.rules, found.conflict.subject, found.conflict.short) == (
        ("due:bphs", "streams"),
        "bphs",
        100,
    )
    found = _run("standard_coefficient", {"budget": {"amount": 5_940_000}}, over_pool="pro_rata")
    assert _paid(found)["2"] == 148_846_500


def test_method_c_and_its_balance() -> None:
    found = _run("item_costs")
    assert _paid(found) == {"甲": 50_681_379, "乙": 29_796_746, "丙": 19_521_875}
    assert found.tables["cost_balance"].row(0)[1:] == (
        "772936.75",
        100_000_000,
        "1.293766922",
        "costs_low_or_volume_low",
    )


def test_work_points_and_factors() -> None:
    found = _run("work_points_factors")
    assert found.tables["work_points"]["paid_fen"].to_list() == [1350, 1800, 2850]
    factors = found.tables["lines"].filter(stream="drugs").group_by("payee_id").agg(pl.col("amount_fen").sum())
    # 甲: 0.2·20/45 + 0.3·1020/2670 + 0.3·30/60 + 0.13·100/150 + 0.03·1/4 + 0.04/2 of 1,000 yuan.
    assert dict(factors.iter_rows())["甲"] == 46_766


def test_little_fiscal_capacity_and_many_people_bring_more() -> None:
    """By hand: 0.2 × 100 and 0.6 × 300 people of 200 together: a tenth and nine tenths."""
    factor = {
        "id": "poor", "weight": 1, "sum": [{"column": "capacity"}], "complement": True, "times": {"column": "people"},
    }  # fmt: skip
    document = read_yaml(EXAMPLES / "official_formula" / "spec.yaml")
    document["streams"] = [{"id": "f", "kind": "factors", "rest": True, "factors": [factor]}]
    provinces = pl.DataFrame(
        {"code": ["1", "2"], "name": ["甲", "乙"], "capacity": ["0.8", "0.4"], "people": ["100", "300"]}
    )
    found = allocate(parse(AllocationSpec, document, "spec"), {"provinces": provinces})
    assert _paid(found) == {"1": 2_005_960_000, "2": 18_053_640_000}


def test_the_notice_of_a_district_to_its_last_digit() -> None:
    found = _run("sources_notice")
    sources = dict(found.tables["sources"].select("source", "amount_fen").iter_rows())
    assert sources == {
        "central": 500_796_000, "province": 66_772_800, "city": 106_836_400, "district": 160_254_800,
    }  # fmt: skip


def test_targets_and_distances_as_published() -> None:
    found = _run("nhs_weighted_capitation").tables["payees"].sort("payee_id")
    printed = [237_285, 206_448, 119_722, 250_484, 306_264, 441_728]
    assert [round(fen / 100) for fen in found["target_fen"]] == [pytest.approx(amount, rel=3e-5) for amount in printed]
    assert [f"{100 * distance:.2f}" for distance in found["distance_before"]] == [
        "-7.58", "-6.24", "0.26", "-7.54", "0.67", "0.78",
    ]  # fmt: skip
    assert (found["before_fen"].sum(), found["target_fen"].sum()) == (151_799_000, 156_193_100)


def test_purchases_entitlements_and_matching() -> None:
    found = _run("purchases_entitlements_matching")
    assert _paid(found, "partner") == {"检验中心": 18_000_000, "心理中心": 12_000_000}
    assert _paid(found, "family_total") == {"C1": 360_000, "C2": 100_000}
    assert _paid(found, "community") == {"C1": 35_000_000, "C2": 6_000_000}
    by_source = found.tables["sources"].group_by("source", "cash").agg(pl.col("amount_fen").sum())
    assert {row[0]: row[2] for row in by_source.iter_rows()} == {
        "county_budget": 72_000_000, "insurer": 25_000_000, "donation": 3_000_000, "meters": 1_200_000,
    }  # fmt: skip
    # No key of a person or a family in anything that leaves.
    texts = [str(value) for frame in found.tables.values() for row in frame.iter_rows() for value in row]
    assert not {"p1", "p2", "p3", "f1", "f2"} & set(texts)


def test_an_earmark_larger_than_its_stream_is_named_with_the_money_that_is_idle() -> None:
    document = read_yaml(EXAMPLES / "purchases_entitlements_matching" / "spec.yaml")
    sources = [{**source, "amount": 450_000} if source["id"] == "insurer" else source for source in document["sources"]]
    found = _run("purchases_entitlements_matching", {"sources": sources})
    assert found.conflict is not None
    assert found.conflict.rules == ("source:insurer", "sources")
    assert (found.conflict.subject, found.conflict.short) == ("screening", 5_000_000)
    assert not found.tables


def test_sources_that_do_not_sum_to_the_budget_are_named() -> None:
    found = _run("official_formula", {"sources": [{"id": "central", "kind": "central", "amount": 200_000_000}]})
    assert found.conflict is not None
    assert (found.conflict.short, found.conflict.reachable) == (59_600_000, 20_000_000_000)


def test_the_special_fund_and_its_awards_are_one_offs() -> None:
    found = _run("special_fund_awards")
    grants = dict(found.tables["projects"].select("project", "grant_fen").iter_rows())
    # Rural list first: P3, then P4, with which 30 % are reached. Then P1, and P2 with what is left.
    assert grants == {"P1": 40_800_000, "P2": 25_400_000, "P3": 37_800_000, "P4": 46_000_000, "P5": 0, "P6": 0}
    assert found.tables["project_lists"].rows() == [("special", "reserve", "75"), ("special", "all", "74.333333")]
    wishes = dict(found.tables["projects"].select("project", "wish_fen").iter_rows())
    assert all(grant <= wishes[project] for project, grant in grants.items())
    awards = found.tables["awards"].filter(pl.col("due_fen") > 0)
    assert awards.select("award_class", "payee_id", "due_fen").rows() == [
        ("standard", "C1", 50_000_000), ("standard", "C3", 50_000_000), ("most_improved", "C4", 20_000_000),
        ("rural_first", "C5", 10_000_000),
    ]  # fmt: skip
    lines = found.tables["lines"]
    assert lines.filter(pl.col("payee_kind") != "fund")["one_off"].all()
    assert found.tables["agreement"]["warning"].to_list() == [False]
    planned = found.tables["instalments"].group_by("project").agg(pl.col("planned_fen").sum())
    assert {row[0]: row[1] for row in planned.iter_rows()} == {name: grant for name, grant in grants.items() if grant}


@pytest.mark.parametrize(
    ("name", "table", "row", "column", "cell", "said"),
    [
        ("item_costs", "work", 0, "performance", "", "row 2, column 'performance': empty"),
        ("item_costs", "work", 1, "item", "高血压", "row 3, column 'item': the spec does not list"),
        ("item_costs", "work", 1, "item", "高血压随访", "row 3.*the same centre, item"),
        ("item_costs", "work", 0, "quantity", "-1", "row 2, column 'quantity': negative"),
        ("item_costs", "work", 0, "performance", "92", "not between 0 and 1"),
        ("work_points_factors", "centres", 1, "quality", "", "row 3, column 'quality': empty"),
        ("work_points_factors", "centres", 1, "quality", "101", "not between 0 and 100"),
        ("work_points_factors", "work", 0, "centre", "丁", "row 2, column 'centre': this id is not"),
        ("standard_coefficient", "centres", 2, "population", "", "row 4, column 'population': empty"),
        ("standard_coefficient", "centres", 2, "prepaid", "", "row 4, column 'prepaid': empty"),
        ("purchases_entitlements_matching", "contracts", 0, "claimed", "2999", "more was verified than was claimed"),
        ("purchases_entitlements_matching", "contracts", 1, "contract", "K1", "row 3.*'contract': the id stands"),
        ("purchases_entitlements_matching", "claims", 1, "person", "p1", None),
        ("purchases_entitlements_matching", "claims", 2, "person", "p1", "row 4.*another family"),
        ("purchases_entitlements_matching", "claims", 2, "community", "C9", "row 4, column 'community': this id"),
        ("special_fund_awards", "communities", 4, "error", "0", "row 6, column 'error': must be above 0"),
        ("purchases_entitlements_matching", "claims", 2, "paid", "", "row 4, column 'paid': empty"),
        ("purchases_entitlements_matching", "requests", 0, "capacity", "1.2", "not between 0 and 1"),
        ("purchases_entitlements_matching", "requests", 2, "certified", "", "row 4, column 'certified': empty"),
        ("purchases_entitlements_matching", "requests", 0, "community", "C9", "row 2, column 'community': this id"),
        ("special_fund_awards", "reviews", 0, "project", "P9", "the spec does not list|does not list"),
        ("special_fund_awards", "reviews", 1, "reviewer", "R1", "the same project, reviewer"),
        ("special_fund_awards", "applications", 0, "milestones", "1.5", "a whole number"),
        ("official_formula", "provinces", 0, "name", "某省", "no tier"),
    ],
)  # fmt: skip
def test_a_faulty_cell_is_named_or_harmless(
    name: str, table: str, row: int, column: str, cell: str, said: str | None
) -> None:
    if said is None:
        assert _with_cell(name, table, row, column, cell).conflict is None
        return
    with pytest.raises((DataError, DefinitionError), match=said):
        _with_cell(name, table, row, column, cell)


@pytest.mark.parametrize(
    ("name", "change", "stream", "said"),
    [
        ("standard_coefficient", {}, {"bands": [[90, 1]]}, "at 0 or below"),
        ("standard_coefficient", {}, {"bands": [[0, 1], [0, 0.5]]}, "no two at the same"),
        ("standard_coefficient", {}, {"coefficient": {"column": "score"}}, "exactly one of coefficient, score"),
        ("official_formula", {}, {"region": None}, "region"),
        ("official_formula", {}, {"standard": "natonal"}, "standard"),
        ("item_costs", {}, {"items": [{"id": "a", "unit_cost": 1}, {"id": "a", "unit_cost": 2}]}, "twice"),
        (
            "work_points_factors",
            {},
            {"work": {"table": "work", "payee": "centre", "item": "item", "count": "count", "performance": "count"}},
            "does not go with kind: work_points",
        ),
        ("sources_notice", {"sources_cut_to": 0}, {}, "above 0"),
        (
            "sources_notice",
            {"sources": [{"id": "a", "kind": "city", "share": 1}]},
            {},
            "exactly one source is the residual",
        ),
        (
            "official_formula",
            {"sources": [{"id": "a", "kind": "city", "share": 1, "for": ["bph"]}]},
            {},
            "did you mean",
        ),
        (
            "official_formula",
            {"sources": [{"id": "a", "kind": "in_kind", "amount": 1, "for": ["bphs"]}]},
            {},
            "in cash",
        ),
        ("official_formula", {"sources": [{"id": "a", "kind": "bank", "share": 1}]}, {}, "central"),
    ],
)
def test_a_faulty_spec_is_refused_by_name(name: str, change: dict[str, Any], stream: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        _run(name, change, **stream)


SERVES = {
    "table": "serves", "institution": "institution", "community": "community", "share": "share", "from": "from",
    "to": "to", "day": "2025-07-01",
}  # fmt: skip
MAP = [
    ("H1", "C1", "0.6", "", "2025-06-30"), ("H2", "C1", "0.4", "", ""), ("H3", "C1", "0.6", "2025-07-01", ""),
    ("H1", "C2", "1", "", ""),
]  # fmt: skip


def _served(rows: list[tuple[str, ...]]) -> Allocation:
    name = "purchases_entitlements_matching"
    document = {**read_yaml(EXAMPLES / name / "spec.yaml"), "serves": SERVES}
    columns = ["institution", "community", "share", "from", "to"]
    tables = {**_tables(name), "serves": pl.DataFrame(rows, schema=columns, orient="row")}
    return allocate(parse(AllocationSpec, document, "spec"), tables)


def test_money_of_communities_reaches_the_institutions_of_the_day() -> None:
    assert _served(MAP).tables["institutions"].rows() == [
        ("C1", "H2", "0.4", 14_000_000), ("C1", "H3", "0.6", 21_000_000), ("C2", "H1", "1", 6_000_000),
    ]  # fmt: skip


def test_a_hole_in_the_map_and_a_wrong_day_are_named() -> None:
    with pytest.raises(DataError, match=r"community 'C1' sum to 0\.4"):
        _served(MAP[:2] + MAP[3:])
    with pytest.raises(DataError, match=r"row 4, column 'from': no date"):
        _served([*MAP[:2], ("H3", "C1", "0.6", "July", ""), MAP[3]])


def test_the_gain_share_is_a_simulation_and_refuses_before_after() -> None:
    costs = pl.DataFrame({"id": ["1", "2"], "seen": ["900", "1100"], "expected": ["1000", "1000"], "se": ["20", "20"]})
    words = {
        "costs": {"table": "costs", "payee": "id", "observed": "seen", "expected": "expected", "error": "se"},
        "expected_from": "risk_model", "minimum_rate": 0.02, "sharing_rate": 0.5, "most": 0.1,
    }  # fmt: skip
    document = {**read_yaml(EXAMPLES / "standard_coefficient" / "spec.yaml"), "gain_share": words}
    tables = {**_tables("standard_coefficient"), "costs": costs}
    found = allocate(parse(AllocationSpec, document, "spec"), tables)
    table = found.tables["gain_share"]
    assert table["would_share_fen"].to_list() == [5000, 0]
    assert set(table["label"]) == {"simulation, not payable"}
    assert found.tables["lines"]["amount_fen"].sum() == found.budget
    document["gain_share"] = {**words, "expected_from": "previous_year"}
    with pytest.raises(DefinitionError, match="before–after"):
        allocate(parse(AllocationSpec, document, "spec"), tables)


TERMS = {"minimum_rate": 0.02, "sharing_rate": 0.5, "most": 0.1}


def _simulated(words: dict[str, Any], table: str, frame: pl.DataFrame) -> pl.DataFrame:
    document = {**read_yaml(EXAMPLES / "standard_coefficient" / "spec.yaml"), "gain_share": {**TERMS, **words}}
    tables = {**_tables("standard_coefficient"), table: frame}
    return allocate(parse(AllocationSpec, document, "spec"), tables).tables["gain_share"]


STRATA = {
    "table": "strata", "payee": "id", "stratum": "age", "people": "n", "observed": "cost", "squares": "squares",
    "reference": "ref",
}  # fmt: skip


def _strata(**change: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"id": ["1", "1", "2"], "age": ["old", "young", "young"], "n": ["2", "1", "3"], "cost": ["300", "40", "90"],
         "squares": ["50000", "1600", "2700"], "ref": ["200", "50", "50"], **change}
    )  # fmt: skip


def test_expected_cost_from_strata_of_a_comparison() -> None:
    words = {"strata": STRATA, "expected_from": "indirect_standardisation"}
    found = _simulated(words, "strata", _strata())
    assert found.select("payee_id", "observed_fen", "expected_fen", "lower_fen", "would_share_fen").rows() == [
        ("1", 34_000, 45_000, 11_000 - 19_600, 4500), ("2", 9000, 15_000, 6000, 1500),
    ]  # fmt: skip
    with pytest.raises(DataError, match="row 4, column 'ref': the reference of this stratum differs"):
        _simulated(words, "strata", _strata(ref=["200", "50", "51"]))
    with pytest.raises(DataError, match="row 2, column 'squares': this sum of squares is impossible"):
        _simulated(words, "strata", _strata(squares=["44999", "1600", "2700"]))


def test_intervals_drawn_from_people_are_seeded() -> None:
    people = pl.DataFrame(
        {"id": ["1"] * 40, "seen": [f"{10 * at}" for at in range(40)], "expected": ["230"] * 40}
    )  # fmt: skip
    words = {"table": "people", "payee": "id", "observed": "seen", "expected": "expected", "seed": 7}
    found = _simulated({"people": words, "expected_from": "risk_model"}, "people", people)
    assert found.equals(_simulated({"people": words, "expected_from": "risk_model"}, "people", people))
    savings, lower, upper = found.select("savings_fen", "lower_fen", "upper_fen").row(0)
    assert lower < savings == 140_000 < upper
    # 1.96 × 115.4 × √40 yuan each side.
    assert abs((upper - lower) / 2 - 143_100) < 15_000


README = (EXAMPLES / "README.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("recipe", re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL))
def test_recipes_of_the_readme_are_specs(recipe: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    found = read_yaml(tmp_path / "recipe.yaml")
    base = read_yaml(EXAMPLES / "standard_coefficient" / "spec.yaml")
    county = read_yaml(EXAMPLES / "county" / "spec.yaml")
    own = next(stream for stream in county["streams"] if stream["kind"] == "need")
    need = {key: own[key] for key in own if key != "share"} | {"amount": 0}
    base["payees"]["groups"] = county["payees"]["groups"] | {"poverty_counties": "poor"}
    if isinstance(found, list):
        for stream in found:
            other = [] if stream["kind"] == "need" else [need]
            left = [] if stream.get("rest") else [{"id": "left", "kind": "fund", "fund": "f", "rest": True}]
            parse(AllocationSpec, {**base, "streams": [*other, stream, *left]}, "recipe")
        return
    names = ("screening", "home_care", "contingency", "performance")
    funds = [{"id": name, "kind": "fund", "fund": "f", "amount": 0} for name in names]
    parse(AllocationSpec, {**base, "streams": [*base["streams"], need, *funds], **found}, "recipe")
