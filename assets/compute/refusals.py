"""Rules that cannot hold together, in words: the conflict, its rules one by one, and the ways out.

Put here: sentences of conflicts and of their tables, for the road and for the engine alone. Keep out: finding them
(evaluations), files and pages.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from data_contracts.allocation_spec.document import AllocationRules, AllocationSpec
from data_contracts.closed import Bilingual
from data_contracts.messages import LANGUAGES, both
from evaluations.allocation.lines import yuan
from evaluations.allocation.problem import Conflict
from evaluations.allocation.remedies import conflict_tables

Words = dict[str, str]
_NAMED = 10
_FLOORS = ("floor", "hold_harmless", "min_vs_target", "statutory", "spared")


def conflict_words(conflict: Conflict, currency: Bilingual, titles: Mapping[str, Words] | None = None) -> Words:
    """The conflict in zh and en; `titles`: what a clerk calls streams, reserves and sources, by id."""
    named = titles or {}
    rules = [_named(rule, named) for rule in conflict.rules]
    listed = {"zh": "、".join(rule["zh"] for rule in rules), "en": ", ".join(rule["en"] for rule in rules)}
    payees = "、".join(conflict.payees[:_NAMED]) + (" …" if len(conflict.payees) > _NAMED else "")
    whose = both("allocate_whose", payees=payees) if payees else dict.fromkeys(LANGUAGES, "")
    return both(
        "allocate_conflict",
        subject=named.get(conflict.subject, conflict.subject),
        rules=listed,
        short=yuan(conflict.short),
        reachable=yuan(conflict.reachable),
        whose=whose,
        major=currency.model_dump(),
    )


def rule_words(name: str, subject: str | Words | None) -> Words:
    """A rule by its name."""
    return both(f"allocate_rule_{name}", id=subject or "")


def titles_of(rules: AllocationRules) -> dict[str, Words]:
    """Id → title of the streams, reserves and sources that have one."""
    items = [*rules.streams, *rules.reserves, *rules.sources]
    return {item.id: item.titles.model_dump() for item in items if item.titles is not None}


def worded_conflict(spec: AllocationSpec, conflict: Conflict) -> dict[str, pl.DataFrame]:
    """The tables of `conflict_tables`, with `words_zh` and `words_en` for each row."""
    tables, major = conflict_tables(conflict, spec.priorities), spec.currency.model_dump()
    spoken = {"conflict": _rule, "relaxations": _way, "proposal": _way, "best_shares": _best}
    return {
        name: _with_words(frame, [spoken[name](row, major) for row in frame.iter_rows(named=True)])
        if name in spoken
        else frame
        for name, frame in tables.items()
    }


def summary(tables: Mapping[str, pl.DataFrame]) -> list[Words]:
    """The ways out that help, and the best shares, in words: for the terminal."""
    ways = tables["relaxations"].filter("possible").filter(pl.col("total_fen") > 0)
    frames = [ways, *([tables["best_shares"]] if "best_shares" in tables else [])]
    return [{language: row[f"words_{language}"] for language in LANGUAGES}
            for frame in frames for row in frame.iter_rows(named=True)]  # fmt: skip


def _named(rule: str, titles: Mapping[str, Words]) -> Words:
    name, _, subject = rule.partition(":")
    return rule_words(name, titles.get(subject, subject))


def _with_words(frame: pl.DataFrame, words: Sequence[Words]) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series(f"words_{language}", [own[language] for own in words], dtype=pl.String) for language in LANGUAGES
    )


def _rule(row: Mapping[str, Any], major: Words) -> Words:
    if row["amount_fen"] is None:
        return rule_words(row["kind"], row["subject"])
    kind = f"floor_{row['set_by']}" if row["kind"] == "floor" else row["kind"]
    return both(f"allocate.conflict.{kind}", subject=row["subject"], amount=yuan(row["amount_fen"]), major=major)


def _family(row: Mapping[str, Any]) -> Words:
    family = "reserves" if row["family"] == "reserve" and row["subject"] is None else row["family"]
    return both(f"allocate.family.{family}", subject=row["subject"])


def _way(row: Mapping[str, Any], major: Words) -> Words:
    family, total = row["family"], row["total_fen"]
    if family == "no_weights":
        return both("allocate.relax.no_weights", total=yuan(total), major=major)
    if family not in ("budget", "reserve", "cap", *_FLOORS) or (family == "budget" and row["before_fen"] is None
                                                                and row["possible"]):  # fmt: skip
        return both("allocate.relax.plain", rule=rule_words(family, row["subject"]), total=yuan(total), major=major)
    if not row["possible"]:
        return both("allocate.relax.never", family=_family(row))
    if not total:
        return both("allocate.relax.holds", family=_family(row))
    if family == "budget":
        way = "up" if row["after_fen"] > row["before_fen"] else "down"
        return both(f"allocate.relax.budget_{way}", total=yuan(total), before=yuan(row["before_fen"]),
                    after=yuan(row["after_fen"]), major=major)  # fmt: skip
    if family == "reserve" and row["subject"] is not None:
        if row["before_fen"] is None:
            return both("allocate.relax.plain", rule=rule_words(family, row["subject"]), total=yuan(total), major=major)
        return both("allocate.relax.reserve", subject=row["subject"], total=yuan(total), major=major,
                    share_before=percent(row["share_before"]), share_after=percent(row["share_after"]))  # fmt: skip
    if family == "reserve":
        return both("allocate.relax.reserves", total=yuan(total), major=major)
    kind = "cap" if family == "cap" else "floors"
    return both(f"allocate.relax.{kind}", family=_family(row), total=yuan(total), payees=row["payees"], major=major)


def _best(row: Mapping[str, Any], major: Words) -> Words:
    if row["most_fen"] is None:
        return both("allocate.best.none", reserve=row["reserve"])
    return both("allocate.best.share", reserve=row["reserve"], share=percent(row["most_share"]),
                most=yuan(row["most_fen"]), wanted=yuan(row["wanted_fen"]), major=major)  # fmt: skip


def percent(share: Decimal | None) -> str:
    """A share in per cent with four decimals at most."""
    return "–" if share is None else f"{(share * 100).normalize():f}%"
