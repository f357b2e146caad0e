"""Indices and appraisals of a home as pages name them: titles, blocks, grades, signed exceptions.

Put here: words taken from index specs. Keep out: figures (tables) and everything else a page must know (context).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from data_contracts.closed import Bilingual
from data_contracts.index_spec.document import IndexSpec, indicators_of, walk
from data_contracts.settings.resolved import Settings


@dataclass(frozen=True)
class IndexView:
    """An index of need; `used`: money follows it. `parts`: id → title and unit. `exceptions`: part, reason, who, when.

    `detection`: part that better case finding raises → the part that tells how much is found.
    """

    titles: Bilingual
    reference: str = ""
    used: bool = False
    parts: Mapping[str, tuple[Bilingual, str]] = field(default_factory=dict)
    grades: Mapping[str, Bilingual] = field(default_factory=dict)
    exceptions: tuple[tuple[str, Bilingual, str, str], ...] = ()
    detection: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class AppraisalView:
    """An appraisal: id of its root, ids of the blocks below it, titles by part and grade, decimals of its marks."""

    titles: Bilingual
    root: str
    reference: str = ""
    blocks: tuple[str, ...] = ()
    parts: Mapping[str, Bilingual] = field(default_factory=dict)
    grades: Mapping[str, Bilingual] = field(default_factory=dict)
    digits: int = 2


def index_views(settings: Settings) -> Iterator[tuple[str, IndexView]]:
    """Indices of need by id, the one that need follows first."""
    for name in settings.risk.indices if settings.risk else []:
        spec = settings.indices[name]
        leaves = indicators_of(spec.tree)
        yield (
            name,
            IndexView(
                titles=spec.titles,
                reference=spec.reference,
                used=settings.risk is not None and name == settings.risk.uses,
                parts={part.id: (part.titles, getattr(part, "unit", "")) for part in walk(spec.tree) if part.titles},
                grades=_grades(spec),
                exceptions=tuple(
                    (item.id, item.signed_reason.reason, item.signed_reason.by, item.signed_reason.on)
                    for item in leaves
                    if item.signed_reason is not None
                ),
                detection=tuple((item.id, item.detected_by) for item in leaves if item.detected_by is not None),
            ),
        )


def appraisal_view(spec: IndexSpec) -> AppraisalView:
    """An appraisal as its page shows it."""
    return AppraisalView(
        titles=spec.titles,
        root=spec.tree.id,
        reference=spec.reference,
        blocks=tuple(part.id for part in spec.tree.parts),
        parts={part.id: part.titles for part in walk(spec.tree) if part.titles},
        grades=_grades(spec),
        digits=spec.digits,
    )


def _grades(spec: IndexSpec) -> dict[str, Bilingual]:
    """Titles of the classes of the whole, from the lowest up; a class without a title shows its id."""
    return {
        grade.id: grade.titles or Bilingual(zh=grade.id, en=grade.id)
        for grades in spec.tree.grades[:1]
        for grade in grades.classes
    }
