"""Numbers, money, periods and intervals as people read them, in Chinese and English.

Put here: turning a value into text. Keep out: sentences (messages) and any arithmetic beyond rounding for display.
"""

from decimal import ROUND_HALF_UP, Decimal

from data_contracts.periods import Period
from reports.context import CurrencyView

MISSING = "—"
MINUS = "−"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def number(value: float | int | Decimal | None, digits: int = 0) -> str:
    """`value` with thousands separators and exactly `digits` decimals; None gives a dash."""
    if value is None:
        return MISSING
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return f"{abs(rounded):,.{digits}f}" if rounded >= 0 else f"{MINUS}{abs(rounded):,.{digits}f}"


def count(value: float | int | Decimal | None) -> str:
    """A count or sum: whole numbers without decimals, others with two."""
    if value is None:
        return MISSING
    exact = Decimal(str(value))
    return number(exact, 0 if exact == exact.to_integral_value() else 2)


def with_unit(value: float | int | Decimal | None, digits: int, unit: str) -> str:
    """A value followed by its unit; percent and per-mille signs stand without a space."""
    shown = number(value, digits)
    if value is None or not unit:
        return shown
    return f"{shown}{unit}" if unit in ("%", "‰") else f"{shown} {unit}"


def interval(lower: float | None, upper: float | None, digits: int) -> str:
    """Bounds as `lower–upper`; a dash when either is unknown."""
    if lower is None or upper is None:
        return MISSING
    return f"{number(lower, digits)} – {number(upper, digits)}"


def major(amount_minor: int, currency: CurrencyView) -> Decimal:
    """Integer minor units as an exact decimal of the major unit."""
    return Decimal(amount_minor).scaleb(-currency.decimals)


def money(amount_minor: int | None, currency: CurrencyView, language: str) -> str:
    """Integer minor units in the major unit with its name: `1,234.50 元`."""
    if amount_minor is None:
        return MISSING
    return f"{number(major(amount_minor, currency), currency.decimals)} {currency.major.get(language)}"


def period(key: str, language: str) -> str:
    """A period in words: 2025年第4季度 / Q4 2025."""
    parsed = Period.parse(key)
    if parsed.grain == "year":
        return f"{parsed.year}年" if language == "zh" else str(parsed.year)
    if parsed.grain == "quarter":
        return f"{parsed.year}年第{parsed.index}季度" if language == "zh" else f"Q{parsed.index} {parsed.year}"
    return f"{parsed.year}年{parsed.index}月" if language == "zh" else f"{_MONTHS[parsed.index - 1]} {parsed.year}"
