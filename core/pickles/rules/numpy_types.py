"""NumPy's arrays and scalars on the allow-list; their dtypes are in `core.pickles.rules.dtypes`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.dtypes import DTYPE, DTYPES, DType, dtype_of, is_of_strings
from core.pickles.rules.kinds import (
    BYTES,
    FLAG,
    FLOAT,
    INT,
    LONG_TEXT,
    NONE,
    OLD_BYTES,
    SIZES,
    TEXT,
    a_global,
    exactly,
    named,
)  # fmt: skip
from core.pickles.rules.rule import NAMED, Kind, Rule, takes
from core.pickles.value import Called, Unknown, Value

__all__ = ["DTYPE", "NUMPY", "DType", "dtype_of"]

_CORE: Final = ("numpy.core", "numpy._core")
_ARRAYS: Final = (
    "numpy.ndarray", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix", "numpy.recarray",
    "numpy.rec.recarray", "numpy.core.records.recarray", "numpy.chararray", "numpy.char.chararray",
    "numpy.core.defchararray.chararray", "numpy._core.defchararray.chararray",
)  # fmt: skip
_RECONSTRUCT: Final = frozenset(f"{core}.multiarray._reconstruct" for core in _CORE)
_MASKED: Final = (
    "numpy.ma.MaskedArray",
    "numpy.ma.core.MaskedArray",
    "numpy.ma.mvoid",
    "numpy.ma.core.mvoid",
)
_SCALARS: Final = (
    "bool_", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "longdouble", "float128", "complex64", "complex128", "clongdouble", "complex256",
    "intc", "intp", "uintc", "uintp", "longlong", "ulonglong", "byte", "ubyte", "short", "ushort", "single",
    "double", "half", "csingle", "cdouble", "datetime64", "timedelta64", "str_", "bytes_", "object_", "void",
    "generic", "number", "integer", "floating", "inexact",
)  # fmt: skip


_DTYPE_CLASSES: Final = (
    "Bool", "Bytes", "CLongDouble", "DateTime64", "LongDouble", "LongLong", "Object", "Str", "String",
    "TimeDelta64", "ULongLong", "Void",
)  # fmt: skip
_STRINGS: Final = Kind(
    "a list of texts",
    lambda value: isinstance(value, list) and all((LONG_TEXT | NONE | FLOAT).holds(text) for text in value),
)


def _array_state(target: Called, state: Value) -> str:
    """What is wrong with a state for an array: version, shape, dtype, order, data."""
    if not isinstance(state, tuple) or not 4 <= len(state) <= 5:
        return "a state that is not an array's"
    shape, dtype, order, data = state[-4:]
    if not SIZES.holds(shape) or not isinstance(shape, tuple) or not FLAG.holds(order):
        return "an array whose shape or order is none"
    if is_of_strings(dtype):
        return "" if _STRINGS.holds(data) else "an array of texts whose data is no list of them"
    known = dtype_of(dtype)
    if known is None:
        return "an array whose dtype is not known"
    if known.objects:
        return "" if type(data) is list else "an array of objects whose data is no list"
    return "" if OLD_BYTES.holds(data) else "an array whose data is no bytes"


def _masked_state(target: Called, state: Value) -> str:
    """What is wrong with a state for a masked array: an array's, the mask, what fills it."""
    if not isinstance(state, tuple) or len(state) != 7:
        return "a state that is not a masked array's"
    return _array_state(target, state[:5]) or ("" if OLD_BYTES.holds(state[5]) else "a mask that is no bytes")


def _is_row(dtype: Value, array: Value) -> bool:
    """Whether a scalar with objects in its fields is given as NumPy gives it: an array of one, of this dtype.

    NumPy takes the scalar from the array's memory, so there has to be one in it.
    """
    if not isinstance(dtype, Called) or not dtype.state or not isinstance(array, Called):
        return False
    if array.full not in _RECONSTRUCT or len(array.state) != 1 or not array.args:
        return False
    state = array.state[0]
    if not named(array.args[0], frozenset({"numpy.ndarray"})) or not isinstance(state, tuple):
        return False
    data = state[-1]
    return len(state) == 5 and state[1] == () and state[2] is dtype and type(data) is list and len(data) == 1


def _scalar(args: tuple[Value, ...]) -> str:
    """`scalar(dtype, bytes)`. With a dtype of objects it would follow an address."""
    if not 1 <= len(args) <= 2:
        return f"{len(args)} arguments, where 1 to 2 are expected"
    known = dtype_of(args[0])
    if known is not None and known.objects and len(args) == 2 and _is_row(args[0], args[1]):
        return ""
    if known is None or known.objects:
        return "a scalar whose dtype is not known or is of objects"
    return "" if len(args) == 1 or OLD_BYTES.holds(args[1]) else "a scalar whose data is no bytes"


_PLAIN_DTYPE: Final = Kind(
    "a dtype without objects", lambda value: not getattr(dtype_of(value), "objects", True)
)
_BUFFER: Final = BYTES | Kind("a buffer", lambda value: isinstance(value, Unknown))
_ARRAY_CLASS: Final = a_global("a class of arrays", *_ARRAYS)


def _rules() -> dict[str, Rule]:
    letter = exactly("b'b'", b"b", "b")
    masked = a_global("a class of masked arrays", *_MASKED)
    reconstruct = Rule(takes(_ARRAY_CLASS, SIZES, letter), state=_array_state)
    from_buffer = Rule(takes(_BUFFER, _PLAIN_DTYPE, SIZES, exactly("an order", "C", "F", "A", "K")))
    rules = dict(DTYPES)
    rules |= dict.fromkeys((*_ARRAYS, *_MASKED), NAMED)
    rules["numpy.ma.core.MaskedConstant"] = Rule(takes())
    rules["numpy.ma.core._mareconstruct"] = Rule(
        takes(masked, _ARRAY_CLASS, SIZES, letter), state=_masked_state
    )
    for core in _CORE:
        rules[f"{core}.multiarray._reconstruct"] = reconstruct
        rules[f"{core}.multiarray.scalar"] = Rule(_scalar)
        rules[f"{core}.numeric._frombuffer"] = from_buffer
    rules |= {f"numpy.{name}": NAMED for name in _SCALARS}
    rules |= {
        f"numpy.dtypes.{kind}{size}DType": NAMED
        for kind in ("Int", "UInt", "Float", "Complex")
        for size in (8, 16, 32, 64, 128)
    }
    rules |= {f"numpy.dtypes.{name}DType": NAMED for name in _DTYPE_CLASSES}
    rules["joblib.numpy_pickle.NumpyArrayWrapper"] = Rule(takes(), new=True, state=_wrapper_state)
    return rules


def _wrapper_state(target: Called, state: Value) -> str:
    """What joblib writes before an array's raw bytes."""
    names = {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
    if type(state) is not dict or not set(state) <= names:
        return "a state that is not a joblib array's"
    if not named(state.get("subclass"), frozenset({*_ARRAYS, "numpy.memmap"})):
        return "a joblib array of an unknown class"
    if not SIZES.holds(state.get("shape")) or not (TEXT | BYTES).holds(state.get("order")):
        return "a joblib array whose shape or order is none"
    if not all(INT.holds(state.get(name)) or state.get(name) is None for name in sorted(names)[:1]):
        return "a joblib array with odd flags"
    return "" if dtype_of(state.get("dtype")) is not None else "a joblib array whose dtype is not known"


NUMPY: Final = MappingProxyType(_rules() | {"numpy.memmap": NAMED})
"""Rules by full name."""
