"""How sure a payee is of each award: standard, chance or why there is none, what is asked for, whether it was won.

Put here: rows of the table of awards in words. Keep out: how chances are found (evaluations), all else of a statement.
"""

from decimal import Decimal
from typing import Any

from data_contracts.allocation_spec.contests import Awards, ByChance
from data_contracts.messages import text
from reports import format as shown
from reports.money_words import Owner, title_of, yuan
from reports.statement_tables import Row, StatementTables

_WON, _NOT_WON, _NO_PLACE, _OPEN = "won", "not_won", "no_place", "open"


def awards_of(tables: StatementTables, owner: Owner, language: str) -> list[dict[str, Any]]:
    """A row for each class by chance in which the payee competes: class, standard, chance or why none, asked, won."""
    classes = {
        (stream.id, item.id): item
        for stream in tables.page.spec.of_kind(Awards)
        for item in stream.classes
        if isinstance(item, ByChance)
    }
    found = []
    for row in tables.of("awards", owner):
        item = classes.get((row["stream"], row["award_class"]))
        if item is not None:
            found.append(_row(row, item, language))
    return found


def _row(row: Row, item: ByChance, language: str) -> dict[str, Any]:
    tier = next((own for own in item.tiers if own.id == row["tier"]), min(item.tiers, key=lambda own: own.standard))
    lost = _NO_PLACE if row["no_place"] else _NOT_WON
    state = _OPEN if row.get("decided") is False else _WON if row["due_fen"] else lost
    chance = row["chance"]
    return {
        "title": title_of(item.titles, item.id, language),
        "standard": f"{title_of(tier.titles, tier.id, language)} ≥ {tier.standard.normalize():f}",
        "why": row.get(f"words_{language}"),
        "chance": shown.MISSING if chance is None else _percent(Decimal(chance)),
        "asked": _percent(item.probability),
        "result": text(f"allocate.statement.award_{state}", language, amount=yuan(row["due_fen"]), places=item.places),
    }


def _percent(share: Decimal) -> str:
    return f"{shown.number(share * 100, 1)}%"
