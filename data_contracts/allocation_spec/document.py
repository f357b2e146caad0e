"""The whole spec of an allocation: payees, budget, streams, reserved shares; its checks and its JSON schema.

Put here: the document and what must agree within it. Keep out: whether the data have its columns (evaluations).
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from data_contracts.allocation_spec.auditing import Audit
from data_contracts.allocation_spec.basics import Id, Positive, Word
from data_contracts.allocation_spec.bounds import Reserve
from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.envelope import Budget, FundStream
from data_contracts.allocation_spec.funding import FundingSource, GainShare, ServesMap, Settlement, check_sources
from data_contracts.allocation_spec.need import Need, Risk
from data_contracts.allocation_spec.notice import Notice, check_notice
from data_contracts.allocation_spec.pay import Performance
from data_contracts.allocation_spec.streams import Stream
from data_contracts.allocation_spec.uncertainty import Uncertainty
from data_contracts.closed import Bilingual, fingerprint, parse, read_yaml
from data_contracts.messages import both, did_you_mean, wrong

FEN_PER_UNIT = {"yuan": 100, "wan_yuan": 1_000_000}
_FUNDS = ("support_fund", "carry_over", "pending", "performance_pending", "settlement", "transition", "unspent")
_GROUPS = ("rural", "urban")
Priority = Literal["budget", "statutory_floor", "reserve", "min_vs_target", "hold_harmless", "spared", "cap"]


class Payees(Word):
    """The table of payees: a row for each."""

    table: str
    id: str
    """Column with ids; they order the result and break ties."""
    name: str | None = None
    kind: Literal["community", "institution"] = "community"
    groups: dict[Id, str] = {}
    """Group → column that says 1 (是, true) for its members and 0 (否, false) for the others."""
    group_titles: dict[Id, Bilingual] = {}
    """What people call groups, by id; `rural` and `urban` have words of their own."""


class AllocationRules(Word):
    """How money is divided, whatever the year."""

    id: Id
    titles: Bilingual
    references: list[str] = Field(min_length=1)
    """Documents that order the division, with their numbers."""
    phase: Literal["plan", "settlement"] = "settlement"
    """plan: before the year, performance streams count with their potential. settlement: with what is earned."""
    unit: Literal["yuan", "wan_yuan"]
    """Unit of all money in this file and in the data. Results are in fen."""
    currency: Bilingual = Bilingual(zh="元", en="yuan")
    """What sentences call the unit of which there are 100 fen; in a home it is that of home.yaml."""
    missing_words: list[str] = ["", "-", "--", "—", "NA", "N/A", "null"]
    """Cells that mean there is no figure."""
    payees: Payees
    streams: list[Stream] = Field(min_length=1)
    reserves: list[Reserve] = []
    sources: list[FundingSource] = []
    """Who pays; every line of the result is split among them, and they sum to the budget."""
    sources_cut_to: Positive | None = None
    """Money of this unit: each line by shares cut down to it, the residual source takes the rest of the line. Not
    given: each source gives its whole amount and lines follow in proportion."""
    priorities: list[Priority] = ["budget", "statutory_floor", "reserve", "hold_harmless", "cap"]
    """Where rules cannot hold together: families of rules, the one to be kept most first; the proposal relaxes the last
    ones first, and what is not listed never. Nothing is relaxed by itself."""
    funds: dict[Id, Bilingual] = {}
    """What a clerk calls funds, by id; not given: what the stream that fills a fund is called, or a customary name."""
    audit: Audit = Audit()
    """How the incentive audit replays the years that follow."""
    settlement: Settlement | None = None
    serves: ServesMap | None = None
    gain_share: GainShare | None = None
    notice: Notice | None = None
    """What the finance office's table says beside the amounts."""
    uncertainty: Uncertainty | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        ids = [stream.id for stream in self.streams]
        _check_once(self, "")
        _check_sizes(self)
        _check_money(self)
        _check_reserves(self, ids)
        _check_dividend(self)
        _check_circularity(self)
        check_sources(self.sources, self.sources_cut_to, ids)
        check_notice(self.notice, [source.id for source in self.all_sources])
        return self

    @property
    def all_sources(self) -> list[FundingSource]:
        """Every source that may pay."""
        return self.sources

    def fund_ids(self) -> list[str]:
        """Funds that the document names, those that its streams fill, and those that may come up."""
        filled = [stream.fund for stream in self.of_kind(FundStream)]
        return list(dict.fromkeys([*self.funds, *filled, *_FUNDS]))

    def fund_title(self, fund: str) -> Bilingual:
        """What a clerk calls a fund: as the document says, as the stream that fills it, or as the catalogue does."""
        filled = {stream.fund: stream.titles for stream in self.of_kind(FundStream)}
        known = both(f"allocation_fund_{fund}") if fund in _FUNDS else both("allocation_fund_other", id=fund)
        return self.funds.get(fund) or filled.get(fund) or Bilingual(**known)

    def group_title(self, group: str) -> Bilingual:
        """What people call a group: as the document says, as the catalogue does, or its id."""
        known = both(f"allocation_group_{group}") if group in _GROUPS else {"zh": group, "en": group}
        return self.payees.group_titles.get(group) or Bilingual(**known)

    @property
    def fen_per_unit(self) -> int:
        """Fen of one `unit`."""
        return FEN_PER_UNIT[self.unit]

    def fen(self, amount: Positive) -> int:
        """Money of this file in fen; checked to be whole when the file was read."""
        return int(amount * self.fen_per_unit)

    def carried_over(self) -> dict[str, int]:
        """Stream → fen of the year before spent in it on top of its own size. Raises where an amount is not known."""
        found = {}
        for source in self.sources:
            if source.kind == "carried_over":
                if source.amount is None:
                    raise wrong("allocate_carried_amount", id=source.id, stream=source.streams[0])
                found[source.streams[0]] = self.fen(source.amount)
        return found

    def of_kind(self, kind: type[Any]) -> list[Any]:
        """The streams of one model in their order."""
        return [stream for stream in self.streams if isinstance(stream, kind)]


