"""Approval: who may, how often, in which order; what is said where not; what verify finds; a crash at any step."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.lake.atomic import read_json, write_json
from assets.lake.home import Home
from assets.release import approval, records
from assets.release.approval import Refused, Rules, approve, publish_release, standing, withdraw
from assets.release.decided import record_problems
from assets.release.publish import ReleaseContent, current, last_withdrawn, publish
from assets.release.subject import subject_of
from assets.release.verify import verify
from assets.vault.signing import SigningKey, load_key, new_key
from data_contracts.closed import DefinitionError
from data_contracts.settings.approvers import Approver
from data_contracts.signing import key_id
from data_contracts.tables import output_tables

NOW = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
# Those that every verification looks into.
TABLES = ("ind__values", "alloc__lines", "alloc__payees", "quality__files", "risk__areas")
DRAFT = [{"zh": "激励审计未通过", "en": "the incentive audit fails"}]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home(tmp_path / "home")
    place.path.mkdir()
    (place.path / "home.yaml").write_text("format: 1\n")
    place.make_folders()
    return place


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SigningKey]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: new_key(folder / f"{name}.pem") for name in ("甲", "乙", "丙")}


def rules_of(people: dict[str, SigningKey], mode: Any, **days: Any) -> Rules:
    span: dict[str, Any] = {"valid_from": "2026-01-01", "valid_to": "2026-12-31", **days}
    return Rules(mode, [Approver(name=name, role="科长", key=people[name].public, **span) for name in ("甲", "乙")])


def released(home: Home, words: str, mode: str = "required", *, drafts: Any = ()) -> Path:
    def draw(folder: Path) -> None:
        (folder / "page.txt").write_text(words)

    settings = {"home": {"approval": mode, "levels": [{"id": "community"}]}, "indicators": {}, "budget_of_period": None}
    tables = {name: output_tables()[name].empty() for name in TABLES}
    content = ReleaseContent("2025Q4", tables, draw, [], settings, {}, approved=mode == "none", draft_reasons=drafts)
    return publish(home, content, lambda _: None)[0]


def test_from_draft_to_published_and_superseded(home: Home, people: dict[str, SigningKey]) -> None:
    rules = rules_of(people, "required")
    first = released(home, "one")
    assert current(home)["periods"] == {}
    with pytest.raises(Refused) as refused:
        publish_release(subject_of(first), rules, NOW)
    assert "还差 1 人" in refused.value.words["zh"]
    assert approve(subject_of(first), rules, people["甲"], "甲", "科长", NOW).state == "approved"
    assert publish_release(subject_of(first), rules, NOW).state == "published"
    second = released(home, "two")
    assert current(home)["periods"] == {"2025Q4": first.name}
    approve(subject_of(second), rules, people["乙"], "乙", "科长", NOW)
    publish_release(subject_of(second), rules, NOW)
    assert current(home) == {"periods": {"2025Q4": second.name}, "latest": second.name}
    assert standing(subject_of(first), "required").state == "superseded"
    known, flaws = records.read(first)
    assert not flaws
    assert [(record.act, record.reason) for record in known] == [
        ("approved", None), ("published", None), ("superseded", second.name)
    ]  # fmt: skip
    for sentence, decide in (
        ("取代", lambda: approve(subject_of(first), rules, people["乙"], "乙", "科长", NOW)),
        ("取代", lambda: publish_release(subject_of(first), rules, NOW)),
    ):
        with pytest.raises(Refused) as refused:
            decide()
        assert sentence in refused.value.words["zh"]
        assert second.name in refused.value.words["en"]
    for release in (first, second):
        report = verify(release, rules.approvers)
        assert report.passed, report.lines("zh")
    # Away from the home, and without knowing whose keys count, it verifies as well.
    alone = Path(shutil.copytree(second, home.path.parent / "elsewhere"))
    assert verify(alone).passed


def test_four_eyes_are_two_keys_of_two_people(home: Home, people: dict[str, SigningKey]) -> None:
    rules = rules_of(people, "two")
    subject = subject_of(released(home, "one", "two"))
    assert approve(subject, rules, people["甲"], "甲", "科长", NOW).missing == 1
    with pytest.raises(Refused, match="lacks 1"):
        publish_release(subject, rules, NOW)
    with pytest.raises(Refused, match="already"):
        approve(subject, rules, people["甲"], "甲", "科长", NOW)
    two_keys = replace(rules, approvers=[rules.approvers[0], rules.approvers[1].model_copy(update={"name": "甲"})])  # type: ignore[index]
    with pytest.raises(Refused, match="two people"):
        approve(subject, two_keys, people["乙"], "甲", "科长", NOW)
    assert approve(subject, rules, people["乙"], "乙", "科长", NOW).state == "approved"
    assert publish_release(subject, rules, NOW).state == "published"
    with pytest.raises(Refused):
        approve(subject, rules, people["乙"], "乙", "科长", NOW)


@pytest.mark.parametrize(
    ("who", "name", "day", "sentence"),
    [
        ("丙", "丙", NOW, "approval_unknown_key"),
        ("甲", "乙", NOW, "registered for"),
        ("甲", "甲", datetime(2025, 12, 31, 23, 59, tzinfo=UTC), "does not hold"),
        ("甲", "甲", datetime(2027, 1, 1, tzinfo=UTC), "does not hold"),
    ],
)
def test_a_key_counts_for_its_person_in_its_days(
    home: Home, people: dict[str, SigningKey], who: str, name: str, day: datetime, sentence: str
) -> None:
    subject = subject_of(released(home, "one"))
    words = "not registered" if sentence == "approval_unknown_key" else sentence
    with pytest.raises(DefinitionError, match=words):
        approve(subject, rules_of(people, "required"), people[who], name, "科长", day)
    assert records.read(subject.place) == ([], [])


@pytest.mark.parametrize("day", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)])
def test_first_and_last_day_of_a_key_count(home: Home, people: dict[str, SigningKey], day: datetime) -> None:
    subject = subject_of(released(home, "one"))
    assert approve(subject, rules_of(people, "required"), people["甲"], "甲", "科长", day).state == "approved"


def test_a_draft_cannot_be_approved_and_its_reasons_cannot_be_taken_out(
    home: Home, people: dict[str, SigningKey]
) -> None:
    release = released(home, "one", drafts=DRAFT)
    with pytest.raises(Refused) as refused:
        approve(subject_of(release), rules_of(people, "required"), people["甲"], "甲", "科长", NOW)
    assert "激励审计未通过" in refused.value.words["zh"]
    path = release / "internal/manifest.json"
    write_json(path, {**read_json(path), "draft_reasons": []})
    assert not verify(release).passed


def test_withdrawn_is_for_good(home: Home, people: dict[str, SigningKey]) -> None:
    rules = rules_of(people, "required")
    first = subject_of(released(home, "one"))
    approve(first, rules, people["甲"], "甲", "科长", NOW)
    publish_release(first, rules, NOW)
    with pytest.raises(DefinitionError, match="--key"):
        withdraw(first, rules, None, "错", NOW)
    assert withdraw(first, rules, (people["乙"], "乙", "科长"), "数据有误", NOW).state == "withdrawn"
    assert current(home) == {"periods": {}, "latest": None}
    for again in (
        lambda: withdraw(first, rules, (people["乙"], "乙", "科长"), "x", NOW),
        lambda: approve(first, rules, people["乙"], "乙", "科长", NOW),
        lambda: publish_release(first, rules, NOW),
    ):
        with pytest.raises(Refused, match="withdrawn"):
            again()
    assert verify(first.place, rules.approvers).passed


def test_the_same_content_after_a_withdrawal_is_a_release_of_its_own(home: Home, people: dict[str, SigningKey]) -> None:
    rules = rules_of(people, "required")
    first, second = released(home, "one"), subject_of(released(home, "two"))
    for subject in (subject_of(first), second):
        approve(subject, rules, people["甲"], "甲", "科长", NOW)
        publish_release(subject, rules, NOW)
    withdraw(second, rules, (people["乙"], "乙", "科长"), "数据有误", NOW)
    assert last_withdrawn(home, "2025Q4") == second.place
    third = subject_of(released(home, "two"))
    assert (third.name, third.content_hash) == ("2025Q4-r3", second.content_hash)
    assert last_withdrawn(home, "2025Q4") == second.place
    # One is enough, and nothing is in force until somebody decides.
    assert released(home, "two") == third.place
    assert current(home) == {"periods": {}, "latest": None}
    assert standing(third, "required").state == "draft"
    assert approve(third, rules, people["甲"], "甲", "科长", NOW).state == "approved"
    assert publish_release(third, rules, NOW).state == "published"
    assert current(home) == {"periods": {"2025Q4": third.name}, "latest": third.name}
    assert standing(second, "required").state == "withdrawn"
    for subject in (subject_of(first), second, third):
        assert verify(subject.place, rules.approvers).passed
    withdraw(third, rules, (people["乙"], "乙", "科长"), "数据有误", NOW)
    assert released(home, "two").name == "2025Q4-r4"


def test_what_was_withdrawn_without_approval_comes_back_only_by_publishing(home: Home) -> None:
    rules = Rules("none", [])
    release = released(home, "one", "none")
    assert current(home)["periods"] == {"2025Q4": release.name}
    withdraw(subject_of(release), rules, None, "数据有误", NOW)
    for _ in range(2):
        again = released(home, "one", "none")
        assert again.name == "2025Q4-r2"
        assert current(home)["periods"] == {}
    assert publish_release(subject_of(again), rules, NOW).state == "published"
    # What later periods are settled against: it may have been paid.
    assert [record.act for record in records.read(again)[0]] == ["published"]
    assert verify(again).passed
    assert released(home, "one", "none") == again
    assert current(home)["periods"] == {"2025Q4": again.name}
    assert released(home, "two", "none").name == "2025Q4-r3"
    assert current(home)["periods"] == {"2025Q4": "2025Q4-r3"}
    assert last_withdrawn(home, "2025Q4") is None
    # Content that was withdrawn is no news that puts itself in force either, when data go back to it.
    withdraw(subject_of(again), rules, None, "数据有误", NOW)
    assert released(home, "one", "none").name == "2025Q4-r4"
    assert current(home)["periods"] == {"2025Q4": "2025Q4-r3"}


def test_a_clock_that_goes_back_is_refused_and_found(home: Home, people: dict[str, SigningKey]) -> None:
    rules = rules_of(people, "two")
    subject = subject_of(released(home, "one", "two"))
    approve(subject, rules, people["甲"], "甲", "科长", NOW)
    with pytest.raises(Refused, match="clock"):
        approve(subject, rules, people["乙"], "乙", "科长", NOW - timedelta(minutes=1))
    assert len(records.read(subject.place)[0]) == 1
    approve(subject, rules, people["乙"], "乙", "科长", NOW)
    # Whoever holds a key can sign what they like: an earlier moment behind a later one is found all the same.
    known, _ = records.read(subject.place)
    early = replace(known[1], at=(NOW - timedelta(days=1)).isoformat(), key=None, signature=None)
    records.append(subject.place, early.signed(people["乙"]))
    assert "verify_record_clock" in {problem.sentence for problem in record_problems(subject)}


def _swap(folder: Path) -> None:
    first, second = (folder / "0001.json"), (folder / "0002.json")
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


def _rename(folder: Path) -> None:
    (folder / "0001.json").unlink()
    (folder / "0002.json").rename(folder / "0001.json")


def _change(field: str, value: Any, number: str = "0001") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"{number}.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), field: value}), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    "tamper",
    [
        _swap,
        _rename,
        lambda folder: (folder / "0001.json").unlink(),
        lambda folder: (folder / "0003.json").unlink(),
        lambda folder: [(folder / f"{at:04d}.json").unlink() for at in (2, 3)],
        lambda folder: shutil.rmtree(folder),
        lambda folder: (folder / "0002.json").write_text("{"),
        lambda folder: shutil.copy(folder / "0001.json", folder / "0004.json"),
        _change("name", "乙"),
        _change("at", "2026-03-05T10:00:01+00:00"),
        _change("content_hash", "0" * 64),
        _change("release", "2025Q4-r9"),
        _change("signature", None),
        _change("more", "x"),
        _change("act", "published"),
        _change("reason", "x", "0003"),
    ],
)
def test_whatever_is_done_to_the_records_is_found(
    home: Home, people: dict[str, SigningKey], tamper: Callable[[Path], None]
) -> None:
    rules = rules_of(people, "two")
    subject = subject_of(released(home, "one", "two"))
    for name in ("甲", "乙"):
        approve(subject, rules, people[name], name, "科长", NOW)
    publish_release(subject, rules, NOW)
    assert verify(subject.place, rules.approvers).passed
    tamper(subject.place / records.FOLDER)
    report = verify(subject.place, rules.approvers)
    assert not report.passed
    assert all(line for language in ("zh", "en") for line in report.lines(language))


def test_another_key_and_another_release_are_found(home: Home, people: dict[str, SigningKey]) -> None:
    rules = rules_of(people, "required")
    subject = subject_of(released(home, "one"))
    # Nobody's key: the signature is sound, the person is not registered.
    approve(subject, Rules("required", None), people["丙"], "甲", "科长", NOW)
    assert verify(subject.place).passed
    assert {problem.sentence for problem in verify(subject.place, rules.approvers).problems} == {"verify_record_key"}
    other = released(home, "two")
    shutil.copytree(subject.place / records.FOLDER, other / records.FOLDER)
    assert "verify_record_other" in {problem.sentence for problem in verify(other).problems}


@pytest.mark.parametrize("name", ["page.txt", "tables/alloc__payees.csv", "manifest.json", "db/kangheng.duckdb"])
def test_a_changed_byte_after_approval_is_found(home: Home, people: dict[str, SigningKey], name: str) -> None:
    subject = subject_of(released(home, "one"))
    approve(subject, rules_of(people, "required"), people["甲"], "甲", "科长", NOW)
    path = subject.files / name
    path.write_bytes(path.read_bytes() + b" ")
    assert not verify(subject.place).passed


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", range(1, 7))
def test_a_crash_at_any_step_leaves_a_consistent_state_that_publish_completes(
    home: Home, people: dict[str, SigningKey], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    rules = rules_of(people, "required")
    first = subject_of(released(home, "one"))
    approve(first, rules, people["甲"], "甲", "科长", NOW)
    publish_release(first, rules, NOW)
    second = subject_of(released(home, "two"))
    approve(second, rules, people["乙"], "乙", "科长", NOW)
    writes = {"count": 0}

    def counted(original: Callable[..., None]) -> Callable[..., None]:
        def write(*args: Any, **options: Any) -> None:
            writes["count"] += 1
            if writes["count"] == step:
                raise Killed
            original(*args, **options)

        return write

    with monkeypatch.context() as patched:
        for module in ("assets.release.records", "assets.release.publish"):
            patched.setattr(f"{module}.write_json", counted(write_json))
        try:
            publish_release(second, rules, NOW)
            died = False
        except Killed:
            died = True
    assert died == (step <= 5)
    in_force = current(home)["periods"]["2025Q4"]
    assert in_force in (first.name, second.name)
    for subject in (first, second):
        report = verify(subject.place, rules.approvers)
        assert report.passed, report.lines("zh")
    states = {subject.name: standing(subject, "required").state for subject in (first, second)}
    assert states[in_force] == "published"
    assert sorted(states.values()) in (["approved", "published"], ["published", "superseded"])
    assert publish_release(second, rules, NOW).state == "published"
    assert standing(first, "required").state == "superseded"
    assert [record.act for record in records.read(first.place)[0]] == ["approved", "published", "superseded"]
    assert [record.act for record in records.read(second.place)[0]] == ["approved", "published"]


def test_releases_without_approval_mark_what_they_take_the_place_of(home: Home) -> None:
    first = released(home, "one", "none")
    second = released(home, "two", "none")
    approval.after_publishing(second, "none", NOW)
    approval.after_publishing(second, "none", NOW)
    assert [record.act for record in records.read(first)[0]] == ["superseded"]
    assert standing(subject_of(first), "none").state == "superseded"
    assert verify(first).passed
    assert verify(second).passed


def test_keys_are_for_their_owner(tmp_path: Path, home: Home) -> None:
    path = tmp_path / "own.pem"
    key = new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path).public == key.public
    assert len(key_id(key.public)) == 16
    assert repr(key.private) not in repr(key)
    with pytest.raises(DefinitionError, match="already"):
        new_key(path)
    with pytest.raises(DefinitionError, match="within a home"):
        new_key(home.releases / "k.pem")
    path.chmod(0o640)
    with pytest.raises(DefinitionError, match="Others may read"):
        load_key(path)
    for words in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        bad = tmp_path / "bad.pem"
        bad.write_bytes(words)
        with pytest.raises(DefinitionError, match="no private key"):
            load_key(bad)
