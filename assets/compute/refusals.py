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
_WAYS = {"due": "down", "at_least": "down", "fixed_grant": "down", "reserve": "down", "source": "down",
         "streams": "up", "budget": "up", "true_up": "up"}  # fmt: skip
"""Family → which way it gives, where all that is known is by how much."""
_ITSELF = ("no_weights", "factor", "floor_over_cap", "sources")
"""Families with a sentence of their own."""
_ABOUT = {"due": "stream", "size": "stream", "streams": "stream", "streams_take": "stream", "streams_need": "stream",
          "reserve": "reserve", "source": "source", "earmark": "source", "source_gives": "source",
          "source_limit": "source"}  # fmt: skip
"""Kind of a rule → what it is about, where that has a title."""


class Called:
    """What streams, reserves, sources and payees are called: by title or name, else by id."""

    def __init__(self, rules: AllocationRules, conflict: Conflict, payees: Mapping[str, Words] | None = None) -> None:
        """`payees`: names in both languages; without them those of the table of payees."""
        known = payees or {payee: dict.fromkeys(LANGUAGES, name) for payee, name in conflict.names.items()}
        self._payees = dict(known)
        # Each kind of thing has ids of its own: a source may be called as a stream is.
        of_kind: dict[str, Sequence[Any]] = {
            "stream": rules.streams,
            "reserve": rules.reserves,
            "source": rules.sources,
        }
        self._titles: dict[str, dict[str, Words]] = {
            kind: {item.id: item.titles.model_dump() for item in items if item.titles is not None}
            for kind, items in of_kind.items()
        }

    def rule(self, kind: str, name: str | None) -> Words:
        """What a rule of this kind is about: a stream, a reserve or a source; anything else by id."""
        return self._titles.get(_ABOUT.get(kind, ""), {}).get(name or "", dict.fromkeys(LANGUAGES, name or ""))

    def payee(self, name: str) -> Words:
        """A payee."""
        return self._payees.get(name, dict.fromkeys(LANGUAGES, name))

    def subject(self, name: str) -> Words:
        """What a conflict is about: the budget, a stream (also as `streams.<id>`), or several of them."""
        if name == "budget":
            return both("allocate_rule_budget")
        return joined([self.rule("streams", own.removeprefix("streams.")) for own in name.split(", ")])


def joined(words: Sequence[Words]) -> Words:
    """Several things one after another."""
    return {"zh": "、".join(own["zh"] for own in words), "en": ", ".join(own["en"] for own in words)}


def conflict_words(
    rules: AllocationRules, conflict: Conflict, currency: Bilingual, payees: Mapping[str, Words] | None = None
) -> Words:
    """The conflict in zh and en; `payees`: names by id, where others than those of the table of payees."""
    called = Called(rules, conflict, payees)
    parts = [rule.partition(":") for rule in conflict.rules]
    listed = joined([rule_words(name, called.rule(name, subject)) for name, _, subject in parts])
    whose = dict.fromkeys(LANGUAGES, "")
    if conflict.payees:
        more = [dict.fromkeys(LANGUAGES, "…")] if len(conflict.payees) > _NAMED else []
        whose = both("allocate_whose", payees=joined([*map(called.payee, conflict.payees[:_NAMED]), *more]))
    return both(
        "allocate_conflict",
        subject=called.subject(conflict.subject),
        rules=listed,
        short=yuan(conflict.short),
        reachable=yuan(conflict.reachable),
        whose=whose,
        major=currency.model_dump(),
    )


def rule_words(name: str, subject: str | Words | None) -> Words:
    """A rule by its name."""
    return both(f"allocate_rule_{name}", id=subject or "")


def worded_conflict(
    spec: AllocationSpec, conflict: Conflict, payees: Mapping[str, Words] | None = None
) -> dict[str, pl.DataFrame]:
    """The tables of `conflict_tables`, with `words_zh` and `words_en` for each row, in steps the `name` of the payee.

    `payees` as in conflict_words.
    """
    tables, words = conflict_tables(conflict, spec.priorities), _Sentences(spec, Called(spec, conflict, payees))
    if "relaxation_steps" in tables:
        tables["relaxation_steps"] = words.with_names(tables["relaxation_steps"])
    spoken = {"conflict": words.rule, "relaxations": words.way, "proposal": words.way, "best_shares": words.best}
    return {
        name: _with_words(frame, [spoken[name](row) for row in frame.iter_rows(named=True)])
        if name in spoken
        else frame
        for name, frame in tables.items()
    }


def summary(tables: Mapping[str, pl.DataFrame]) -> list[Words]:
    """The ways out that help, and the best shares, in words: for the terminal."""
    ways = tables["relaxations"].filter("possible").filter(pl.col("total_fen").is_null() | (pl.col("total_fen") > 0))
    frames = [ways, *([tables["best_shares"]] if "best_shares" in tables else [])]
    return [{language: row[f"words_{language}"] for language in LANGUAGES}
            for frame in frames for row in frame.iter_rows(named=True)]  # fmt: skip


