"""Random number generators on the allow-list: Python's own and NumPy's, with the whole of their state.

The state says where a generator goes on in its table. NumPy takes such a place unseen and would read beyond
the table, so it is checked here.

Source: `numpy/random/_pickle.py` and the `state` of each bit generator of NumPy 2; `random.Random.setstate`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import FLOAT, INT, NONE, a_global, exactly, result_of
from core.pickles.rules.rule import NAMED, Kind, Rule, takes
from core.pickles.value import Called, Value

_RANDOM: Final = "numpy.random"
_MODULES: Final = MappingProxyType({
    "MT19937": "_mt19937", "PCG64": "_pcg64", "PCG64DXSM": "_pcg64", "Philox": "_philox", "SFC64": "_sfc64",
})  # fmt: skip
"""Where NumPy keeps each bit generator."""
_CONSTRUCTOR: Final = f"{_RANDOM}._pickle.__bit_generator_ctor"
_SEEDS: Final = f"{_RANDOM}.bit_generator.SeedSequence"
_MAKE_SEEDS: Final = f"{_RANDOM}.bit_generator.__pyx_unpickle_SeedSequence"
_OLD: Final = (f"{_RANDOM}.__RandomState_ctor", f"{_RANDOM}.mtrand.__RandomState_ctor")
"""How NumPy wrote a RandomState before 1.17: a call without arguments, and all of it in the state."""
_TABLE: Final = 624
"""Numbers in the table of the Mersenne Twister; Python's state has the place in it behind them."""

_ARRAY: Final = result_of(
    "an array",
    *(
        f"numpy.{core}.{name}"
        for core in ("core", "_core")
        for name in ("multiarray._reconstruct", "numeric._frombuffer")
    ),
)
_BIT_GENERATOR: Final = result_of("a bit generator", _CONSTRUCTOR)
_NAME: Final = exactly("the name of a bit generator", *_MODULES)
_CLASS: Final = a_global(
    "a bit generator's class", *(f"{_RANDOM}.{module}.{name}" for name, module in _MODULES.items())
)


def _up_to(most: int) -> Kind:
    """An int from 0 to a greatest one."""
    return Kind(f"an int from 0 to {most:,}", lambda value: type(value) is int and 0 <= value <= most)


_INTS: Final = Kind(
    "ints",
    lambda value: isinstance(value, tuple | list) and all(type(part) is int for part in value),
)
_INNER: Final = MappingProxyType({
    "key": _ARRAY, "counter": _ARRAY, "pos": _up_to(_TABLE), "state": INT | _ARRAY, "inc": INT,
})  # fmt: skip
_OUTER: Final = MappingProxyType({
    "bit_generator": _NAME,
    "state": Kind("a generator's numbers", lambda value: _are(value, _INNER)),
    "has_uint32": _up_to(1),
    "uinteger": _up_to(2**32 - 1),
    "buffer": _ARRAY,
    "buffer_pos": _up_to(4),
    "has_gauss": _up_to(1),
    "gauss": FLOAT,
})  # fmt: skip


def _are(value: Value, kinds: MappingProxyType[str, Kind]) -> bool:
    """Whether a value is a dict of which every entry is one of these."""
    return type(value) is dict and all(
        type(name) is str and name in kinds and kinds[name].holds(part) for name, part in value.items()
    )


def _generator_state(target: Called, state: Value) -> str:
    """What is wrong with the state of a bit generator, or of what draws from one."""
    return "" if _are(state, _OUTER) else "a state that is not a random generator's"


def _old_state(target: Called, state: Value) -> str:
    """What is wrong with a RandomState of NumPy before 1.17: its kind, table and place, what is left over."""
    if not isinstance(state, tuple):
        return _generator_state(target, state)
    return takes(exactly("MT19937", "MT19937"), _ARRAY, _up_to(_TABLE), _up_to(1), FLOAT, least=3)(state)


def _seeded_state(target: Called, state: Value) -> str:
    """The same, with the seeds that it came from."""
    if not isinstance(state, tuple):
        return _generator_state(target, state)
    seeds = NONE | result_of("seeds", _MAKE_SEEDS)
    if len(state) != 2 or not seeds.holds(state[1]):
        return "a state that is not a random generator's"
    return _generator_state(target, state[0])


def _seeds_state(target: Called, state: Value) -> str:
    """What is wrong with the state of seeds: what they grew from, children, pool, its size, the key."""
    if not isinstance(state, tuple):
        return "a state that is not that of seeds"
    return takes(NONE | INT | _INTS, INT, _ARRAY, _up_to(2**16), _INTS)(state)


def _twister_state(target: Called, state: Value) -> str:
    """What is wrong with the state of `random.Random`: version, table and place in it, what is left over."""
    if not isinstance(state, tuple):
        return "a state that is not a random generator's"
    table = Kind(
        f"a tuple of {_TABLE + 1} ints",
        lambda value: isinstance(value, tuple) and len(value) == _TABLE + 1 and _INTS.holds(value),
    )
    return takes(exactly("a version", 2, 3), table, NONE | FLOAT)(state)


def _rules() -> dict[str, Rule]:
    drawing = Rule(takes(_BIT_GENERATOR | _NAME), state=_generator_state)
    rules = {f"{_RANDOM}.{module}.{name}": NAMED for name, module in _MODULES.items()}
    return rules | {
        _SEEDS: NAMED,
        _MAKE_SEEDS: Rule(takes(a_global("the class of seeds", _SEEDS), INT, NONE), state=_seeds_state),
        **dict.fromkeys(_OLD, Rule(takes(), state=_old_state)),
        _CONSTRUCTOR: Rule(takes(_CLASS | _NAME), state=_seeded_state),
        f"{_RANDOM}._pickle.__generator_ctor": drawing,
        f"{_RANDOM}._pickle.__randomstate_ctor": drawing,
        "random.Random": Rule(takes(), state=_twister_state),
    }


RANDOM: Final = MappingProxyType(_rules())
"""Rules by full name."""
