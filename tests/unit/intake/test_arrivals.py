"""A run is asked for once per delivery: not for half a file, not for what came before, again for a correction."""

import hashlib
import io
import threading
import time
from itertools import count
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.intake import arrivals, ledger
from assets.intake.arrivals import Memory, Verdict, decide, look, still_changing
from assets.intake.findings import Finding
from assets.intake.landing import scan
from assets.lake.home import Home
from assets.vault.crypto import VaultKeys
from data_contracts.contracts import Catalog
from data_contracts.settings.loading import load_settings

FEED = "civil_affairs/population/990101"
NAME = f"{FEED}/常住人口_2025Q4.csv"
HOME = """
format: 1
name: {zh: 测试市, en: Test city}
level: city
calendar: {grain: quarter, first: 2025Q1, last: 2025Q4}
levels: [{id: community, titles: {zh: 社区, en: Community}}]
rule_sets: [national_2017]
indicators: []
"""


@pytest.fixture(scope="module")
def catalog():
    return Catalog.load()


@pytest.fixture
def home(tmp_path, catalog, monkeypatch):
    # Reading all contracts at every look would be most of the time of these tests.
    monkeypatch.setattr(arrivals.Catalog, "load", lambda *_: catalog)
    (tmp_path / "home.yaml").write_text(HOME, encoding="utf-8")
    return Home.open(tmp_path)


class Watch:
    """A sensor's looks at a home, one after another, each with the memory of the one before."""

    def __init__(self, home):
        self.home = home
        self.memory = Memory()
        self.moments = count(1)

    def land(self, name, data, note=None):
        """A file as a copy leaves it: every write has a time of its own."""
        path = self.home.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        beside = path.with_name(f"{path.name}.note.yaml")
        if note is None:
            beside.unlink(missing_ok=True)
        else:
            beside.write_text(note, encoding="utf-8")
        return path

    def look(self):
        """The decision of one look; the memory goes through text as a cursor does."""
        decision = look(self.home, self.memory)
        self.memory = Memory.of_text(decision.memory.to_text())
        return decision

    def asked(self, looks=3):
        """The periods asked for within some looks."""
        return [request.period for _ in range(looks) for request in self.look().requests]

    def take_in(self):
        """What the first stage of a run does."""
        settings, catalog = load_settings(self.home.path), Catalog.load()
        now = arrivals._ANY_TIME
        return ledger.register(
            self.home, scan(self.home, catalog), catalog, VaultKeys.load(self.home), settings.limits, now
        )


@pytest.fixture
def watch(home):
    return Watch(home)


def test_a_complete_file_asks_once_for_a_run_of_its_period(watch):
    watch.land(NAME, b"whole")
    first, second, third = watch.look(), watch.look(), watch.look()
    assert [first.requests, third.requests] == [[], []]
    (request,) = second.requests
    assert (request.period, request.names) == ("2025Q4", (NAME,))
    assert [item.sentence for item in first.waiting] == ["arrivals_moving"]


def test_a_file_that_grows_asks_for_nothing_until_it_rests(watch):
    for size in range(1, 5):
        watch.land(NAME, b"x" * size)
        decision = watch.look()
        assert decision.requests == []
        assert [item.params["name"] for item in decision.waiting] == [NAME]
    assert watch.asked() == ["2025Q4"]


@pytest.mark.parametrize("suffix", [".part", ".filepart", ".tmp", ".crdownload"])
def test_a_copy_under_a_temporary_name_is_not_looked_at(watch, suffix):
    path = watch.land(NAME + suffix, b"half")
    decision = watch.look()
    assert (decision.waiting, watch.asked()) == ([], [])
    path.rename(path.with_name(path.name.removesuffix(suffix)))
    assert watch.asked() == ["2025Q4"]


def test_a_stalled_copy_is_held_by_the_hash_of_its_note(watch):
    whole = b"first half, second half"
    note = f"sha256: {hashlib.sha256(whole).hexdigest()}\n"
    watch.land(NAME, whole[:10], note)
    assert watch.asked(5) == []
    (held,) = watch.look().waiting
    assert "SHA-256" in held.words("zh")
    watch.land(NAME, whole, note)
    assert watch.asked() == ["2025Q4"]


