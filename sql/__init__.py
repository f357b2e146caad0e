"""SQL text: one SELECT per file, file name = table name, in a subset that Spark reads too.

Put here: the files and the check of the subset. Keep out: running them (assets.compute) and any Python value: a file
takes its parameters from the tables `ref__period` and `ref__rule_sets`.
"""
