import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export.finding import MAX_FINDINGS, SHOWN, Findings, Severity, mebibytes, shown


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)), st.booleans())
def test_any_text_is_printable_and_short(text: str | bytes, from_end: bool) -> None:
    found = shown(text, from_end=from_end)
    assert found.isprintable()
    assert len(found) <= SHOWN


def test_a_long_text_keeps_the_end_that_was_asked_for() -> None:
    text = "a" * 100 + "b" * 100
    assert shown(text) == "a" * (SHOWN - 1) + "…"
    assert shown(text, from_end=True) == "…" + "b" * (SHOWN - 1)
    assert shown("a" * SHOWN) == "a" * SHOWN


def test_a_reason_to_refuse_gets_in_behind_many_warnings() -> None:
    findings = Findings()
    for index in range(2 * MAX_FINDINGS):
        findings.warn(f"Warning {index}.", "None.")
    findings.refuse("Bad.", "Leave it.", "there")
    first, *_, last = findings.all()
    assert (first.severity, first.what, first.where) == (Severity.REFUSED, "Bad.", "there")
    assert last.what.endswith(f" And {MAX_FINDINGS} more findings.")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1536, "1.5 KiB"),
        (392 * 2**20, "392 MiB"),
        (2**62, "1,000,000 TiB"),
    ],
)
def test_bytes_are_written_in_their_unit(count: int, text: str) -> None:
    assert mebibytes(count) == text
