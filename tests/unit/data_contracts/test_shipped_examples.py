"""The example row of every shipped contract passes the intake as it stands; without a required cell it is refused by
the name of that column."""

import csv
import io
import tempfile
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from assets.intake.check import check_file
from data_contracts.closed import parse, read_yaml
from data_contracts.contracts import Catalog
from data_contracts.settings.limits import Limits
from data_contracts.settings.loading import REGISTRY

CATALOG = Catalog.load()
FEEDS = sorted(CATALOG.feeds)
PERIOD = "2025Q4"


@cache
def limits():
    return parse(Limits, read_yaml(REGISTRY / "limits.yaml"), "limits.yaml")


def example(contract):
    return {column.name: column.examples[0] for column in contract.columns}


def checked(contract, rows, folder):
    """The verdict on a file of these rows, and the rules that refused each record, by record number from 1."""
    header = [contract.by_name[name].headers[0] for name in rows[0]]
    text = io.StringIO()
    csv.writer(text).writerows([*[header] * contract.extras.file.header_rows, *(list(row.values()) for row in rows)])
    path = folder / f"{contract.feed}_{PERIOD}.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    result = check_file(path, contract.key, CATALOG, limits())
    refused = result.fixes.filter(pl.col("severity") == "error").group_by("record_no").agg("rule_id")
    return result, dict(refused.rows())


@cache
def verdict(feed):
    """One file of every feed: its example, the example without each required cell, without number, with a wrong one.

    Gives the result, the rules that refused each record by number, and what each record is.
    """
    contract = CATALOG.feed(feed)
    sound, person = example(contract), contract.extras.person
    rows = {"example": sound} | {
        column.name: sound | {column.name: ""} for column in contract.columns if column.required
    }
    if person is not None:
        key = next((name for name in contract.extras.business_key if name in sound), None)
        other = {key: sound[key] + "9"} if key and contract.by_name[key].type == "text" else {}
        rows["no number"] = sound | other | {person.column: ""}
        rows["wrong number"] = sound | {person.column: sound[person.column][:-1] + "?"}
    with tempfile.TemporaryDirectory() as folder:
        result, refused = checked(contract, list(rows.values()), Path(folder))
    return result, refused, {name: number for number, name in enumerate(rows, start=1)}


@pytest.mark.parametrize("feed", FEEDS)
def test_the_example_is_accepted_without_a_warning(feed):
    result, refused, place = verdict(feed)
    assert result.refused is None
    assert result.period == PERIOD
    said = result.fixes.filter(pl.col("record_no") == place["example"])["rule_id"].to_list()
    # That it looks like the example is the one thing to say about it.
    assert set(said) <= {"example_row"}
    assert result.account.accepted == len(place) - len(refused) >= 1


@pytest.mark.parametrize("feed", FEEDS)
def test_without_a_required_cell_the_record_is_refused_by_its_name(feed):
    _, refused, place = verdict(feed)
    for column in CATALOG.feed(feed).columns:
        if column.required:
            assert f"required_{column.name}" in refused[place[column.name]], column.name


@pytest.mark.parametrize("feed", [key for key in FEEDS if CATALOG.feed(key).extras.person])
def test_a_person_without_number_is_refused_unless_the_feed_knows_such_people(feed):
    _, refused, place = verdict(feed)
    assert refused[place["wrong number"]] == ["person_id_invalid"]
    assert (place["no number"] in refused) == CATALOG.feed(feed).extras.person.required


# feed, sequence, cells of an earlier record, cells of the later one that break it, those that just hold
SEQUENCES = [
    ("health_bureau.maternal", "weeks_grow",
     {"contact_no": "FY0", "contact_date": "2025-11-10"}, {"gestational_weeks": "38"}, {"gestational_weeks": "39"}),
    ("health_bureau.child", "height_does_not_fall",
     {"contact_no": "ET0", "contact_date": "2025-10-10"}, {"height_cm": "89.4"}, {"height_cm": "89.5"}),
    ("health_bureau.immunisation", "doses_in_order",
     {"dose_record_no": "JZ0", "dose_no": "1"}, {"given_on": "2025-10-27"}, {"given_on": "2025-10-28"}),
    ("health_bureau.followups_tuberculosis", "doses_do_not_fall",
     {"followup_no": "JH0", "followup_date": "2025-10-10"}, {"doses_taken": "87"}, {"doses_taken": "88"}),
]  # fmt: skip


@pytest.mark.parametrize(("feed", "rule", "earlier", "breaks", "holds"), SEQUENCES)
def test_a_sequence_is_broken_by_the_later_record(feed, rule, earlier, breaks, holds, tmp_path):
    contract = CATALOG.feed(feed)
    for later, wanted in ((breaks, [(1, rule)]), (holds, [])):
        # The later record stands first in the file: what counts is the order in time.
        rows = [example(contract) | later, example(contract) | earlier]
        result, refused = checked(contract, rows, tmp_path)
        said = result.fixes.drop_nulls("record_no").filter(pl.col("rule_id") != "example_row")
        assert said.select("record_no", "rule_id").rows() == wanted
        assert (result.account.accepted, refused) == (2, {})


def test_every_sequence_has_its_case():
    shipped = {(contract.key, item.id) for contract in CATALOG.current() for item in contract.extras.sequences}
    assert shipped == {(feed, rule) for feed, rule, *_ in SEQUENCES}


def test_every_reference_points_to_a_column_that_is_there():
    for contract in CATALOG.current():
        for item in contract.extras.references:
            assert set(item.target) <= set(CATALOG.feed(item.feed).by_name), contract.key
        codes = {c.name for c in contract.columns if c.name == "institution_code" and c.role != "key"}
        stated = {name for item in contract.extras.references for name in item.columns}
        # Not of a list of cases or complaints, where an institution outside the list is no mistake of the sender.
        if contract.key not in NO_REFERENCE:
            assert codes <= stated, contract.key


NO_REFERENCE = (
    "cdc.chronic_registers", "cdc.deaths", "cdc.school_screening", "health_bureau.needs", "health_bureau.opinions",
    "health_bureau.residents", "hospitals.infectious_reports", "insurers.settlements",
)  # fmt: skip
