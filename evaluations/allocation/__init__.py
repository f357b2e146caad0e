"""The division of a year's money: a spec and tables in, explained lines in whole fen out.

`snapshot`: tables as exact columns of the payees. `lines`: the lines every stream answers with. `registry`: kind of
stream → its function. `envelope`: budget and size of streams. `need`, `pace`, `reserves`: targets, and what is paid
within bounds and reserved shares. `performance`, `quarters`: earned money and its payment in the year. `dividend`:
money for those who got healthier. `statement`: a target's factors as sums. `engine`: all stages in their fixed order.
Amounts are whole fen, everything before them is exact; no float touches money. Infeasible is an answer.
"""
