"""The machine against CPython: equal values, equal names, never data only when something would be called."""

from __future__ import annotations

import gc
import io
import pickle
import pickletools
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.pickles.bounds import DEFAULT
from core.pickles.globals import classify, resolve
from core.pickles.machine import PickleRun, run
from core.pickles.value import Called, Global, Long, to_python
from core.pickles.verdict import Verdict
from tests.core.pickles.programs import OBJECTS, PICKLERS, STREAMS
from tests.core.pickles.unpicklers import call, name, program, text, witnesses


def shape(value: object, seen: dict[int, int]) -> object:
    """A value with its types, and with a number for each object, so that sharing shows."""
    if isinstance(value, list | dict | set | bytearray):
        if id(value) in seen:
            return seen[id(value)]
        seen[id(value)] = len(seen)
    if isinstance(value, dict):
        return "dict", [(shape(key, seen), shape(part, seen)) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [shape(part, seen) for part in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(map(repr, value))
    return type(value).__name__, repr(value)


@given(OBJECTS, st.integers(0, 5), st.sampled_from(sorted(PICKLERS)))
@settings(max_examples=300)
def test_what_cpython_pickles_is_data_only_and_the_value_is_what_it_loads(
    value: object, protocol: int, pickler: str
) -> None:
    data = PICKLERS[pickler](value, protocol)
    found = run(data)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    loaded = pickle.loads(data)  # noqa: S301 - pickled a line above
    assert shape(to_python(found.values[0]), {}) == shape(loaded, {})
    assert (found.end, found.trailing) == (len(data), 0)
    assert found.opcodes == sum(1 for _ in pickletools.genops(data))


@given(OBJECTS, st.integers(0, 5))
def test_a_view_of_a_file_is_read_as_its_bytes_are(value: object, protocol: int) -> None:
    data = b"before" + pickle.dumps(value, protocol)
    whole, view = run(data, start=6), run(memoryview(data), start=6)
    assert shape(whole.values[0], {}) == shape(view.values[0], {})
    assert (whole.verdict, whole.end, whole.opcodes) == (view.verdict, view.end, view.opcodes)


@pytest.mark.parametrize("protocol", range(6))
def test_a_value_that_holds_itself_does_so_in_the_machine(protocol: int) -> None:
    cycle: list[object] = [1, {}]
    cycle.append((cycle,))
    found = run(pickle.dumps(cycle, protocol)).values[0]
    assert isinstance(found, list)
    assert found[2][0] is found


def named(found: PickleRun) -> set[tuple[str, ...]]:
    """The names that a run found, as they would be asked for before and after they are mapped."""
    names: set[tuple[str, ...]] = {(use.module, use.name) for use in found.globals}
    return names | {tuple(use.written.rsplit(".", 1)) for use in found.globals if use.written}


def crosses_a_frame(found: PickleRun) -> bool:
    return any(one.opcode == "FRAME" and one.verdict is Verdict.DANGEROUS for one in found.findings)


@given(STREAMS)
@settings(max_examples=800)
@example(program("PROTO", 4) + call("os", "system", text("id")) + b"\xff")
@example(b"(S'id'\nios\nsystemx")
@example(b"cos\nsystem\n")
@example(program("MARK", text("id"), "INST", b"os\nsystem"))
@example(b"cbuiltins\nset\n(tRNNscos\nsystem\n.")
@example(b"cbuiltins\nset\n(tRNacos\nsystem\n.")
@example(program("PROTO", 4, "FRAME", b"\5" + b"\0" * 7, text("a" * 30), "STOP"))
def test_whatever_the_bytes_nothing_that_cpython_would_run_is_called_data_only(data: bytes) -> None:
    found = run(data, several=False)
    assert not any("the machine itself failed" in one.reason for one in found.findings), found.findings
    for witness in witnesses(data):
        foreign = [pair for pair in witness.named if classify(*resolve(*pair, 0))[0] is not Verdict.DATA_ONLY]
        if not crosses_a_frame(found):
            assert set(witness.named) <= named(found)
        if foreign:
            assert found.verdict is not Verdict.DATA_ONLY
        for pair in (*witness.called, *witness.touched):
            if classify(*pair)[0] is Verdict.DANGEROUS:
                assert found.verdict is Verdict.DANGEROUS


@given(st.binary(max_size=60))
@settings(max_examples=500)
def test_no_bytes_at_all_make_it_raise(data: bytes) -> None:
    for several in (False, True):
        found = run(data, several=several, trace=several)
        assert not any("the machine itself failed" in one.reason for one in found.findings), found.findings
        assert found.values or found.verdict is not Verdict.DATA_ONLY


@given(STREAMS, STREAMS)
@settings(max_examples=200)
def test_a_trace_changes_nothing_that_is_found(first: bytes, second: bytes) -> None:
    plain, traced = run(first + second), run(first + second, trace=True)
    assert (traced.findings, traced.calls, traced.globals) == (plain.findings, plain.calls, plain.globals)
    assert (traced.verdict, traced.end, traced.opcodes) == (plain.verdict, plain.end, plain.opcodes)
    assert len(traced.values) == len(plain.values)


def test_a_call_before_the_end_is_missing_is_still_dangerous() -> None:
    found = run(call("os", "system", text("id")))
    assert found.verdict is Verdict.DANGEROUS
    assert [(one.function, one.arguments, one.known) for one in found.calls] == [
        ("os.system", "('id',)", False)
    ]
    assert any(one.verdict is Verdict.COULD_NOT_READ for one in found.findings)


def test_a_stream_that_ends_too_early_is_not_reassuring() -> None:
    data = pickle.dumps([1, "a", {}], 4)
    for size in range(len(data)):
        assert run(data[:size]).verdict is Verdict.COULD_NOT_READ


def test_a_finding_says_where_and_why() -> None:
    found = run(b"xx" + call("os", "system", text("id")) + program("STOP"), start=2, member="a!b", base=100)
    named_at, called = found.findings
    assert (named_at.member, named_at.offset, named_at.opcode) == ("a!b", 102, "GLOBAL")
    assert named_at.reason == "os.system runs programs or reaches the operating system"
    assert called.reason == "this call would happen: os.system('id')"
    assert (called.opcode, called.subject) == ("REDUCE", "os.system")
    assert found.globals[0].offset == 102
    assert found.calls[0].offset == called.offset


def test_each_pickle_of_a_stream_is_followed() -> None:
    found = run(pickle.dumps(1) + pickle.dumps([2]) + call("os", "system") + program("STOP"))
    assert found.values[:2] == (1, [2])
    assert isinstance(found.values[2], Called)
    assert (found.verdict, found.trailing) == (Verdict.DANGEROUS, 0)


def test_only_the_first_pickle_is_followed_if_there_is_to_be_one() -> None:
    first = pickle.dumps(1)
    found = run(first + b"anything", several=False)
    assert (found.values, found.end, found.trailing, found.findings) == ((1,), len(first), 8, ())


def test_bytes_behind_the_last_stop_are_a_finding_and_calls_in_them_count() -> None:
    first = pickle.dumps(1)
    found = run(first + b"\xff\xff")
    assert found.verdict is Verdict.COULD_NOT_READ
    assert found.findings[0].reason == (
        "2 bytes behind the last STOP are no whole pickle: the byte 0xff is no opcode"
    )
    assert (found.end, found.trailing) == (len(first), 2)
    assert run(first + call("os", "system")).verdict is Verdict.DANGEROUS


def test_a_loader_that_keeps_its_memo_reads_another_name_and_that_is_seen() -> None:
    """One Unpickler that loads twice finds what the first pickle put in the memo."""
    first = program("PROTO", 4, text("os"), "MEMOIZE", text("system"), "MEMOIZE", "TUPLE2", "STOP")
    second = program(
        "PROTO", 4, text("collections"), "MEMOIZE", text("OrderedDict"), "MEMOIZE", "POP", "POP"
    ) + program("BINGET", 0, "BINGET", 1, "STACK_GLOBAL", "EMPTY_TUPLE", "REDUCE", "STOP")
    asked = []

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, attribute: str) -> object:
            asked.append((module, attribute))
            return dict

    unpickler = Unpickler(io.BytesIO(first + second))
    unpickler.load()
    unpickler.load()
    assert asked == [("os", "system")]
    assert run(second).verdict is Verdict.DATA_ONLY
    found = run(first + second)
    assert found.verdict is Verdict.DANGEROUS
    assert found.findings[0].subject == "os.system"


def test_pickles_that_are_written_one_after_another_stay_data_only() -> None:
    values = [{"a": {1, 2}, "b": "a"}, ["collections", "a", "a"], {"x": b"a"}]
    for protocol in range(6):
        found = run(b"".join(pickle.dumps(value, protocol) for value in values))
        assert found.verdict is Verdict.DATA_ONLY
        assert found.values == tuple(values)


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        run(b"\xff")
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_long_bytes_are_not_copied() -> None:
    size = 2**25
    data = program("BINBYTES8", size.to_bytes(8, "little")) + bytes(size) + program("STOP")
    for stream in (data, memoryview(data)):
        (value,) = run(stream).values
        assert isinstance(value, Long)
        assert (value.kind, value.offset, value.size) == ("bytes", 9, size)


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (replace(DEFAULT, opcodes=1_000), "more than the 1,000 opcodes"),
        (replace(DEFAULT, values=5_000), "more than the 5,000 values"),
        (replace(DEFAULT, memo=5_000), "more than the 5,000 memo entries"),
        (replace(DEFAULT, seconds=0.0), "took longer than the 0 s"),
    ],
)
def test_what_is_too_large_is_not_read_to_its_end(bounds: object, reason: str) -> None:
    assert isinstance(bounds, type(DEFAULT))
    data = program("EMPTY_LIST", "MEMOIZE") * 20_000 + program("STOP")
    found = run(data, bounds=bounds)
    assert found.verdict is Verdict.COULD_NOT_READ
    assert reason in found.findings[0].reason


