"""Quantities as text, each with its unit and as many digits as one reads."""


def duration(seconds: float) -> str:
    """A time with three digits in the unit that suits it: `8.41 µs`, `12.3 ms`, `1.5 s`, `2 min 5 s`."""
    if seconds >= 99.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes:,} min {rest} s"
    for scale, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
        # Compared as it will be printed: 999.7 µs is 1 ms.
        shown = float(f"{seconds * scale:.3g}")
        if shown >= 1 or unit == "ns":
            return f"{shown:g} {unit}"
    raise AssertionError("unreachable")  # pragma: no cover


def factor(value: float) -> str:
    """A factor with two places behind the point, and at least three digits: `1.80`, `0.0123`, `1,234`."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"
