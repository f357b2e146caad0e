"""The money of the demo city is, to the fen, what a reckoning by hand from true counts and printed settings says."""

from pathlib import Path

import polars as pl

from tests.road.conftest import LAST, released


def test_every_community_has_the_money_of_the_truth_in_every_stream(city: Path, release: Path) -> None:
    truth = pl.read_csv(city / "truth/money.csv", infer_schema=False).filter(period=LAST)
    payments = released(release, "alloc__payments").filter(payee_kind="community")
    keys = ["payee_id", "stream"]
    both = truth.join(payments, on=keys, how="full", suffix="_ours", coalesce=True)
    assert both.height == truth.height == payments.height > 150
    wrong = both.filter(pl.col("year_fen").cast(pl.Int64) != pl.col("year_fen_ours"))
    assert wrong.height == 0, wrong.head()
    # The truth leaves awards out: nobody may have one that would count towards the reserved share.
    assert released(release, "alloc__payees").filter(payee_kind="community")["undecided_fen"].sum() == 0
    # Something is at stake: last year's money holds somebody up.
    assert "floor" in set(released(release, "alloc__payees")["bound"])


def test_centres_get_the_money_of_the_communities_they_serve(release: Path) -> None:
    passed = released(release, "alloc__institutions")
    payees = released(release, "alloc__payees").filter(payee_kind="community")
    sums = passed.group_by("community_id").agg(pl.col("year_fen", "amount_fen").sum(), pl.col("share").sum())
    both = payees.filter(pl.col("population") > 0).join(sums, left_on="payee_id", right_on="community_id", how="full")
    wrong = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_right") for name in ("year_fen", "amount_fen"))
    assert both.filter(wrong.fill_null(value=True)).is_empty()
    assert set(sums["share"].cast(pl.Float64)) == {1.0}
    served = passed.group_by("community_id").len()
    assert served.filter(pl.col("len") == 2).height == 1


def test_who_pays_changes_with_the_year(release: Path) -> None:
    sums = dict(
        released(release, "alloc__sources")
        .filter("cash")
        .group_by("source")
        .agg(pl.col("amount_fen").sum())
        .iter_rows()
    )
    budget = sum(sums.values())
    # 42, 25 and 18 per cent since 2025, the counties the rest; 40, 25 and 20 before.
    for source, percent in (("central", 42), ("province", 25), ("city", 18), ("county", 15)):
        assert abs(sums[source] * 100 - budget * percent) <= 400, source
