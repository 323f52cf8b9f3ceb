import pickle
import pickletools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles import Verdict, scan
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.samples import names, sample
from core.pickles.lab.stretches import Stretch, stretches
from core.pickles.lab.survey import survey
from core.pickles.lab.walkthrough import BYTES_PER_ROW, MOST_SLOTS, MOST_STEPS, ByteState, hex_rows, walk
from core.pickles.trace import SlotKind

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


def bare(data: bytes) -> Stretch:
    return Stretch("", 0, data)


@given(PLAIN, st.integers(0, 5))
def test_the_steps_are_the_opcodes_that_pickletools_lists(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    steps = walk(bare(data)).steps
    assert [(step.offset, step.opcode) for step in steps] == [
        (pos, opcode.name) for opcode, _, pos in pickletools.genops(data)
    ]
    assert [step.end for step in steps[:-1]] == [step.offset for step in steps[1:]]
    assert steps[-1].end == len(data)


@given(st.binary(max_size=200))
def test_no_bytes_stop_it_and_every_step_can_be_shown(data: bytes) -> None:
    found = walk(bare(data))
    for index in range(len(found)):
        view = found.view(index)
        assert view.says
        assert len(view.rows) <= 8


def test_the_planted_command_stops_at_its_reduce() -> None:
    found = walk(bare(sample("planted").data))
    assert found.worst is not None
    view = found.view(found.worst)
    assert (view.opcode, view.upcoming) == ("REDUCE", "STOP")
    assert view.call is not None
    assert view.call.function == "os.system"
    assert [slot.kind for slot in view.before.stack] == [SlotKind.CONTAINER, SlotKind.GLOBAL]
    assert [slot.kind for slot in view.after.stack] == [SlotKind.CALLED]
    assert {finding.verdict for finding in view.findings} == {Verdict.DANGEROUS}


def test_the_worst_step_is_a_danger_even_where_unknown_code_comes_first() -> None:
    data = b"cmymodule\nMine\n)R0" + sample("planted").data[2:]
    found = walk(bare(data))
    assert found.worst is not None
    call = found.view(found.worst).call
    assert call is not None
    assert call.function == "os.system"


def test_a_file_of_data_has_no_worst_step() -> None:
    assert walk(bare(sample("ordered_dict").data)).worst is None


def test_it_jumps_from_call_to_call_and_back() -> None:
    found = walk(bare(build(Payload.COMPUTED, Container.PROTOCOL_4).data))
    first = found.next_call(-1)
    assert first is not None
    assert found.calls[0] == first
    assert len(found.calls) == 3
    assert found.next_call(first) == found.calls[1]
    assert found.next_call(found.calls[-1]) is None
    assert found.previous_call(found.calls[-1]) == found.calls[1]
    assert found.previous_call(first) is None
    assert {found.steps[index].opcode for index in found.calls} == {"REDUCE"}


def test_offsets_are_those_of_the_file() -> None:
    built = build(Payload.COMMAND, Container.TORCH_ZIP)
    (stretch,) = stretches(built.data, scan(built.data))
    found = walk(stretch)
    for index in range(len(found)):
        view = found.view(index)
        current = b"".join(
            bytes.fromhex(cell.digits)
            for row in view.rows
            for cell in row.cells
            if cell.state is ByteState.CURRENT
        )
        assert current == built.data[view.offset : view.offset + view.size]
        places = [row.offset for row in view.rows]
        assert any(place <= view.offset < place + BYTES_PER_ROW for place in places)
        assert found.at(view.offset) == index
        assert found.at(view.offset + view.size - 1) == index
    assert found.at(stretch.offset - 1) is None
    assert found.at(stretch.offset + len(stretch.data)) is None


def test_it_steps_over_the_numbers_of_a_joblib_array() -> None:
    built = build(Payload.COMMAND, Container.JOBLIB)
    (stretch,) = stretches(built.data, scan(built.data, built.file_name))
    found = walk(stretch)
    assert found.problem == ""
    assert found.steps[-1].opcode == "STOP"
    assert found.worst is not None
    call = found.view(found.worst).call
    assert call is not None
    assert call.function == "os.system"


def test_where_the_stream_breaks_off_it_says_why() -> None:
    found = walk(bare(sample("truncated").data))
    assert found.problem == "The steps end here: the stream ends here, before its STOP."


def test_a_long_stream_is_stepped_through_in_parts_that_begin_anywhere() -> None:
    data = pickle.dumps([(index, str(index)) for index in range(MOST_STEPS)], 2)
    expected = [(pos, opcode.name) for opcode, _, pos in pickletools.genops(data)]
    about = survey(bare(data))
    assert (about.count, about.whole) == (len(expected), True)
    for first in (0, 1, 4_321, 17_000, len(expected) - 3):
        found = walk(bare(data), first=first, surveyed=about)
        assert [(step.offset, step.opcode) for step in found.steps] == expected[first : first + MOST_STEPS]
        assert found.problem == ""


def test_a_stream_of_as_many_opcodes_as_are_shown_is_shown_to_its_end() -> None:
    found = walk(bare(b"\x80\x02" + b"N" * (MOST_STEPS - 2) + b"."))
    assert (len(found), found.problem, found.steps[-1].opcode) == (MOST_STEPS, "", "STOP")


def test_a_deep_stack_and_a_large_memo_are_shown_in_part() -> None:
    data = b"\x80\x02" + b"".join(b"Nq" + bytes((index,)) for index in range(100)) + b"."
    found = walk(bare(data))
    after = found.view(len(found) - 2).after
    assert (len(after.stack), after.deeper) == (MOST_SLOTS, 100 - MOST_SLOTS)
    assert (len(after.memo), after.more) == (MOST_SLOTS, 100 - MOST_SLOTS)
    assert after.memo[-1][0] == 99


def test_a_step_out_of_range_is_the_first_or_the_last() -> None:
    found = walk(bare(sample("planted").data))
    assert found.view(-5).index == 0
    assert found.view(99).index == len(found) - 1


def test_a_stream_without_a_single_opcode_has_nothing_to_show() -> None:
    with pytest.raises(ValueError, match="no opcode to be shown"):
        walk(bare(b"\xff")).view(0)


@pytest.mark.parametrize("name", names())
def test_every_step_of_every_sample_can_be_shown(name: str) -> None:
    data = sample(name).data
    for stretch in stretches(data, scan(data)):
        found = walk(stretch)
        assert all(found.view(index).opcode for index in range(0, len(found), 7))


@given(st.binary(max_size=400), st.integers(0, 400), st.integers(0, 60), st.integers(1, 12))
def test_the_rows_are_the_bytes_in_order(data: bytes, start: int, size: int, rows: int) -> None:
    start = min(start, len(data))
    end = min(start + size, len(data))
    found = hex_rows(data, start, end, rows=rows, base=1000)
    assert len(found) <= rows
    for row in found:
        first = row.offset - 1000
        assert first % BYTES_PER_ROW == 0
        assert [cell.digits for cell in row.cells] == [
            f"{byte:02x}" for byte in data[first : first + BYTES_PER_ROW]
        ]
        for place, cell in enumerate(row.cells, start=first):
            assert (cell.state is ByteState.CURRENT) == (start <= place < end)
            assert (cell.state is ByteState.READ) == (place < start)
    if end > start:
        places = [row.offset - 1000 for row in found]
        assert start // BYTES_PER_ROW * BYTES_PER_ROW in places
