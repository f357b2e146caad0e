"""`kangheng diff`: what changed between the money of two releases, as tables and pages.

Put here: which releases are compared, files, what is said. Keep out: the difference (assets.release), drawing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from assets.lake.atomic import sha256_file, write_json
from assets.release.differing import ReleaseDifference, default_before, difference_of
from assets.release.publish import releases_of
from assets.release.subject import Subject, subject_of
from assets.release.tables import write_csv
from data_contracts.messages import both, text, wrong
from evaluations.allocation.lines import FUND
from pipelines.approving import keep_approved
from pipelines.outcomes import SaysNo
from reports.compare_page import ComparePage, Side, write_compare_pages
from reports.money_words import FILES, yuan

_SHOWN = 10


@dataclass(frozen=True)
class DiffRun:
    """What a comparison of releases found; `out`: where its files are, None where none were asked for."""

    found: ReleaseDifference
    out: Path | None

    def tables(self) -> dict[str, pl.DataFrame]:
        """Tables by name, as they are written."""
        money = self.found.money
        return {"payees": money.payees, "steps": money.steps, "figures": self.found.figures,
                **{name: frame for name, frame in money.totals.items() if frame.height}}  # fmt: skip

    def _moved(self) -> pl.DataFrame:
        """Payees whose money changed, most first."""
        own = self.found.money.payees.filter(pl.col("payee_kind") != FUND, pl.col("difference_fen") != 0)
        return own.sort(pl.col("difference_fen").abs(), "payee_id", descending=[True, False])

    def as_dict(self) -> dict[str, Any]:
        """Plain values; paths relative to the folder given."""
        found, moved = self.found, self._moved()
        listed = {} if self.out is None else {
            "pages": list(FILES.values()),
            "tables": {name: {"path": f"tables/{name}.csv", "rows": frame.height,
                              "sha256": sha256_file(self.out / "tables" / f"{name}.csv")}
                       for name, frame in self.tables().items()},
        }  # fmt: skip
        return {
            "a": found.a.name, "b": found.b.name, "status": "ok", "causes": list(found.causes),
            "payees": [
                {"payee_kind": row["payee_kind"], "payee_id": row["payee_id"], "name": row["name"],
                 "a_fen": row["a_fen"], "b_fen": row["b_fen"], "difference_fen": row["difference_fen"],
                 "main_step": row["main_step"]}
                for row in moved.iter_rows(named=True)
            ],
            **listed,
        }  # fmt: skip

    def lines(self, language: str) -> list[str]:
        """Who gains and loses, why, and where the whole of it stands."""
        found, moved = self.found, self._moved()
        gain, lose = moved.filter(pl.col("difference_fen") > 0), moved.filter(pl.col("difference_fen") < 0)
        major = found.b.spec.currency.get(language)
        said = [text("diff_head", language, a=found.a.name, b=found.b.name)]
        said += [f"  {words[language]}" for words in found.causes]
        for sentence, own in (("winners", gain), ("losers", lose)):
            amount = yuan(abs(int(own["difference_fen"].sum())))
            said.append(text(f"allocate.compare.{sentence}", language, count=own.height, amount=amount, major=major))
        called = partial(_called, english=found.titles_en if language == "en" else {})
        for row in moved.head(_SHOWN).iter_rows(named=True):
            step = text(f"allocate.step.{row['main_step']}", language)
            said.append(text("diff_payee", language, payee=called(row), difference=_signed(row["difference_fen"]),
                             step=step, part=_signed(row["main_fen"]), major=major))  # fmt: skip
        if moved.height > _SHOWN:
            said.append(text("diff_more", language, count=moved.height - _SHOWN))
        said.append(text("allocate_page_at", language, path=self.out / FILES[language])
                    if self.out is not None else text("diff_out", language))  # fmt: skip
        return said


def run_diff(release: Path, before: Path | None, out: Path | None) -> DiffRun:
    """Compare a release with an older one: `before`, or the one of its period that it is linked to.

    Raises DefinitionError where there is no older one or a release has no money; SaysNo where nothing is divided or
    `out` holds an approved result.
    """
    if out is not None:
        keep_approved(out)
    new = subject_of(release)
    found = difference_of(subject_of(before or _before(new)), new)
    run = DiffRun(found, out)
    if out is not None:
        _write(run, out)
    return run


def _before(subject: Subject) -> Path:
    """The release before it in its period, else the newest one of the period before."""
    if subject.period is None:
        raise wrong("diff_alone", release=subject.name)
    linked = default_before(subject)
    if linked is None and subject.home is not None:
        earlier = sorted({place.name.rsplit("-r", 1)[0] for place in subject.home.releases.glob("*-r*")})
        periods = [period for period in earlier if period < subject.period]
        linked = releases_of(subject.home, periods[-1])[-1] if periods else None
    if linked is None:
        raise SaysNo(both("diff_first", release=subject.name))
    return linked


def _write(run: DiffRun, out: Path) -> None:
    found = run.found
    (out / "tables").mkdir(parents=True, exist_ok=True)
    for name, frame in run.tables().items():
        write_csv(frame, out / "tables" / f"{name}.csv")
    a, b = (Side(side.name, side.spec, side.rules_hash, side.tables) for side in (found.a, found.b))
    money = found.money
    page = ComparePage(
        a, b, money.payees, money.steps, money.totals,
        causes=found.causes, figures=found.figures, names_en=found.titles_en,
    )  # fmt: skip
    write_compare_pages(page, out)
    write_json(out / "run.json", run.as_dict())


def _called(payee: Mapping[str, Any], english: Mapping[str, str]) -> str:
    """Its name, where it has one, and its code."""
    name = english.get(payee["payee_id"], payee["name"])
    return f"{name} {payee['payee_id']}" if name else str(payee["payee_id"])


def _signed(fen: int) -> str:
    return f"+{yuan(fen)}" if fen > 0 else yuan(fen)
