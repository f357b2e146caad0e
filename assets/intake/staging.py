"""One delivered file through the whole intake: bytes → records → typed → checked → pseudonymous chunks.

Put here: the pass itself and its accounting. Keep out: where chunks, quarantine and counts are stored (delivery.py).
The result is a pure function of bytes, contract, key and code.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from assets.engine.duck import query
from assets.intake import identities, rules
from assets.intake.account import Account
from assets.intake.across import NOTHING, Across, Known
from assets.intake.arithmetic import beyond
from assets.intake.blocks import UNREADABLE_RULES, Block, Unreadable
from assets.intake.column_counts import column_counts
from assets.intake.corrections import Corrections
from assets.intake.example import EXAMPLE_ROW, like_example, marked
from assets.intake.findings import FileRefused, Finding
from assets.intake.landing import Stated
from assets.intake.opening import read_records
from assets.intake.period import covered, of_dates
from assets.intake.printed import PrintedTotals
from assets.intake.totals import Totals
from assets.intake.typed import type_columns
from assets.vault import quarantine
from assets.vault.pseudonym import person_keys
from data_contracts.codes import CodeList
from data_contracts.contracts import FeedContract, polars_dtype, stored_columns
from data_contracts.periods import Period
from data_contracts.schemas import feed_schema, gate
from data_contracts.settings.limits import Limits

_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class FileContext:
    """What is known about a file besides its bytes."""

    file_id: str
    period: str
    institution_id: str | None
    stated: Stated = field(default_factory=Stated)


@dataclass(frozen=True)
class Chunk:
    """Accepted rows in the shape of a stg part, refused records for the vault, what to put on the fix list, counts."""

    accepted: pl.DataFrame
    refused: pl.DataFrame
    fixes: pl.DataFrame
    counts: pl.DataFrame


FIX_COLUMNS = {"record_no": pl.Int32(), "line_no": pl.Int32(), "rule": pl.String(), "severity": pl.String()}


def stage(
    data: Iterable[bytes],
    contract: FeedContract,
    context: FileContext,
    yes_no: CodeList,
    pseudonym_key: bytes,
    limits: Limits,
    account: Account,
    known: Known = NOTHING,
) -> Iterator[Chunk]:
    """Yield the chunks of a file and keep `account` up to date; raises FileRefused where the file cannot be taken.

    Raises FoundAcross (see `in_passes`) where records of the file contradict each other and `known` does not say so.
    """
    rules.check_contract(contract)
    account.begin()
    corrections = Corrections(contract, context.period, context.institution_id)
    across = Across(contract, known)
    totals = Totals(context.stated, contract, yes_no)
    printed = PrintedTotals(contract, yes_no)
    here = contract.for_file(context.period, context.institution_id)
    for block in read_records(data, here, limits, account, whole=context.stated.whole):
        account.records += block.frame.height + len(block.unreadable) + block.non_data
        account.non_data += block.non_data
        account.unreadable += len(block.unreadable)
        if account.records > limits.rows:
            raise FileRefused("intake_too_many_rows", limit=limits.rows)
        texts = corrections.applied(block.frame)
        chunk = _chunk(block, texts, contract, context, yes_no, pseudonym_key, account, across, totals, printed)
        across.add(chunk.accepted)
        yield chunk
    if account.examples:
        account.findings.append(Finding("intake_example_left", {"count": account.examples}))
    totals.check(account)
    printed.check(account)
    _check_empty(account, contract, context.stated)
    corrections.close(account)
    across.close(account)


def _check_empty(account: Account, contract: FeedContract, stated: Stated) -> None:
    """A file without any record is refused unless its note states so: it would blank the figures of its period."""
    if account.records > account.non_data or stated.rows == 0:
        return
    if contract.extras.records.where is None:
        raise FileRefused("accounting_no_records")
    account.findings.append(Finding("accounting_no_records_chosen"))


def _chunk(
    block: Block,
    texts: pl.DataFrame,
    contract: FeedContract,
    context: FileContext,
    yes_no: CodeList,
    pseudonym_key: bytes,
    account: Account,
    across: Across,
    totals: Totals,
    printed: PrintedTotals,
) -> Chunk:
    period = Period.parse(context.period)
    # A list of the period may be drawn up later and name who was born since.
    latest = Period(period.year + 1, period.index, period.grain).end
    typed = type_columns(texts, contract, yes_no, account.units, latest)
    printed.add(block, typed if texts is block.frame and not account.units else None)
    first = covered(contract, period)[0]
    frame = typed.frame.with_columns(
        pl.lit(first.start, dtype=pl.Date).alias("period_start"), pl.lit(period.end, dtype=pl.Date).alias("period_end")
    )
    built_in = typed.violations | identities.found(texts, frame, contract, latest, across.seen)
    if contract.delivery == "cumulative" and contract.extras.event_date:
        inside = frame[contract.extras.event_date].is_between(first.start, period.end)
        built_in[f"cumulative_{contract.extras.event_date}"] = ~inside.fill_null(value=False)
    for derived in contract.extras.derived:
        value = rules.evaluated(frame, derived.expression).alias(derived.name)
        fitting = value.cast(polars_dtype(derived.type, derived.scale), strict=False)
        unknown = (fitting.is_null() & value.is_not_null()) | beyond(frame, derived.expression)
        built_in[f"type_{derived.name}"] = unknown
        frame = frame.with_columns(fitting)
    examples = marked(block.frame)
    account.examples += int(examples.sum())
    is_record = _is_record(frame, contract) & ~examples
    across.add_ids(texts, frame, is_record)
    records = frame.filter(is_record)
    totals.add(block.frame.filter(is_record))
    _check_period(records, contract, context.period)
    doubts = {**typed.doubts, EXAMPLE_ROW: like_example(block.frame, contract)}
    violations = _violations(frame, built_in, doubts, contract, is_record, account)
    violations |= across.known.among(frame["record_no"])
    _count_unreadable(block, int(is_record.sum()), account)
    refusing = {rule: where for rule, (severity, where) in violations.items() if severity == "error"}
    refused = _any(refusing, frame.height) & is_record
    keep = is_record & ~refused
    account.non_data += int((~is_record).sum())
    account.quarantined += int(refused.sum())
    account.accepted += int(keep.sum())
    warned = {rule: where for rule, (severity, where) in violations.items() if severity == "warning"}
    accepted = _accepted(frame, keep, warned, contract, context, pseudonym_key)
    return Chunk(
        accepted,
        _refused_records(block, refused, refusing),
        _fixes(block, violations),
        column_counts(records, accepted, contract, context.institution_id),
    )


def _check_period(frame: pl.DataFrame, contract: FeedContract, period: str) -> None:
    """Where records state their period it must be that of the file: a file belongs to one period."""
    column = contract.extras.period.column
    if column is None or column not in frame.columns:
        return
    other = int((frame[column] != period).sum())
    if other:
        title = contract.by_name[column].headers[0]
        raise FileRefused("intake_period_varies", column=title, period=period, count=other)


def _count_unreadable(block: Block, records: int, account: Account) -> None:
    for rule in UNREADABLE_RULES:
        violated = sum(item.rule == rule for item in block.unreadable)
        account.count(rule, "error", violated, 0, records + len(block.unreadable))


def _is_record(frame: pl.DataFrame, contract: FeedContract) -> pl.Series:
    where = contract.extras.records.where
    if where is None:
        return pl.repeat(value=True, n=frame.height, eager=True, dtype=pl.Boolean)
    return rules.evaluated(frame, where).cast(pl.Boolean).fill_null(value=True)


def _violations(
    frame: pl.DataFrame,
    built_in: dict[str, pl.Series],
    doubts: dict[str, pl.Series],
    contract: FeedContract,
    is_record: pl.Series,
    account: Account,
) -> dict[str, tuple[str, pl.Series]]:
    """Rule → severity and where it is violated, among records only; every rule is counted."""
    found: dict[str, tuple[str, pl.Series]] = {}
    records = int(is_record.sum())
    for rule, where in built_in.items():
        within = where & is_record
        found[rule] = ("error", within)
        account.count(rule, "error", int(within.sum()), 0, records)
    severities = {rule.id: rule.severity for rule in contract.rules} | dict.fromkeys(doubts, "warning")
    outcomes = rules.evaluate(frame, contract.rules) | {rule: ~doubtful for rule, doubtful in doubts.items()}
    for rule, outcome in outcomes.items():
        severity = severities[rule]
        within = (~outcome).fill_null(value=False) & is_record
        found[rule] = (severity, within)
        account.count(rule, severity, int(within.sum()), int((outcome.is_null() & is_record).sum()), records)
    return {rule: item for rule, item in found.items() if item[1].any()}


def _any(where: dict[str, pl.Series], height: int) -> pl.Series:
    result = pl.repeat(value=False, n=height, eager=True, dtype=pl.Boolean)
    for series in where.values():
        result = result | series
    return result


def _rule_list(where: dict[str, pl.Series], height: int) -> pl.Series:
    """The ids of the violated rules of each row, joined by semicolons; empty text for none."""
    if not where:
        return pl.repeat("", height, eager=True, dtype=pl.String)
    named = [pl.when(series).then(pl.lit(rule)).otherwise(None) for rule, series in sorted(where.items())]
    return pl.select(pl.concat_str(named, separator=";", ignore_nulls=True)).to_series()


def _accepted(
    frame: pl.DataFrame,
    keep: pl.Series,
    warned: dict[str, pl.Series],
    contract: FeedContract,
    context: FileContext,
    pseudonym_key: bytes,
) -> pl.DataFrame:
    extras = contract.extras
    institution = pl.col(extras.institution.column) if extras.institution.column else pl.lit(context.institution_id)
    event = pl.col(extras.event_date) if extras.event_date else pl.lit(None)
    frame = frame.with_columns(_rule_list(warned, frame.height).alias("warnings")).filter(keep)
    frame = frame.with_columns(
        pl.lit(context.file_id).alias("file_id"),
        _own_period(contract, context.period).alias("period"),
        institution.cast(pl.String).alias("institution_id"),
        event.cast(pl.Date).alias("event_date"),
    )
    if extras.person:
        frame = frame.with_columns(person_keys(frame["person_id_canonical"], pseudonym_key).alias("person_key"))
    columns = stored_columns(contract)
    content = [name for name, _ in columns if name not in ("file_id", "record_no", "warnings", "row_hash")]
    frame = frame.with_columns(_row_hash(frame.select(name for name in content if name != "period")))
    shaped = frame.select(pl.col(name).cast(dtype) for name, dtype in columns)
    return gate(feed_schema(contract), shaped)


def _own_period(contract: FeedContract, period: str) -> pl.Expr:
    """The period a record belongs to: that of its file, of a cumulative feed that of its event."""
    if contract.delivery != "cumulative":
        return pl.lit(period)
    return of_dates(pl.col(str(contract.extras.event_date)), Period.parse(period).grain)


def _row_hash(frame: pl.DataFrame) -> pl.Series:
    """The engine's hash of the typed content: the same on every machine, and made for comparing rows of one feed."""
    if frame.is_empty():
        return pl.Series("row_hash", [], dtype=pl.UInt64)
    columns = ", ".join(f'"{name}"' for name in frame.columns)
    return query(f"select hash({columns}) as row_hash from rows", {"rows": frame})["row_hash"]  # noqa: S608