def test_a_call_beyond_the_bounds_is_not_called_data_only() -> None:
    data = program("NONE", "POP") * 20_000 + call("os", "system") + program("STOP")
    assert run(data, bounds=replace(DEFAULT, opcodes=10_000)).verdict is Verdict.COULD_NOT_READ


def test_what_is_kept_is_bounded_and_the_verdict_counts_all_of_it() -> None:
    many = b"".join(
        name("m", f"C{number}") + program("EMPTY_TUPLE", "REDUCE", "POP") for number in range(300)
    )
    data = many + call("os", "system") + program("STOP")
    found = run(data, bounds=replace(DEFAULT, findings=10, calls=10, globals=10))
    assert (len(found.findings), len(found.calls), len(found.globals)) == (10, 10, 10)
    assert found.verdict is Verdict.DANGEROUS
    assert "os.system" in {one.subject for one in found.findings}


def test_hooked_loaders_can_skip_raw_bytes_behind_a_build() -> None:
    array = program(name("joblib.numpy_pickle", "NumpyArrayWrapper"), "EMPTY_TUPLE", "NEWOBJ")
    state = program(
        "MARK",
        text("subclass"),
        name("numpy", "ndarray"),
        text("shape"),
        "EMPTY_TUPLE",
        text("order"),
        text("C"),
    )
    dtype = text("dtype") + call("numpy", "dtype", text("f8"), program("NEWFALSE"), program("NEWTRUE"))
    data = program(array, state, dtype, "DICT", "BUILD", b"\xff" * 8, "STOP")
    seen: list[tuple[object, int]] = []

    def after_build(value: object, offset: int) -> int:
        seen.append((value, offset))
        return offset + 8

    # As the last opcode of its frame, which is where joblib writes it.
    framed = program("PROTO", 4, "FRAME", (len(data) - 9).to_bytes(8, "little")) + data
    assert run(framed, after_build=after_build).verdict is Verdict.DATA_ONLY
    inside = program("PROTO", 4, "FRAME", (len(data)).to_bytes(8, "little")) + data
    assert run(inside, after_build=after_build).verdict is Verdict.COULD_NOT_READ
    seen.clear()
    found = run(data, after_build=after_build)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    assert [offset for _, offset in seen] == [len(data) - 9]
    assert isinstance(seen[0][0], Called)
    assert isinstance(seen[0][0].function, Global)
    assert run(data).verdict is Verdict.COULD_NOT_READ


