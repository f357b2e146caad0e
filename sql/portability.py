"""The portable subset: what a SELECT of ours, and a condition written in a registry, may contain.

Put here: the list and the two checks. Keep out: what particular queries mean. Run as a module it checks every file.
Outside the subset lies what engines read differently or not at all: QUALIFY, FILTER, GROUP BY ALL, EXCLUDE, lists,
`//`, `/`, quantiles, regular expressions, text to date, sampling, windows without a total order.
"""

import sys

import sqlglot
from sqlglot import expressions as sx

from sql.text import names, read

# Compared by exact type: TRY_CAST, for one, is a kind of CAST to the parser.
_VALUES: frozenset[type[sx.Expression]] = frozenset((
    sx.Column, sx.Identifier, sx.Literal, sx.Null, sx.Boolean, sx.Paren, sx.Neg, sx.Add, sx.Sub, sx.Mul, sx.And, sx.Or,
    sx.Not, sx.EQ, sx.NEQ, sx.GT, sx.GTE, sx.LT, sx.LTE, sx.Between, sx.In, sx.Is, sx.Like, sx.Case, sx.If,
    sx.Coalesce, sx.Nullif, sx.Abs, sx.Cast, sx.DataType, sx.DataTypeParam, sx.Extract, sx.Var, sx.Length, sx.Substring,
    sx.Left, sx.Lower, sx.Upper, sx.StartsWith, sx.DPipe,
))  # fmt: skip
_QUERIES: frozenset[type[sx.Expression]] = frozenset((
    *_VALUES, sx.Select, sx.From, sx.Join, sx.Table, sx.TableAlias, sx.Alias, sx.Where, sx.Group, sx.Having, sx.Order,
    sx.Ordered, sx.With, sx.CTE, sx.Subquery, sx.Union, sx.Star, sx.Distinct, sx.Count, sx.Sum, sx.Min, sx.Max,
    sx.Window, sx.WindowSpec, sx.RowNumber, sx.Exists, sx.DateDiff, sx.ArgMax,
))  # fmt: skip
_JOIN_SIDES = ("", "LEFT")
_JOIN_KINDS = ("", "INNER", "CROSS")


class NotPortableError(ValueError):
    """A text leaves the portable subset; the message names the construct."""


def check_select(text: str) -> None:
    """Raise NotPortableError unless `text` is one SELECT of the subset that Spark's dialect can express."""
    tree = _parsed(text)
    if not isinstance(tree, sx.Select | sx.Union):
        raise NotPortableError("not a SELECT")
    for node in tree.walk():
        _check_node(node)
    try:
        spark = sqlglot.transpile(text, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)[0]
        sqlglot.parse_one(spark, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise NotPortableError(f"cannot be said in Spark: {error}") from None


def check_condition(text: str, columns: list[str]) -> str:
    """`text` if it is one expression over `columns` within the subset; else NotPortableError naming the culprit.

    No query, no aggregate, no function beyond the list: homes write these texts.
    """
    tree = _parsed(text)
    for node in tree.walk():
        if type(node) not in _VALUES:
            raise NotPortableError(f"'{node.sql('duckdb')}' is not among the allowed functions and operators")
        if isinstance(node, sx.Column) and (node.table or node.name not in columns):
            raise NotPortableError(f"no column '{node.sql('duckdb')}'")
    return text


def _parsed(text: str) -> sx.Expression:
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except sqlglot.errors.ParseError:
        raise NotPortableError("not readable as SQL") from None
    if len(trees) != 1 or trees[0] is None:
        raise NotPortableError("must be exactly one statement")
    return trees[0]


def _check_node(node: sx.Expression) -> None:
    if type(node) not in _QUERIES:
        raise NotPortableError(f"{type(node).__name__}: '{node.sql('duckdb')}'")
    if isinstance(node, sx.Star) and any(node.args.values()):
        raise NotPortableError("* with EXCLUDE, REPLACE or RENAME")
    if isinstance(node, sx.Group) and {key for key, value in node.args.items() if value} - {"expressions"}:
        raise NotPortableError("GROUP BY ALL, ROLLUP, CUBE or GROUPING SETS")
    if isinstance(node, sx.Join):
        side, kind, method = (str(node.args.get(key) or "").upper() for key in ("side", "kind", "method"))
        if side not in _JOIN_SIDES or kind not in _JOIN_KINDS or method:
            raise NotPortableError(f"join {side} {kind} {method}".strip())
    if isinstance(node, sx.Window) and node.args.get("order") is None:
        raise NotPortableError("a window without ORDER BY")


def main() -> int:
    """Check every SQL file; print what is wrong and return the number of such files."""
    wrong = 0
    for name in names():
        try:
            check_select(read(name))
        except NotPortableError as error:
            wrong += 1
            print(f"sql/{name}.sql: {error}", file=sys.stderr)
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
