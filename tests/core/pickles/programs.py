"""Random pickles: objects as people save them, programs as an attacker writes them, and damaged streams."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from collections.abc import Callable

from hypothesis import strategies as st

from tests.core.pickles.unpicklers import name, program, text

_ATOMS: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=20)
)
KEYS: st.SearchStrategy[object] = _ATOMS | st.tuples(_ATOMS, _ATOMS)
LEAVES = (
    KEYS
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.integers(-(2**300), 2**300)
    | st.text(min_size=200, max_size=300)
    | st.binary(min_size=200, max_size=300)
    | st.binary(max_size=20).map(bytearray)
    | st.sets(KEYS, max_size=3)
    | st.frozensets(KEYS, max_size=3)
    | st.lists(st.integers(-(2**33), 2**33), min_size=3, max_size=30)
    | st.lists(st.floats(allow_nan=False), min_size=3, max_size=30)
)
OBJECTS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.tuples(inner, inner, inner, inner)
        | st.dictionaries(KEYS, inner, max_size=5)
        | inner.map(lambda value: [value, value, (value,)])
    ),
    max_leaves=20,
)
"""Plain values, with parts that are shared."""


def by_pickle_py(value: object, protocol: int) -> bytes:
    """A pickle by the pickler that is written in Python."""
    buffer = io.BytesIO()
    pickle._Pickler(buffer, protocol).dump(value)
    return buffer.getvalue()


PICKLERS: dict[str, Callable[[object, int], bytes]] = {
    "C": pickle.dumps,
    "Python": by_pickle_py,
    "optimized": lambda value, protocol: pickletools.optimize(pickle.dumps(value, protocol)),
}

NAMES = [
    ("os", "system"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("my_model", "Net"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("collections", "deque"),
    ("builtins", "set"),
    ("_codecs", "encode"),
    ("copyreg", "_reconstructor"),
    ("numpy", "ndarray"),
    ("torch._utils", "_rebuild_tensor"),
]
_NUMBER = st.integers(0, 3)
_NAME = st.sampled_from(NAMES)
_PUSHES = st.one_of(
    _NAME.map(lambda pair: name(*pair)),
    _NAME.map(lambda pair: text(pair[0]) + text(pair[1]) + program("STACK_GLOBAL")),
    _NUMBER.map(lambda number: program("BININT1", number)),
    _NUMBER.map(lambda number: program("BINGET", number)),
    st.sampled_from(["a", "latin1", "os", "system"]).map(text),
    st.sampled_from(
        ["NONE", "NEWTRUE", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "DUP", "MARK", "MARK"]
    ).map(program),
)
_ACTS = st.one_of(
    st.sampled_from(
        [
            *(
                "REDUCE",
                "NEWOBJ",
                "BUILD",
                "APPEND",
                "SETITEM",
                "TUPLE",
                "LIST",
                "DICT",
                "APPENDS",
                "SETITEMS",
            ),
            *("ADDITEMS", "FROZENSET", "OBJ", "TUPLE1", "TUPLE2", "TUPLE3", "POP", "POP_MARK", "MEMOIZE"),
            *("BINPERSID", "NEWOBJ_EX", "STACK_GLOBAL", "READONLY_BUFFER"),
        ]
    ).map(program),
    _NUMBER.map(lambda number: program("BINPUT", number)),
    _NAME.map(lambda pair: program("INST", f"{pair[0]}\n{pair[1]}\n".encode())),
)
_CALLS = st.tuples(
    _NAME, st.lists(st.sampled_from([text("a"), program("NONE"), program("EMPTY_DICT")]), max_size=2)
)
PROGRAMS = st.lists(
    st.one_of(
        _PUSHES,
        _PUSHES,
        _ACTS,
        _CALLS.map(lambda call: name(*call[0]) + program("MARK", *call[1], "TUPLE", "REDUCE")),
        _CALLS.map(lambda call: name(*call[0]) + program("EMPTY_TUPLE", "NEWOBJ", *call[1][:1])),
        _CALLS.map(lambda call: program("MARK", name(*call[0]), *call[1], "OBJ")),
    ),
    max_size=20,
).map(lambda parts: program("PROTO", 4, "NONE", "BINPUT", 0, *parts, "STOP"))
"""Programs that use every opcode that can execute something, mostly in an order that works."""


@st.composite
def damaged(draw: st.DrawFn, streams: st.SearchStrategy[bytes]) -> bytes:
    """A stream with some bytes changed, cut out, added, or its end cut off."""
    data = bytearray(draw(streams))
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                data[place] = draw(st.integers(0, 255))
            case 1:
                del data[place]
            case 2:
                del data[place:]
            case 3:
                data[place:place] = draw(_PUSHES | _ACTS)
            case _:
                data[place:place] = program("FRAME", struct.pack("<Q", draw(st.integers(0, 30))))
    return bytes(data)


STREAMS = (
    PROGRAMS
    | st.builds(pickle.dumps, OBJECTS, st.integers(0, 5))
    | damaged(PROGRAMS | st.builds(pickle.dumps, OBJECTS, st.integers(0, 5)))
)
"""All of it."""
