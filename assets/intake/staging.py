"""One delivered file through the whole intake: bytes → records → typed → checked → pseudonymous chunks.

Put here: the pass itself and its accounting. Keep out: where chunks, quarantine and counts are stored (delivery.py).
The result is a pure function of bytes, contract, key and code.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice

import polars as pl

from assets.engine.duck import query
from assets.intake import rules
from assets.intake.decoding import TextStream, kind_of
from assets.intake.findings import FileRefused, Finding
from assets.intake.headers import HeaderMap, find_header
from assets.intake.sheets import SheetRecords, read_grid, sheet_records
from assets.intake.tabular import UNREADABLE_RULES, Block, Shape, Unreadable, read_blocks
from assets.intake.typed import cleaned, read_column, type_columns
from assets.vault import quarantine
from assets.vault.pseudonym import person_keys
from data_contracts.codes import CodeList
from data_contracts.contracts import FeedContract, polars_dtype, stored_columns
from data_contracts.periods import Period
from data_contracts.schemas import feed_schema, gate
from data_contracts.settings import Limits

_SEPARATOR = "\x1f"
_MAGIC = 1024
_HEADER_SAMPLE = 256 * 1024
_HEADER_ROWS = 16


@dataclass(frozen=True)
class FileContext:
    """What is known about a file besides its bytes."""

    file_id: str
    period: str
    institution_id: str | None


@dataclass
class RuleCount:
    """How often a rule was violated, did not apply, and was looked at."""

    severity: str
    violated: int = 0
    not_applicable: int = 0
    checked: int = 0


@dataclass
class Account:
    """The accounting of one file: `records` is the sum of the other four, always."""

    records: int = 0
    unreadable: int = 0
    non_data: int = 0
    quarantined: int = 0
    accepted: int = 0
    rules: dict[str, RuleCount] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    sheet: str | None = None

    def count(self, rule: str, severity: str, violated: int, not_applicable: int, checked: int) -> None:
        """Add one chunk's outcome of a rule."""
        entry = self.rules.setdefault(rule, RuleCount(severity))
        entry.violated += violated
        entry.not_applicable += not_applicable
        entry.checked += checked


@dataclass(frozen=True)
class Chunk:
    """Accepted rows in the shape of a stg part, refused records for the vault, and what to put on the fix list."""

    accepted: pl.DataFrame
    refused: pl.DataFrame
    fixes: pl.DataFrame


FIX_COLUMNS = {"record_no": pl.Int32(), "line_no": pl.Int32(), "rule": pl.String(), "severity": pl.String()}


def stage(
    data: Iterable[bytes],
    contract: FeedContract,
    context: FileContext,
    yes_no: CodeList,
    pseudonym_key: bytes,
    limits: Limits,
    account: Account,
) -> Iterator[Chunk]:
    """Yield the chunks of a file and keep `account` up to date; raises FileRefused where the file cannot be taken."""
    rules.check_contract(contract)
    for block in _blocks(data, contract, limits, account, yes_no):
        account.records += block.frame.height + len(block.unreadable) + block.non_data
        account.non_data += block.non_data
        account.unreadable += len(block.unreadable)
        if account.records > limits.rows:
            raise FileRefused("intake_too_many_rows", limit=limits.rows)
        yield _chunk(block, contract, context, yes_no, pseudonym_key, account)


def _blocks(
    data: Iterable[bytes], contract: FeedContract, limits: Limits, account: Account, yes_no: CodeList
) -> Iterator[Block]:
    stream = iter(data)
    head = _head(stream, _MAGIC)
    if not head:
        raise FileRefused("intake_empty")
    if kind_of(head) == "xlsx":
        yield _sheet_block(b"".join(chain([head], stream)), contract, limits, account, yes_no)
        return
    source = TextStream(chain([head], stream), contract.extras.file.encoding)
    pieces = iter(source)
    first = _head(pieces, _HEADER_SAMPLE)
    header, skipped = _text_header(first, contract)
    _check_width(header, limits, account)
    form = contract.extras.file
    columns = [name or f"unknown {position}" for position, name in enumerate(header.names)]
    shape = Shape(columns, form.delimiter, limits.field_length, tuple(form.footer_markers))
    rest, lines = first[skipped:], first.count(b"\n", 0, skipped)
    yield from read_blocks(chain([rest], pieces), shape, lines + 1)
    _text_findings(source, account)


def _text_findings(source: TextStream, account: Account) -> None:
    if source.encoding not in ("utf-8", "utf-8-sig"):
        account.findings.append(Finding("intake_encoding", {"encoding": source.encoding}))
    if source.replaced:
        account.findings.append(Finding("intake_replacement_characters", {"count": source.replaced}))
    if not source.ends_complete:
        account.findings.append(Finding("intake_truncated_tail"))


