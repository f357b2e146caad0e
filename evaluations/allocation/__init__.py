"""The division of a year's money: a spec and tables in, explained lines in whole fen out.

`snapshot`: tables as exact columns of the payees. `lines`: the lines every stream answers with. `registry`: kind of
stream → its function. `envelope`: budget and size of streams. `need`, `pace`, `reserves`, together in `need_stream`:
targets, and what is paid within bounds and reserved shares; `statement`, `need_lines`: a target as a sum. `reported`,
`scoring`, `earning`, together in `performance`: from figures to earned money; `quarters`: its payment in the year.
`dividend`: money for those who got healthier. `sensitivity`: what would change it. `customary`, `granting`, `contests`:
the other kinds of streams; `funding`: who pays. `problem`: the conflict. `engine`: all stages in their fixed order.
Amounts are whole fen, everything before them is exact; no float touches money. Infeasible is an answer.
"""
