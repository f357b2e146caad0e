"""Encrypted files give back what went in, or an error; keys are made once and never replaced behind our back."""

import json
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.vault import crypto
from assets.vault.crypto import VaultError, VaultKeys, decrypt_from, encrypt_to

KEYS = VaultKeys("k", bytes(range(32)), bytes(range(32, 64)))
_HEAD = 12


@pytest.fixture
def small_frames(monkeypatch):
    """Frames of 16 bytes, so that few bytes make many frames."""
    monkeypatch.setattr(crypto, "FRAME", 16)
    return 16 + 16 + 4


@given(st.lists(st.binary(max_size=50), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_goes_in_comes_out(tmp_path, small_frames, chunks):
    encrypt_to(tmp_path / "x", chunks, KEYS)
    assert b"".join(decrypt_from(tmp_path / "x", KEYS)) == b"".join(chunks)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 33])
def test_frames_end_where_they_should(tmp_path, small_frames, size):
    encrypt_to(tmp_path / "x", [b"a" * size], KEYS)
    assert [len(piece) for piece in decrypt_from(tmp_path / "x", KEYS)] == [16] * (size // 16) + [size % 16]


def test_nothing_readable_and_never_twice_the_same(tmp_path):
    for name in ("x", "y"):
        encrypt_to(tmp_path / name, [b"secret words"] * 9, KEYS)
    assert b"secret" not in (tmp_path / "x").read_bytes()
    assert (tmp_path / "x").read_bytes() != (tmp_path / "y").read_bytes()


def test_every_changed_byte_is_noticed(tmp_path, small_frames):
    path = tmp_path / "x"
    encrypt_to(path, [b"a" * 40], KEYS)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(VaultError):
            list(decrypt_from(path, KEYS))


def test_every_cut_is_noticed_also_between_frames(tmp_path, small_frames):
    path = tmp_path / "x"
    encrypt_to(path, [b"a" * 40], KEYS)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(VaultError):
            list(decrypt_from(path, KEYS))


def test_moved_repeated_and_added_frames_are_noticed(tmp_path, small_frames):
    path = tmp_path / "x"
    encrypt_to(path, [b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 9], KEYS)
    whole = path.read_bytes()
    head = whole[:_HEAD]
    one, two, three, last = (whole[_HEAD + n * small_frames : _HEAD + (n + 1) * small_frames] for n in range(4))
    for frames in (
        [two, one, three, last],
        [one, one, two, three, last],
        [one, three, last],
        [one, two, three, last, last],
        [one, two, last, three],
        [one, two, three],
        [last],
    ):
        path.write_bytes(head + b"".join(frames))
        with pytest.raises(VaultError):
            list(decrypt_from(path, KEYS))


def test_another_key_and_a_foreign_file_are_refused(tmp_path):
    encrypt_to(tmp_path / "x", [b"abc"], KEYS)
    with pytest.raises(VaultError, match="another key"):
        list(decrypt_from(tmp_path / "x", VaultKeys.throw_away()))
    (tmp_path / "y").write_bytes(b"id,name\n")
    with pytest.raises(VaultError, match="not a file of this vault"):
        list(decrypt_from(tmp_path / "y", KEYS))


def test_a_crash_leaves_the_old_file_or_the_new_one(tmp_path, crash_everywhere):
    path = tmp_path / "x"

    def check(_):
        assert b"".join(decrypt_from(path, KEYS)) in (b"old", b"new")

    steps = crash_everywhere(
        lambda: encrypt_to(path, [b"old"], KEYS), lambda _: encrypt_to(path, [b"new"], KEYS), check
    )
    assert steps >= 3


def test_keys_are_made_once_and_for_the_owner_only(home):
    first = VaultKeys.load(home)
    path = home.keys / "k1.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert VaultKeys.load(home) == first
    assert first.storage != first.pseudonym
    assert len(first.storage) == len(first.pseudonym) == 32


def test_lost_keys_are_not_replaced_while_files_depend_on_them(home):
    encrypt_to(home.archive / "a.enc", [b"abc"], VaultKeys.load(home))
    (home.keys / "k1.json").unlink()
    with pytest.raises(VaultError, match="missing"):
        VaultKeys.load(home)
    assert not (home.keys / "k1.json").exists()


@pytest.mark.parametrize("change", ["cut", "short", "word", "absent"])
def test_a_damaged_key_file_is_named_and_kept_out_of_the_message(home, change):
    VaultKeys.load(home)
    path = home.keys / "k1.json"
    document = json.loads(path.read_text())
    secret = document["storage"]
    if change == "cut":
        path.write_text(path.read_text()[:-20])
    else:
        document["storage"] = {"short": secret[:-2], "word": "x" + secret[1:], "absent": None}[change]
        path.write_text(json.dumps(document))
    with pytest.raises(VaultError, match=r"k1\.json") as caught:
        VaultKeys.load(home)
    assert secret[:20] not in str(caught.value)


def test_keys_do_not_show(home):
    keys = VaultKeys.load(home)
    assert keys.storage.hex() not in repr(keys)
    assert repr(keys.storage) not in repr(keys)


def test_a_crash_while_keys_are_made_leaves_none_or_whole_ones(home, crash_everywhere):
    path = home.keys / "k1.json"

    def check(_):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            VaultKeys.load(home)

    assert crash_everywhere(lambda: path.unlink(missing_ok=True), lambda _: VaultKeys.load(home), check) >= 3
