"""Names of areas as readers need them: two areas of one level that are called alike can be told apart.

Put here: what is added to a name that stands twice. Keep out: names of payees that are no areas, and where names stand.
"""

import polars as pl

from data_contracts.messages import text

_LANGUAGE_OF = {"area_name": "zh", "area_name_en": "en"}
_LEVEL = ["period", "area_level"]


def told_apart(areas: pl.DataFrame) -> pl.DataFrame:
    """`areas` (mart__areas) with names that several areas of a level share followed by the name of the area above.

    Where that does not tell them apart, or is not known, by the code. Rows, order and other columns stay as they are.
    """
    above = areas.select(
        "period", pl.col("area_id").alias("parent_id"), *(pl.col(x).alias(_above(x)) for x in _LANGUAGE_OF)
    )
    found = areas.join(
        above.unique(["period", "parent_id"], keep="first"),
        on=["period", "parent_id"], how="left", maintain_order="left",
    )  # fmt: skip
    return found.with_columns(_apart(name, language) for name, language in _LANGUAGE_OF.items()).select(areas.columns)


def _above(name: str) -> str:
    return f"{name}_above"


def _apart(name: str, language: str) -> pl.Expr:
    own, above, code = pl.col(name), pl.col(_above(name)), pl.col("area_id")
    twice = own.is_not_null() & (pl.len().over([*_LEVEL, name]) > 1)
    alone = above.is_not_null() & (pl.len().over([*_LEVEL, name, _above(name)]) == 1)
    pattern = text("reports.area_apart", language, name="{}", by="{}")
    return (
        pl.when(twice)
        .then(pl.format(pattern, own, pl.when(alone).then(above).otherwise(code)))
        .otherwise(own)
        .alias(name)
    )