def _head(stream: Iterator[bytes], size: int) -> bytes:
    """The first pieces of a stream, at least `size` bytes where there are as many."""
    held: list[bytes] = []
    while sum(map(len, held)) < size:
        piece = next(stream, None)
        if piece is None:
            break
        held.append(piece)
    return b"".join(held)


def _text_header(first: bytes, contract: FeedContract) -> tuple[HeaderMap, int]:
    """The header of a text file and how many bytes it and the titles above it take; header cells may hold line ends."""
    sample = first[:_HEADER_SAMPLE].decode("utf-8", "ignore")
    lines = io.StringIO(sample, newline="\n")
    reader = csv.reader(lines, delimiter=contract.extras.file.delimiter)
    rows: list[list[str]] = []
    ends: list[int] = []
    with suppress(csv.Error):
        for row in islice(reader, _HEADER_ROWS):
            rows.append(row)
            ends.append(reader.line_num)
    header = find_header(rows, contract)
    position = 0
    for _ in range(ends[header.rows_used - 1]):
        position = first.find(b"\n", position) + 1 or len(first)
    return header, position


def _check_width(header: HeaderMap, limits: Limits, account: Account) -> None:
    if len(header.names) > limits.columns:
        raise FileRefused("intake_too_many_columns", limit=limits.columns)
    account.findings.extend(header.findings)


def _sheet_block(data: bytes, contract: FeedContract, limits: Limits, account: Account, yes_no: CodeList) -> Block:
    grid = read_grid(data, contract, limits)
    account.sheet = grid.sheet
    account.findings.extend(grid.findings)
    header = find_header(grid.rows, contract)
    _check_width(header, limits, account)
    person = contract.extras.person
    if person and person.column in header.names:
        position = header.names.index(person.column)
        if grid.holds_numbers(position, header.rows_used):
            column = contract.by_name[person.column].headers[0]
            raise FileRefused("intake_id_as_number", sheet=grid.sheet, column=column)
    found = sheet_records(grid, header.names, header.rows_used, contract)
    _check_totals(found, contract, yes_no)
    return Block(found.frame, [], found.non_data)


def _check_totals(found: SheetRecords, contract: FeedContract, yes_no: CodeList) -> None:
    """Rows that state a total must give the sums of the columns."""
    for total in found.totals:
        for name, printed in total.items():
            column = contract.by_name[name]
            if column.type not in ("integer", "decimal", "money"):
                continue
            stated = read_column(cleaned(pl.Series([printed]), column), column, yes_no)[0]
            summed = read_column(cleaned(found.frame[name], column), column, yes_no).sum()
            if stated is not None and summed != stated:
                raise FileRefused("intake_total_mismatch", column=column.headers[0])


def _chunk(
    block: Block,
    contract: FeedContract,
    context: FileContext,
    yes_no: CodeList,
    pseudonym_key: bytes,
    account: Account,
) -> Chunk:
    typed = type_columns(block.frame, contract, yes_no)
    period = Period.parse(context.period)
    frame = typed.frame.with_columns(
        pl.lit(period.start, dtype=pl.Date).alias("period_start"), pl.lit(period.end, dtype=pl.Date).alias("period_end")
    )
    built_in = dict(typed.violations)
    for derived in contract.extras.derived:
        value = rules.evaluated(frame, derived.expression).alias(derived.name)
        fitting = value.cast(polars_dtype(derived.type, derived.scale), strict=False)
        built_in[f"type_{derived.name}"] = fitting.is_null() & value.is_not_null()
        frame = frame.with_columns(fitting)
    is_record = _is_record(frame, contract)
    _check_period(frame.filter(is_record), contract, context.period)
    violations = _violations(frame, built_in, contract, is_record, account)
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
    frame: pl.DataFrame, built_in: dict[str, pl.Series], contract: FeedContract, is_record: pl.Series, account: Account
) -> dict[str, tuple[str, pl.Series]]:
    """Rule → severity and where it is violated, among records only; every rule is counted."""
    found: dict[str, tuple[str, pl.Series]] = {}
    records = int(is_record.sum())
    for rule, where in built_in.items():
        within = where & is_record
        found[rule] = ("error", within)
        account.count(rule, "error", int(within.sum()), 0, records)
    for rule, outcome in rules.evaluate(frame, contract.rules).items():
        severity = next(item.severity for item in contract.rules if item.id == rule)
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
        pl.lit(context.period).alias("period"),
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
