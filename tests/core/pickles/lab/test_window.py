import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pickles.bounds import DEFAULT
from core.pickles.lab.payloads import CONTAINERS, ContainerKind, build
from core.pickles.lab.stretches import Stretch, stretches
from core.pickles.lab.window import PICTURED, window
from core.pickles.scan import scan
from core.pickles.trace import Step

PLAIN = st.recursive(
    st.none() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


def pictures(steps: tuple[Step, ...]) -> list[tuple[object, ...]]:
    """All that steps say, in values that can be compared."""
    return [
        (
            step.offset, step.end, step.opcode, repr(step.argument), step.before.slots, step.before.memo,
            step.after.slots, step.after.memo,
        )
        for step in steps
    ]  # fmt: skip


@given(PLAIN, st.integers(0, 5), st.integers(0, 40))
def test_steps_from_the_middle_are_those_from_the_start(value: object, protocol: int, first: int) -> None:
    stretch = Stretch("", 0, pickle.dumps([value, [value]], protocol) + pickle.dumps(value, protocol))
    whole = window(stretch, DEFAULT, 0, 10_000)
    part = window(stretch, DEFAULT, first, 10_000)
    assert [each[:4] for each in pictures(part)] == [each[:4] for each in pictures(whole[first:])]
    assert [len(step.after) for step in part] == [len(step.after) for step in whole[first:]]
    assert [set(step.after.memo) for step in part] == [set(step.after.memo) for step in whole[first:]]


@pytest.mark.parametrize("kind", CONTAINERS, ids=lambda kind: kind.container)
def test_stack_and_memo_are_there_when_it_begins_at_the_call(kind: ContainerKind) -> None:
    built = build("command", kind.container)
    for stretch in stretches(built.data, scan(built.data, built.file_name)):
        whole = window(stretch, DEFAULT, 0, 10_000)
        for first in range(len(whole)):
            assert pictures(window(stretch, DEFAULT, first, 3)) == pictures(whole[first : first + 3])


def test_of_a_deep_stack_only_the_upper_places_are_drawn_and_all_are_counted() -> None:
    depth = 4 * PICTURED
    (step,) = window(Stretch("", 0, b"\x80\x02" + b"K\x07" * depth + b"."), DEFAULT, depth, 1)
    slots = [slot.text for slot in step.before]
    assert len(slots) == depth - 1
    assert set(slots[:PICTURED]) == {"7"}
    assert set(slots[PICTURED:]) == {"… put there long before"}


@given(st.binary(max_size=200), st.integers(0, 50))
def test_no_bytes_stop_it(data: bytes, first: int) -> None:
    assert len(window(Stretch("", 0, data), DEFAULT, first, 5)) <= 5
