import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.lab.accounts import Account, RecordedCall, Report, ReportError

CALL = ["os.system", "('ls',)"]
END = {"count": 0, "ended": "", "whole": 1}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("python", "unpickler", "call", "name", "count", "ended", "whole")


def lines(*said: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def test_what_is_told_is_what_is_read() -> None:
    report = Report()
    end = {"count": 1, "ended": "EOFError: ", "whole": 0}
    report.read(lines({"python": "3.12.0"}, {"unpickler": "C"}, {"call": CALL}, {"name": "os.system"}, end))
    expected = Account("C", (RecordedCall("os.system", "('ls',)"),), ("os.system",), 1, "EOFError: ", 0)
    assert (report.python, report.accounts) == ("3.12.0", [expected])


def test_half_a_line_and_half_an_account_are_left_out() -> None:
    report = Report()
    report.read(lines({"unpickler": "C"}, END, {"unpickler": "Python"}) + b'{"call": ["os.sy')
    assert [account.unpickler for account in report.accounts] == ["C"]


def test_what_does_not_show_is_spelled_out() -> None:
    report = Report()
    report.read(lines({"unpickler": "C"}, {"call": ["a\x1b[2Jb", "\n\u202e"]}, END | {"count": 1}))
    (call,) = report.accounts[0].calls
    assert (call.function, call.arguments) == ("a\\x1b[2Jb", "\\n\\u202e")


@pytest.mark.parametrize(
    "report",
    [
        b"not json\n",
        b"[1]\n",
        lines({"unpickler": "Rust"}),
        lines({"call": CALL}),
        lines({"unpickler": "C"}, {"unpickler": "C"}),
        lines({"unpickler": "C"}, {"call": ["os.system"]}),
        lines({"unpickler": "C"}, {"call": ["os.system", 1]}),
        lines({"unpickler": "C"}, {"call": ["x" * 3000, "()"]}),
        lines({"unpickler": "C"}, {"name": None}),
        lines({"unpickler": "C"}, {"count": -1, "ended": "", "whole": 0}),
        lines({"unpickler": "C"}, {"count": True, "ended": "", "whole": 0}),
        lines({"unpickler": "C"}, {"count": 0, "ended": "", "whole": True}),
        lines({"unpickler": "C"}, {"count": 5, "ended": "", "whole": 0}),
        lines({"unpickler": "C"}, {"call": CALL}, {"count": 0, "ended": "", "whole": 0}),
        lines({"unpickler": "Python"}, END),
        lines({"unpickler": "C"}, END, {"unpickler": "Python"}, END, {"unpickler": "C"}, END),
        lines({"python": "3.12"}, {"python": "3.12"}),
        lines({"unpickler": "C", "more": 1}),
        lines(*[{"unpickler": "C"}, *[{"call": CALL}] * 1001]),
        b"[" * 100_000 + b"\n",
        b"\n" * (2**20 + 1),
    ],
)
def test_what_the_rehearsal_does_not_write_is_refused(report: bytes) -> None:
    with pytest.raises(ReportError):
        Report().read(report)


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3), max_size=6))
def test_no_lines_get_anything_but_a_refusal_out_of_it(said: list[object]) -> None:
    report = Report()
    try:
        report.read(lines(*said))
    except ReportError:
        return
    assert len(report.accounts) <= 2
    assert all(account.count >= len(account.calls) for account in report.accounts)
