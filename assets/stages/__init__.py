"""The map of the road, in order. Each module holds the Dagster assets of one stage and nothing that computes.

Read `road.py` for what each step does in plain functions; read a stage module for what the desk shows.
"""

STAGES = {
    "archive": "delivered bytes, kept unchanged in the vault, with a ledger",
    "stg": "typed, checked, pseudonymous rows per feed; refused rows go to quarantine",
    "link": "which pseudonyms are one person",
    "mart": "people, institutions and areas by period, with the flags that carry each rule once",
    "ind": "counts and indicator values by area, period, rule set",
    "score": "policies judged on three dimensions",
    "risk": "the health-risk index of an area",
    "alloc": "money, line by line, to the minor unit",
    "quality": "what arrived, what was refused and whether deliveries look as they should",
    "pub": "the release: tables, workbook, pages, manifest",
}
