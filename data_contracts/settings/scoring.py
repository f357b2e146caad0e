"""How the indicators of a policy become its score: weights, goalposts, classes and grades within policies.yaml.

Put here: what a figure is worth in points. Keep out: the policy itself (policies) and the arithmetic (evaluations).
"""

from data_contracts.closed import Bilingual, Closed
from data_contracts.exact import Exact
from data_contracts.settings.counting import Dimension


class WeightedIndicator(Closed):
    """An indicator inside a score: weight within its dimension and the values that give 0 and 100 points.

    `accrues`: the figure grows from January to December, so `low` and `high` are those of a whole year and count in
    proportion to the time elapsed.
    """

    indicator: str
    weight: Exact
    low: Exact
    high: Exact
    accrues: bool = False


class PolicyClass(Closed):
    """Weights of the three dimensions for a class of policies, in percent."""

    titles: Bilingual
    reference: str
    weights: dict[Dimension, Exact]


class Grade(Closed):
    """A grade and the score from which it holds."""

    titles: Bilingual
    from_score: Exact
