"""What the function of a stream may look at.

Put here: the setting. Keep out: arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.allocation_spec.document import AllocationSpec
from evaluations.allocation.lines import StreamResult
from evaluations.allocation.snapshot import Snapshot


@dataclass(frozen=True)
class Setting:
    """What a stream may look at besides its own words; pools in fen, `done`: streams that were divided before.

    `explained`: False where only amounts are asked for, as when a division is repeated many times with other figures;
    a stream may then put all money of a payee into one line and leave its tables out.
    """

    spec: AllocationSpec
    snapshot: Snapshot
    budget: int
    pools: Mapping[str, int]
    done: Mapping[str, StreamResult]
    explained: bool = True
