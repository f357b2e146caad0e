"""Schemes of real agencies written in YAML alone, each against a plain computation of its published rules."""

import math
from statistics import mean, median, stdev

import numpy as np
import pytest

from data_contracts.closed import DefinitionError
from tests.unit.evaluations.index_world import close, computed, root, spec_in, tables

NAN = float("nan")


def draws(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def with_gaps(figures, share, seed=0):
    gaps = np.random.default_rng(seed).random(len(figures)) < share
    return [None if gap else float(figure) for figure, gap in zip(figures, gaps, strict=True)]


def known(cells):
    return [cell for cell in cells if cell is not None]


# Hospital-acquired conditions: winsorised z-scores, equal weights of the measures there are, worst quartile pays.

CONDITIONS = """
digits: 12
defaults:
  steps:
    - {step: winsorise, how: percentiles, low: 0.05, high: 0.95, quantile: averaged}
    - {step: z, ddof: 1}
tree:
  id: total
  weights: {how: equal}
  combine: {how: arithmetic, missing: reweigh}
  grades:
    - how: percentiles
      quantile: averaged
      edge: excluded
      # Hospitals of one state count for means, not for the cut-off.
      universe: [{column: state, among: [XX, YY]}]
      classes: [{id: kept}, {id: reduced, at_percentile: 75}]
  parts: [{id: a}, {id: b}, {id: c}]
"""


def test_reduction_for_hospital_acquired_conditions():
    height = 41
    states = ["MD" if at % 10 == 0 else "XX" for at in range(height)]
    columns = {name: with_gaps(draws(at, height) * 3 + 1, 0.2, at) for at, name in enumerate("abc")}
    found = tables(spec_in(CONDITIONS), {**columns, "state": states})

    standard = {}
    for name, cells in columns.items():
        low, high = np.quantile(known(cells), [0.05, 0.95], method="averaged_inverted_cdf")
        drawn = [None if cell is None else min(max(cell, low), high) for cell in cells]
        centre, spread = mean(known(drawn)), stdev(known(drawn))
        standard[name] = [None if cell is None else (cell - centre) / spread for cell in drawn]
    totals = []
    for at in range(height):
        own = known([standard[name][at] for name in "abc"])
        totals.append(mean(own) if own else NAN)
    scores = found["scores"].filter(part="total")["value"].fill_null(NAN).to_list()
    assert close(scores, totals, 9)
    eligible = [total for total, state in zip(totals, states, strict=True) if state == "XX" and not math.isnan(total)]
    cut = np.quantile(eligible, 0.75, method="averaged_inverted_cdf")
    wanted = [None if math.isnan(total) else "reduced" if total > cut else "kept" for total in totals]
    assert found["grades"]["grade"].to_list() == wanted
    assert wanted.count("reduced") > 5


# Hospital stars: standardised measures and groups, reporting rule, peer groups, k-means within each.

STARS = """
digits: 12
counts:
  groups_of_three: {of: [mortality, safety, readmission], parts_at_least: 2}
  outcome_groups: {of: [mortality, safety], parts_at_least: 2}
coverage: {minimum_units: 20}
defaults: {steps: [{step: z, ddof: 1}]}
tree:
  id: stars
  combine: {how: arithmetic, missing: reweigh}
  steps:
    - {step: adjust, id: few_groups, when: [{count: groups_of_three, below: 2}], set: missing}
    - {step: adjust, id: no_outcome, when: [{count: outcome_groups, below: 1}], set: missing}
  grades:
    - how: clusters
      search: lloyd
      quantile: averaged
      within: [groups_of_three]
      classes: [{id: "1"}, {id: "2"}, {id: "3"}]
  parts:
    - &group
      id: mortality
      weight: 22
      weights: {how: equal}
      combine: {how: arithmetic, missing: reweigh}
      steps: [{step: z, ddof: 1}]
      parts: [{id: m1, direction: lower_is_better}, {id: m2, direction: lower_is_better}]
    - {<<: *group, id: safety, parts: [{id: s1, direction: lower_is_better}, {id: s2}]}
    - {<<: *group, id: readmission, weight: 12, parts: [{id: r1}, {id: r2}, {id: rare}]}
"""


def naive_kmeans(values):
    cuts = np.quantile(values, [1 / 3, 2 / 3], method="averaged_inverted_cdf")
    centres = [median([v for v in values if low < v <= high]) for low, high in
               ((-math.inf, cuts[0]), (cuts[0], cuts[1]), (cuts[1], math.inf))]  # fmt: skip
    while True:
        labels = [min(range(3), key=lambda at, v=v: (abs(v - centres[at]), at)) for v in values]
        following = [mean([v for v, label in zip(values, labels, strict=True) if label == at]) for at in range(3)]
        if following == centres:
            return labels
        centres = following


def test_hospital_stars():
    height = 120
    names = ["m1", "m2", "s1", "s2", "r1", "r2"]
    columns = {name: with_gaps(draws(at, height), 0.35, 50 + at) for at, name in enumerate(names)}
    columns["rare"] = [1.0, 2.0, 4.0] + [None] * (height - 3)
    found = tables(spec_in(STARS), columns)

    sign = {"m1": -1, "m2": -1, "s1": -1}
    standard = {}
    for name in names:
        cells = [None if cell is None else sign.get(name, 1) * cell for cell in columns[name]]
        standard[name] = [None if cell is None else (cell - mean(known(cells))) / stdev(known(cells)) for cell in cells]
    groups = {"mortality": names[:2], "safety": names[2:4], "readmission": names[4:]}
    weights = {"mortality": 22, "safety": 22, "readmission": 12}
    grouped, counts = {}, {}
    for group, members in groups.items():
        own = [known([standard[name][at] for name in members]) for at in range(height)]
        counts[group] = [len(cells) for cells in own]
        raw = [mean(cells) if cells else None for cells in own]
        grouped[group] = [None if v is None else (v - mean(known(raw))) / stdev(known(raw)) for v in raw]
    totals, peers = [], []
    for at in range(height):
        there = [group for group in groups if grouped[group][at] is not None]
        full = [group for group in groups if counts[group][at] >= 2]
        peers.append(len(full))
        told = len(full) >= 2 and any(group in full for group in ("mortality", "safety"))
        whole = sum(weights[group] for group in there)
        totals.append(sum(weights[group] * grouped[group][at] for group in there) / whole if told and there else NAN)
    scores = found["scores"].filter(part="stars")["value"].fill_null(NAN).to_list()
    assert close(scores, totals, 9)
    stars = found["grades"]["grade"].to_list()
    assert {peer for peer, total in zip(peers, totals, strict=True) if not math.isnan(total)} == {2, 3}
    for peer in (2, 3):
        members = [at for at in range(height) if peers[at] == peer and not math.isnan(totals[at])]
        wanted = naive_kmeans([totals[at] for at in members])
        assert [stars[at] for at in members] == [str(label + 1) for label in wanted]


# Value-based purchasing: the better of achievement and improvement, minimum cases and measures, re-weighted domains.

PURCHASING = """
digits: 12
tree:
  id: total
  combine: {how: arithmetic, missing: reweigh, minimum_parts: 2}
  parts:
    - id: clinical
      weight: 25
      weights: {how: equal}
      # Points earned over points that could be earned, in percent.
      combine: {how: arithmetic, missing: reweigh, minimum_parts: 2}
      steps: [{step: linear, times: 10}]
      parts:
        - &measure
          id: c1
          steps: &points
            - {step: minimum_cases, column: c1_cases, at_least: 25}
            - step: achievement_or_improvement
              threshold: 0.86
              benchmark: 0.88
              baseline: {column: c1_base}
              achievement: {times: 9, plus: 0.5, least: 1, most: 9}
              improvement: {times: 10, plus: -0.5, most: 9}
              full: 10
              round: {digits: 0, how: half_up}
        - id: c2
          direction: lower_is_better
          steps:
            - step: achievement_or_improvement
              threshold: 1.2
              benchmark: 0.5
              baseline: {column: c2_base}
              achievement: {times: 9, plus: 0.5, least: 1, most: 9}
              improvement: {times: 10, plus: -0.5, most: 9}
              full: 10
              round: {digits: 0, how: half_up}
    - id: experience
      weight: 25
      combine: {how: sum, missing: refuse}
      parts:
        - id: base
          weight: 1
          weights: {how: equal}
          combine: {how: arithmetic, missing: refuse}
          steps: [{step: linear, times: 8}]
          parts:
            - {id: e1_points, column: e1, steps: &dimension [{step: goalposts, worst: 50, best: 80, high: 10}]}
            - {id: e2_points, column: e2, steps: *dimension}
        # The lowest dimension between floor and threshold decides on the points for consistency.
        - id: consistency
          weight: 1
          weights: {how: equal}
          combine: {how: minimum, missing: refuse}
          steps:
            - {step: linear, times: 20, plus: -0.5}
            - {step: round, digits: 0, how: half_up}
            - {step: clip, low: 0, high: 20}
          parts:
            - {id: e1_way, column: e1, steps: &way [{step: goalposts, worst: 20, best: 50, high: 1}]}
            - {id: e2_way, column: e2, steps: *way}
    - {id: efficiency, weight: 25, column: spending, direction: lower_is_better, steps: [{step: step_points, below: 100, bands: [{at: 1, points: 50}, {at: 1.1, points: 0}]}]}
"""  # noqa: E501  (one line of YAML)


def test_value_based_purchasing():
    columns = {
        "c1": [0.871, 0.88, 0.87, 0.9],
        "c1_cases": [25, 24, 400, 30],
        "c1_base": [0.86, 0.86, 0.869, None],
        "c2": [0.6, 0.6, 1.3, 0.4],
        "c2_base": [1.0, 1.0, 1.5, 0.4],
        "e1": [65, None, 80, 35],
        "e2": [80, 70, 50, 90],
        "spending": [0.99, 1.0, 1.1, None],
    }
    found = computed(spec_in(PURCHASING), columns)[1].scores
    # c1: (.011/.02) → 9 × .55 + .5 = 5.45 → 5, or 10 × .55 − .5 = 5 → 5; c2: 9 × .857 + .5 = 8.2 → 8, or 7.5 → 8.
    assert close(found["c1"], [5, NAN, 5, 10], 9)
    assert close(found["c2"], [8, 8, 2, 10], 9)
    assert close(found["clinical"], [65, NAN, 35, 100], 9)
    assert close(found["base"], [60, NAN, 40, 40], 9)
    assert close(found["consistency"], [20, NAN, 20, 10], 9)
    assert close(found["efficiency"], [100, 50, 0, NAN], 9)
    assert close(found["total"], [(65 + 80 + 100) / 3, NAN, (35 + 60 + 0) / 3, (100 + 50) / 2], 9)


# Readmissions: excess over the peer median, weighed by each hospital's own payments, a reduction of 3 % at most.

READMISSIONS = """
digits: 4
tree:
  id: factor
  combine: {how: sum, missing: substitute, substitute: 0, minimum_parts: 0}
  steps:
    - {step: linear, times: -0.9}
    - {step: clip, low: -0.03}
    - {step: linear, plus: 1}
    - {step: round, digits: 4, how: half_up}
  parts:
    - id: ami
      weight: {column: ami_share}
      steps: &excess
        - {step: compare, to: median, how: difference, within: [peers]}
        - {step: clip, low: 0}
        - {step: minimum_cases, column: ami_cases, at_least: 25}
    - {id: hf, weight: {column: hf_share}, steps: [{step: compare, to: median, how: difference, within: [peers]}, {step: clip, low: 0}]}
"""  # noqa: E501  (one line of YAML)


def test_readmission_reduction():
    columns = {
        "ami": [1.1, 0.9, 1.0, 1.3, 1.2],
        "ami_cases": [25, 25, 25, 24, 30],
        "ami_share": [0.1, 0.1, 0.1, 0.1, 0.5],
        "hf": [1.0, 1.2, 0.8, None, 1.0],
        "hf_share": [0.2, 0.2, 0.2, 0.2, 0.2],
        "peers": [1, 1, 1, 2, 2],
    }
    # Peers 1: medians 1.0 and 1.0. Peers 2: median 1.25 (too few cases do not take a hospital out of it) and 1.0.
    wanted = [1 - 0.9 * 0.01, 1 - 0.03, 1, 1, 1]
    assert close(root(spec_in(READMISSIONS), columns), wanted, 9)


# County health rankings: z within states, small counties capped, missing as the average, ranks within states.

COUNTIES = """
digits: 12
universe: [{column: ranked, among: ["yes"]}]
defaults:
  steps:
    - {step: z, ddof: 0, within: [state], size: people, caps: [{up_to: 20000, cap: 1.2}, {cap: null}]}
    - {step: impute, how: value, value: 0}
tree:
  id: outcomes
  combine: {how: sum, missing: refuse}
  ranks: [{ties: min, within: [state], first: lowest}]
  parts: [{id: death, weight: 0.5}, {id: health, weight: 0.5}]
"""


def test_county_rankings():
    height = 24
    columns = {
        "death": with_gaps(draws(1, height) * 50 + 300, 0.1, 3),
        "health": with_gaps(draws(2, height) + 15, 0.1, 4),
        "people": [15_000 if at % 3 else 40_000 for at in range(height)],
        "state": ["A" if at % 2 else "B" for at in range(height)],
        "ranked": ["no" if at in (5, 8) else "yes" for at in range(height)],
    }
    found = tables(spec_in(COUNTIES), columns)
    totals = np.zeros(height)
    for name in ("death", "health"):
        for state in "AB":
            rows = [at for at in range(height) if columns["state"][at] == state]
            learn = [
                columns[name][at] for at in rows if columns["ranked"][at] == "yes" and columns[name][at] is not None
            ]
            spread = math.sqrt(mean([(value - mean(learn)) ** 2 for value in learn]))
            for at in rows:
                if columns[name][at] is not None:
                    z = (columns[name][at] - mean(learn)) / spread
                    limit = 1.2 if columns["people"][at] <= 20_000 else math.inf
                    totals[at] += 0.5 * min(max(z, -limit), limit)
    assert close(found["scores"].filter(part="outcomes")["value"].to_list(), totals, 9)
    for at, rank in enumerate(found["ranks"]["rank"].to_list()):
        rivals = [totals[other] for other in range(height)
                  if columns["state"][other] == columns["state"][at] and columns["ranked"][other] == "yes"]  # fmt: skip
        assert rank == (
            None if columns["ranked"][at] == "no" else 1 + sum(rival < totals[at] - 1e-9 for rival in rivals)
        )


# Multiple deprivation: domains ranked, exponentially transformed, weighed; ranks and deciles of the score.

DEPRIVATION = """
digits: 9
tree:
  id: imd
  combine: {how: sum, missing: refuse}
  ranks: [{ties: min}]
  grades:
    - {how: quantiles, rule: rank_up, ties: min, classes: [{id: "10"}, {id: "9"}, {id: "8"}, {id: "7"}, {id: "6"}, {id: "5"}, {id: "4"}, {id: "3"}, {id: "2"}, {id: "1"}]}
  parts:
    - {id: income, weight: 0.225, steps: &domain [{step: exponential, ties: average}]}
    - {id: employment, weight: 0.225, steps: *domain}
    - {id: education, weight: 0.55, direction: lower_is_better, steps: *domain}
"""  # noqa: E501  (one line of YAML)


def test_multiple_deprivation():
    height = 30
    columns = {
        name: draws(at, height).round(4).tolist() for at, name in enumerate(("income", "employment", "education"))
    }
    found = tables(spec_in(DEPRIVATION), columns)
    totals = np.zeros(height)
    for name, weight in (("income", 0.225), ("employment", 0.225), ("education", 0.55)):
        values = [(-1 if name == "education" else 1) * value for value in columns[name]]
        for at, value in enumerate(values):
            share = sum(other <= value for other in values) / height
            totals[at] += weight * -23 * math.log(1 - share * (1 - math.exp(-100 / 23)))
    assert close(found["scores"].filter(part="imd")["value"].to_list(), totals, 8)
    order = np.argsort(-totals)
    assert found["ranks"]["rank"].to_list() == [1 + int(np.flatnonzero(order == at)[0]) for at in range(height)]
    deciles = [int(grade) for grade in found["grades"]["grade"].to_list()]
    assert sorted(deciles) == [at for at in range(1, 11) for _ in range(3)]
    assert deciles[int(order[0])] == 1


# Social vulnerability: percentile ranks cut to four digits, themes summed and ranked again, sum of the theme sums.

VULNERABILITY = """
digits: 4
tree:
  id: overall
  combine: {how: sum, missing: refuse}
  steps: &ranked [{step: percentile_rank, rule: inc, ties: min, round: {digits: 4, how: down}}]
  parts:
    - id: theme1
      weight: 1
      combine: {how: sum, missing: refuse}
      parts: [{id: poverty, weight: 1, steps: *ranked}, {id: schooling, weight: 1, direction: lower_is_better, steps: *ranked}]
    - id: theme2
      weight: 1
      combine: {how: sum, missing: refuse}
      parts: [{id: elderly, weight: 1, steps: *ranked}]
    - id: flags
      weight: 0
      combine: {how: sum, missing: refuse}
      parts:
        - {id: poverty_flag, column: poverty, weight: 1, steps: [{step: percentile_rank, rule: inc, ties: min}, {step: step_points, below: 0, bands: [{at: 0.9, points: 1}]}]}
"""  # noqa: E501  (two lines of YAML)


def test_social_vulnerability():
    height = 12
    columns = {name: draws(at, height).round(1).tolist() for at, name in enumerate(("poverty", "schooling", "elderly"))}
    found = computed(spec_in(VULNERABILITY), columns)[1].scores

    def percentranks(values):
        ranks = [sum(other < value - 1e-12 for other in values) / (height - 1) for value in values]
        return [math.floor(rank * 10_000 + 1e-9) / 10_000 for rank in ranks]

    ranked = {
        name: percentranks([(-1 if name == "schooling" else 1) * v for v in values]) for name, values in columns.items()
    }
    first = [a + b for a, b in zip(ranked["poverty"], ranked["schooling"], strict=True)]
    assert close(found["theme1"], first, 9)
    assert close(found["overall"], percentranks([a + b for a, b in zip(first, ranked["elderly"], strict=True)]), 9)
    assert found["flags"].tolist() == [float(rank >= 0.9) for rank in percentranks(columns["poverty"])]


# Nursing homes: stars by percentiles within the state, changed by two other ratings, never below one or above five.

HOMES = """
tree:
  id: overall
  weights: {how: equal}
  combine: {how: maximum, missing: refuse, require: [{of: [inspection]}]}
  steps:
    - {step: adjust, id: staff_up, when: [{column: staff, at_least: 5}], add: 1}
    - {step: adjust, id: staff_down, when: [{column: staff, at_most: 1}], add: -1}
    - {step: clip, low: 1, high: 5}
    - {step: adjust, id: one_star_inspection, when: [{part: inspection, at_most: 1}], at_most: 2}
  parts:
    - id: inspection
      direction: lower_is_better
      steps:
        - step: grade_points
          points: [5, 4, 3, 2, 1]
          grades:
            how: percentiles
            within: [state]
            classes: [{id: top}, {id: b, at_percentile: 10}, {id: c, at_percentile: 33.33}, {id: d, at_percentile: 56.66}, {id: e, at_percentile: 80}]
"""  # noqa: E501  (one line of YAML)


def test_nursing_homes():
    columns = {
        "inspection": list(range(11)) * 2,
        "state": ["A"] * 11 + ["B"] * 11,
        "staff": [5, 1, 3, 4, 2, 1, 5, 3, 3, 5, 1] * 2,
    }
    found = computed(spec_in(HOMES), columns)[1].scores
    stars = [5, 4, 4, 4, 3, 3, 2, 2, 1, 1, 1]
    assert found["inspection"].tolist() == stars * 2
    wanted = []
    for star, staff in zip(stars, columns["staff"], strict=False):
        changed = min(5, max(1, star + (staff >= 5) - (staff <= 1)))
        wanted.append(min(changed, 2) if star == 1 else changed)
    assert found["overall"].tolist() == wanted * 2


SAFETY_CAP = """
tree:
  id: stars
  combine: {how: arithmetic, missing: reweigh}
  steps:
    - {step: grade_points, points: [3, 4, 5], grades: {how: fixed, classes: [{id: a}, {id: b, at: 4}, {id: c, at: 6}]}}
    # Five stars at most four for the lowest quarter of safety.
    - {step: adjust, id: unsafe, when: [{part: safety, grade: quarter, among: [lowest]}], at_most: 4}
  parts:
    - id: safety
      weight: 1
      steps: []
      grades: [{id: quarter, how: percentiles, classes: [{id: lowest}, {id: other, at_percentile: 25}]}]
    - {id: rest, weight: 1, steps: []}
"""


def test_stars_are_capped_by_the_class_of_a_part():
    columns = {"safety": [1, 2, 3, 4, 5, 6, 7, 8, None], "rest": [20, 2, 20, 20, 1, 20, 20, 20, 20]}
    assert root(spec_in(SAFETY_CAP), columns) == [4, 3, 5, 5, 3, 5, 5, 5, 5]
    with pytest.raises(DefinitionError, match=r"refers to 'quartre'.*did you mean 'quarter'"):
        spec_in(SAFETY_CAP.replace("grade: quarter", "grade: quartre"))


def test_health_premium_of_states_by_last_year():
    """Improvement on the own baseline, ranked; a unit without baseline has none."""
    text = """
tree:
  id: progress
  weights: {how: equal}
  combine: {how: arithmetic, missing: refuse}
  ranks: [{ties: dense}]
  parts: [{id: imr, direction: lower_is_better, steps: [{step: own_baseline, to: {column: before}, how: relative}]}]
"""
    found = tables(spec_in(text), {"imr": [30, 20, 45, 10], "before": [40, 25, 50, None]})
    scores = found["scores"].filter(part="progress")["value"].fill_null(NAN).to_list()
    assert close(scores, [0.25, 0.2, 0.1, NAN], 6)
    assert found["ranks"]["rank"].to_list() == [1, 2, 3, None]