def _with_words(frame: pl.DataFrame, words: Sequence[Words]) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series(f"words_{language}", [own[language] for own in words], dtype=pl.String) for language in LANGUAGES
    )


class _Sentences:
    """Rows of conflict tables in words."""

    def __init__(self, spec: AllocationSpec, called: Called) -> None:
        self._major, self._called = spec.currency.model_dump(), called

    def with_names(self, steps: pl.DataFrame) -> pl.DataFrame:
        """Steps with what each payee is called."""
        names = [self._called.payee(payee)["zh"] for payee in steps["payee_id"]]
        return steps.with_columns(pl.Series("name", names, dtype=pl.String))

    def _money(self, fen: int) -> dict[str, Any]:
        return {"total": yuan(fen), "major": self._major}

    def rule(self, row: Mapping[str, Any]) -> Words:
        """A row of `conflict`."""
        kind, name = row["kind"], row["subject"]
        if row["amount_fen"] is None:
            return rule_words(kind, self._called.rule(kind, name))
        if kind == "floor":
            kind = f"floor_{row['set_by']}"
        if name is None and kind.startswith("streams_"):
            kind = f"all_{kind}"
        of_payee = row["kind"] in ("floor", "cap", "no_target")
        subject = self._called.payee(name) if of_payee else self._called.rule(row["kind"], name)
        return both(f"allocate.conflict.{kind}", subject=subject, amount=yuan(row["amount_fen"]), major=self._major)

    def way(self, row: Mapping[str, Any]) -> Words:
        """A row of `relaxations` or `proposal`."""
        family, total = row["family"], row["total_fen"]
        if not row["possible"]:
            return both("allocate.relax.never", family=self._family(row))
        if family in _ITSELF:
            return both(f"allocate.relax.{family}", **self._money(total))
        if family == "earmark":
            return both("allocate.relax.earmark", subject=self._called.rule(family, row["subject"]))
        changes = any(row[name] is not None for name in ("after_fen", "share_after"))
        if family in _WAYS and not changes and not (family == "reserve" and row["subject"] is None):
            rule = rule_words(family, self._called.rule(family, row["subject"]))
            return both(f"allocate.relax.plain_{_WAYS[family]}", rule=rule, **self._money(total))
        if total == 0:
            return both("allocate.relax.holds", family=self._family(row))
        return self._source(row) if family == "source" else self._change(row)

    def _change(self, row: Mapping[str, Any]) -> Words:
        family = row["family"]
        if row["total_fen"] is None:
            way = "up" if row["share_after"] > row["share_before"] else "down"
            return both(f"allocate.relax.share_{way}", family=self._family(row), before=percent(row["share_before"]),
                        after=percent(row["share_after"]))  # fmt: skip
        money = self._money(row["total_fen"])
        if family in ("budget", "pool", "size", "at_least", "planned"):
            way = "up" if row["after_fen"] > row["before_fen"] else "down"
            return both(f"allocate.relax.amount_{way}", family=self._family(row), before=yuan(row["before_fen"]),
                        after=yuan(row["after_fen"]), **money)  # fmt: skip
        if family == "reserve" and row["subject"] is not None:
            return both("allocate.relax.reserve", subject=self._called.rule(row["family"], row["subject"]),
                        share_before=percent(row["share_before"]), share_after=percent(row["share_after"]),
                        **money)  # fmt: skip
        if family == "reserve":
            return both("allocate.relax.reserves", **money)
        kind = "cap" if family == "cap" else "floors"
        return both(f"allocate.relax.{kind}", family=self._family(row), payees=row["payees"], **money)

    def _source(self, row: Mapping[str, Any]) -> Words:
        shares = dict.fromkeys(LANGUAGES, "")
        if row["share_after"] is not None:
            shares = both("allocate.relax.shares", before=percent(row["share_before"]),
                          after=percent(row["share_after"]))  # fmt: skip
        way = "up" if row["after_fen"] > row["before_fen"] else "down"
        return both(f"allocate.relax.source_{way}", subject=self._called.rule(row["family"], row["subject"]),
                    shares=shares, before=yuan(row["before_fen"]), after=yuan(row["after_fen"]),
                    **self._money(row["total_fen"]))  # fmt: skip

    def _family(self, row: Mapping[str, Any]) -> Words:
        family = "reserves" if row["family"] == "reserve" and row["subject"] is None else row["family"]
        return both(f"allocate.family.{family}", subject=self._called.rule(row["family"], row["subject"]))

    def best(self, row: Mapping[str, Any]) -> Words:
        """A row of `best_shares`."""
        reserve = self._called.rule("reserve", row["reserve"])
        if row["most_fen"] is None:
            return both("allocate.best.none", reserve=reserve)
        return both("allocate.best.share", reserve=reserve, share=percent(row["most_share"]),
                    most=yuan(row["most_fen"]), wanted=yuan(row["wanted_fen"]), major=self._major)  # fmt: skip


def percent(share: Decimal | None) -> str:
    """A share in per cent with four decimals at most."""
    return "–" if share is None else f"{(share * 100).normalize():f}%"
