"""Random generators: their whole state is data only; a state that points beyond its table is not."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np
import pytest

from core.pickles.machine import run
from core.pickles.verdict import Verdict
from tests.core.pickles.unpicklers import call, name, program, text

BITS: list[Any] = [
    np.random.MT19937,
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.Philox,
    np.random.SFC64,
]
DRAWN = random.Random(1)  # noqa: S311 - no secret
DRAWN.gauss(0, 1)
GENERATORS = [
    random.Random(2),  # noqa: S311 - no secret
    DRAWN,
    np.random.RandomState(1),
    np.random.SeedSequence([1, 2**70], spawn_key=(3,)),
    *(bits(1) for bits in BITS),
    *(np.random.Generator(bits(1)) for bits in BITS),
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("generator", GENERATORS, ids=lambda value: type(value).__name__)
def test_a_generator_is_data_only(generator: object, protocol: int) -> None:
    found = run(pickle.dumps(generator, protocol))
    assert found.verdict is Verdict.DATA_ONLY, found.findings


class Sketch:
    """Pickles as a call of a function of NumPy's with a state of one's own."""

    def __init__(self, made: tuple[Any, ...]) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made


def twister(**changes: object) -> Sketch:
    function, arguments, (state, seeds) = np.random.MT19937(1).__reduce__()
    inner = {**state["state"], **{key: part for key, part in changes.items() if key in state["state"]}}
    outer = {**state, "state": inner, **{key: part for key, part in changes.items() if key not in inner}}
    return Sketch((function, arguments, (outer, seeds)))


@pytest.mark.parametrize("place", [-1, 625, 2**31, 1.5, None])
def test_a_place_beyond_the_table_needs_trust(place: object) -> None:
    assert run(pickle.dumps(twister(pos=624))).verdict is Verdict.DATA_ONLY
    assert run(pickle.dumps(twister(pos=place))).verdict is Verdict.NEEDS_TRUST


@pytest.mark.parametrize("place", [-1, 5])
def test_a_place_beyond_the_buffer_needs_trust(place: int) -> None:
    function, arguments, (state, seeds) = np.random.Philox(1).__reduce__()
    bad = Sketch((function, arguments, ({**state, "buffer_pos": place}, seeds)))
    assert run(pickle.dumps(bad)).verdict is Verdict.NEEDS_TRUST


def test_a_state_with_anything_else_in_it_needs_trust() -> None:
    for bad in (twister(more=1), twister(key=[1] * 624), twister(bit_generator="unheard")):
        assert run(pickle.dumps(bad)).verdict is Verdict.NEEDS_TRUST


CONSTRUCTOR = ("numpy.random._pickle", "__bit_generator_ctor")


def old_state(place: bytes, kind: str = "MT19937") -> bytes:
    """A RandomState as NumPy wrote it before 1.17."""
    state = np.random.RandomState(1).get_state(legacy=False)
    table = pickle.dumps(state["state"]["key"], 2)[2:-1]
    parts = (text(kind), table, place, program("BININT1", 0), program("BINFLOAT", b"\0" * 8))
    return call("numpy.random", "__RandomState_ctor") + program("MARK", *parts, "TUPLE", "BUILD")


@pytest.mark.parametrize("module", ["numpy.random", "numpy.random.mtrand"])
def test_a_state_that_numpy_wrote_before_1_17_is_data_only(module: str) -> None:
    stream = old_state(program("BININT", (624).to_bytes(4, "little")))
    stream = (
        program("PROTO", 2) + stream.replace(b"numpy.random\n", f"{module}\n".encode(), 1) + program("STOP")
    )
    found = run(stream)
    assert found.verdict is Verdict.DATA_ONLY, found.findings
    if module == "numpy.random":
        loaded = pickle.loads(stream)  # noqa: S301 - written above
        assert loaded.random() == np.random.RandomState(1).random()


UNSAFE = {
    "a class of no bit generator": call(*CONSTRUCTOR, name("unheard", "Bits")),
    "a name of none": call(*CONSTRUCTOR, text("unheard")),
    "a generator with a function that makes its bits": call(
        "numpy.random._pickle", "__generator_ctor", text("PCG64"), name("unheard", "make")
    ),
    "Python's generator with a seed": call("random", "Random", text("a")),
    "Python's generator with a short state": call("random", "Random")
    + program("BININT1", 3, "EMPTY_TUPLE", "NONE", "TUPLE3", "BUILD"),
    "an old RandomState with a place beyond the table": old_state(
        program("BININT", (625).to_bytes(4, "little"))
    ),
    "an old RandomState of another kind": old_state(program("BININT1", 1), kind="PCG64"),
    "an old RandomState with a seed": call("numpy.random", "__RandomState_ctor", program("BININT1", 1)),
    "an old RandomState whose table is a list": call("numpy.random", "__RandomState_ctor")
    + program(text("MT19937"), "EMPTY_LIST", "BININT1", 1, "TUPLE3", "BUILD"),
    "seeds of another class": call(
        "numpy.random.bit_generator",
        "__pyx_unpickle_SeedSequence",
        name("unheard", "Seeds"),
        program("BININT1", 1),
        program("NONE"),
    ),
}


@pytest.mark.parametrize("stream", UNSAFE.values(), ids=UNSAFE)
def test_what_else_the_names_could_be_used_for_needs_trust(stream: bytes) -> None:
    assert run(stream + program("STOP")).verdict is Verdict.NEEDS_TRUST
