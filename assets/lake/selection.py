"""Selection: which accepted rows of a feed and period are current, superseded or duplicate across files.

Put here: the decision, over exactly the parts it is given. Keep out: where precedence comes from (assets.intake), and
what is said about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import polars as pl

from assets.engine.duck import EngineLimits, Table, query
from assets.lake.home import Home
from assets.lake.parts import files_in_force, part_path, read_manifest

SCHEMA = {"file_id": pl.String(), "record_no": pl.Int32(), "verdict": pl.String()}
CONTESTS = {
    "file_id": pl.String(),
    "winner": pl.String(),
    "verdict": pl.String(),
    "institution": pl.String(),
    "rows": pl.Int64(),
}
MEETINGS = {
    "older": pl.String(),
    "newer": pl.String(),
    "keys": pl.Int64(),
    "shared": pl.Int64(),
    "whole": pl.Boolean(),
    "replaced": pl.Boolean(),
}


@dataclass(frozen=True)
class SelectablePart:
    """A part with the rank of its file: the higher rank wins. `withdrawn`: another file supersedes it as a whole.

    `state_of`: whose state the file gives, for snapshots only. Of the same one, a later file that is `whole` (enough
    of its records were taken) and holds enough of an earlier one's keys takes its place, rows it no longer has too.
    """

    path: Path
    file_id: str
    rank: int
    withdrawn: bool = False
    state_of: str | None = None
    whole: bool = True


@dataclass(frozen=True)
class Selection:
    """Rows that are not current (SCHEMA), and between which files that was decided.

    `contests` (CONTESTS) counts rows that lost to a row of `winner` by their key, with its institution if that is not
    their own; `meetings` (MEETINGS) has a row for every two snapshots of one state: distinct keys of the older,
    how many the newer shares, whether the newer is whole and whether it took the older one's place.
    """

    verdicts: pl.DataFrame
    contests: pl.DataFrame
    meetings: pl.DataFrame


def select_rows(
    parts: Sequence[SelectablePart],
    business_key: Sequence[str],
    limits: EngineLimits | None = None,
    *,
    enough: Fraction = Fraction(1, 2),
    rivals: Sequence[SelectablePart] = (),
) -> Selection:
    """Decide about every row of `parts`; verdicts are sorted by file and record.

    Rows sharing the business key compete; the file of highest rank wins, within a file the later record. A loser
    with the winner's content is a `duplicate`, any other `superseded`. Where a key may be empty, empty equals empty.
    `enough`: share of an earlier snapshot's keys that a later one must hold to take its place. Rows of `rivals` compete
    too, and nothing is said about them: records that the same files or others hold of another period.
    """
    if not parts:
        return Selection(*(pl.DataFrame(schema=schema) for schema in (SCHEMA, CONTESTS, MEETINGS)))
    contested = _contested([*parts, *rivals], business_key)
    meetings = _meetings(parts, business_key, contested, enough)
    replaced = meetings.filter("replaced")["older"].unique()
    standing = pl.DataFrame(
        [(part.file_id, part.rank, part.withdrawn, part.file_id in replaced) for part in (*parts, *rivals)],
        schema={"file_id": pl.String, "file_rank": pl.Int64, "withdrawn": pl.Boolean, "replaced": pl.Boolean},
        orient="row",
    ).unique()
    if contested.is_empty() and not standing.select(pl.any_horizontal("withdrawn", "replaced").any()).item():
        return Selection(pl.DataFrame(schema=SCHEMA), pl.DataFrame(schema=CONTESTS), meetings)
    keys = ", ".join(f'"{name}"' for name in business_key)
    one_key = " and ".join(f'competing."{name}" is not distinct from contested."{name}"' for name in business_key)
    best = ", ".join(f'competing."{name}"' for name in business_key)
    columns = f"file_id, record_no, row_hash, institution_id, {keys}"
    rival_rows = f"union all select {columns}, false from rivals" if rivals else ""  # noqa: S608  (as below)
    sql = f"""
        with competing as (select {columns}, true as judged from parts {rival_rows}),
        ranked as (
            select competing.file_id, competing.record_no, replaced, competing.row_hash, institution_id, judged,
                   first_value(competing.row_hash) over best as winning_hash,
                   first_value(competing.file_id) over best as winner,
                   first_value(institution_id) over best as winning_institution,
                   first_value(replaced) over best as nobody_won,
                   row_number() over best as place
            from competing join standing using (file_id) join contested on {one_key}
            where not withdrawn
            window best as (partition by {best} order by replaced, file_rank desc, competing.record_no desc)
        )
        select file_id, record_no, winner,
               case when institution_id is distinct from winning_institution then winning_institution end
                   as institution,
               case when row_hash = winning_hash then 'duplicate' else 'superseded' end as verdict
        from ranked where place > 1 and not nobody_won and judged
        union all
        select parts.file_id, parts.record_no, null, null, 'superseded'
        from parts join standing using (file_id)
        where withdrawn
           or replaced and (file_id, record_no) not in (
               select (file_id, record_no) from ranked where place > 1 and not nobody_won
           )
        order by file_id, record_no
    """  # noqa: S608  (names come from a validated contract)
    tables: dict[str, Table] = {"parts": [part.path for part in parts], "standing": standing, "contested": contested}
    if rivals:
        tables["rivals"] = [part.path for part in rivals]
    found = query(sql, tables, limits=limits)
    contests = found.drop_nulls("winner").group_by("file_id", "winner", "verdict", "institution").len("rows")
    return Selection(
        found.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()),
        contests.select(pl.col(name).cast(kind) for name, kind in CONTESTS.items()).sort(
            "file_id", "winner", "verdict", "institution"
        ),
        meetings,
    )


def verdicts_in_force(home: Home, table: str, selection: str, period: str) -> list[Path]:
    """The verdicts on the rows in force of `table`, which are the part of `selection` named like those rows.

    Rows and verdicts are put in force one after the other: a run killed in between leaves verdicts of rows to come.
    """
    rows = read_manifest(home, table, period)
    own = part_path(home, selection, period, rows.fingerprint[:20]) if rows else None
    return [own] if own is not None and own.is_file() else files_in_force(home, selection, [period])


def _keys(part: SelectablePart, business_key: Sequence[str]) -> pl.LazyFrame:
    return pl.scan_parquet(part.path, hive_partitioning=False).select(business_key)


def _contested(parts: Sequence[SelectablePart], business_key: Sequence[str]) -> pl.DataFrame:
    """The business keys that more than one row has; most feeds have none, and need no further look."""
    rows = [_keys(part, business_key).filter(pl.lit(not part.withdrawn)) for part in parts]
    return pl.concat(rows).group_by(business_key).len().filter(pl.col("len") > 1).select(business_key).collect()


def _meetings(
    parts: Sequence[SelectablePart], business_key: Sequence[str], contested: pl.DataFrame, enough: Fraction
) -> pl.DataFrame:
    """Every two snapshots of one state, and whether the newer takes the older one's place."""
    rows: list[tuple[str, str, int, int, bool, bool]] = []
    states = sorted({part.state_of for part in parts if part.state_of is not None})
    for state in states:
        own = sorted((p for p in parts if p.state_of == state and not p.withdrawn), key=lambda part: part.rank)
        if len(own) < 2:
            continue
        # What two files share lies among the contested keys, which are few or the whole of a file sent again.
        keyed = [_keys(part, business_key).unique() for part in own]
        held = [keys.join(contested.lazy(), on=business_key, how="semi", nulls_equal=True).collect() for keys in keyed]
        for at, older in enumerate(own):
            keys = keyed[at].select(pl.len()).collect().item()
            for newer, others in zip(own[at + 1 :], held[at + 1 :], strict=True):
                shared = held[at].join(others, on=business_key, how="semi", nulls_equal=True).height
                replaced = newer.whole and shared > 0 and Fraction(shared, keys) >= enough
                rows.append((older.file_id, newer.file_id, keys, shared, newer.whole, replaced))
    return pl.DataFrame(rows, schema=MEETINGS, orient="row")
