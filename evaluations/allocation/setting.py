"""What the function of a stream may look at.

Put here: the setting. Keep out: arithmetic.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.snapshot import Snapshot


@dataclass(frozen=True)
class Setting:
    """What a stream may look at besides its own words; pools in fen, `done`: streams that were divided before.

    `explained`: False where only amounts are asked for, as when a division is repeated many times with other figures;
    a stream may then put all money of a payee into one line and leave its tables out. `memory`: what streams may keep
    there for the next time, as long as no column changes that it comes from; None: nothing is kept.
    """

    spec: AllocationSpec
    snapshot: Snapshot
    budget: int
    pools: Mapping[str, int]
    done: Mapping[str, StreamResult]
    explained: bool = True
    memory: dict[Hashable, Any] | None = None
