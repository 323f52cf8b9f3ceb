"""What a scan may still take, and what it keeps."""

import pickle
from dataclasses import replace

from core.pickles.bounds import DEFAULT
from core.pickles.ledger import Reading
from core.pickles.member import Member
from core.pickles.scan import examine
from core.pickles.span import Span
from core.pickles.verdict import Verdict
from core.pickles.walk import Part, Walk
from tests.core.pickles.samples import benign, planted


def never(part: Part, walk: Walk) -> Member:
    raise AssertionError("beyond the bounds nothing is examined")


def test_beyond_the_bounds_a_part_is_unread_and_not_examined() -> None:
    part = Part("a", Span.of(benign()))
    for walk in (
        Walk(replace(DEFAULT, members=0), never),
        Walk(replace(DEFAULT, seconds=0.0), never),
        Walk(replace(DEFAULT, nesting=-1), never),
    ):
        assert walk.examine(part) is None
        assert walk.worst is Verdict.COULD_NOT_READ
        assert walk.ledger.unread == 1


def test_opcodes_are_shared_by_all_members() -> None:
    walk = Walk(replace(DEFAULT, opcodes=1000), examine)
    part = Part("a", Span.of(pickle.dumps([{} for _ in range(300)], 4)))
    walk.pickle(part)
    assert walk.opcodes_left < 1000
    for _ in range(5):
        walk.pickle(part)
    assert walk.opcodes_left == 0
    assert walk.worst is Verdict.COULD_NOT_READ


def test_a_part_of_a_part_has_a_short_name_and_lies_deeper() -> None:
    inner = Part("a.zip", Span.of(b"x")).inner("n" * 10_000, Span.of(b"x"))
    assert inner.depth == 1
    assert inner.name.startswith("a.zip!nnn")
    assert len(inner.name) < 500


def test_numbers_that_name_code_are_evidence_and_others_are_none() -> None:
    walk = Walk(DEFAULT, examine)
    for data in (benign(), bytes(100), b"\xff" * 100, b"cunheard\nthing\n.", b"]" * 1000):
        assert not walk.evidence(Part("a", Span.of(data)))
    assert walk.worst is Verdict.DATA_ONLY
    assert not walk.findings
    assert walk.evidence(Part("a", Span.of(planted())))
    assert walk.worst.value == "dangerous"


def test_a_name_that_is_worked_out_by_the_stream_is_evidence() -> None:
    system = b"\x80\x04\x8c\x08builtins\x8c\x03str\x93\x8c\x05posix\x85R\x8c\x06system\x93"
    long = b"\x80\x04\x8c\x02osX" + (11_996).to_bytes(4, "little") + b"path.os." * 1_499 + b"path" + b"\x93"
    for attack in (system + b"\x8c\x04true\x85R.", system + b".", long + b"."):
        walk = Walk(DEFAULT, examine)
        assert walk.evidence(Part("a", Span.of(attack)))
        assert walk.worst is Verdict.DANGEROUS
    walk = Walk(DEFAULT, examine)
    twin = system.removesuffix(b"\x93") + b"\x86."
    assert not walk.evidence(Part("a", Span.of(twin)))


def test_entries_are_kept_up_to_a_bound_and_what_is_unread_longest() -> None:
    walk = Walk(replace(DEFAULT, findings=5), examine)
    part = Part("a", Span.of(b"x"))
    for _ in range(50):
        walk.raw(part, 0, 1, "numbers")
    for _ in range(50):
        walk.unread(part, 0, 1, "anything")
    ledger = walk.ledger
    assert [entry.reading for entry in ledger.entries] == [Reading.RAW] * 10 + [Reading.UNREAD] * 10
    assert (ledger.left_out, ledger.unread) == (80, 50)
