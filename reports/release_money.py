"""The money of a release as the allocation engine's pages take it, and its statements: one page per payee.

Put here: published tables renamed to those of a run, which lines are of the year and which of the period, where
statements lie in the site. Keep out: what pages show (allocation_page, statement_page), any sum but of shown rows.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import polars as pl

from data_contracts.allocation_spec.document import AllocationSpec, spec_hash
from data_contracts.closed import Bilingual
from data_contracts.messages import LANGUAGES
from data_contracts.statement_lines import OF_PERIOD
from data_contracts.tables import output_tables
from reports import money_data
from reports.allocation_page import AllocationPage, sections_of
from reports.context import AllocationView, ReportContext
from reports.money_words import FUND, Owner
from reports.refusal_page import sets_said
from reports.site_data import Frames, Json, table
from reports.statement_page import Place, render
from reports.statement_tables import StatementTables, statement_names, with_steps

_FOLDER = "statements"
_KEYS = ("payee_kind", "payee_id")
_NEEDED = ("payees", "lines", "payments", "streams")
_PLAIN = ("payments", "quarters", "sources", "performance", "sensitivity", "peers")
# What only some rules ask for, and releases from before do not hold.
_SOME = ("awards", "changes", "intervals", "settlement", "institutions")
_NEED = ("payee_id", "target_fen", "before_fen", "distance_after", "years_to_target", "leakage_fen", "reserve_paid_fen")


def release_page(context: ReportContext, frames: Frames, language: str) -> AllocationPage | None:
    """The division of the year and the payment of the period, names in `language`; None where nothing was divided.

    Lines are without words. Amounts of the year are what lines say: awards that are not decided yet are in none.
    """
    view = context.allocation
    if view is None or view.spec is None or any(table(frames, f"alloc__{name}") is None for name in _NEEDED):
        return None
    own = partial(_of_period, context, frames, view)
    lines, kind = own("lines"), view.spec.payees.kind
    ours = pl.col("line_id").is_in(OF_PERIOD)
    tables = {name: own(name) for name in _PLAIN}
    tables |= {name: own(name) for name in _SOME if table(frames, f"alloc__{name}") is not None}
    tables |= {
        "lines": with_steps(lines.filter(~ours)),
        "period_lines": lines.filter(ours),
        "payees": _payees(own("payees"), tables["payments"], _names(context, frames, view, language)),
        "streams": own("streams").rename({"amount_fen": "payment_fen"}),
        "reserves": own("reserves").rename({"reserve_id": "reserve", "payee_group": "group"}),
    }
    tables["need"] = tables["payees"].filter(pl.col("target_fen").is_not_null()).select(_NEED)
    owners = lines.filter(pl.col("payee_kind") != FUND).select(_KEYS).unique().sort(_KEYS).iter_rows()
    return AllocationPage(
        view.spec,
        spec_hash(view.spec),
        tables,
        statements=statement_names(owners, kind),
        period=context.period,
        institutions=context.institutions,
        kinds={kind: context.levels[view.payee_level]} if view.payee_level in context.levels else {},
    )


def links(context: ReportContext, frames: Frames) -> dict[Owner, str]:
    """Kind and id of a payee as published → its statement, as a page of the site links it."""
    page, view = release_page(context, frames, "zh"), context.allocation
    if page is None or view is None:
        return {}
    return {_published(owner, view): f"{_FOLDER}/{name}.html" for owner, name in page.statements.items()}


def write_statements(context: ReportContext, frames: Frames, out: Path) -> list[Path]:
    """Write `statements/<name>.html` and `en/statements/<name>.html` into the site `out`; none where nobody is paid."""
    written: list[Path] = []
    for language in LANGUAGES:
        page, view = release_page(context, frames, language), context.allocation
        if page is None or view is None:
            return []
        lines = {name: _worded(page.tables[name], page.spec.currency) for name in ("lines", "period_lines")}
        tables = StatementTables(replace(page, tables={**page.tables, **lines}))
        root, other = ("../", "en/") if language == "zh" else ("../../", "")
        folder = out / ("" if language == "zh" else language) / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for owner, name in page.statements.items():
            back = f"../money.html#payee={quote(':'.join(_published(owner, view)), safe='')}"
            place = Place(back, f"{root}{other}{_FOLDER}/{name}.html", f"{root}site.css")
            path = folder / f"{name}.html"
            path.write_text(render(tables, owner, language, place), encoding="utf-8", newline="\n")
            written.append(path)
    return written


def money_parts(context: ReportContext, frames: Frames, language: str) -> Json | None:
    """Streams, reserves, pace, sources and funds of a release; None where nothing was divided."""
    page = release_page(context, frames, language)
    return None if page is None else sections_of(page, language)


def conflict(frames: Frames, language: str) -> Json | None:
    """Rules that cannot hold together and the ways out, in words; None where they hold."""
    rules, ways = table(frames, "alloc__conflict"), table(frames, "alloc__relaxations")
    if rules is None:
        return None
    return {
        "conflict": sets_said(rules, language),
        "relaxations": [] if ways is None else ways.sort("stream", "family", "subject")[f"words_{language}"].to_list(),
        **{name: _said(frames, name, language) for name in ("best_shares", "proposal")},
    }


def _said(frames: Frames, name: str, language: str) -> list[str]:
    found = table(frames, f"alloc__{name}")
    return [] if found is None else found[f"words_{language}"].to_list()


def _of_period(context: ReportContext, frames: Frames, view: AllocationView, name: str) -> pl.DataFrame:
    """Rows of a published table by its key, streams as the spec has them, payees of the kinds of the spec."""
    spec, table_name = _spec(view), f"alloc__{name}"
    frame = frames[table_name].filter(pl.col("period") == context.period)
    order = {stream.id: at for at, stream in enumerate(spec.streams)}
    by = [
        pl.col(key).replace_strict(order, default=len(order), return_dtype=pl.Int64) if key == "stream" else pl.col(key)
        for key in output_tables()[table_name].document.key
    ]
    frame = frame.sort(by)
    if "payee_kind" not in frame.columns:
        return frame
    return frame.with_columns(pl.col("payee_kind").replace({view.payee_level: spec.payees.kind}))


def _worded(lines: pl.DataFrame, currency: Bilingual) -> pl.DataFrame:
    """Lines as the engine names their columns, with their sentences in both languages."""
    return money_data.worded(lines, currency).rename({"sentence_params": "params"})


def _payees(payees: pl.DataFrame, payments: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    year = payments.group_by(_KEYS).agg(pl.col("year_fen").sum().alias("amount_fen"))
    own = payees.drop("year_fen").rename({"amount_fen": "payment_fen", "last_year_fen": "before_fen"})
    return (
        own.join(year, on=_KEYS, how="left", maintain_order="left")
        .join(names, on=_KEYS, how="left", maintain_order="left")
        .with_columns(pl.col("amount_fen").fill_null(0))
    )


def _names(context: ReportContext, frames: Frames, view: AllocationView, language: str) -> pl.DataFrame:
    """Payees by the kinds of the spec, with what they are called."""
    known = {view.payee_level: _spec(view).payees.kind}
    rows = [
        (known.get(kind, kind), payee, titles[language])
        for (kind, payee), titles in sorted(money_data.payee_titles(context, frames).items())
        if titles[language] != payee
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys((*_KEYS, "name"), pl.String), orient="row")


def _published(owner: Owner, view: AllocationView) -> Owner:
    """Payees as release tables have them: areas are of their level."""
    kind, payee = owner
    return (view.payee_level if kind == _spec(view).payees.kind else kind, payee)


def _spec(view: AllocationView) -> AllocationSpec:
    if view.spec is None:
        raise ValueError("the year has no rules")
    return view.spec
