"""Lines of statements by their ids: the step that each belongs to, and those that are of a period.

Put here: what an id of a line says by itself. Keep out: making lines (evaluations), their sentences (messages).
"""

# What a line is for matters, not which way it went.
_STEPS = {
    "earned_": "earned", "floor_": "bounds", "cap": "bounds", "need_risk": "need_risk", "need_factor": "need_factor",
    "standard": "standard", "reserve_": "reserve",
    "leakage_": "leakage_held",
    "dividend_short": "dividend", "coefficient": "coefficient", "award_": "award",
    "matching_": "matching",
}  # fmt: skip
OF_PERIOD = (
    "not_due_yet", "paid_too_much", "paid_before", "before_by_rules", "corrected_before", "carried_over_used",
    "clawed_back", "owed", "pending_held", "pending_paid",
)  # fmt: skip
"""Lines from the amount of the year to the payment of a period; all others divide the year."""


def step_of(line_id: str) -> str:
    """The step of a statement, `allocate.step.<step>`, that a line belongs to."""
    return next((step for start, step in _STEPS.items() if line_id.startswith(start)), line_id)
