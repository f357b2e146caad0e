"""References between feeds against a naive count: what must exist in another feed in force at the period."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.compute.references import judge_references, reference_inputs
from data_contracts.contracts import Catalog
from data_contracts.periods import Period
from data_contracts.vocabulary import Reference

FEED, TARGET = "health_bureau.device_readings", "health_bureau.staff"
WORDS = {"zh": "设备在册", "en": "Device is known"}
FIRST, NOW = Period.parse("2025Q1"), Period.parse("2025Q4")


def reference(target=TARGET, columns=("device_no",), theirs=("staff_no",), severity="warning"):
    return Reference(
        columns=list(columns), feed=target, target=list(theirs), severity=severity, titles=WORDS, fix=WORDS
    )


def with_references(catalog, *references, target=None, delivery=None):
    """The catalog with these references as the only ones, and with another delivery of the target."""
    feeds = {
        key: tuple(
            replace(
                version,
                extras=version.extras.model_copy(update={"references": list(references) if key == FEED else []}),
            )
            for version in versions
        )
        for key, versions in catalog.feeds.items()
        if key in (FEED, TARGET)
    }
    if delivery:
        feeds[TARGET] = tuple(
            replace(version, extras=version.extras.model_copy(update={"delivery": delivery}))
            for version in feeds[TARGET]
        )
    return Catalog(feeds, catalog.code_lists)


def readings(devices):
    return [{"reading_no": str(at), "device_no": device} for at, device in enumerate(devices)]


def staff(numbers):
    return [{"staff_no": number} for number in numbers]


def judged(shop, catalog, period=NOW):
    return judge_references(shop.home, shop.settings, catalog, period, FIRST).to_dicts()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    devices=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=8),
    known=st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=4),
)
def test_the_count_is_that_of_a_naive_reading(workshop, devices, known):
    workshop.stage(FEED, "2025Q4", readings(devices))
    workshop.stage(TARGET, "2025Q4", staff(known))
    (row,) = judged(workshop, with_references(workshop.catalog, reference()))
    missing = sum(device is not None and device not in set(known) for device in devices)
    assert (row["records"], row["checked"], row["missing"]) == (
        len(devices),
        sum(device is not None for device in devices),
        missing,
    )
    assert row["status"] == ("broken" if missing else "holds")
    assert row["rule_id"] == "reference_device_no_staff"


@pytest.mark.parametrize(("delivery", "missing"), [("snapshot", 1), ("increment", 0)])
def test_a_state_is_looked_up_in_its_newest_delivery_and_events_in_all(workshop, delivery, missing):
    workshop.stage(FEED, "2025Q4", readings(["old", "new"]))
    workshop.stage(TARGET, "2025Q1", staff(["old"]))
    workshop.stage(TARGET, "2025Q3", staff(["new"]))
    (row,) = judged(workshop, with_references(workshop.catalog, reference(), delivery=delivery))
    assert row["missing"] == missing


def test_what_comes_later_is_not_yet_known(workshop):
    workshop.stage(FEED, "2025Q2", readings(["a"]))
    workshop.stage(TARGET, "2025Q3", staff(["a"]))
    catalog = with_references(workshop.catalog, reference())
    (row,) = judged(workshop, catalog, Period.parse("2025Q2"))
    assert (row["status"], row["checked"], row["missing"]) == ("not_checked", 1, None)


def test_a_target_nobody_sends_is_never_a_pass(workshop):
    workshop.stage(FEED, "2025Q4", readings(["a"]))
    (row,) = judged(workshop, with_references(workshop.catalog, reference("office.nothing")))
    assert (row["status"], row["missing"]) == ("not_checked", None)


def test_several_columns_are_looked_up_together(workshop):
    columns = {"columns": ("device_no", "reading_no"), "theirs": ("staff_no", "institution_code")}
    workshop.stage(FEED, "2025Q4", [{"reading_no": "1", "device_no": "a"}, {"reading_no": "2", "device_no": "a"}])
    workshop.stage(TARGET, "2025Q4", [{"staff_no": "a", "institution_code": "1"}])
    (row,) = judged(workshop, with_references(workshop.catalog, reference(**columns)))
    assert (row["checked"], row["missing"]) == (2, 1)


def test_a_feed_without_records_says_nothing(workshop):
    workshop.stage(TARGET, "2025Q4", staff(["a"]))
    assert judged(workshop, with_references(workshop.catalog, reference())) == []


def test_a_change_of_either_feed_is_noticed(workshop):
    inputs = reference_inputs(with_references(workshop.catalog, reference()), NOW, FIRST)
    tables = {"stg_health_bureau__device_readings", "stg_health_bureau__staff"}
    assert set(inputs) == {(table, f"2025Q{number}") for table in tables for number in (1, 2, 3, 4)}