def _refused_records(block: Block, refused: pl.Series, refusing: dict[str, pl.Series]) -> pl.DataFrame:
    """Refused and unreadable records with their raw text; goes to the vault and nowhere else."""
    if refused.any():
        texts = [name for name in block.frame.columns if name not in ("record_no", "line_no")]
        kept = (
            block.frame.with_columns(_rule_list(refusing, block.frame.height).alias("rules"))
            .filter(refused)
            .select(
                "record_no",
                "line_no",
                "rules",
                pl.concat_str(texts, separator=_SEPARATOR, ignore_nulls=True).alias("raw"),
            )
        )
    else:
        kept = pl.DataFrame(schema=quarantine.COLUMNS)
    return pl.concat([kept.cast(quarantine.COLUMNS), _unreadable(block.unreadable)])  # type: ignore[arg-type]


def _unreadable(items: list[Unreadable]) -> pl.DataFrame:
    rows = [(item.record_no, item.line_no, item.rule, item.raw) for item in items]
    return pl.DataFrame(rows, schema=quarantine.COLUMNS, orient="row")


def _fixes(block: Block, violations: dict[str, tuple[str, pl.Series]]) -> pl.DataFrame:
    """One row per record and violated rule: where and what, never a value."""
    frames = [
        block.frame.filter(where).select(
            "record_no", "line_no", pl.lit(rule).alias("rule"), pl.lit(severity).alias("severity")
        )
        for rule, (severity, where) in sorted(violations.items())
    ]
    unreadable = [(item.record_no, item.line_no, item.rule, "error") for item in block.unreadable]
    frames.append(pl.DataFrame(unreadable, schema=FIX_COLUMNS, orient="row"))
    return pl.concat([frame.cast(FIX_COLUMNS) for frame in frames]).sort("record_no", "rule")  # type: ignore[arg-type]
