"""A contract may state the encoding of its sender; marks and UTF-8 are known without."""

from typing import Any

import pytest

from assets.intake.decoding import TextStream
from assets.intake.findings import FileRefused
from data_contracts.closed import DefinitionError

NAMES = ["O’Brien", "Zoë", "£5 Café – Ärzte"]
COLUMNS: list[dict[str, Any]] = [
    {"name": "code", "header": "code", "type": "text", "role": "key", "required": True},
    {"name": "name", "header": "name", "type": "text"},
]


def file_in(encoding: str) -> bytes:
    return "".join(["code,name\r\n", *(f"{n},{name}\r\n" for n, name in enumerate(NAMES))]).encode(encoding)


@pytest.mark.parametrize("chunk", [0, 1, 7])
@pytest.mark.parametrize("delivered", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
def test_text_of_a_western_sender(bench: Any, delivered: str, chunk: int) -> None:
    contract = bench.contract(COLUMNS, file={"encoding": "cp1252"})
    result = bench.stage(file_in(delivered), contract, chunk=chunk)
    assert result.accepted["name"].to_list() == NAMES
    assert result.account.quarantined == result.account.unreadable == 0


def test_without_a_word_in_the_contract_it_is_not_western(bench: Any) -> None:
    # The apostrophe and the letter behind it make one Chinese character: why a contract has to say it.
    assert "O’Brien" not in b"".join(TextStream([b"a\nO\x92Brien\n"])).decode()
    assert b"".join(TextStream([b"a\nO\x92Brien\n"], "cp1252")).decode() == "a\nO’Brien\n"
    gb18030 = bench.contract(COLUMNS)
    assert bench.stage("code,name\n1,张三\n".encode("gb18030"), gb18030).accepted["name"].to_list() == ["张三"]


def test_what_the_stated_encoding_does_not_know_is_refused_with_its_line(bench: Any) -> None:
    contract = bench.contract(COLUMNS, file={"encoding": "cp1252"})
    with pytest.raises(FileRefused) as error:
        bench.stage(b"code,name\n1,Zo\xeb\n2,\x81\n", contract)
    assert error.value.finding.sentence == "intake_encoding_mixed"
    assert error.value.finding.params == {"encoding": "cp1252", "line": 3}


@pytest.mark.parametrize("name", ["windows-western", "utf-16", "cp037", "hex"])
def test_an_encoding_that_cannot_be_is_named(bench: Any, name: str) -> None:
    with pytest.raises(DefinitionError, match="encoding"):
        bench.contract(COLUMNS, file={"encoding": name})
