"""The vocabulary of `kangheng index`: what a composite index may say in YAML, as closed models with a JSON schema.

`steps`: what may happen to one column of figures. `ranking`: ranks and grades. `tree`: parts, weights, combining.
`document`: the whole spec, its checks and its schema. Keep out: the arithmetic (evaluations.index).
"""
