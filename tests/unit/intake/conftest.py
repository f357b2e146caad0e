"""Small contracts and one way to run the pass over bytes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import settings

from assets.intake.account import Account
from assets.intake.across import in_passes
from assets.intake.staging import FileContext, stage
from data_contracts.codes import CodeList, read_code_lists
from data_contracts.contracts import FeedContract, read_feed
from data_contracts.settings.limits import Limits

# Shared machines pause tests for longer than a deadline allows.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

LIMITS = Limits(
    file_bytes=50_000_000,
    decompressed_bytes=50_000_000,
    decompressed_ratio=200,
    nesting=2,
    rows=1_000_000,
    columns=60,
    cells=100_000,
    field_length=200,
    quarantine_share="0.05",
    resend_share="0.5",
    memory_limit_mb=500,
    threads=1,
)


@dataclass
class Result:
    """What a pass gave: account, accepted rows, refused records, violations."""

    account: Account
    accepted: pl.DataFrame
    refused: pl.DataFrame
    fixes: pl.DataFrame


@dataclass
class Bench:
    """Makes contracts and stages bytes."""

    folder: Path
    codes: dict[str, CodeList] = field(repr=False)
    limits: Limits = field(default_factory=lambda: LIMITS)

    def contract(
        self, columns: list[dict[str, Any]], rules: Iterable[tuple[str, str, str]] = (), **extras: Any
    ) -> FeedContract:
        """A contract of `columns` (name, type, header, …) and rules (id, severity, expression)."""
        document = _document(columns, rules, extras)
        path = self.folder / "feeds" / "office.cases" / "2023-01-01.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return read_feed(path, self.codes)

    def stage(self, data: bytes, contract: FeedContract, period: str = "2025Q1", chunk: int = 0) -> Result:
        """Run the pass over `data`, cut into pieces of `chunk` bytes (0: one piece)."""
        pieces = [data[at : at + chunk] for at in range(0, len(data), chunk)] if chunk else [data]
        account = Account()
        context = FileContext("0123456789abcdef", period, "H1")
        chunks = in_passes(
            lambda known: list(
                stage(pieces, contract, context, self.codes["yes_no"], b"k" * 32, self.limits, account, known)
            )
        )
        frames = [[getattr(chunk, name) for chunk in chunks] for name in ("accepted", "refused", "fixes")]
        return Result(account, *(pl.concat(part) if part else pl.DataFrame() for part in frames))


def _document(columns: list[dict[str, Any]], rules: Iterable[tuple[str, str, str]], extras: Any) -> dict[str, Any]:
    def ours(value: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"property": "kangheng", "value": value}]

    key = extras.get("business_key", [columns[0]["name"]])
    filled = set(key) - set(extras.get("empty_in_key", []))
    properties = []
    for column in columns:
        own = {key: value for key, value in column.items() if key not in ("name", "header", "required")}
        title = column.get("header", column["name"])
        own = {"titles": {"zh": title, "en": f"{column['name']} (en)"}, **own}
        properties.append(
            {
                "name": column["name"],
                "logicalType": "string",
                "required": column.get("required", column["name"] in filled),
                "customProperties": ours(own),
            }
        )
    quality = [
        {
            "name": name,
            "type": "custom",
            "engine": "kangheng",
            "severity": severity,
            "description": name,
            "implementation": expression,
            "customProperties": ours({"titles": {"zh": name, "en": name}, "fix": {"zh": "改", "en": "mend"}}),
        }
        for name, severity, expression in rules
    ]
    head = {
        "sender": "office",
        "feed": "cases",
        "titles": {"zh": "案例", "en": "Cases"},
        "valid_from": "2023-01-01",
        "kind": "record",
        "delivery": "increment",
        "business_key": key,
        **extras,
    }
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "office.cases",
        "name": "cases",
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": "cases", "physicalType": "file", "properties": properties, "quality": quality}],
        "customProperties": ours(head),
    }


@pytest.fixture(scope="session")
def code_lists() -> dict[str, CodeList]:
    """The code lists, read once."""
    return read_code_lists()


@pytest.fixture
def bench(tmp_path: Path, code_lists: dict[str, CodeList]) -> Bench:
    """A bench in a folder of its own."""
    return Bench(tmp_path, code_lists)


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory, code_lists: dict[str, CodeList]) -> Bench:
    """A bench for generated cases, where a fresh folder each time is of no use."""
    return Bench(tmp_path_factory.mktemp("bench"), code_lists)


@pytest.fixture(scope="session")
def refusal() -> Callable[[Callable[[], object]], tuple[str, dict[str, Any]]]:
    """The sentence id and parameters with which a call refuses a file."""
    from assets.intake.findings import FileRefused

    def caught(call: Callable[[], object]) -> tuple[str, dict[str, Any]]:
        with pytest.raises(FileRefused) as error:
            call()
        error.value.finding.words("zh")
        error.value.finding.words("en")
        return error.value.finding.sentence, error.value.finding.params

    return caught
