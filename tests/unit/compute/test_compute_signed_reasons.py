"""A reason for an exception counts when a registered approver has signed it and what it excuses is still the same."""

import copy
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from assets.vault.signing import new_key
from data_contracts.closed import DefinitionError, read_yaml
from data_contracts.settings.guards import exceptions_of, unsigned
from data_contracts.settings.loading import REGISTRY, load_settings
from pipelines import cli
from pipelines.allocating import EXAMPLES, run_allocate
from pipelines.approving import approve_release
from pipelines.outcomes import SaysNo
from pipelines.signing import reasons_at, sign

DEMO = Path(__file__).parents[3] / "pipelines" / "demo" / "settings"
PAID, ENTRY, PERSON = "chronic_hypertension_control_pct", "index:risk_structural/hidden", "王某/财务科长"
REASON = {"by": "局长办公会", "on": "2025-01-08", "reason": {"zh": "过渡一年", "en": "for one year"}}
NOW = datetime(2026, 3, 5, tzinfo=UTC)


class Town:
    """A home by the demo's rules whose need index reads an indicator that earns performance money."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.key = home, folder / "k.pem"
        self.public = new_key(self.key).public
        shutil.copytree(DEMO, home / "settings", dirs_exist_ok=True)
        self.register(self.public)
        self.index(lambda tree: tree["parts"][1].update(id="hidden", column=PAID, signed_reason=REASON))

    def register(self, key: str, **more: str) -> None:
        document = yaml.safe_load((self.home / "home.yaml").read_text("utf-8"))
        entry = {"name": "王某", "role": "财务科长", "key": key, "from": "2026-01-01", **more}
        self._write("home.yaml", {**document, "approvers": [entry]})

    def index(self, change: Callable[[Any], object]) -> None:
        own = self.home / "settings/indices/risk_structural.yaml"
        shipped = REGISTRY / "indices/risk_structural.yaml"
        document = copy.deepcopy(read_yaml(own if own.is_file() else shipped))
        change(document["tree"])
        self._write("settings/indices/risk_structural.yaml", document)

    def money(self, change: Callable[[Any], object]) -> None:
        document = read_yaml(self.home / "settings/allocation.yaml")
        change({stream["id"]: stream for stream in document["streams"]})
        self._write("settings/allocation.yaml", document)

    def signatures(self, change: Callable[[Any], object]) -> None:
        document = read_yaml(self.home / "settings/signatures.yaml")
        change(document["signatures"][0])
        self._write("settings/signatures.yaml", document)

    def sign(self) -> None:
        sign(self.home, [], self.key, PERSON, NOW)

    def refused(self) -> str:
        with pytest.raises(DefinitionError) as refused:
            load_settings(self.home)
        return refused.value.words("en")

    def _write(self, name: str, document: Any) -> None:
        path = self.home / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def town(workshop: Any, tmp_path: Path) -> Town:
    return Town(workshop.home.path, tmp_path)


def test_what_pays_stays_out_of_need_until_a_registered_approver_has_signed(town: Town) -> None:
    words = town.refused()
    assert f"kangheng sign HOME --entry {ENTRY}" in words
    assert reasons_at(town.home).as_dict()["reasons"][0]["flaw"] == "unsigned"
    town.sign()
    assert [own.entry for own in exceptions_of(load_settings(town.home))] == [ENTRY]
    # What holds is not signed twice; what was signed before stays in the file.
    before = (town.home / "settings/signatures.yaml").read_bytes()
    town.sign()
    assert (town.home / "settings/signatures.yaml").read_bytes() == before


CHANGES: dict[str, Callable[[Town], None]] = {
    "reason": lambda t: t.index(lambda tree: tree["parts"][1]["signed_reason"]["reason"].update(zh="过渡三年")),
    "who decided": lambda t: t.index(lambda tree: tree["parts"][1]["signed_reason"].update(by="别人")),
    "weight": lambda t: t.index(lambda tree: tree["parts"][1].update(weight=99)),
    "weight of another part": lambda t: t.index(lambda tree: tree["parts"][0].update(weight=1)),
    "terms of payment": lambda t: t.money(
        lambda streams: next(i for i in streams["performance"]["indicators"] if i["id"] == PAID).update(weight=90)
    ),
    "signed reason": lambda t: t.signatures(lambda own: own.update(reason="过渡三年")),
    "hash": lambda t: t.signatures(lambda own: own.update(hash="0" * 64)),
    "name": lambda t: t.signatures(lambda own: own.update(name="李某")),
    "moment": lambda t: t.signatures(lambda own: own.update(at="2026-03-06T00:00:00+08:00")),
    "signature": lambda t: t.signatures(lambda own: own.update(signature="A" * 86 + "==")),
    "key no longer registered": lambda t: t.register(new_key(t.key.with_name("other.pem")).public),
    "key ended before": lambda t: t.register(t.public, to="2026-03-01"),
    "key of another person": lambda t: t.register(t.public, role="局长"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_signature_falls_with_anything_it_is_about(town: Town, name: str) -> None:
    town.sign()
    load_settings(town.home)
    CHANGES[name](town)
    assert ENTRY in town.refused()


def test_titles_and_what_it_is_not_about_leave_a_signature_standing(town: Town) -> None:
    town.sign()
    town.money(lambda streams: streams["performance"].update(share="0.12"))
    town.money(lambda streams: streams["standard"].update(share="0.33"))
    load_settings(town.home)


@pytest.mark.parametrize(
    ("person", "when"), [("李某/财务科长", NOW), ("王某/局长", NOW), (PERSON, datetime(2025, 12, 31, tzinfo=UTC))]
)
def test_only_who_is_registered_for_today_signs(town: Town, person: str, when: datetime) -> None:
    with pytest.raises(DefinitionError):
        sign(town.home, [], town.key, person, when)
    with pytest.raises(DefinitionError, match="did you mean"):
        sign(town.home, ["index:risk_structural/hiden"], town.key, PERSON, NOW)
    assert not (town.home / "settings/signatures.yaml").exists()


def test_the_literal_text_is_computed_unsigned_as_a_draft(town: Town) -> None:
    """Shown beside it needs no signature; where money follows it, it is a draft until somebody signs."""
    town.index(lambda tree: tree["parts"][1].update(id="admissions", column="hospital_admissions_per_1k"))
    assert unsigned(load_settings(town.home)) == []
    path = town.home / "settings/allocation.yaml"
    path.write_text(path.read_text("utf-8").replace("risk_structural", "risk_literal"), encoding="utf-8")
    (said,) = unsigned(load_settings(town.home))
    assert "risk_literal/chronic_prevalence" in said["zh"]
    town.sign()
    assert unsigned(load_settings(town.home)) == []


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """The example whose risk index holds an indicator that pays, with a reason in words."""
    shutil.copytree(EXAMPLES / "county", tmp_path / "county")
    spec = tmp_path / "county/spec.yaml"
    own = "reference: 50, indicators: {diabetes: {controllable: false}}, signed_reason: 局长办公会 2025-01-08"
    spec.write_text(spec.read_text("utf-8").replace("reference: 50", own, 1), encoding="utf-8")
    return spec


def test_an_engine_alone_makes_a_draft_until_the_reason_is_signed(county: Path, tmp_path: Path) -> None:
    key = tmp_path / "k.pem"
    new_key(key)

    def drafted() -> bool:
        run_allocate(county, county.parent / "data", tmp_path / "out")
        document = json.loads((tmp_path / "out/run.json").read_text("utf-8"))
        return any("risk:need" in own["zh"] for own in document["draft_reasons"])

    assert drafted()
    with pytest.raises(SaysNo) as refused:
        approve_release(tmp_path / "out", key, PERSON)
    assert "kangheng sign spec.yaml --entry risk:need" in refused.value.words["zh"]
    sign(county, [], key, PERSON)
    assert not drafted()
    county.write_text(county.read_text("utf-8").replace("ratio: 2.0", "ratio: 2.5", 1), encoding="utf-8")
    assert drafted()


def test_the_command_lists_and_signs(
    county: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def called(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["kangheng", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code, *capsys.readouterr())

    called("keys", "--new", tmp_path / "k.pem", "--as", PERSON)
    code, out, _ = called("sign", county)
    assert (code, "局长办公会 2025-01-08" in out, "未签名" in out) == (0, True, True)
    code, out, _ = called("sign", county, "--key", tmp_path / "k.pem", "--as", PERSON)
    assert (code, "已签名：王某/财务科长" in out) == (0, True)
    for arguments in (("sign", county, "--key", tmp_path / "k.pem"), ("sign", tmp_path)):
        code, _, said = called(*arguments)
        assert code == 2
        assert "Traceback" not in said
