"""The lake: a home's folders, immutable Parquet parts, manifests that name the parts in force, selection, catalog.

Knows paths and files; knows no person, no rule, no indicator.
"""
