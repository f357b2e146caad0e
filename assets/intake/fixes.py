"""The fix list of a file: one row per record and violated rule, in words a supplier can act on, without any value.

Put here: rule → wording. Keep out: finding violations (staging.py) and writing the list (reports.fixlist).
"""

import re
from collections.abc import Collection, Iterable

import polars as pl

from assets.intake.blocks import UNREADABLE_RULES
from assets.intake.example import EXAMPLE_ROW
from assets.intake.findings import Finding
from assets.intake.rules import PREVIOUS
from assets.intake.typed import DATE_FORMATS, PERSON_RULES
from data_contracts.contracts import KEY_CONFLICT, Column, FeedContract
from data_contracts.messages import LANGUAGES, text

COLUMNS = {
    "file": pl.String(),
    "sheet": pl.String(),
    "line_no": pl.Int32(),
    "record_no": pl.Int32(),
    "column_title": pl.String(),
    "rule_id": pl.String(),
    "severity": pl.String(),
    "message_zh": pl.String(),
    "message_en": pl.String(),
    "fix_zh": pl.String(),
    "fix_en": pl.String(),
}
_WORDING = ("column_title", "message_zh", "message_en", "fix_zh", "fix_en")


def fix_list(violations: pl.DataFrame, contract: FeedContract, file: str, sheet: str | None) -> pl.DataFrame:
    """`violations` (record_no, line_no, rule, severity) of one file with column title, message and advice.

    Columns as in COLUMNS; ordered by record and rule.
    """
    rules = violations["rule"].unique().sort().to_list()
    words = pl.DataFrame(
        [(rule, *_wording(rule, contract)) for rule in rules],
        schema=dict.fromkeys(("rule", *_WORDING), pl.String()),
        orient="row",
    )
    return (
        violations.join(words, on="rule", how="left")
        .with_columns(pl.lit(file).alias("file"), pl.lit(sheet, dtype=pl.String).alias("sheet"))
        .rename({"rule": "rule_id"})
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        .sort("record_no", "rule_id")
    )


def finding_list(findings: Iterable[Finding], file: str, severity: str) -> pl.DataFrame:
    """Findings about the file as a whole as rows of the fix list: no record, no line.

    What is wrong and what to do are one sentence there, so the advice says where it stands.
    """
    advice = [text(f"intake_fix_file_{severity}", language) for language in LANGUAGES]
    rows = [
        (file, None, None, None, None, item.sentence, severity, item.words("zh"), item.words("en"), *advice)
        for item in findings
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _wording(rule: str, contract: FeedContract) -> tuple[str | None, ...]:
    if rule in contract.wording:
        titles, fix = contract.wording[rule]
        broken = [text("intake_rule_broken", name, rule=titles.get(name)) for name in LANGUAGES]
        return _judged(rule, contract), *broken, fix.zh, fix.en
    sentence, column = _built_in(rule, contract)
    title = column.label if column else None
    if rule == KEY_CONFLICT:
        title = _headers(contract.extras.business_key, contract)
    shown = [
        text(f"intake_{part}_{sentence}", language, **_params(column, language))
        for part in ("rule", "fix")
        for language in LANGUAGES
    ]
    return title, *shown


def _judged(rule: str, contract: FeedContract) -> str | None:
    """The headers of the columns that a row rule, a sequence or a reference of the contract looks at."""
    pointing = next((item.columns for item in contract.extras.references if item.id == rule), None)
    if pointing is not None:
        person = contract.extras.person
        return _headers([person.column if person and name == "person_key" else name for name in pointing], contract)
    texts = [own.expression for own in contract.rules if own.id == rule]
    texts += [f"{own.order_by} {own.holds}" for own in contract.extras.sequences if own.id == rule]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    return _headers(words | {word.removeprefix(PREVIOUS) for word in words}, contract)


def _headers(names: Collection[str], contract: FeedContract) -> str | None:
    return "、".join(column.label for column in contract.columns if column.name in names) or None


def _built_in(rule: str, contract: FeedContract) -> tuple[str, Column | None]:
    if rule in (*UNREADABLE_RULES, KEY_CONFLICT, EXAMPLE_ROW):
        return rule, None
    if rule in PERSON_RULES:
        return rule, contract.by_name[contract.extras.person.column] if contract.extras.person else None
    kind, _, name = rule.partition("_")
    column = contract.by_name.get(name)
    if column is None:
        derived = next(item for item in contract.extras.derived if item.name == name)
        return (f"{kind}_{derived.type}" if kind == "type" else kind), None
    return (f"type_{column.type}" if kind == "type" else kind), column


def _params(column: Column | None, language: str) -> dict[str, object]:
    if column is None:
        return {"column": "—", "scale": 0, "values": "", "example": "", "sample": "—"}
    values = [titles.get(language) for titles in column.code_list.values.values()] if column.code_list else []
    form = (column.extras.date_formats or DATE_FORMATS)[0]
    scale = len(str(column.minor_units)) - 1 if column.type == "money" else column.extras.scale
    return {
        "column": column.titles.get(language),
        "scale": scale,
        "sample": column.example or "—",
        "values": ("、" if language == "zh" else ", ").join(values),
        "example": form.replace("%Y", "2025").replace("%m", "03").replace("%d", "09").replace("%H:%M:%S", "08:30:00"),
    }
