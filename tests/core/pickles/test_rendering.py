"""Reports as text and Markdown: all there is to say, and nothing of the file's that acts."""

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from core.pickles.rendering import MEANINGS
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import benign, planted, zipped

HOSTILE = "\x1b]0;owned\x07\u202e`<script>`\r\n"


def test_a_report_says_the_verdict_the_call_and_where() -> None:
    for text in (scan(planted(), "model.pkl").to_text(), scan(planted(), "model.pkl").to_markdown()):
        assert "model.pkl" in text
        assert "dangerous" in text
        assert "REDUCE" in text
        assert "system" in text
        assert "echo never" in text


def test_a_report_on_data_says_what_that_does_not_promise() -> None:
    text = scan(benign()).to_text()
    assert MEANINGS[Verdict.DATA_ONLY] in text
    assert "safe" not in text


def test_every_verdict_has_its_meaning() -> None:
    assert set(MEANINGS) == set(Verdict)


@given(st.text(max_size=40))
def test_no_name_of_a_member_acts_on_a_terminal(name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{HOSTILE}{name}x".encode("utf-8", "replace").decode(), planted())
    report = scan(file.getvalue(), f"{HOSTILE}{name}")
    text = report.to_text()
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert all(sign.isprintable() or sign == "\n" for sign in report.to_markdown())


def test_a_name_cannot_leave_its_code_in_markdown() -> None:
    report = scan(zipped({"``` <b>bold</b>": planted()}))
    lines = [line for line in report.to_markdown().splitlines() if "<b>" in line]
    assert lines
    assert all(line.startswith("- ````") and line.endswith("````") for line in lines)


def test_a_long_list_is_cut_and_says_so() -> None:
    report = scan(zipped({f"{index}.pkl": planted() for index in range(60)}))
    text = report.to_text()
    assert "more" in text
    assert len(text.splitlines()) < 200
