"""The foot of a statement: what would change the money of a payee, and how far similar payees are from it.

Put here: reshaping changes and peers for one payee. Keep out: finding them (evaluations), the lines of the statement.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from data_contracts.messages import text
from reports import format as shown
from reports.money_words import Owner, change, per_head
from reports.statement_tables import Row, StatementTables, indicator_titles

_CENT = Decimal("0.01")


def changes_of(tables: StatementTables, owner: Owner, language: str) -> list[dict[str, str]]:
    """What would change the total, with the effect before floors and caps where the engine states it."""
    page = tables.page
    titles = indicator_titles(page, language)
    before = {(row["stream"], row["what"]): row["change_fen"] for row in tables.of("sensitivity", owner)}
    bound = tables.payees[owner]["bound"] or "none"
    found = []
    for row in tables.of("changes", owner) or _without_bounds(tables, owner):
        name = (row["stream"], row["subject"] or row["what"])
        subject = titles.get((row["stream"], row["subject"]), "")
        found.append({
            "what": _what(row, subject, language),
            "effect": _effect(row, bound, language),
            "before": change(before[name]) if name in before else shown.MISSING,
        })  # fmt: skip
    return found


def _without_bounds(tables: StatementTables, owner: Owner) -> Sequence[Row]:
    """Where nobody divided again: the changes whose effect before floors and caps is known."""
    return [
        {**row, "subject": "" if row["what"] == "risk" else row["what"], "change_fen": None, "status": "not_asked",
         "what": "risk" if row["what"] == "risk" else "indicator"}
        for row in tables.of("sensitivity", owner)
    ]  # fmt: skip


def _what(row: Row, subject: str, language: str) -> str:
    step = row["step"]
    if row["what"] == "people":
        people = 1000
        return text("allocate.statement.change.people", language, people=shown.number(people))
    if row["what"] == "indicator" and step == _CENT:
        return text("allocate.statement.change.indicator", language, subject=subject, step=1)
    name = "indicator_unit" if row["what"] == "indicator" else row["what"]
    return text(f"allocate.statement.change.{name}", language, subject=subject, step=shown.count(step))


def _effect(row: Row, bound: str, language: str) -> str:
    if row["status"] == "not_asked":
        return shown.MISSING
    if row["status"] != "ok":
        return text(f"allocate.statement.status.{row['status']}", language)
    if row["change_fen"] == 0 and row["what"] != "indicator" and bound in ("floor", "cap", "planned"):
        return text("allocate.statement.no_change", language, bound=text(f"allocate.bound.{bound}", language))
    return change(row["change_fen"])


def peers_of(tables: StatementTables, owner: Owner, language: str) -> dict[str, Any] | None:
    """Yuan per head of this payee and its peers, step by step of their statements; the same steps for all."""
    rows = tables.of("peers", owner)
    own_kind = owner[0]
    owners = [owner, *((own_kind, row["peer_id"]) for row in rows[:3])]
    if len(owners) < 2 or any(not tables.payees[own]["population"] for own in owners):
        return None
    steps: dict[tuple[str, str], list[int]] = {}
    for at, own in enumerate(owners):
        for line in tables.of("lines", own):
            key = (line["stream"], _kind_of_line(line, language))
            steps.setdefault(key, [0] * len(owners))[at] += line["amount_fen"]
    people = [tables.payees[own]["population"] for own in owners]
    names = [tables.payees[own]["name"] or own[1] for own in owners]
    return {
        "names": names,
        "apart": [_apart(steps, at, people, language) for at in range(1, len(owners))],
        "rows": [
            {"words": words, "cells": [per_head(fen, count) for fen, count in zip(fens, people, strict=True)]}
            for (_, words), fens in steps.items()
        ],
        "target": [per_head(tables.payees[own]["target_fen"], tables.payees[own]["population"]) for own in owners],
        "total": [per_head(tables.payees[own]["amount_fen"], tables.payees[own]["population"]) for own in owners],
    }


def _apart(steps: Mapping[tuple[str, str], Sequence[int]], at: int, people: Sequence[Decimal], language: str) -> str:
    """How far a peer is from the payee in yuan per head, and the step that makes most of it."""
    parts = {words: fens[at] / people[at] - fens[0] / people[0] for (_, words), fens in steps.items()}
    whole = sum(parts.values(), Decimal(0))
    if not whole:
        return change(0)
    most = max(parts, key=lambda words: parts[words] * (1 if whole > 0 else -1))
    return text("allocate.statement.apart", language, difference=change(_fen(whole)), step=most,
                part=change(_fen(parts[most])))  # fmt: skip


def _fen(money: Decimal) -> int:
    return int(money.to_integral_value(ROUND_HALF_UP))


def _kind_of_line(line: Row, language: str) -> str:
    """What a line is, without the figures of its payee."""
    params = json.loads(line["params"])
    step = text(f"allocate.step.{line['step']}", language)
    subject = params.get(f"indicator_{language}") or params.get(f"factor_{language}")
    if subject is None or line["step"] == "need_factor":
        return subject or step
    return text("allocate.step.about", language, step=step, subject=subject)