def test_a_stalled_copy_is_held_by_the_rows_of_its_note(watch):
    name = "civil_affairs/welfare/990101/社会救助_2025Q4.csv"
    header = "编号,身份证号,姓名,类别,开始日期,社区编码\n".encode()
    row = "MZ2025000001,,,低保,2022-06-01,990101001001\n".encode()
    watch.land(name, header + row, "rows: 2\n")
    assert watch.asked(5) == []
    (held,) = watch.look().waiting
    assert name in held.words("zh")
    assert "2 条记录，实际读到 1 条" in held.words("zh")
    watch.land(name, header + row + row, "rows: 2\n")
    assert watch.asked() == ["2025Q4"]


def test_a_stalled_copy_is_held_by_the_sum_of_its_note(watch):
    name = f"{FEED}/常住人口_2025Q4.csv"
    header = "社区编码,社区名称,男,女\n"
    watch.land(name, header.encode(), "sums: {不存在的列: 1}\n")
    assert watch.asked(4) == ["2025Q4"], "a note that cannot be held against the file does not hold it back"


def test_a_stalled_copy_of_a_workbook_is_held_by_its_missing_end(watch):
    bytes_of_a_workbook = io.BytesIO()
    with ZipFile(bytes_of_a_workbook, "w") as book:
        book.writestr("xl/workbook.xml", "x" * 500)
    whole = bytes_of_a_workbook.getvalue()
    name = NAME.replace(".csv", ".xlsx")
    watch.land(name, whole[:-30])
    assert watch.asked(5) == []
    assert name in watch.look().waiting[0].words("en")
    watch.land(name, whole)
    assert watch.asked() == ["2025Q4"]


def test_a_note_that_comes_later_is_waited_for_like_the_file(watch):
    watch.land(f"{FEED}/常住人口.csv", b"whole")
    assert watch.asked() == []
    watch.land(f"{FEED}/常住人口.csv", b"whole", "period: 2025Q3\n")
    assert watch.asked() == ["2025Q3"]


@pytest.mark.parametrize("taken_in", [False, True])
@pytest.mark.parametrize("name", [NAME, f"{FEED}/再次报送_2025Q4.csv"])
def test_the_same_bytes_sent_again_ask_for_nothing(watch, name, taken_in):
    watch.land(NAME, b"whole")
    assert watch.asked() == ["2025Q4"]
    if taken_in:
        assert watch.take_in() == 1
    time.sleep(0.01)
    watch.land(name, b"whole")
    assert watch.asked(4) == []


def test_a_correction_asks_again_and_has_another_key(watch):
    watch.land(NAME, b"wrong")
    watch.look()
    (first,) = watch.look().requests
    watch.take_in()
    watch.land(NAME, b"right, and longer")
    watch.look()
    (second,) = watch.look().requests
    assert (second.period, second.key == first.key) == ("2025Q4", False)


def test_the_same_bytes_for_another_period_or_institution_are_another_delivery(watch):
    watch.land(NAME, b"whole")
    assert watch.asked() == ["2025Q4"]
    watch.take_in()
    watch.land(f"{FEED}/常住人口_2025Q3.csv", b"whole")
    watch.land("civil_affairs/population/990102/常住人口_2025Q4.csv", b"whole")
    assert watch.asked() == ["2025Q3", "2025Q4"]


def test_files_of_one_period_that_rest_at_the_same_look_ask_for_one_run(watch):
    watch.land(NAME, b"one")
    watch.land("civil_affairs/population/990102/常住人口_2025Q4.csv", b"two")
    watch.look()
    (request,) = watch.look().requests
    assert len(request.file_ids) == 2


def test_a_lost_memory_asks_with_the_same_key(watch):
    watch.land(NAME, b"whole")
    watch.look()
    (before,) = watch.look().requests
    watch.memory = Memory.of_text("lost")
    watch.look()
    (after,) = watch.look().requests
    assert after.key == before.key


def test_a_lost_memory_asks_for_nothing_that_the_ledger_has(watch):
    watch.land(NAME, b"whole")
    watch.take_in()
    watch.memory = Memory()
    assert watch.asked() == []


@pytest.mark.parametrize("taken_in", [False, True])
@pytest.mark.parametrize(
    ("note", "periods"), [("period: 2025Q1\n", ["2025Q1", "2025Q4"]), ("rows: 1\nsequence: 3\n", ["2025Q4"])]
)
def test_a_corrected_note_of_a_known_file_asks_once_for_every_period_it_touches(watch, note, periods, taken_in):
    watch.land(NAME, b"whole")
    watch.take_in()
    assert watch.asked() == []
    watch.land(NAME, b"whole", note.replace("rows: 1\n", "sha256: " + hashlib.sha256(b"whole").hexdigest() + "\n"))
    assert watch.asked() == periods
    if taken_in:
        assert watch.take_in() == 1
    assert watch.asked(4) == []
    watch.memory = Memory()
    assert watch.asked() == ([] if taken_in else periods), "the ledger knows the note, a lost memory does not matter"


