"""The vocabulary of `kangheng allocate`: how money is divided, as closed models with a JSON schema.

`basics`: words that several parts share. `envelope`: the budget and what only holds money. `need`, `pay`, `dividend` …:
the kinds of streams, tied together in `streams`. `bounds`: pace of change and reserved shares. `document`:
the whole spec, its checks and its schema. Keep out: the arithmetic (evaluations.allocation).
"""
