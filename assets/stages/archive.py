"""Stage archive: every delivered file is kept, encrypted and listed in the ledger."""

import dagster as dg

from assets.stages.plan import Plan, Shown, check, tables_asset, words
from data_contracts.closed import Bilingual


def definitions(plan: Plan) -> list[dg.AssetsDefinition]:
    """The ledger of delivered files, and whether everything expected is in it."""
    table = "archive__files"
    titles = Bilingual(zh="到达文件台账", en="Ledger of delivered files")
    about = Shown(words(titles, "One row per delivered file; only ever added to."))
    checks = [check(name, table) for name in ("every_feed_arrived", "files_accepted")]
    return [tables_asset("archive", "archive", [table], [], plan, checks=checks, details={table: about})]
