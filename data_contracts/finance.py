"""The file that a finance system reads: fields with stable names, every amount a whole number of the minor unit.

Put here: its model and JSON schema, its fingerprint and sums. Keep out: writing it, and the workbook for people.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ConfigDict

from data_contracts.closed import Closed, fingerprint

Split = Literal["due_fen", "payable_fen"]
"""What lines explain and sources pay: all that is due, or what is paid now."""


class Word(Closed):
    """Base of the models: attribute docstrings are the descriptions of the JSON schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class FinanceSource(Word):
    """Who pays."""

    source: str
    kind: str
    """central, province, city, county, insurer, enterprise, donation, fee, carried_over or in_kind."""
    title: str
    reference: str | None
    """Number of the document that orders it."""
    direct_funds: bool
    """Marked as funds passed directly (直达资金)."""
    cash: bool
    """False: goods or services at their value, beside the money and in none of its sums."""
    amount_fen: int


class FinancePart(Word):
    """What one source pays to one payee; parts in cash sum to the field `split_of` of the payee."""

    source: str
    cash: bool
    amount_fen: int


class FinancePayee(Word):
    """A row of the table. due_fen + offset_next_year_fen = prepaid + carried_over + claw_back + payable, null as 0.

    Where lines explain what is paid now, all rows together also hold without balances: due_fen - prepaid = payable. The
    fund that keeps what payees set off then has their balances, claw-backs and debts with the opposite sign.
    """

    number: int
    """序号, from 1."""
    payee_kind: str
    payee_id: str
    name: str
    population: str | None
    """People served, an exact decimal."""
    standard: str | None
    """Yuan per head, an exact decimal."""
    due_fen: int
    """应补助; where lines explain what is paid now (`split_of`): all that is due in the year up to the period."""
    sources: list[FinancePart]
    score: str | None
    """考核得分"""
    coefficient: str | None
    """系数"""
    prepaid_fen: int | None
    """已预拨, in earlier periods of the year."""
    carried_over_fen: int | None
    """Balance of earlier years that is used up first (结余)."""
    claw_back_fen: int | None
    """扣回"""
    payable_fen: int
    """本次下达"""
    offset_next_year_fen: int | None
    """What the payee owes and the next year takes off."""
    remark: str | None


class FinanceLine(Word):
    """A line of a payee's statement; the lines of a payee sum to its field `split_of`."""

    payee_kind: str
    payee_id: str
    line_no: int
    stream: str
    amount_fen: int


class FinanceControl(Word):
    """Control totals."""

    payees: int
    lines: int
    due_fen: int
    payable_fen: int
    table_hash: str
    """sha256 of payees, lines and sources as canonical JSON; at the foot of the table, and named by its approval."""


class FinanceFile(Word):
    """The allocation of one period for a finance system."""

    format: Literal[1] = 1
    allocation_id: str
    title: str
    period: str
    currency: str
    minor_per_major: int
    """fen of one yuan; every `_fen` field is in this minor unit of the currency."""
    number: str | None
    """Number of the notice."""
    addressed_to: str | None
    references: list[str]
    """Documents that order the division."""
    function_code: str | None
    """功能科目"""
    function_title: str | None
    use: str | None
    split_of: Split
    """What lines explain and sources pay: all that is due, or what is paid now."""
    sources: list[FinanceSource]
    payees: list[FinancePayee]
    lines: list[FinanceLine]
    control: FinanceControl


def table_hash(payees: Sequence[FinancePayee], lines: Sequence[FinanceLine], sources: Sequence[FinanceSource]) -> str:
    """The fingerprint that the table carries."""
    return fingerprint([[item.model_dump() for item in part] for part in (payees, lines, sources)])


def broken_sums(file: FinanceFile) -> list[str]:
    """Names of the sums and fingerprints of a file that do not hold; empty for a sound file."""
    due = sum(payee.due_fen for payee in file.payees)
    of_lines: dict[tuple[str, str], int] = {}
    for line in file.lines:
        key = (line.payee_kind, line.payee_id)
        of_lines[key] = of_lines.get(key, 0) + line.amount_fen
    of_payees = {(payee.payee_kind, payee.payee_id): getattr(payee, file.split_of) for payee in file.payees}
    checks = {
        "rows": (file.control.payees, file.control.lines) == (len(file.payees), len(file.lines)),
        "due": due == file.control.due_fen,
        "payable": sum(payee.payable_fen for payee in file.payees) == file.control.payable_fen,
        "lines": {key: amount for key, amount in of_lines.items() if amount}
        == {key: amount for key, amount in of_payees.items() if amount},
        "uses": all(_adds_up(payee) for payee in file.payees),
        "paid_before": file.split_of == "due_fen"
        or due - sum(payee.prepaid_fen or 0 for payee in file.payees) == file.control.payable_fen,
        "sources": _sources_hold(file, sum(of_payees.values())),
        "table_hash": file.control.table_hash == table_hash(file.payees, file.lines, file.sources),
    }
    return [name for name, holds in checks.items() if not holds]


def _adds_up(payee: FinancePayee) -> bool:
    used = (payee.prepaid_fen, payee.carried_over_fen, payee.claw_back_fen, payee.payable_fen)
    return payee.due_fen + (payee.offset_next_year_fen or 0) == sum(amount or 0 for amount in used)


def _sources_hold(file: FinanceFile, whole: int) -> bool:
    """Cash sums to what is due or paid now, of every payee and of all, `whole`; each source sums to its amount."""
    if not file.sources:
        return not any(payee.sources for payee in file.payees)
    given: dict[str, int] = {source.source: 0 for source in file.sources}
    for payee in file.payees:
        if sum(part.amount_fen for part in payee.sources if part.cash) != getattr(payee, file.split_of):
            return False
        for part in payee.sources:
            given[part.source] = given.get(part.source, 0) + part.amount_fen
    stated = {source.source: source.amount_fen for source in file.sources}
    return given == stated and sum(source.amount_fen for source in file.sources if source.cash) == whole


def finance_schema() -> dict[str, Any]:
    """JSON schema of the file, with a description of every field."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **FinanceFile.model_json_schema()}
