"""Names of files after ids that may hold anything: slashes, dots, Chinese, names that systems keep for themselves.

Put here: the one rule for it. Keep out: writing files.
"""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_KEPT = re.compile(r"con|prn|aux|nul|com\d|lpt\d|index|en", re.ASCII)
_OTHER = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)


def file_names(ids: Iterable[str]) -> dict[str, str]:
    """Id → name without suffix, different for all also where case does not count; a plain id is its own name.

    Any other is what is plain of it, a dot, and a part of its hash.
    """
    known = list(dict.fromkeys(ids))
    counts = Counter(own.casefold() for own in known)
    return {own: own if _is_plain(own) and counts[own.casefold()] == 1 else _hashed(own) for own in known}


def _is_plain(own: str) -> bool:
    return _PLAIN.fullmatch(own) is not None and _KEPT.fullmatch(own.casefold()) is None


def _hashed(own: str) -> str:
    digest = sha256(own.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_OTHER.sub('-', own).strip('-')[:40] or 'id'}.{digest}"
