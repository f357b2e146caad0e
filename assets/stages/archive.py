"""Stage archive: every delivered file is kept, encrypted and listed in the ledger."""

import dagster as dg

from assets.stages.plan import Plan, tables_asset


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """The ledger of delivered files."""
    return [
        tables_asset(
            "archive",
            "archive",
            ["archive__files"],
            [],
            plan,
            descriptions={
                "archive__files": "到达文件台账：原始文件加密存档，只增不改。\n\n"
                "Ledger of delivered files; bytes kept unchanged, encrypted."
            },
        )
    ]