def test_a_note_that_comes_back_to_what_it_said_asks_again(watch):
    for period in ("2025Q1", "2025Q2", "2025Q1", "2025Q2"):
        watch.land(NAME, b"whole", f"period: {period}\n")
        assert period in watch.asked()
        watch.take_in()
        (entry,) = ledger.entries(watch.home)
        assert entry.period == period
    assert watch.asked() == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("civil_affairs/populaton/990101/常住人口_2025Q4.csv", "没有约定这类数据"),
        (f"{FEED}/常住人口_2031Q4.csv", "不在约定的报告期之内"),
        (f"{FEED}/常住人口.csv", "无法确定"),
    ],
)
def test_what_cannot_be_taken_is_named_once_with_its_reason_at_every_look(watch, name, reason):
    watch.land(name, b"whole")
    watch.look()
    for _ in range(2):
        decision = watch.look()
        assert decision.requests == []
        (held,) = decision.waiting
        assert reason in held.words("zh")
        assert held.words("zh").count(name) == held.words("en").count(name) == 1


def test_an_empty_file_is_no_delivery_yet(watch):
    watch.land(NAME, b"")
    assert watch.asked() == []


def test_a_file_taken_away_is_forgotten(watch):
    path = watch.land(NAME, b"whole")
    watch.look()
    path.unlink()
    decision = watch.look()
    assert (decision.requests, decision.waiting, decision.memory) == ([], [], Memory())


def test_a_file_that_changes_while_it_is_judged_waits(watch, monkeypatch):
    path = watch.land(NAME, b"whole")
    watch.look()
    real = arrivals.scan

    def slow(*arguments):
        found = real(*arguments)
        path.write_bytes(b"whole and more")
        return found

    monkeypatch.setattr(arrivals, "scan", slow)
    decision = watch.look()
    assert (decision.requests, [item.sentence for item in decision.waiting]) == ([], ["arrivals_moving"])
    monkeypatch.setattr(arrivals, "scan", real)
    assert watch.asked() == ["2025Q4"]


def test_a_run_waits_for_young_files_only_and_leaves_what_changes(home):
    path = home.landing / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    writer = threading.Timer(0.1, path.write_bytes, [b"half and half"])
    writer.start()
    assert still_changing(home, 0.4) == {NAME}
    writer.join()
    assert still_changing(home, 0.2) == set()
    before = time.monotonic()
    time.sleep(0.3)
    assert still_changing(home, 0.2) == set()
    assert time.monotonic() - before < 0.45


# The pure decision, against the plain words: asked exactly once per content, and only after two equal looks.

NAMES = st.sampled_from(["a", "b", "c"])
LOOKS = st.lists(st.dictionaries(NAMES, st.integers(1, 3)), min_size=1, max_size=8)


@given(LOOKS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_every_content_is_asked_for_once_and_only_after_it_rested(looks, runs):
    memory, accepted, asked = Memory(), set(), []
    for place, (content, run) in enumerate(zip(looks, runs, strict=False)):
        seen = {name: [value, 0, 0, 0] for name, value in content.items()}
        rested = {str(value) for name, value in content.items() if place and looks[place - 1].get(name) == value}
        decision = decide(memory, seen, accepted, lambda names, now=content: [_complete(n, now[n]) for n in names])
        fresh = [file_id for request in decision.requests for file_id in request.file_ids]
        assert set(fresh) == rested - set(asked)
        assert len(fresh) == len(set(fresh))
        asked += fresh
        memory = decision.memory
        if run:
            accepted |= set(asked)


@given(LOOKS)
def test_what_meets_an_obstacle_is_never_asked_for_and_never_forgotten(looks):
    memory = Memory()
    for content in looks:
        seen = {name: [value, 0, 0, 0] for name, value in content.items()}
        decision = decide(
            memory, seen, set(), lambda names: [Verdict(n, obstacle=Finding("intake_empty")) for n in names]
        )
        memory = decision.memory
        assert (decision.requests, len(decision.waiting), memory.watched) == ([], len(content), seen)


def _complete(name, value):
    return Verdict(name, {str(value): "2025Q4"})
