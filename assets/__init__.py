"""The road: from delivered files to a release, one room per kind of work.

Rooms, upper ones may use lower ones: stages (Dagster) → intake, release, compute → vault → lake → engine.
"""
