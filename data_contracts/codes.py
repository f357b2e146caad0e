"""Code lists: the canonical values of a coded column and every spelling senders use for them.

Put here: reading code lists. Keep out: the lists (codes/*.yaml) and the columns that use them (feeds).
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from data_contracts.closed import Bilingual, Closed, parse, read_yaml
from data_contracts.messages import wrong

_FOLDER = Path(__file__).parent / "codes"
YES_NO = "yes_no"


class CodeValue(Closed):
    """One canonical value with its titles and the raw spellings that mean it."""

    titles: Bilingual
    spellings: list[str] = []


class CodeDocument(Closed):
    """A code list as written in YAML."""

    titles: Bilingual
    reference: str
    values: dict[str, CodeValue]


@dataclass(frozen=True)
class CodeList:
    """A code list ready for use: `values` canonical → titles, `map` raw spelling → canonical."""

    id: str
    titles: Bilingual
    reference: str
    values: dict[str, Bilingual]
    map: dict[str, str]


def read_code_list(path: Path) -> CodeList:
    """Read one list; a spelling claimed by two values is an error, also where only width or spaces differ."""
    document = parse(CodeDocument, read_yaml(path), path.name)
    if path.stem == YES_NO and set(document.values) != {"true", "false"}:
        raise wrong("wrong_yes_no_list", name=path.name)
    spellings: dict[str, str] = {}
    owner: dict[str, str] = {}
    for canonical, value in document.values.items():
        for raw in dict.fromkeys([canonical, value.titles.zh, *value.spellings]):
            folded = unicodedata.normalize("NFKC", raw).strip()
            if owner.setdefault(folded, canonical) != canonical:
                first = owner[folded]
                raise wrong("wrong_spelling", name=path.name, spelling=raw, first=first, second=canonical)
            spellings[raw] = canonical
    titles = {canonical: value.titles for canonical, value in document.values.items()}
    return CodeList(path.stem, document.titles, document.reference, titles, spellings)


def read_code_lists(*folders: Path) -> dict[str, CodeList]:
    """All lists of the package and then of `folders`, later ones replacing earlier ones of the same id."""
    own = {path.stem: read_code_list(path) for folder in folders for path in sorted(folder.glob("*.yaml"))}
    return {**_of_the_package(), **own}


@cache
def _of_the_package() -> dict[str, CodeList]:
    """They do not change while a program runs, and there are many."""
    return {path.stem: read_code_list(path) for path in sorted(_FOLDER.glob("*.yaml"))}
