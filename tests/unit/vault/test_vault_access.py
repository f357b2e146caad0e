"""The access log shows every change made to it afterwards, and survives a crash."""

import json
import stat
import threading

import pytest

from assets.vault import access
from assets.vault.access import AccessLogError, Head


def _record(home, target="f1", **changes):
    words = {"user": "zhang", "purpose": "appeal 12", "action": "open quarantine", **changes}
    return access.record(home, target=target, **words)


def _log(home):
    return home.vault / "access.jsonl"


def test_entries_come_back_in_order_with_who_and_why(home):
    assert access.verify_chain(home) == Head(0, "0" * 64)
    heads = [_record(home, f"f{n}") for n in range(3)]
    assert [head.entries for head in heads] == [1, 2, 3]
    assert access.verify_chain(home) == heads[-1]
    found = access.entries(home)
    assert [entry["target"] for entry in found] == ["f0", "f1", "f2"]
    assert {(entry["user"], entry["purpose"], entry["action"]) for entry in found} == {
        ("zhang", "appeal 12", "open quarantine")
    }
    assert stat.S_IMODE(_log(home).stat().st_mode) == 0o600


@pytest.mark.parametrize("missing", ["user", "purpose"])
def test_without_user_or_purpose_nothing_is_recorded(home, missing):
    with pytest.raises(ValueError, match="user and purpose"):
        _record(home, **{missing: " "})
    assert not _log(home).exists()


def test_every_change_but_a_cut_end_is_noticed(home):
    for n in range(4):
        head = _record(home, f"f{n}")
    lines = _log(home).read_bytes().splitlines(keepends=True)
    edited = json.loads(lines[1]) | {"user": "li"}
    changes = {
        "edited": [lines[0], json.dumps(edited).encode() + b"\n", *lines[2:]],
        "taken out": [lines[0], *lines[2:]],
        "first taken out": lines[1:],
        "moved": [lines[0], lines[2], lines[1], lines[3]],
        "repeated": [*lines[:2], lines[1], *lines[2:]],
        "made unreadable": [lines[0], b"???\n", *lines[2:]],
    }
    for changed in changes.values():
        _log(home).write_bytes(b"".join(changed))
        with pytest.raises(AccessLogError, match="line"):
            access.verify_chain(home)
        with pytest.raises(AccessLogError):
            _record(home)
    _log(home).write_bytes(b"".join(lines[:3]))
    assert access.verify_chain(home) != head, "a cut end shows against a head kept elsewhere"


def test_an_entry_torn_by_a_crash_is_passed_over(home):
    first = _record(home, "whole")
    whole = _log(home).read_bytes()
    for size in range(1, len(whole) - 1):
        _log(home).write_bytes(whole + whole[:size])
        assert access.verify_chain(home) == first
        _record(home, "next")
        assert [entry["target"] for entry in access.entries(home)] == ["whole", "next"]


def test_a_crash_leaves_a_log_that_holds(home, crash_everywhere):
    def check(_):
        assert [entry["target"] for entry in access.entries(home)] in (["old"], ["old", "new"])

    def prepare():
        _log(home).unlink(missing_ok=True)
        _record(home, "old")

    assert crash_everywhere(prepare, lambda _: _record(home, "new"), check) >= 2


def test_writers_at_the_same_time_make_one_chain(home):
    threads = [threading.Thread(target=lambda: [_record(home) for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert access.verify_chain(home).entries == 20
