"""Streams for what was done or is owed: purchases, entitlements, matching grants.

Put here: from the words of these streams and the tables to lines. Keep out: their arithmetic (purchases, entitlements,
matching).
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from data_contracts.allocation_spec.grants import ByCapacity, Entitlements, Matching, MatchRate, Purchases
from evaluations.allocation.entitlements import Claim, totals
from evaluations.allocation.exact import shown
from evaluations.allocation.lines import Line, StreamResult, frame_of, yuan
from evaluations.allocation.matching import Request, matched, rate_by_capacity, wished
from evaluations.allocation.purchases import Contract, bought
from evaluations.allocation.records import (
    Payee,
    columns_of,
    figures,
    ids_once,
    money,
    paid_within,
    payees_of,
    repeated,
    short_lines,
    some_figures,
    with_fund,
)
from evaluations.allocation.setting import Setting
from evaluations.allocation.snapshot import Rows

_STAGE = "S5"
_FEN = 100


def by_purchases(stream: Purchases, pool: int, setting: Setting) -> StreamResult:
    """Lines `purchase`, `over_cap`, `short_pool` per contract; table `purchases`."""
    words = stream.contracts
    rows = setting.snapshot.rows(words.table, columns_of(words.model_dump()), f"streams.{stream.id}.contracts")
    names = ids_once(rows, words.contract)
    payees = payees_of(setting, rows, words.payee, stream.payee_kind)
    verified, prices = figures(rows, words.verified), figures(rows, words.price)
    claimed, caps = some_figures(rows, words.claimed), money(setting, rows, words.cap)
    rows.refuse([claim is not None and claim < volume for claim, volume in zip(claimed, verified, strict=True)],
                "allocate_over_claimed", words.verified, claimed=words.claimed)  # fmt: skip
    found = [
        bought(Contract(volume, price * _FEN, cap, claim))
        for volume, price, cap, claim in zip(verified, prices, caps, claimed, strict=True)
    ]
    paid = paid_within(stream.id, [item.due for item in found], pool, stream.over_pool, names)
    volumes, rates = ([shown(item) for item in column] for column in (verified, prices))
    lines = []
    for at, (kind, own) in enumerate(payees):
        params = {"contract": names[at]}
        volume, price = volumes[at], rates[at]
        lines.append(Line(kind, own, _STAGE, "purchase", stream.id, found[at].worth, volume, price, params))
        if found[at].over_cap:
            lines.append(Line(kind, own, _STAGE, "over_cap", stream.id, -found[at].over_cap, None, None, params))
    lines += short_lines(stream.id, _STAGE, payees, [item.due for item in found], paid)
    table = frame_of(
        [
            (stream.id, name, kind, own, volume, price, item.worth, item.over_cap, item.refused, now)
            for name, (kind, own), volume, price, item, now in zip(
                names, payees, volumes, rates, found, paid, strict=True
            )
        ],
        stream=str, contract=str, payee_kind=str, payee_id=str, verified=str, price_yuan=str, worth_fen=int,
        over_cap_fen=int, not_verified_fen=int, paid_fen=int,
    )  # fmt: skip
    lines = with_fund(lines, stream.unspent_to, _STAGE, stream.id, pool)
    return StreamResult(stream.id, pool, lines, {"purchases": table})


def by_entitlements(stream: Entitlements, pool: int, setting: Setting) -> StreamResult:
    """Lines `entitlement`, `over_cap`, `short_pool` per payee; table `entitlements` with totals only."""
    words = stream.claims
    rows = setting.snapshot.rows(words.table, columns_of(words.model_dump()), f"streams.{stream.id}.claims")
    payees = payees_of(setting, rows, words.payee, stream.payee_kind)
    keys = {own: kind for kind, own in payees}
    claims = _claims(stream, rows, payees, setting)
    caps = [None if cap is None else setting.spec.fen(cap) for cap in
            (stream.per_person, stream.per_family, stream.per_payee)]  # fmt: skip
    found = totals(claims, *caps)
    paid = paid_within(stream.id, [total.due for total in found.values()], pool, stream.over_pool, list(found))
    ordered = [(keys[own], own) for own in found]
    lines = []
    for (kind, own), total in zip(ordered, found.values(), strict=True):
        params = {"persons": str(total.persons), "families": str(total.families)}
        lines.append(Line(kind, own, _STAGE, "entitlement", stream.id, total.worth, None, None, params))
        if total.capped:
            lines.append(Line(kind, own, _STAGE, "over_cap", stream.id, -total.capped))
    lines += short_lines(stream.id, _STAGE, ordered, [total.due for total in found.values()], paid)
    table = frame_of(
        [
            (stream.id, kind, own, total.persons, total.families, total.worth, total.capped, now)
            for (kind, own), total, now in zip(ordered, found.values(), paid, strict=True)
        ],
        stream=str, payee_kind=str, payee_id=str, persons=int, families=int, worth_fen=int, capped_fen=int,
        paid_fen=int,
    )  # fmt: skip
    lines = with_fund(lines, stream.unspent_to, _STAGE, stream.id, pool)
    return StreamResult(stream.id, pool, lines, {"entitlements": table})


def _claims(stream: Entitlements, rows: Rows, payees: Sequence[Payee], setting: Setting) -> list[Claim]:
    words = stream.claims
    units = figures(rows, words.units)
    rates = [Fraction(stream.rate or 0)] * len(units) if words.rate is None else figures(rows, words.rate)
    in_fen = {rate: rate * _FEN for rate in set(rates)}
    before = [0] * len(units)
    if words.paid_before is not None:
        before = rows.known(words.paid_before, money(setting, rows, words.paid_before))
    # Without a column every claim is a person and a family of its own.
    own = [f"row {number}" for number in rows.numbers]
    persons = own if words.person is None else rows.known(words.person, rows.words(words.person))
    families = persons if words.family is None else rows.known(words.family, rows.words(words.family))
    home: dict[str, str] = {}
    moved = [home.setdefault(person, family) != family for person, family in zip(persons, families, strict=True)]
    rows.refuse(moved, "allocate_two_families", words.family or words.payee)
    return [
        Claim(payee, person, family, count, in_fen[rate], paid)
        for (_, payee), person, family, count, rate, paid in zip(
            payees, persons, families, units, rates, before, strict=True
        )
    ]


def by_matching(stream: Matching, pool: int, setting: Setting) -> StreamResult:
    """A line `matching` or `matching_capped` per request, `short_pool`; table `matching`."""
    words = stream.requests
    rows = setting.snapshot.rows(words.table, columns_of(words.model_dump()), f"streams.{stream.id}.requests")
    names = ids_once(rows, words.request)
    payees = payees_of(setting, rows, words.payee, stream.payee_kind)
    bases = rows.known(words.base, money(setting, rows, words.base))
    certified = [True] * len(names)
    if words.certified is not None:
        certified = rows.known(words.certified, rows.yes_no(words.certified))
    rates = rates_of(stream.rate, rows, words.capacity)
    caps = least_caps(money(setting, rows, words.cap), None if stream.cap is None else setting.spec.fen(stream.cap))
    requests = [
        Request(base if sure else None, rate, cap)
        for base, sure, rate, cap in zip(bases, certified, rates, caps, strict=True)
    ]
    dues = [wished(request) for request in requests]
    paid = _served(stream, dues, requests, rows, pool, names)
    # A reader multiplies base and rate; where that is not the grant, the line says which cap holds it.
    held = [None if cap is None or wished(replace(own, cap=None)) <= cap else cap
            for own, cap in zip(requests, caps, strict=True)]  # fmt: skip
    lines = [
        Line(kind, own, _STAGE, "matching" if cap is None else "matching_capped", stream.id, due,
             shown(Fraction(bases[at], _FEN)), shown(rates[at]),
             {"request": names[at], **({} if cap is None else {"cap": yuan(cap)})})
        for at, ((kind, own), due, cap) in enumerate(zip(payees, dues, held, strict=True))
        if certified[at]
    ]  # fmt: skip
    lines += short_lines(stream.id, _STAGE, payees, dues, paid)
    table = frame_of(
        [
            (stream.id, names[at], kind, own, bases[at], certified[at], shown(rates[at]), caps[at], dues[at], paid[at])
            for at, (kind, own) in enumerate(payees)
        ],
        stream=str, request=str, payee_kind=str, payee_id=str, base_fen=int, certified=bool, rate=str, cap_fen=int,
        due_fen=int, paid_fen=int,
    )  # fmt: skip
    lines = with_fund(lines, stream.unspent_to, _STAGE, stream.id, pool)
    return StreamResult(stream.id, pool, lines, {"matching": table})


def _served(
    stream: Matching, dues: Sequence[int], requests: Sequence[Request], rows: Rows, pool: int, names: Sequence[str]
) -> list[int]:
    order = stream.requests.order
    if stream.over_pool != "in_order" or order is None:
        return paid_within(stream.id, dues, pool, "pro_rata" if stream.over_pool == "pro_rata" else "refuse", names)
    places = figures(rows, order)
    rows.refuse(repeated(places), "allocate_order_twice", order)
    queue = sorted(range(len(dues)), key=places.__getitem__)
    grants = dict(zip(queue, matched([requests[at] for at in queue], pool), strict=True))
    return [grants[at] for at in range(len(dues))]


def rates_of(rate: MatchRate, rows: Rows, capacity: str | None) -> list[Fraction]:
    """The matching rate of each row: one for all, or by its fiscal capacity."""
    if not isinstance(rate, ByCapacity) or capacity is None:
        return [Fraction(rate)] * len(rows.numbers)  # type: ignore[arg-type]
    lowest, highest = Fraction(rate.lowest), Fraction(rate.highest)
    found = figures(rows, capacity, high=1)
    each = {own: rate_by_capacity(own, lowest, highest) for own in set(found)}
    return [each[own] for own in found]


def least_caps(own: Sequence[int | None], cap: int | None) -> list[int | None]:
    """The smaller of a cap of each row and one for all, where there are such."""
    return [min((item for item in (each, cap) if item is not None), default=None) for each in own]
