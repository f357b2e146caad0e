"""Any table, well written in any form, is read as it was: what must load is as much a promise as what must not."""

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.builders import biff, natural, sheet
from tests.hostile.harness import Case, judge, ok
from tests.hostile.records import HEADER, visit

MISSING = ("", "无", "不详")
NOTES = st.lists(st.text("甲乙a1.-=@\",;|\t\n'、：合计 ", max_size=12), min_size=1, max_size=5)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",\t;|"),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"])


def noted(notes):
    """Records with these notes, and what stands in them once edges are trimmed and width is folded."""
    records = []
    for number, note in enumerate(notes, start=1):
        trimmed = note.strip(" \t\r\n'")
        folded = trimmed.replace("：", ":") if "：" in trimmed else trimmed
        records.append(visit(number, {"note": None if folded in MISSING else folded}, note=note))
    return records


def check(data, records):
    with tempfile.TemporaryDirectory() as folder:
        judge(Case("any", data, [ok(record) for record in records]), Path(folder))


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(notes=NOTES, dialect=DIALECTS, encoding=ENCODINGS)
def test_any_text(notes, dialect, encoding):
    records = noted(notes)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, **dialect)
    writer.writerow(HEADER.values())
    writer.writerows(record.texts() for record in records)
    check(stream.getvalue().encode(encoding), records)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(notes=NOTES, old=st.booleans())
def test_any_workbook(notes, old):
    # A text that begins like a formula is one to the program that writes our workbooks.
    records = noted([note.replace("=", "#") for note in notes])
    rows = [list(HEADER.values()), *(natural(record, note=record.cells["note"] or None) for record in records)]
    check(biff({"表1": rows}) if old else sheet(rows), records)
