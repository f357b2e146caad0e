"""Stage pub: the release of a period."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset

_INPUTS = (
    "ind__values",
    "ind__rebased",
    "score__policies",
    "risk__areas",
    "alloc__lines",
    "alloc__payees",
    "quality__files",
    "quality__rules",
    "quality__deliveries",
)


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """Tables, workbook, pages and manifest, switched in force as the last act."""
    verifies = dg.AssetCheckSpec(
        "release_verifies",
        asset="pub__release",
        blocking=True,
        description="发布包自检 / the release verifies against its manifest",
    )
    words = "发布包：表、财务工作簿、网页与清单。\n\nThe release: tables, finance workbook, pages, manifest."
    return [
        tables_asset(
            "pub", "pub", ["pub__release"], _INPUTS, plan, checks=[verifies], descriptions={"pub__release": words}
        )
    ]
