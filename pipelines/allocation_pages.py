"""Pages of an allocation run and the questions they answer: what would change an amount, and how sure it is.

Put here: which payees are asked about, tables of changes and draws, writing pages. Keep out: arithmetic, drawing.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec, spec_hash
from data_contracts.messages import did_you_mean, text, wrong
from evaluations.allocation.changes import LIMIT, changes_table
from evaluations.allocation.draws import intervals_table
from evaluations.allocation.engine import Allocation
from evaluations.allocation.lines import FUND
from reports.allocation_page import AllocationPage, write_allocation_pages
from reports.statement_page import write_statements
from reports.statement_tables import statement_names, with_steps

Owner = tuple[str, str]
Shown = Callable[[str], None]


def asked_about(found: Allocation, payees: Sequence[str]) -> list[Owner]:
    """Who gets a statement page: those named, else everybody where there are at most LIMIT.

    Raises DefinitionError for a name that is no payee.
    """
    if found.conflict is not None:
        return []
    owners = [
        (kind, payee)
        for kind, payee in found.tables["payees"].select("payee_kind", "payee_id").iter_rows()
        if kind != FUND
    ]
    known = {payee for _, payee in owners}
    for payee in payees:
        if payee not in known:
            raise wrong("allocate_unknown_payee", payee=payee, hint=did_you_mean(payee, known))
    if payees:
        return [owner for owner in owners if owner[1] in payees]
    return owners if len(owners) <= LIMIT else []


def what_if(
    spec: AllocationSpec, tables: Mapping[str, pl.DataFrame], owners: Sequence[Owner], language: str, progress: Shown
) -> dict[str, pl.DataFrame]:
    """Tables `changes` of the payees asked about, and `intervals` where the spec says what is uncertain."""

    def show(sentence: str) -> Callable[[int, int], None]:
        return lambda done, whole: progress(text(sentence, language, done=done, all=whole))

    payees = [payee for kind, payee in owners if kind == spec.payees.kind]
    found = {
        "changes": changes_table(spec, tables, payees, show("allocate_step_changes")),
        "intervals": intervals_table(spec, tables, show("allocate_step_draws")),
    }
    return {name: frame for name, frame in found.items() if frame.height}


def write_pages(
    spec: AllocationSpec, tables: Mapping[str, pl.DataFrame], inputs: Mapping[str, str], owners: Sequence[Owner],
    out: Path,
) -> dict[Owner, str]:  # fmt: skip
    """Write the pages of all payees and the statements asked for; payee → name of its statement."""
    statements = statement_names(owners, spec.payees.kind)
    shown = {**tables, "lines": with_steps(tables["lines"])}
    page = AllocationPage(spec, spec_hash(spec), shown, inputs, statements, LIMIT)
    write_allocation_pages(page, out)
    write_statements(page, out)
    return statements
