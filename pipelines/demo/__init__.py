"""A fictional city whose truth is known: people, illness, care, money, and files as senders deliver them.

Put here: the generator. Keep out: rules, marts and indicators of the pipeline; the generator knows column names and
code lists only, so that truth/ is an independent answer.
"""
