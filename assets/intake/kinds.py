"""What kind of file delivered bytes are, by their content; the name of a file says nothing.

Put here: marks of kinds, and the sentence that refuses a kind nobody reads. Keep out: reading (one module per kind).
"""

import codecs
import re
import struct
import zipfile
from io import StringIO

from assets.intake.findings import FileRefused

# What is refused by name, by how the file begins.
_REFUSED = (
    (b"%PDF", "pdf"),
    (b"PARE", "parquet (encrypted)"),
    (b"Rar!\x1a", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\x00\x01\x00\x00Standard ", "access"),
    (b"ARROW1", "arrow"),
    (b"Obj\x01", "avro"),
    (b"$FL2", "spss"),
    (b"<stata_dta>", "stata"),
    (b"{\\rtf", "rtf"),
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
)
_PACKAGES = (
    ("xl/workbook.xml", "xlsx"),
    ("xl/workbook.bin", "xlsb"),
    ("word/document.xml", "docx"),
    ("ppt/presentation.xml", "pptx"),
    ("content.xml", "ods"),
)
_STREAMS = (
    ("encryptedpackage", "encrypted"),
    ("workbook", "xls"),
    ("book", "xls"),
    ("worddocument", "doc"),
    ("powerpoint document", "ppt"),
)
_TAR_MARK = slice(257, 262)
_SPREADSHEETS = ("xlsx", "xls")
_DBF_VERSIONS = b"\x02\x03\x30\x31\x32\x43\x63\x83\x8b\x8e\xcb\xf5\xfb"
_DBF_HEADER = 32
_DBF_TYPES = b"CNLDMFBGPYTIVWQO@+0"
_FEWEST_NULS = 2


def kind_of(head: bytes) -> str:
    """`text`, `markup`, `zip`, `gzip`, `ole`, `biff`, `parquet` or `dbf`; other known kinds are refused by name.

    `zip` and `ole` are containers: what they hold is told by `package_kind` and `check_compound`.
    """
    for mark, kind in ((b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gzip"), (b"PAR1", "parquet")):
        if head.startswith(mark):
            return kind
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if re.match(rb"\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00", head):
        return "biff"
    if _is_dbf(head):
        return "dbf"
    for mark, kind in _REFUSED:
        if head.startswith(mark):
            raise FileRefused("intake_kind_not_supported", kind=kind)
    if head[_TAR_MARK] == b"ustar":
        raise FileRefused("intake_kind_not_supported", kind="tar")
    return _text_kind(head)


def _text_kind(head: bytes) -> str:
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not marked and _is_utf16(head):
        raise FileRefused("intake_encoding_utf16_unmarked")
    start = _start_of(head)
    if re.match(r"<(?:[a-z!?])", start):
        return "markup"
    if re.match(r'\{\s*["}]|\[\s*(?:\{|\[)', start):
        raise FileRefused("intake_kind_not_supported", kind="json")
    if re.match(r"mime-version:|content-type:\s*multipart/", start):
        raise FileRefused("intake_kind_not_supported", kind="mhtml")
    return "text"


def markup_kind(head: bytes) -> str:
    """`spreadsheetml` (a workbook as one XML file) or `html`; other XML is refused by name."""
    text = _start_of(head)
    if "urn:schemas-microsoft-com:office:spreadsheet" in text or 'progid="excel.sheet"' in text:
        return "spreadsheetml"
    if text.startswith("<?xml") and "<html" not in text and "<!doctype html" not in text:
        raise FileRefused("intake_kind_not_supported", kind="xml")
    return "html"


def _start_of(head: bytes) -> str:
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return head.decode("utf-16" if marked else "latin-1", "ignore").removeprefix("\xef\xbb\xbf").lstrip().lower()


def _is_utf16(head: bytes) -> bool:
    """Whether NUL bytes stand as the upper halves of ASCII characters would."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return even + odd >= _FEWEST_NULS and 0 in (even, odd)


def _is_dbf(head: bytes) -> bool:
    """By its header: version, length of header and record, reserved zeros, type of the first field."""
    if len(head) < _DBF_HEADER or head[0] not in _DBF_VERSIONS or head[12:14] != b"\0\0":
        return False
    header, record = struct.unpack_from("<HH", head, 8)
    field = head[_DBF_HEADER : 2 * _DBF_HEADER]
    sound = len(field) < _DBF_HEADER or (field[10] == 0 and field[11] in _DBF_TYPES)
    return header > 2 * _DBF_HEADER and record > 1 and sound


def package_kind(package: zipfile.ZipFile) -> str:
    """`xlsx` or `archive` (an ordinary zip); packages of other programs are refused by name."""
    names = set(package.namelist())
    for member, kind in _PACKAGES:
        if member not in names or (kind == "ods" and "mimetype" not in names):
            continue
        if kind not in _SPREADSHEETS:
            raise FileRefused("intake_kind_not_supported", kind=kind)
        return kind
    return "archive"


def check_compound(data: bytes) -> None:
    """Refuse by name an OLE file that is no .xls workbook (.et files are), or an encrypted one."""
    from xlrd.compdoc import CompDoc, CompDocError

    streams: set[str] | None = None
    try:
        streams = {entry.name.lower() for entry in CompDoc(data, logfile=StringIO()).dirlist}
    except (CompDocError, AssertionError, IndexError, ValueError, struct.error):
        streams = None
    if streams is None:
        raise FileRefused("intake_workbook_damaged")
    kind = next((kind for name, kind in _STREAMS if name in streams), "ole")
    if kind == "encrypted":
        raise FileRefused("intake_workbook_encrypted")
    if kind not in _SPREADSHEETS:
        raise FileRefused("intake_kind_not_supported", kind=kind)
