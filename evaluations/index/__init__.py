"""Composite indices and appraisals: a spec and a table of figures in, scores with everything behind them out.

`sheet`: the table as figures and words. `treating`, `normalising`, `pointing`, `adjusting`: the steps; `stepping` walks
through them. `weighing` and `combining`: from parts to a whole; `marks`: full marks as stated; `grading`: ranks and
classes. `scoring` computes the tree. `explaining`, `importance`, `uncertainty`, `sensitivity`: what a score is made of
and how sure it is; `tables` puts all of it into frames. Missing is NaN inside this room and null in its frames. Sums
are exact (fsum) wherever a mean, range or moment is learnt, so that the order of rows changes no bit.
"""