def in_two_encodings() -> bytes:
    """A legacy torch file of plain data in latin-1, and one that calls `os.system` in UTF-8.

    The length behind a `C` is one byte in one of them, and two in the other.
    """
    attack = b"cos\nsystem\n(X\4\0\0\0truetR."
    padding = b"a" * (0x3000 - len(attack))
    whole, jump = (len(padding) + len(attack)).to_bytes(4, "little"), (6 + len(padding)).to_bytes(4, "little")
    while max(whole + jump) > 127:
        padding = padding[:-1]
        whole = (len(padding) + len(attack)).to_bytes(4, "little")
        jump = (6 + len(padding)).to_bytes(4, "little")
    magic = b"L119547037146038801333356L\n."
    latin = b"0X" + whole + padding + attack + b"0}."
    return magic + b"I1001\n.}.C\xc8" + b"b" * 194 + b"0X" + jump + latin + b"]."


@pytest.mark.parametrize(
    ("encoding", "verdict"),
    [("latin1", Verdict.DATA_ONLY), ("utf-8", Verdict.DANGEROUS), ("utf-16", Verdict.COULD_NOT_READ)],
)
def test_a_long_text_becomes_bytes_by_the_encoding_that_the_call_gives(
    encoding: str, verdict: Verdict
) -> None:
    written = in_two_encodings().decode("latin-1").encode()
    long = program("BINUNICODE", len(written).to_bytes(4, "little"), written)
    encoded = call("_codecs", "encode", long, text(encoding))
    found = run(call("torch.storage", "_load_from_bytes", encoded) + program("STOP"))
    assert Verdict.worst(found.verdict, verdict) is found.verdict
    assert (found.verdict is Verdict.DANGEROUS) is (verdict is Verdict.DANGEROUS)
    assert (found.verdict is Verdict.DATA_ONLY) is (verdict is Verdict.DATA_ONLY)


def test_both_encodings_of_one_text_are_read() -> None:
    written = in_two_encodings().decode("latin-1").encode()
    stream = program("BINUNICODE", len(written).to_bytes(4, "little"), written, "BINPUT", 0, "POP")
    for encoding in ("latin1", "utf-8"):
        encoded = call("_codecs", "encode", program("BINGET", 0), text(encoding))
        stream += call("torch.storage", "_load_from_bytes", encoded)
    assert run(stream + program("STOP")).verdict is Verdict.DANGEROUS
