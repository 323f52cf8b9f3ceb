"""Streams of pickles: all are read, and what follows them is looked at."""

import io
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from core.pickles.formats import Format
from core.pickles.scan import scan
from core.pickles.verdict import Verdict
from tests.core.pickles.samples import Planted, array, benign, planted, tarred, zipped

PROTOCOLS = pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))


@PROTOCOLS
def test_every_protocol_is_read(protocol: int) -> None:
    good, bad = scan(benign(protocol)), scan(planted(protocol))
    assert (good.format, good.verdict) == (Format.PICKLE, Verdict.DATA_ONLY)
    assert (bad.format, bad.verdict) == (Format.PICKLE, Verdict.DANGEROUS)
    assert good.ledger.complete
    assert good.members[0].pickles == 1


@PROTOCOLS
def test_pickles_one_after_another_are_all_read(protocol: int) -> None:
    good = scan(benign(protocol) * 3)
    assert good.verdict is Verdict.DATA_ONLY
    assert good.members[0].pickles == 3
    assert scan(benign(protocol) * 3 + planted(protocol)).verdict is Verdict.DANGEROUS


def test_many_short_pickles_are_read_one_by_one_at_their_offsets() -> None:
    one = pickle.dumps(OrderedDict(a=1), 2)
    report = scan(one * 3_000)
    assert report.verdict is Verdict.DATA_ONLY
    assert report.members[0].pickles == 3_000
    assert [each.use.offset for each in report.globals[:3]] == [
        index * len(one) + one.index(b"c") for index in range(3)
    ]
    assert scan(one * 1_000 + planted() + one * 1_000).verdict is Verdict.DANGEROUS


def test_zeros_behind_a_pickle_are_padding_and_other_bytes_could_not_be_read() -> None:
    assert scan(benign() + bytes(100)).verdict is Verdict.DATA_ONLY
    assert scan(benign() + b"\xff\xfe\xfd").verdict is Verdict.COULD_NOT_READ


@pytest.mark.parametrize("other", [array(np.arange(3)), tarred({"a.txt": b"words"}), zipped({})])
def test_another_format_behind_a_pickle_makes_two_of_it(other: bytes) -> None:
    report = scan(benign() + other)
    assert report.verdict is Verdict.DANGEROUS
    assert "polyglot" in {finding.subject for finding in report.findings}


def test_text_behind_a_pickle_could_not_be_read() -> None:
    assert scan(benign() + b"some words").verdict is Verdict.COULD_NOT_READ


def test_a_memo_that_is_kept_between_pickles_hides_nothing() -> None:
    # The first leaves "os" and "system" in the memo, and the second takes them from there.
    first = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x86."
    second = b"\x80\x04h\x00h\x01\x93\x8c\x0aecho never\x85R."
    file = io.BytesIO(first + second)
    unpickler = _Recorder(file)
    unpickler.load()
    assert unpickler.load() == ("os.system", ("echo never",))
    assert scan(first + second).verdict is Verdict.DANGEROUS


class _Recorder(pickle.Unpickler):
    """CPython's own unpickler, which keeps its memo; what it would call is told and not called."""

    def find_class(self, module: str, name: str) -> object:
        return lambda *arguments: (f"{module}.{name}", arguments)


@PROTOCOLS
def test_a_call_before_the_cut_still_counts(protocol: int) -> None:
    data = pickle.dumps([Planted(), "x" * 300], protocol)
    assert scan(data[: len(data) - 20]).verdict is Verdict.DANGEROUS
    plain = benign(protocol)
    assert scan(plain[:-1]).verdict is Verdict.COULD_NOT_READ


def test_what_was_not_read_is_in_the_ledger_with_its_place() -> None:
    data = benign()
    report = scan(data + b"\xff" * 7)
    (entry,) = [entry for entry in report.ledger.entries if entry.reading == "not read"]
    assert (entry.start, entry.end) == (len(data), len(data) + 7)
    assert report.ledger.unread == 1


def test_a_large_value_is_read_in_place() -> None:
    data = pickle.dumps(np.zeros(10**6, np.uint8).tobytes(), 4)
    assert scan(data).verdict is Verdict.DATA_ONLY
