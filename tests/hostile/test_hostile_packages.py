"""Packages of workbooks: damage, bombs, entities, odd dialects, other programs' files under the name."""

import io
import re
import warnings
import zipfile

import pytest

from tests.hostile.builders import SHEET, compound, locked, natural, patched, replacing, sheet, zipped
from tests.hostile.harness import parameters
from tests.hostile.records import table, visit
from tests.hostile.three_visits import GOOD, LOADS, ROWS, TITLES, part
from tests.hostile.three_visits import book_case as case


def bomb():
    """A small package whose sheet unpacks to a hundred megabytes of blanks."""
    data = sheet(ROWS)
    return part(lambda content: content.replace(b"</sheetData>", b" " * 100_000_000 + b"</sheetData>"), data)


def bent(mark=b"sheet1.xml", at=400):
    """A package with one byte of its sheet turned."""
    data = bytearray(sheet([TITLES, *(natural(visit(n)) for n in range(1, 60))]))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as package:
        place = package.getinfo(SHEET).header_offset
    data[place + at] ^= 0x55
    return bytes(data)


def twice():
    """Two parts of one name: which of them is the sheet?"""
    with zipfile.ZipFile(io.BytesIO(sheet(ROWS))) as package:
        parts = [(name, package.read(name)) for name in package.namelist()]
    with zipfile.ZipFile(io.BytesIO(sheet([TITLES, natural(visit(9))]))) as package:
        other_sheet = package.read(SHEET)
    return _zip([*parts, (SHEET, other_sheet)])


def _zip(parts):
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        warnings.simplefilter("ignore")
        for name, content in parts:
            package.writestr(name, content)
    return stream.getvalue()


def entity(declaration):
    return part(lambda content: content.replace(b"<worksheet", declaration.encode() + b"<worksheet", 1))


def without_places():
    return part(lambda content: re.sub(rb'<(row|c) r="[A-Z0-9]+"', rb"<\1", content))


def prefixed():
    def change(content):
        content = re.sub(rb"<(/?)([a-zA-Z])", rb"<\1x:\2", content)
        return content.replace(b'xmlns="', b'xmlns:x="', 1)

    return part(change)


def utf16_part():
    return part(lambda content: content.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16"))


def strict():
    def change(content):
        text = content.decode()
        text = text.replace(
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main"
        )
        return text.replace(
            "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            "http://purl.oclc.org/ooxml/officeDocument/relationships",
        ).encode()

    names = (
        "xl/workbook.xml",
        SHEET,
        "xl/sharedStrings.xml",
        "xl/styles.xml",
        "_rels/.rels",
        "xl/_rels/workbook.xml.rels",
    )
    return patched(sheet(ROWS), dict.fromkeys(names, change))


PACKAGES = [
    case(
        "locked",
        compound({"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b"x" * 5000}),
        None,
        "protected",
        "encrypt",
        "damaged",
        "kind",
        "locked",
    ),
    case(
        "xlsb",
        zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.bin": b"x", "xl/worksheets/sheet1.bin": b"x"}),
        None,
        "kind",
    ),
    case(
        "ods",
        zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"}, method=0),
        None,
        "kind",
    ),
    case("docx", zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<x/>"}), None, "kind"),
    case(
        "external-entity", entity('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'), None, "damaged", "entity"
    ),
    case("entity-bomb", entity('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'), None, "damaged", "entity"),
    case("bomb", bomb, None, "too_large", "ratio", "bomb", "unpack"),
    case("bent-byte", bent(), None, "damaged"),
    case("bent-head", bent(at=2), None, "damaged"),
    case("cut-in-half", sheet(ROWS)[:3000], None, "damaged"),
    case("head-only", sheet(ROWS)[:60], None, "damaged"),
    case("trailing-bytes", sheet(ROWS) + b"\0" * 3, LOADS, "damaged"),
    case("members-locked", locked(sheet(ROWS)), None, "damaged", "protected", "encrypt"),
    case("two-parts-of-one-name", twice, None, "damaged", "twice"),
    case("no-sheet-part", patched(sheet(ROWS), {SHEET: lambda _: None}), None, "damaged", "sheet"),
    case(
        "no-workbook-relations", patched(sheet(ROWS), {"xl/_rels/workbook.xml.rels": lambda _: None}), None, "damaged"
    ),
    case("no-strings", patched(sheet(ROWS), {"xl/sharedStrings.xml": lambda _: None}), None, "damaged", "header"),
    case(
        "absolute-targets",
        part(replacing('Target="worksheets/', 'Target="/xl/worksheets/'), name="xl/_rels/workbook.xml.rels"),
        LOADS,
    ),
    case("broken-xml", part(lambda content: content[: len(content) // 2]), None, "damaged"),
    case("cells-without-places", without_places(), LOADS, "damaged", "header"),
    case("prefixed-names", prefixed(), LOADS, "damaged", "header"),
    case("part-in-utf-16", utf16_part(), LOADS, "damaged", "header"),
    case("strict-dialect", strict(), LOADS, "damaged", "header", "sheet", "kind"),
    case("csv-named-xlsx", table(GOOD).encode(), LOADS),
]


@pytest.mark.parametrize("item", parameters(PACKAGES))
def test_workbook_packages(verdict, item):
    verdict(item)
