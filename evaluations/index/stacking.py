"""Many variations of a tree computed in one pass: the sheet repeated, one copy of all units for each variation.

Put here: whether a tree allows that, and the repeated sheet. Keep out: what is varied (uncertainty, limits).
"""

import numpy as np

from data_contracts.index_spec.basics import Fitted
from data_contracts.index_spec.document import IndexSpec, conditions_of, walk
from data_contracts.index_spec.ranking import GradePoints
from data_contracts.index_spec.tree import Combine, Group, Indicator, Step
from evaluations.index.sheet import Sheet

# Rows of a repeated sheet: enough that the work per row outweighs the work per pass, few enough to stay in the cache.
_ROWS = 60_000
_OWN_WEIGHTS = ("expert", "equal", "ahp")
_OWN_COMBINING = (
    "arithmetic", "geometric", "harmonic", "power", "sum", "product", "variance", "deviation", "median", "minimum",
    "maximum",
)  # fmt: skip


def unit_by_unit(spec: IndexSpec) -> bool:
    """Whether the score of a unit depends on no other unit, so that copies of all units do not disturb each other."""
    if spec.coverage.units_at_least or spec.coverage.minimum_units or spec.strata:
        return False
    # What comes after the tree is not varied with it.
    for part in [part for top in (*spec.beside, spec.tree) for part in walk(top)]:
        if isinstance(part, Indicator):
            if not all(_alone(step) for step in spec.steps_of(part)):
                return False
        elif not _group_alone(part):
            return False
    return True


def steps_alone(steps: list[Step]) -> bool:
    """The same of steps that may stand in the place of others."""
    return all(_alone(step) for step in steps)


def combined_alone(rule: Combine) -> bool:
    """The same of a way of combining."""
    return rule.how in _OWN_COMBINING


def _group_alone(part: Group) -> bool:
    own = part.weights.how in _OWN_WEIGHTS and combined_alone(part.combine)
    return own and steps_alone(part.steps)


def _alone(step: Step) -> bool:
    learns = isinstance(step, GradePoints) or (isinstance(step, Fitted) and step.learns)
    return not learns and not any(condition.grade for condition in conditions_of(step))


def copies_at_once(sheet: Sheet) -> int:
    """How many copies of the units one pass takes."""
    return max(1, _ROWS // max(sheet.height, 1))


def stacked(sheet: Sheet, copies: int) -> Sheet:
    """The sheet with all its units `copies` times, copy after copy."""
    return Sheet(
        units=sheet.units * copies,
        # Figures are read as numbers; only words among which conditions choose, or that codes turn into numbers, are.
        words={name: cells * copies for name, cells in sheet.words.items() if name not in sheet.numbers},
        numbers={name: np.tile(figures, copies) for name, figures in sheet.numbers.items()},
        blanks=sheet.blanks,
        chosen={key: np.tile(figures, copies) for key, figures in sheet.chosen.items()},
    )
