"""Names of members, fit to be shown."""

from hypothesis import given
from hypothesis import strategies as st

from core.pickles.member import inside, shown, writable


@given(st.text(st.characters(), max_size=300))
def test_whatever_is_shown_is_printable_and_short(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 10 * 200 + 40


@given(st.text(st.characters(), max_size=50))
def test_whatever_is_written_is_utf_8(text: str) -> None:
    assert writable(text).encode("utf-8")[:1] == text.encode("utf-8", "backslashreplace")[:1]


def test_printable_text_is_shown_as_it_is() -> None:
    assert shown("archive/data.pkl größe") == "archive/data.pkl größe"
    assert shown("a\nb\x1b") == "a\\nb\\x1b"


def test_names_lead_through_the_containers() -> None:
    assert inside("", "a.zip") == "a.zip"
    assert inside("a.zip", "data.pkl") == "a.zip!data.pkl"
