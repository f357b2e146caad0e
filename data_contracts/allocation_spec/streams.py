"""All kinds of streams, told apart by `kind`.

A new kind of stream: (1) its model in a module of its own here, derived from `StreamBase`, with `kind: Literal[…]`;
(2) one line in `AnyStream`; (3) its function in `evaluations.allocation.registry`.

Put here: the union. Keep out: the words of any kind.
"""

from typing import Annotated

from pydantic import Field

from data_contracts.allocation_spec.contests import Awards, Projects
from data_contracts.allocation_spec.customary import Costs, Factors, StandardStream, WorkPoints
from data_contracts.allocation_spec.dividend import Dividend
from data_contracts.allocation_spec.envelope import FundStream
from data_contracts.allocation_spec.grants import Entitlements, Matching, Purchases
from data_contracts.allocation_spec.need import Need
from data_contracts.allocation_spec.pay import Performance
from data_contracts.index_spec.basics import known_word

AnyStream = (
    FundStream
    | Need
    | Performance
    | Dividend
    | StandardStream
    | WorkPoints
    | Costs
    | Factors
    | Purchases
    | Entitlements
    | Matching
    | Projects
    | Awards
)

STREAM_WORDS: tuple[str, ...] = tuple(
    word for model in AnyStream.__args__ for word in model.model_fields["kind"].annotation.__args__
)
Stream = Annotated[AnyStream, Field(discriminator="kind"), known_word("streams", "kind", STREAM_WORDS)]