class AllocationSpec(AllocationRules):
    """How the money of one year is divided."""

    year: int = Field(ge=1990, le=2200)
    budget: Budget

    @model_validator(mode="after")
    def _of_one_day(self) -> Self:
        if self.serves is not None and self.serves.day is None:
            raise wrong("index_needs", word="serves", needs="day")
        return self


def spec_hash(spec: AllocationSpec) -> str:
    """Hash of all that a spec says."""
    return fingerprint(spec.model_dump(mode="json"))


_MAY_REPEAT = {"references", "missing_words"}


def _check_once(item: BaseModel, place: str) -> None:
    """Nothing is named twice in a list of ids, words or things with an id: it would count twice, or hide the other."""
    for name, word in type(item).model_fields.items():
        value, here = getattr(item, name), f"{place}.{word.alias or name}".removeprefix(".")
        entries = value if isinstance(value, list) else [value]
        if isinstance(value, list) and name not in _MAY_REPEAT:
            ids = [own if isinstance(own, str) else getattr(own, "id", None) for own in value]
            known = [own for own in ids if own is not None]
            for own in known:
                if known.count(own) > 1:
                    raise wrong("allocate_twice", place=here, id=own)
        for entry in entries:
            if isinstance(entry, BaseModel):
                _check_once(entry, f"{here}.{getattr(entry, 'id', '')}".removesuffix("."))


def _check_sizes(spec: AllocationRules) -> None:
    """Shares sum to exactly 1, unless amounts or a rest make up the budget."""
    shares = sum((Fraction(stream.share) for stream in spec.streams if stream.share is not None), Fraction(0))
    rests = [stream.id for stream in spec.streams if stream.rest]
    if len(rests) > 1:
        raise wrong("allocate_two_rests", ids=", ".join(rests))
    fixed = any(stream.amount is not None for stream in spec.streams)
    if shares > 1 or (not rests and not fixed and shares != 1):
        raise wrong("allocate_shares", total=f"{float(shares):.10g}")


def _check_money(spec: AllocationRules) -> None:
    """Money written in the spec is whole fen."""
    for place, amount in _money(spec, "") if spec else []:
        if amount * spec.fen_per_unit % 1:
            raise wrong("allocate_whole_fen", place=place)


_MONEY = {"amount", "base", "fixed_grant", "cap", "per_person", "per_family", "per_payee", "sources_cut_to"}


