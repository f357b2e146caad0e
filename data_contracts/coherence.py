"""What must hold between the parts of one contract: names exist and are given once, kinds fit.

Put here: those checks; each names file, place and the nearest known word. Keep out: what one word allows alone
(vocabulary.py), expressions (assets.intake.rules).
"""

from collections.abc import Mapping
from pathlib import Path

from data_contracts.feed import AREA_CHANGE_COLUMNS, FeedContract, normal_header, stored_kinds
from data_contracts.messages import did_you_mean, wrong


def check(contract: FeedContract, path: Path) -> None:
    """Check a contract read from `path`; raises DefinitionError for the first thing that does not fit."""
    extras, where = contract.extras, contract.source
    if path.parent.name != contract.key or path.stem != extras.valid_from.isoformat():
        raise wrong("contract_place", where=where)
    _check_names(contract)
    _check_references(contract)
    _check_key(contract)
    _check_maps(contract)
    _check_units(contract)
    persons = [column.name for column in contract.columns if column.role == "person_id"]
    if persons != ([extras.person.column] if extras.person else []):
        raise wrong("contract_person", where=where)


def _check_names(contract: FeedContract) -> None:
    where = contract.source
    names = [name for name, _, _ in stored_kinds(contract)]
    raw = [column.name for column in contract.columns]
    if len(set(raw)) != len(raw) or len(set(names)) != len(names):
        raise wrong("contract_column_twice", where=where)
    extras = contract.extras
    rules = [*(r.id for r in contract.rules), *(s.id for s in extras.sequences), *(r.id for r in extras.references)]
    if len(set(rules)) != len(rules):
        raise wrong("contract_rule_twice", where=where)
    owner: dict[str, str] = {}
    for column in contract.columns:
        for header in column.headers:
            first = owner.setdefault(normal_header(header), column.name)
            if first != column.name:
                raise wrong("contract_header_twice", where=where, header=header, one=first, other=column.name)


def _check_references(contract: FeedContract) -> None:
    extras, where = contract.extras, contract.source
    kinds = {name: kind for name, kind, _ in stored_kinds(contract)}
    wanted = [
        *extras.business_key,
        extras.institution.column,
        extras.area.column if extras.area else None,
        *(part for level in extras.levels for part in (level.id, level.name, level.name_en, level.rural)),
    ]
    for name in wanted:
        _known(name, kinds, where)
    _known(extras.person.birth if extras.person else None, kinds, f"{where}: person.birth", "date")
    _known(extras.person.sex if extras.person else None, kinds, f"{where}: person.sex", "code")
    _known(extras.channel, kinds, f"{where}: channel", "code")
    for reference in extras.references:
        for name in reference.columns:
            _known(name, kinds, f"{where}: {reference.id}")
        if len(reference.columns) != len(reference.target):
            raise wrong("contract_reference_width", where=where, rule=reference.id)
    for sequence in extras.sequences:
        for name in (*sequence.by, sequence.order_by):
            _known(name, kinds, f"{where}: sequence {sequence.id}")
    _known(extras.event_date, kinds, where)
    if extras.event_date and kinds[extras.event_date] != "date":
        raise wrong("contract_event_date", where=where)
    if extras.delivery == "cumulative" and not extras.event_date:
        raise wrong("accounting_cumulative_date", where=where)
    if extras.kind == "area_changes":
        _check_area_changes(contract, kinds)


def _known(name: str | None, kinds: Mapping[str, str], place: str, kind: str | None = None) -> None:
    """A column that is named exists, and is of the `kind` that is needed."""
    if name is None:
        return
    if name not in kinds:
        raise wrong("contract_no_column", where=place, name=name, hint=did_you_mean(name, kinds, "wrong_nearest"))
    if kind is not None and kinds[name] != kind:
        raise wrong("contract_column_type", where=place, name=name, type=kind)


def _check_key(contract: FeedContract) -> None:
    """A key cannot be empty: such a record would be anybody's, counted twice or lost when it is sent again."""
    extras, where = contract.extras, contract.source
    for name in extras.empty_in_key:
        _known(name, dict.fromkeys(extras.business_key, ""), f"{where}: empty_in_key")
    if set(extras.business_key) <= set(extras.empty_in_key):
        raise wrong("contract_key_all_empty", where=where)
    for name in extras.business_key:
        if name not in extras.empty_in_key and not _is_filled(name, contract):
            raise wrong("contract_key_empty", where=where, name=name)


def _is_filled(name: str, contract: FeedContract) -> bool:
    """Whether every accepted record has a value in a stored column."""
    extras = contract.extras
    if name in ("person_key", "person_id_class"):
        return extras.person is not None and extras.person.required
    behind = {"event_date": extras.event_date, "institution_id": extras.institution.column}
    source = behind.get(name, name)
    if source in contract.by_name:
        return contract.by_name[source].required
    return source is not None and source not in {item.name for item in extras.derived}


def _check_maps(contract: FeedContract) -> None:
    """Maps and corrections name columns of the contract; ids are given once."""
    delivered = dict.fromkeys(contract.by_name, "")
    for item in contract.extras.maps:
        for name in item.headers.values():
            _known(name, delivered, f"{contract.source}: maps")
    for correction in contract.extras.corrections:
        _known(correction.column, delivered, f"{contract.source}: correction {correction.id}")
    ids = [correction.id for correction in contract.extras.corrections]
    if len(set(ids)) != len(ids):
        raise wrong("contract_correction_twice", where=contract.source)


def _check_units(contract: FeedContract) -> None:
    """Numbers alone are converted, from units that are named once and are not those of the column."""
    for column in contract.columns:
        place, units = f"{contract.source}: {column.name}", [normal_header(item.unit) for item in column.extras.units]
        if units and column.type not in ("integer", "decimal", "money"):
            raise wrong("contract_unit_of_number", where=place)
        if len({*units, *map(normal_header, column.own_units)}) != len(units) + len(column.own_units):
            raise wrong("contract_unit_twice", where=place)


def _check_area_changes(contract: FeedContract, kinds: dict[str, str]) -> None:
    missing = [name for name in AREA_CHANGE_COLUMNS if name not in kinds]
    if missing:
        raise wrong("contract_area_changes", where=contract.source, name=missing[0])
    if kinds["changed_on"] != "date":
        raise wrong("contract_column_type", where=contract.source, name="changed_on", type="date")
