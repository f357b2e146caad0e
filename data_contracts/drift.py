"""What changed from one version of a contract to the next, in words for those who send and those who count.

Put here: comparing two versions. Keep out: comparing a file with its contract (assets.intake.headers).
"""

from collections.abc import Iterator

from data_contracts.closed import Bilingual, nearest
from data_contracts.feed import Column, FeedContract
from data_contracts.messages import both


def changes_between(old: FeedContract, new: FeedContract) -> list[Bilingual]:
    """Columns that are new, gone or probably renamed, and what changed of those that stayed; then rules."""
    gone = {name: column for name, column in old.by_name.items() if name not in new.by_name}
    come = {name: column for name, column in new.by_name.items() if name not in old.by_name}
    found: list[Bilingual] = []
    for name, column in gone.items():
        close = _closest(name, column, come)
        if close is None:
            found.append(_said("gone", column=_title(column)))
        else:
            found.append(_said("renamed", column=_title(column), other=_title(come.pop(close))))
    found += [_said("come", column=_title(column)) for column in come.values()]
    for name, column in old.by_name.items():
        if name in new.by_name:
            found += _of_column(column, new.by_name[name])
    return [*found, *_of_rules(old, new)]


def _closest(name: str, column: Column, come: dict[str, Column]) -> str | None:
    """The new column that has the name, a header or nearly the title of one that is gone."""
    headers = {header: other for other, entry in come.items() for header in entry.headers}
    same = next((headers[header] for header in column.headers if header in headers), None)
    near = nearest(name, list(come)) or headers.get(nearest(column.titles.zh, list(headers)) or "")
    return same or near


def _of_column(old: Column, new: Column) -> Iterator[Bilingual]:
    title = _title(new)
    pairs = {
        "type": (old.type, new.type),
        "unit": (_unit(old), _unit(new)),
        "scale": (old.extras.scale, new.extras.scale),
        "required": (old.required, new.required),
    }
    for aspect, (before, after) in pairs.items():
        if before != after:
            yield _said(aspect, column=title, before=_word(before), after=_word(after))
    lost = [header for header in old.headers if header not in new.headers]
    if lost:
        yield _said("headers", column=title, headers="、".join(lost))
    values = [set(column.code_list.values) if column.code_list else set() for column in (old, new)]
    if values[0] != values[1]:
        added, removed = sorted(values[1] - values[0]), sorted(values[0] - values[1])
        yield _said("codes", column=title, added="、".join(added) or "—", removed="、".join(removed) or "—")


def _of_rules(old: FeedContract, new: FeedContract) -> Iterator[Bilingual]:
    before, after = ({rule.id: (rule.severity, rule.expression) for rule in item.rules} for item in (old, new))
    for rule in [*before, *(rule for rule in after if rule not in before)]:
        if before.get(rule) != after.get(rule):
            titles = (new if rule in after else old).wording[rule][0]
            aspect = "rule_gone" if rule not in after else "rule_come" if rule not in before else "rule"
            yield _said(aspect, rule=titles.model_dump())


def _unit(column: Column) -> str:
    return column.own_units[0] if column.own_units else "—"


def _word(value: object) -> object:
    return both(f"reports.template.{'yes' if value else 'no'}") if isinstance(value, bool) else value


def _title(column: Column) -> dict[str, str]:
    return column.titles.model_dump()


def _said(aspect: str, **params: object) -> Bilingual:
    return Bilingual(**both(f"contract_change_{aspect}", **params))
