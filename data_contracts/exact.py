"""Numbers of settings as they are written.

Put here: the one type of a number that settings state exactly. Keep out: models that use it.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator

from data_contracts.messages import wrong


# Written as text or as a plain number in YAML; a float would already have lost digits before we see it.
def _exact(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise wrong("wrong_exact") from None


Exact = Annotated[Decimal, BeforeValidator(_exact)]
