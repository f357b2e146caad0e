"""Why a run stopped, in the words of each language: checks that block, rules that conflict, faults of the program."""

from dataclasses import dataclass, field
from types import SimpleNamespace as Some

import pytest

from pipelines.outcomes import SaysNo, StepFailed
from pipelines.run import _failure


@dataclass
class Result:
    """What Dagster says of a run."""

    checks: list[Some] = field(default_factory=list)
    all_events: list[Some] = field(default_factory=list)

    def get_asset_check_evaluations(self) -> list[Some]:
        return self.checks


def check(description: str, *, passed: bool = False, blocking: bool = True) -> Some:
    return Some(description=description, passed=passed, blocking=blocking, check_name="sums_exactly")


def step(kind: str, message: str) -> Some:
    error = Some(cause=None, cls_name=kind, message=f"assets.x.{kind}: {message}\n")
    return Some(is_step_failure=True, step_key="alloc", step_failure_data=Some(error=error))


def test_checks_that_block_are_told_in_each_language():
    given = Result([check("钱不对\nmoney is wrong"), check("无关\nno matter", passed=True), check("缺\nlacks")])
    error = _failure(given)
    assert isinstance(error, SaysNo)
    assert error.words == {"zh": "钱不对；缺", "en": "money is wrong; lacks"}


@pytest.mark.parametrize("kind", ["InfeasibleError", "UnsoundReleaseError", "WrongDefinitionError"])
def test_data_and_rules_that_say_no_are_told_in_each_language(kind):
    error = _failure(Result(all_events=[Some(is_step_failure=False), step(kind, "不能: 同时成立 / cannot: hold")]))
    assert isinstance(error, SaysNo)
    assert error.words == {"zh": "不能: 同时成立", "en": "cannot: hold"}


def test_a_fault_names_step_and_kind_and_nothing_of_its_text():
    error = _failure(Result(all_events=[step("ValueError", "11010519491231002X")]))
    assert isinstance(error, StepFailed)
    assert str(error) == "alloc: ValueError"
    assert str(_failure(Result())) == "road"
