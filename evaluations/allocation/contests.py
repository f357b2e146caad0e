"""Contested streams: projects of the special fund, awards. Their lines are one-offs.

Put here: from the words of these streams and the tables to lines. Keep out: their arithmetic (projects, reviewers,
awards).
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil

import polars as pl

from data_contracts.allocation_spec.basics import Figure
from data_contracts.allocation_spec.contests import AwardClass, Awards, ByChance, ByRank, Projects, Reviews
from data_contracts.messages import did_you_mean, wrong
from evaluations.allocation import awards
from evaluations.allocation.exact import shown
from evaluations.allocation.granting import least_caps, rates_of
from evaluations.allocation.lines import Line, StreamResult, frame_of
from evaluations.allocation.matching import Request, wished
from evaluations.allocation.projects import Application, NoPanelDecision, instalments_of, selected
from evaluations.allocation.records import (
    columns_of,
    figures,
    ids_once,
    money,
    named,
    paid_within,
    payees_of,
    repeated,
    short_lines,
    with_fund,
)
from evaluations.allocation.reviewers import NotConnected, Review, icc_2k, krippendorff, levelled
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import DataError, Rows, Snapshot

_FEN = 100
_Z_95 = Decimal("1.959963984540054")
Scores = dict[str, tuple[Fraction, Fraction, Fraction]]
"""Project → score, lower, upper."""


def by_projects(stream: Projects, pool: int, setting: Setting) -> StreamResult:
    """A line `project` per grant.

    Tables `projects`, `project_lists` (where the line of each list lies), `instalments` and, with reviews, `agreement`.
    """
    words, snapshot = stream.applications, setting.snapshot
    rows = snapshot.rows(words.table, columns_of(words.model_dump()), f"streams.{stream.id}.applications")
    names = ids_once(rows, words.project)
    payees = payees_of(setting, rows, words.payee, stream.payee_kind)
    tables: dict[str, pl.DataFrame] = {}
    if stream.reviews is None:
        scores = _given_scores(stream, rows, names)
    else:
        scores, tables["agreement"] = _reviewed(stream.id, stream.reviews, rows, words.project, names, setting)
    costs = rows.known(words.cost, money(setting, rows, words.cost))
    rates = rates_of(stream.rate, rows, words.capacity)
    caps = least_caps(money(setting, rows, words.cap), None if stream.cap is None else setting.spec.fen(stream.cap))
    wishes = [wished(Request(*item)) for item in zip(costs, rates, caps, strict=True)]
    eligible = _eligible(stream, rows, [scores[name][0] for name in names])
    panel = [None] * len(names) if words.panel is None else rows.yes_no(words.panel)
    field = [
        Application(name, *scores[name], wish, may, decided)
        for name, wish, may, decided in zip(names, wishes, eligible, panel, strict=True)
    ]
    reserved, reserve = _reserve(stream, pool, payees, names, setting)
    try:
        found = selected(
            field, pool, grey_by=stream.grey_zone, seed=stream.seed or "",
            line=None if stream.line is None else Fraction(stream.line), reserved=reserved, reserve=reserve,
        )  # fmt: skip
    except NoPanelDecision as no:
        rows.refuse([name in no.projects for name in names], "allocate_no_panel", str(words.panel))
        raise
    tables["projects"] = frame_of(
        [
            (stream.id, names[at], *payees[at], *(shown(item) for item in scores[names[at]]), decision.zone,
             decision.verdict, decision.place, decision.draw, costs[at], shown(rates[at]), wishes[at], decision.grant)
            for at, decision in enumerate(found.decisions)
        ],
        stream=str, project=str, payee_kind=str, payee_id=str, score=str, lower=str, upper=str, zone=str, verdict=str,
        place=int, draw=str, cost_fen=int, rate=str, wish_fen=int, grant_fen=int,
    )  # fmt: skip
    tables["project_lists"] = frame_of(
        [(stream.id, name, None if line is None else shown(line)) for name, line in found.lines.items()],
        stream=str, list=str, line=str,
    )  # fmt: skip
    tables["instalments"] = _instalments(stream, rows, names, [decision.grant for decision in found.decisions])
    lines = [
        Line(*payees[at], "S5", "project", stream.id, decision.grant, shown(Fraction(costs[at], _FEN)),
             shown(rates[at]), {"project": names[at], "place": str(decision.place)}, one_off=True)
        for at, decision in enumerate(found.decisions)
        if decision.grant
    ]  # fmt: skip
    return StreamResult(stream.id, pool, with_fund(lines, stream.unspent_to, "S5", stream.id, pool), tables)


def _given_scores(stream: Projects, rows: Rows, names: Sequence[str]) -> Scores:
    words = stream.applications
    columns = []
    for column in (words.score, words.lower, words.upper):
        found = rows.figures(str(column))
        columns.append([Fraction(item) for item in rows.known(str(column), found)])
    score, lower, upper = columns
    outside = [not low <= own <= high for own, low, high in zip(score, lower, upper, strict=True)]
    rows.refuse(outside, "allocate_score_outside", str(words.score))
    return dict(zip(names, zip(score, lower, upper, strict=True), strict=True))


def _eligible(stream: Projects, rows: Rows, scores: Sequence[Fraction]) -> list[bool]:
    column, least = stream.applications.eligible, stream.minimum_score
    stated = [True] * len(scores) if column is None else rows.known(column, rows.yes_no(column))
    return [may and (least is None or score >= least) for may, score in zip(stated, scores, strict=True)]


def _reserve(
    stream: Projects, pool: int, payees: Sequence[tuple[str, str]], names: Sequence[str], setting: Setting
) -> tuple[set[str], int]:
    if stream.reserve is None:
        return set(), 0
    members = group_of(setting, stream.reserve.group, f"streams.{stream.id}.reserve")
    inside = {own for own, member in zip(setting.snapshot.ids, members, strict=True) if member}
    reserved = {name for name, (_, own) in zip(names, payees, strict=True) if own in inside}
    return reserved, ceil(pool * Fraction(stream.reserve.share))


def group_of(setting: Setting, group: str, place: str) -> list[bool]:
    """Whether each payee is in a group. Raises DefinitionError for a group that the payees do not have."""
    groups = setting.spec.payees.groups
    if group not in groups:
        raise wrong("allocate_unknown", place=place, word=group, hint=did_you_mean(group, groups))
    return setting.snapshot.groups[group]


def _instalments(stream: Projects, rows: Rows, names: Sequence[str], grants: Sequence[int]) -> pl.DataFrame:
    words, shares = stream.applications, [Fraction(share) for share in stream.instalments]
    reached: list[int | None] = [None] * len(names)
    if words.milestones is not None:
        counts = figures(rows, words.milestones, high=len(shares))
        rows.refuse([count.denominator != 1 for count in counts], "allocate_not_whole", words.milestones)
        reached = [int(count) for count in counts]
    grades = [Fraction(1)] * len(names) if words.grade is None else figures(rows, words.grade, high=1)
    found = []
    for name, grant, milestones, grade in zip(names, grants, reached, grades, strict=True):
        planned, payable = instalments_of(grant, shares, milestones, grade)
        if grant:
            found += [(stream.id, name, at + 1, *pair) for at, pair in enumerate(zip(planned, payable, strict=True))]
    return frame_of(found, stream=str, project=str, instalment=int, planned_fen=int, payable_fen=int)


def _reviewed(
    stream: str, words: Reviews, applications: Rows, column: str, names: Sequence[str], setting: Setting
) -> tuple[Scores, pl.DataFrame]:
    """Levelled scores with normal intervals from what is left between reviewers; the statistic of agreement."""
    rows = setting.snapshot.rows(words.table, columns_of(words.model_dump()), f"streams.{stream}.reviews")
    known = set(names)
    rows.refuse([name not in known for name in rows.cells[words.project]], "allocate_unknown_item", words.project)
    reviewers = rows.known(words.reviewer, rows.words(words.reviewer))
    pairs = list(zip(rows.cells[words.project], reviewers, strict=True))
    rows.refuse(repeated(pairs), "allocate_row_again", words.project, columns=f"{words.project}, {words.reviewer}")
    reviews = [Review(*pair, score) for pair, score in zip(pairs, figures(rows, words.score), strict=True)]
    reviewed = {review.project for review in reviews}
    applications.refuse([name not in reviewed for name in names], "allocate_no_review", column)
    try:
        level = levelled(reviews)
    except NotConnected as no:
        applications.refuse([name in no.projects for name in names], "allocate_not_connected", column)
        raise
    free = len(reviews) - len(reviewed) - len(level.severity) + 1
    if free < 1:
        raise DataError("allocate_too_few_reviews", table=words.table)
    rest = (
        sum(
            ((item.score - level.adjusted[item.project] - level.severity[item.reviewer]) ** 2 for item in reviews),
            Fraction(0),
        )
        / free
    )
    scores = {}
    for name in names:
        half = _half(rest, sum(project == name for project, _ in pairs))
        scores[name] = (level.adjusted[name], level.adjusted[name] - half, level.adjusted[name] + half)
    return scores, _agreement(stream, words, reviews)


def _half(variance: Fraction, count: int) -> Fraction:
    with localcontext() as context:
        context.prec = 40
        spread = (Decimal(variance.numerator) / Decimal(variance.denominator) / count).sqrt()
        return Fraction((_Z_95 * spread).quantize(Decimal("1e-9")))


def _agreement(stream: str, words: Reviews, reviews: Sequence[Review]) -> pl.DataFrame:
    projects, reviewers = (sorted({getattr(item, name) for item in reviews}) for name in ("project", "reviewer"))
    if len(reviews) == len(projects) * len(reviewers):
        by_pair = {(item.project, item.reviewer): item.score for item in reviews}
        name, value = "icc_2k", icc_2k([[by_pair[row, at] for at in reviewers] for row in projects])
    else:
        name, value = "krippendorff_alpha", krippendorff(reviews)
    weak = value is None or value < words.agreement_below
    row = (stream, name, None if value is None else shown(value, 4), len(projects), len(reviewers), weak)
    return frame_of([row], stream=str, statistic=str, value=str, projects=int, reviewers=int, warning=bool)


def by_awards(stream: Awards, pool: int, setting: Setting) -> StreamResult:
    """A line `award_…` per payee and class, `short_pool`; table `awards` with every chance, also of those without.

    A tier that is reached and has no place left is named there, with nothing due.
    """
    ids, kind = setting.snapshot.ids, setting.snapshot.kind
    won = [False] * len(ids)
    payees, dues, params, rows = [], [], [], []
    for item in stream.classes:
        competes = [True] * len(ids)
        if item.group is not None:
            competes = group_of(setting, item.group, f"streams.{stream.id}.{item.id}.group")
        competes = [may and not (stream.once and had) for may, had in zip(competes, won, strict=True)]
        amounts, tiers, chances, outside = _class(stream.id, item, competes, setting)
        for at, own in enumerate(ids):
            if competes[at]:
                rows.append((stream.id, item.id, own, tiers[at], chances[at], outside[at], amounts[at]))
            if amounts[at]:
                won[at] = True
                payees.append((kind, own))
                dues.append(amounts[at])
                params.append((f"award_{item.by}", _award_words(item, tiers[at] or "", chances[at])))
    paid = paid_within(stream.id, dues, pool, stream.over_pool, [own for _, own in payees])
    lines = [
        Line(kind, own, "S6", line_id, stream.id, amount, params=words, one_off=True)
        for (kind, own), amount, (line_id, words) in zip(payees, dues, params, strict=True)
    ]
    lines += short_lines(stream.id, "S6", payees, dues, paid, one_off=True)
    table = frame_of(rows, stream=str, award_class=str, payee_id=str, tier=str, chance=str, no_place=bool, due_fen=int)
    lines = with_fund(lines, stream.unspent_to, "S6", stream.id, pool)
    return StreamResult(stream.id, pool, lines, {"awards": table})


def _errors(item: ByChance, place: str, snapshot: Snapshot) -> Sequence[Decimal | None]:
    """Standard errors; 0 only where the spec says that scores have none: a few cases may show no spread by chance."""
    if isinstance(item.error, str):
        return [Decimal(0)] * len(snapshot.ids)
    errors = snapshot.some_figures(item.error, f"{place}.error")
    rows = snapshot.rows_of(item.error, f"{place}.error")
    rows.refuse([error is not None and not error for error in errors], "allocate_not_positive", item.error.column)
    return errors


def _award_words(item: AwardClass, tier: str, chance: str | None) -> dict[str, str]:
    titles = {own.id: own.titles for own in item.tiers} if isinstance(item, ByChance) else {}
    percent = {} if chance is None else {"chance": shown(Fraction(chance) * 100, 2)}
    return {**named("class", item.id, item.titles), **named("tier", tier, titles.get(tier)), **percent}


def _class(
    stream: str, item: AwardClass, competes: Sequence[bool], setting: Setting
) -> tuple[list[int], list[str | None], list[str | None], list[bool]]:
    """Per payee: fen, tier or rank or grade, chance, whether it reached a tier whose places others have."""
    snapshot, spec, place = setting.snapshot, setting.spec, f"streams.{stream}.{item.id}"
    nothing, inside = list[str | None]([None] * len(competes)), [False] * len(competes)
    if isinstance(item, ByChance):
        scores = snapshot.some_figures(item.score, f"{place}.score", low=None)
        errors = _errors(item, place, snapshot)
        field = [
            awards.Measured(own, score, error) if may else awards.Measured(own, None, None)
            for own, score, error, may in zip(snapshot.ids, scores, errors, competes, strict=True)
        ]
        tiers = [awards.Tier(tier.id, tier.standard, spec.fen(tier.amount)) for tier in item.tiers]
        found = awards.by_chance(field, tiers, item.probability, item.places)
        return (
            [award.amount for award in found],
            [award.tier for award in found],
            [None if award.chance is None else f"{award.chance}" for award in found],
            [award.no_place for award in found],
        )
    if isinstance(item, ByRank):
        known = snapshot.some_figures(item.score, f"{place}.score", low=None)
        ranks = awards.ranks([score if may else None for score, may in zip(known, competes, strict=True)])
        fen = awards.by_rank(ranks, [(last, spec.fen(amount)) for last, amount in item.amounts])
        return fen, [None if rank is None else str(rank) for rank in ranks], nothing, inside
    rows = snapshot.rows_of(Figure(column=item.grade), place)
    grades = [word if may else None for word, may in zip(rows.words(item.grade), competes, strict=True)]
    fen = awards.by_grade(grades, {grade: spec.fen(amount) for grade, amount in item.amounts.items()})
    return fen, grades, nothing, inside
