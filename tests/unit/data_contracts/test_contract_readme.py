"""The example that explains contracts to a stranger is a contract, and shows our words."""

import re
from pathlib import Path

import data_contracts
from assets.intake.rules import check_contract
from data_contracts.codes import read_code_lists
from data_contracts.contracts import read_feed
from data_contracts.vocabulary import ColumnExtras, FeedExtras

README = Path(data_contracts.__file__).parent / "README.md"
# Words of feeds of other kinds, and those whose use is plain from their neighbours.
NOT_SHOWN = {
    "institution", "records", "area", "levels", "derived", "channel", "every", "money_unit", "fact", "stratum",
    "rounded", "accepts",
}  # fmt: skip


def example():
    (text,) = re.findall(r"```yaml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    return text


def test_the_example_is_a_contract(tmp_path):
    path = tmp_path / "county_hospital.visits" / "2025-01-01.yaml"
    path.parent.mkdir()
    path.write_text(example(), encoding="utf-8")
    contract = read_feed(path, read_code_lists())
    check_contract(contract)
    assert all(column.examples for column in contract.columns)


def test_the_example_shows_our_words():
    shown = set(re.findall(r"\b([a-z_]+):", example()))
    words = {name for model in (FeedExtras, ColumnExtras) for name in model.model_fields}
    assert words - shown - NOT_SHOWN == set()


def test_every_file_that_is_named_is_there():
    for link in re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8")):
        assert (README.parent / link).exists(), link
