"""How deliveries of a feed are counted, in words: re-sends, duplicates, late files, empty files, withdrawal.

Put here: which sentences are true of a feed, for its dictionary and its template. Keep out: the behaviour they describe
(assets.intake, assets.lake.selection), each of which has a test of the same name.
"""

from data_contracts.contracts import FeedContract

_EVERY = (
    "accounting_rule_key",
    "accounting_rule_order",
    "accounting_rule_same_file",
    "accounting_rule_same_name",
    "accounting_rule_note",
    "accounting_rule_note_alone",
    "accounting_rule_totals",
)
_BY_DELIVERY = {
    "increment": ("accounting_rule_increment_period", "accounting_rule_increment_again", "accounting_rule_elsewhere"),
    "cumulative": ("accounting_rule_cumulative", "accounting_rule_increment_again", "accounting_rule_elsewhere"),
    "snapshot": ("accounting_rule_snapshot_again", "accounting_rule_snapshot_part", "accounting_rule_elsewhere"),
}
_AT_THE_END = (
    "accounting_rule_late",
    "accounting_rule_empty",
    "accounting_rule_withdrawal",
    "accounting_rule_export_twice",
    "accounting_rule_judged",
    "accounting_rule_taken_away",
)


def delivery_rules(contract: FeedContract) -> list[str]:
    """Ids of the sentences that say how deliveries of a feed are counted, in the order to be read; params: none."""
    twice = (
        () if contract.delivery == "snapshot" and contract.extras.person is None else ("accounting_rule_two_periods",)
    )
    extras = contract.extras
    by_institution = len(extras.business_key) > 1 and extras.institution.column in extras.business_key
    own = ("accounting_rule_own_numbers",) if by_institution else ()
    between = ("accounting_rule_sequences",) if extras.sequences else ()
    pointing = ("accounting_rule_references",) if extras.references else ()
    return [*_EVERY, *own, *_BY_DELIVERY[contract.delivery], *twice, *between, *pointing, *_AT_THE_END]