def _money(item: Any, place: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in type(item).model_fields:
        value, here = getattr(item, name), f"{place}.{name}".removeprefix(".")
        if name in _MONEY and value is not None and not isinstance(value, str | list):
            found.append((here, value))
        if name == "amounts":
            found += [
                (here, amount) for amount in (value.values() if isinstance(value, dict) else dict(value).values())
            ]
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, Word):
                found += _money(entry, f"{here}.{getattr(entry, 'id', '')}".removesuffix("."))
    return found


def _check_reserves(spec: AllocationRules, ids: list[str]) -> None:
    for reserve in spec.reserves:
        if reserve.group not in spec.payees.groups:
            hint = did_you_mean(reserve.group, spec.payees.groups)
            raise wrong("allocate_unknown", place=f"reserves.{reserve.id}.group", word=reserve.group, hint=hint)
        funds = [stream.id for stream in spec.of_kind(FundStream)]
        if reserve.true_up_from is not None and reserve.true_up_from not in funds:
            raise wrong("allocate_unknown", place=f"reserves.{reserve.id}.true_up_from", word=reserve.true_up_from,
                        hint=did_you_mean(reserve.true_up_from, funds))  # fmt: skip
        for named in reserve.base if isinstance(reserve.base, list) else []:
            if named not in ids:
                raise wrong("allocate_unknown", place=f"reserves.{reserve.id}.base", word=named,
                            hint=did_you_mean(named, ids))  # fmt: skip
    if spec.reserves and len(spec.of_kind(Need)) > 1:
        raise wrong("allocate_one_need")


def _check_dividend(spec: AllocationRules) -> None:
    needs = {need.id: need for need in spec.of_kind(Need)}
    for dividend in spec.of_kind(Dividend):
        if dividend.need not in needs:
            raise wrong("allocate_unknown", place=f"streams.{dividend.id}.need", word=dividend.need,
                        hint=did_you_mean(dividend.need, needs))  # fmt: skip
        if needs[dividend.need].risk is None:
            raise wrong("index_needs", word=f"streams.{dividend.id}", needs=f"streams.{dividend.need}.risk")


def _check_circularity(spec: AllocationRules) -> None:
    """What is paid for may not raise need when it gets worse, unless somebody signs."""
    for need in spec.of_kind(Need):
        if need.risk is not None:
            check_index(spec, need.risk, [])


def contingency_of(spec: AllocationRules) -> list[str]:
    """Streams that are not distributable money."""
    return [stream.id for stream in spec.of_kind(FundStream) if stream.contingency]


def tables_used(spec: AllocationRules) -> list[str]:
    """Names of all tables that the spec reads, that of the payees first."""
    computed = {risk.table for risk in risk_indices(spec)}
    return [name for name in dict.fromkeys([spec.payees.table, *_tables(spec)]) if name not in computed]


def risk_indices(spec: AllocationRules) -> list[Risk]:
    """The risks that an index is computed for first."""
    return [need.risk for need in spec.of_kind(Need) if need.risk is not None and need.risk.index is not None]


def check_index(spec: AllocationRules, risk: Risk, indicators: Iterable[str]) -> None:
    """Raises DefinitionError where one of the indicators of the risk index is paid for and nobody gave a reason."""
    both_ways = paid_both_ways(spec, risk, indicators)
    if both_ways and risk.signed_reason is None:
        raise wrong("allocate_pays_and_needs", ids=", ".join(both_ways))


def paid_both_ways(spec: AllocationRules, risk: Risk, indicators: Iterable[str]) -> list[str]:
    """Indicators of the risk index, declared or of `indicators`, that are paid for too, maybe under another id."""
    paid = {item.id for stream in spec.of_kind(Performance) for item in stream.indicators}
    meant = {own.same_as or name for name, own in risk.indicators.items()}
    return sorted(paid & {*risk.indicators, *meant, *indicators})


def _tables(item: BaseModel) -> Iterator[str]:
    for name in type(item).model_fields:
        value = getattr(item, name)
        if name == "table" and isinstance(value, str):
            yield value
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, BaseModel):
                yield from _tables(entry)


def read_spec(path: Path) -> AllocationSpec:
    """The spec in a YAML file. Raises DefinitionError that names the place and the nearest known word."""
    spec = parse(AllocationSpec, read_yaml(path), path.name)
    spec.carried_over()
    return spec


def spec_schema() -> dict[str, Any]:
    """JSON schema of a spec, with a description of every word."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **AllocationSpec.model_json_schema()}
