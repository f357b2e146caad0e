"""Row rules and derived columns: SQL expressions of contracts, checked against an allow-list, evaluated together.

Put here: what an expression may contain, and evaluating it. Keep out: the rules themselves (contracts).
"""

from functools import cache

import polars as pl
import sqlglot
from sqlglot import expressions as sx

from assets.intake.arithmetic import beyond, reckons, roomy
from data_contracts.contracts import FeedContract, Rule, polars_dtype, stored_columns
from data_contracts.messages import did_you_mean, wrong

PERIOD_COLUMNS = ("period_start", "period_end")
PREVIOUS = "previous_"
_ALLOWED: tuple[type[sx.Expression], ...] = (
    sx.And, sx.Or, sx.Not, sx.Paren, sx.EQ, sx.NEQ, sx.GT, sx.GTE, sx.LT, sx.LTE, sx.Between, sx.In, sx.Is, sx.Null,
    sx.Boolean, sx.Literal, sx.Column, sx.Identifier, sx.Add, sx.Sub, sx.Mul, sx.Div, sx.Mod, sx.Neg, sx.Case, sx.If,
    sx.Coalesce, sx.Abs, sx.Length, sx.Concat, sx.Cast, sx.TryCast, sx.DataType, sx.DataTypeParam, sx.Extract, sx.Var,
    sx.Year, sx.Month, sx.Lower, sx.Upper, sx.Substring, sx.StartsWith, sx.Left, sx.Tuple, sx.Date, sx.DPipe,
    sx.Nullif, sx.Greatest, sx.Least, sx.Like, sx.Trim,
)  # fmt: skip


@cache
def checked_expression(expression: str, columns: tuple[str, ...], where: str) -> str:
    """`expression` if it uses only allowed words and the given columns; else DefinitionError naming the culprit."""
    try:
        tree = sqlglot.parse_one(expression, read="duckdb")
    except sqlglot.errors.ParseError:
        raise wrong("wrong_expression", where=where, expression=expression) from None
    for node in tree.walk():
        if not isinstance(node, _ALLOWED):
            raise wrong("wrong_expression_word", where=where, word=node.sql())
        if _may_fail(node):
            raise wrong("wrong_expression_cast", where=where, word=node.sql("duckdb"))
        if isinstance(node, sx.Column) and node.name not in columns:
            hint = did_you_mean(node.name, columns)
            raise wrong("wrong_expression_column", where=where, name=node.name, hint=hint)
    return expression


def _may_fail(node: sx.Expression) -> bool:
    """Whether one value in one cell could make the whole expression fail; of a constant that shows at once."""
    strict = isinstance(node, sx.Date) or (isinstance(node, sx.Cast) and not isinstance(node, sx.TryCast))
    return strict and not isinstance(node.this, (sx.Literal, sx.Null))


def check_contract(contract: FeedContract) -> None:
    """All expressions of a contract are allowed, name existing columns and fit their types; else DefinitionError."""
    typed = [column for column in contract.columns if column.role not in ("drop", "person_id")]
    frame = pl.DataFrame(
        schema={column.name: column.polars_dtype for column in typed} | dict.fromkeys(PERIOD_COLUMNS, pl.Date())
    )
    for derived in contract.extras.derived:
        place = f"{contract.source}: {derived.name}"
        value = _tried(frame, derived.expression, place)
        frame = frame.with_columns(value.cast(polars_dtype(derived.type, derived.scale)).alias(derived.name))
    for rule in contract.rules:
        _tried_boolean(frame, rule.expression, f"{contract.source}: rule {rule.id}")
    if contract.extras.records.where:
        _tried_boolean(frame, contract.extras.records.where, f"{contract.source}: records.where")
    stored = pl.DataFrame(schema=dict(stored_columns(contract)))
    pairs = stored.with_columns(pl.all().name.prefix(PREVIOUS))
    for item in contract.extras.sequences:
        _tried_boolean(pairs, item.holds, f"{contract.source}: sequence {item.id}")
    texts = pl.DataFrame(schema=dict.fromkeys((column.name for column in contract.columns), pl.String()))
    for correction in contract.extras.corrections:
        place = f"{contract.source}: correction {correction.id}"
        _tried_boolean(texts, correction.where, place)
        _tried(texts, correction.set, place)


def _tried(frame: pl.DataFrame, expression: str, place: str) -> pl.Series:
    """The expression over no row: a wrong type shows before any file is read, and before a value can be quoted."""
    checked_expression(expression, tuple(frame.columns), place)
    return evaluated(frame, expression, place)


def _tried_boolean(frame: pl.DataFrame, expression: str, place: str) -> None:
    """The expression is allowed, names columns of `frame` (no row) and is true or false; else DefinitionError."""
    if _tried(frame, expression, place).dtype not in (pl.Boolean, pl.Null):
        raise wrong("wrong_expression_truth", where=place, expression=expression)


def evaluated(frame: pl.DataFrame, expression: str, place: str = "SQL") -> pl.Series:
    """The expression for every row of `frame`, also where it is a constant; DefinitionError where it fails.

    Null where a number is too large for it to be worked out exactly (see `beyond`).
    """
    frame, expression = roomy(frame, expression)
    try:
        return frame.with_columns(pl.sql_expr(expression).alias("evaluated"))["evaluated"]
    except pl.exceptions.PolarsError as error:
        # What the library says of it may quote cells.
        problem = type(error).__name__
        raise wrong("wrong_expression_fails", where=place, expression=expression, problem=problem) from None


def judged(frame: pl.DataFrame, expression: str, place: str) -> pl.Series:
    """A rule for every row: true holds, false is violated, null does not apply; what cannot be worked out violates."""
    holds = evaluated(frame, expression, place).cast(pl.Boolean)
    return holds.set(beyond(frame, expression), value=False).alias(place)


def evaluate(frame: pl.DataFrame, rules: tuple[Rule, ...]) -> dict[str, pl.Series]:
    """Each rule over all rows at once: true holds, false is violated, null does not apply."""
    plain = [rule for rule in rules if not reckons(rule.expression)]
    try:
        outcome = frame.with_columns(pl.sql_expr(rule.expression).cast(pl.Boolean).alias(rule.id) for rule in plain)
    except pl.exceptions.PolarsError:
        # One by one, to name the one that fails.
        return {rule.id: judged(frame, rule.expression, rule.id) for rule in rules}
    together = {rule.id for rule in plain}
    return {
        rule.id: outcome[rule.id] if rule.id in together else judged(frame, rule.expression, rule.id) for rule in rules
    }
