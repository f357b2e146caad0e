"""What the demo plants in sound records, intake finds: this rule, in this record, and nothing else."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

import data_contracts
from assets.intake.account import Account
from assets.intake.check import CheckResult, check_file
from assets.intake.staging import FileContext, stage
from data_contracts.contracts import Catalog, FeedContract
from data_contracts.settings.limits import Limits
from pipelines.demo.faults import NAMED, USUAL, Fault, Level, faults_of
from pipelines.demo.generator import generate
from pipelines.demo.scenario import DEFAULT, load_scenario
from pipelines.demo.spoiling import Spoiled, spoil
from tests.unit.demo.sound import ASIDE, PERIOD, csv_of, delivered, sound

CATALOG = Catalog.load()
# Of the contracts the columns that the city writes.
DELIVERED = delivered()
FEEDS = list(DELIVERED)
SEVERITY = {"reject": "error", "unreadable": "error", "warn": "warning"}


@pytest.fixture(scope="module")
def limits() -> Limits:
    path = Path(data_contracts.__file__).parent / "registry/limits.yaml"
    return Limits(**yaml.safe_load(path.read_text("utf-8")))


def _check(folder: Path, contract: FeedContract, data: bytes, limits: Limits) -> CheckResult:
    path = folder / f"file_{PERIOD}.csv"
    path.write_bytes(data)
    return check_file(path, contract.key, CATALOG, limits)


def _found(result: CheckResult) -> list[tuple[int, str, str]]:
    """Record, rule and severity of everything said of single records."""
    said = result.fixes.drop_nulls("record_no").filter(~pl.col("rule_id").is_in(ASIDE))
    return sorted(said.select("record_no", "rule_id", "severity").iter_rows())


def _accepted(contract: FeedContract, data: bytes, limits: Limits) -> dict[int, tuple[object, ...]]:
    """What is kept of every accepted record by its number, but for the form its identity number had."""
    context = FileContext("0123456789abcdef", PERIOD, None)
    whole, yes_no = CATALOG.feed(contract.key), CATALOG.code_lists["yes_no"]
    chunks = stage([data], whole, context, yes_no, b"k" * 32, limits, Account())
    rows = pl.concat(chunk.accepted for chunk in chunks).drop("person_id_class", "row_hash", "warnings", strict=False)
    return dict(zip(rows["record_no"], rows.drop("record_no").rows(), strict=True))


def _spoiled(contract: FeedContract, faults: list[Fault], seed: int) -> tuple[pl.DataFrame, Spoiled]:
    texts = sound(contract, 10 * len(faults) + 50)
    return texts, spoil(texts, faults, np.random.default_rng(seed), times=1)


CASES = [(key, "every") for key in FEEDS] + [(key, "usual") for key in USUAL]


@pytest.mark.parametrize(("key", "level"), CASES)
def test_intake_finds_what_was_planted_and_nothing_else(key: str, level: Level, tmp_path: Path, limits: Limits) -> None:
    contract = DELIVERED[key]
    faults = faults_of(contract, level)
    texts, spoiled = _spoiled(contract, faults, seed=1)
    assert len(spoiled.touched) == len(faults), "a fault fits no row"
    assert sorted(rule for _, rule, _ in spoiled.notes) == sorted(fault.rule for fault in faults if fault.rule)
    data = csv_of(contract, spoiled.texts, spoiled.broken_lines)
    result = _check(tmp_path, contract, data, limits)
    assert _found(result) == sorted((at + 1, rule, SEVERITY[kind]) for at, rule, kind in spoiled.notes)
    assert result.refused is None
    assert result.account.records == texts.height
    assert result.account.accepted == int(spoiled.valid.sum())


@pytest.mark.parametrize("key", FEEDS)
def test_an_oddity_changes_nothing_that_is_kept(key: str, limits: Limits) -> None:
    contract = DELIVERED[key]
    texts, spoiled = _spoiled(contract, faults_of(contract, "every"), seed=3)
    before = _accepted(contract, csv_of(contract, texts), limits)
    after = _accepted(contract, csv_of(contract, spoiled.texts, spoiled.broken_lines), limits)
    assert len(before) == texts.height
    faulty = {at for at, _, _ in spoiled.notes}
    odd = spoiled.touched - faulty
    assert odd
    assert all(spoiled.texts.row(at) != texts.row(at) for at in odd)
    changed = {at for at in range(texts.height) if before[at + 1] != after.get(at + 1)}
    assert changed <= faulty
    refused = {at for at, _, kind in spoiled.notes if kind != "warn"}
    assert refused <= changed


@pytest.mark.parametrize("key", FEEDS)
def test_every_rule_of_a_feed_is_broken(key: str, tmp_path: Path, limits: Limits) -> None:
    """Every rule that intake looks at in a sound file; a truth value computed by a contract can always be stored."""
    contract = DELIVERED[key]
    rules = _check(tmp_path, contract, csv_of(contract, sound(contract, 9)), limits).account.rules
    known = {rule for rule, count in rules.items() if count.not_applicable < count.checked} - {*ASIDE}
    assert {item.type for item in contract.extras.derived} <= {"boolean", "money"}
    known -= {f"type_{item.name}" for item in contract.extras.derived}
    assert {fault.rule for fault in faults_of(contract, "every") if fault.kind != "harmless"} == known


def test_the_hand_list_names_every_row_rule_with_what_it_does(tmp_path: Path, limits: Limits) -> None:
    """Every rule that has something to judge in the columns that the city writes."""
    kinds = {"error": "reject", "warning": "warn"}
    ruled: dict[str, dict[str, str]] = {}
    for key, contract in DELIVERED.items():
        counts = _check(tmp_path, contract, csv_of(contract, sound(contract, 9)), limits).account.rules
        for rule in contract.rules:
            if counts[rule.id].not_applicable < counts[rule.id].checked:
                ruled.setdefault(key, {})[rule.id] = kinds[rule.severity]
    assert {key: {fault.rule: fault.kind for fault in faults} for key, faults in NAMED.items()} == ruled


def test_every_feed_has_an_identity_number_wrong_in_many_ways() -> None:
    for key in FEEDS:
        contract = DELIVERED[key]
        ways = [fault for fault in faults_of(contract, "every") if fault.rule == "person_id_invalid"]
        assert (len(ways) > 15) == (contract.extras.person is not None)


@pytest.fixture(scope="module")
def hostile_city(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    """Feed, rule or sentence, and kind of everything planted in the hostile scenario as it ships."""
    home = tmp_path_factory.mktemp("hostile")
    generate(home, scenario=load_scenario("hostile"))
    truth = pl.read_csv(home / "truth/faults.csv", infer_schema=False)
    return [(".".join(file.split("/")[:2]), rule or "", kind) for file, _, rule, kind in truth.rows()]


@pytest.mark.parametrize("key", FEEDS)
def test_the_hostile_city_holds_every_fault_of_every_feed(key: str, hostile_city: list[tuple[str, str, str]]) -> None:
    """Oddities are no faults and stand in no list. Every feed has files that are refused as a whole, too."""
    planted = {(rule, kind) for feed, rule, kind in hostile_city if feed == key}
    wanted = {(fault.rule, fault.kind) for fault in faults_of(DELIVERED[key], "every") if fault.kind != "harmless"}
    assert wanted - planted == set()
    assert ("intake_no_header", "refused") in planted
    assert ("", "duplicate") in planted


@pytest.mark.slow
def test_intake_finds_in_a_whole_city_what_truth_says(tmp_path: Path, limits: Limits) -> None:
    """With every fault in files as the city writes them, in several encodings, some too short for all of them."""
    scenario = load_scenario(DEFAULT).model_copy(update={"faults": "every"})
    generate(tmp_path, scenario=scenario, residents=6_000, seed=7, first="2025Q1", last="2025Q2")
    truth = pl.read_csv(tmp_path / "truth/faults.csv", schema_overrides={"rule": pl.String})
    whole = set(truth.filter(pl.col("kind").is_in(["refused", "duplicate"]) & (pl.col("record") == 0))["file"])
    planted: dict[str, list[tuple[int, str, str]]] = {}
    for file, record, rule, kind in truth.filter(pl.col("kind").is_in(SEVERITY)).iter_rows():
        planted.setdefault(file, []).append((record, rule, SEVERITY[kind]))
    found = {}
    for path in sorted((tmp_path / "landing").rglob("*_2025Q[12].csv")):
        name = path.relative_to(tmp_path / "landing").as_posix()
        if name in whole:
            continue
        result = check_file(path, ".".join(name.split("/")[:2]), CATALOG, limits)
        assert result.refused is None
        if said := _found(result):
            found[name] = said
    assert sum(map(len, planted.values())) > 1_000
    assert found == {file: sorted(notes) for file, notes in planted.items()}
