"""Code lists: the canonical values of a coded column and every spelling senders use for them.

Put here: reading code lists. Keep out: the lists (codes/*.yaml) and the columns that use them (feeds).
"""

from dataclasses import dataclass
from pathlib import Path

from data_contracts.closed import Bilingual, Closed, DefinitionError, parse, read_yaml

_FOLDER = Path(__file__).parent / "codes"


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
    values: dict[str, Bilingual]
    map: dict[str, str]


def read_code_list(path: Path) -> CodeList:
    """Read one list; a spelling claimed by two values is an error."""
    document = parse(CodeDocument, read_yaml(path), path.name)
    spellings: dict[str, str] = {}
    for canonical, value in document.values.items():
        for raw in dict.fromkeys([canonical, value.titles.zh, *value.spellings]):
            if spellings.setdefault(raw, canonical) != canonical:
                raise DefinitionError(f"{path.name}: spelling '{raw}' means both {spellings[raw]} and {canonical}")
    titles = {canonical: value.titles for canonical, value in document.values.items()}
    return CodeList(path.stem, document.titles, titles, spellings)


def read_code_lists(*folders: Path) -> dict[str, CodeList]:
    """All lists of the package and then of `folders`, later ones replacing earlier ones of the same id."""
    return {
        path.stem: read_code_list(path)
        for folder in (_FOLDER, *folders)
        if folder.is_dir()
        for path in sorted(folder.glob("*.yaml"))
    }
