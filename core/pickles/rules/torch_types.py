"""torch's tensors, storages and dtypes on the allow-list: the relations of its `weights_only` unpickler.

Source: `torch/_weights_only_unpickler.py`, `torch/_utils.py` and `torch/_tensor.py` of torch 2.13, which says
which names it allows; the kinds of arguments follow what each function does with them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from core.pickles.rules.kinds import (
    ANY,
    BYTES,
    DICT,
    FLAG,
    FLOAT,
    INT,
    NONE,
    SIZES,
    TEXT,
    a_global,
    attributes,
    made_by,
    named,
    result_of,
)  # fmt: skip
from core.pickles.rules.rule import NAMED, Kind, Rule, takes
from core.pickles.value import Called, PersistentId, Value

LOAD_FROM_BYTES: Final = "torch.storage._load_from_bytes"
"""Loads a file within the stream, with everything that such a file may do."""
MEMORY_FORMATS: Final = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
"""The orders in which a tensor's numbers lie in memory."""

_NUMBERS: Final = (
    "BFloat16", "Bool", "Byte", "Char", "ComplexDouble", "ComplexFloat", "Double", "Float", "Half", "Int",
    "Long", "Short",
)  # fmt: skip
_QUANTIZED: Final = ("QInt32", "QInt8", "QUInt2x4", "QUInt4x2", "QUInt8")
_DTYPES: Final = (
    "bfloat16", "bits16", "bits1x8", "bits2x4", "bits4x2", "bits8", "bool", "complex128", "complex32",
    "complex64", "float16", "float32", "float4_e2m1fn_x2", "float64", "float8_e4m3fn", "float8_e4m3fnuz",
    "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "qint32", "qint8", "quint2x4", "quint4x2", "quint8",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64)),
)  # fmt: skip
_SCHEMES: Final = (
    "per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric", "per_tensor_affine",
    "per_tensor_symmetric",
)  # fmt: skip
_STORAGES: Final = frozenset({
    *(f"torch.{name}Storage" for name in (*_NUMBERS, *_QUANTIZED)),
    *(f"torch.cuda.{name}Storage" for name in _NUMBERS),
    "torch.storage.TypedStorage", "torch.storage.UntypedStorage",
})  # fmt: skip
_PLACES: Final = ("torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse")
_TENSOR_CLASSES: Final = frozenset({
    "torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter",
    *(f"{place}.{name}Tensor" for place in _PLACES for name in _NUMBERS),
})  # fmt: skip
_REBUILT: Final = frozenset({
    *(f"torch._utils.{name}" for name in (
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
        "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_sparse_tensor",
        "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor", "_rebuild_wrapper_subclass",
        "_rebuild_device_tensor_from_numpy", "_rebuild_device_tensor_from_cpu_tensor",
    )),
    "torch._tensor._rebuild_from_type_v2", *_TENSOR_CLASSES,
})  # fmt: skip
_UNINITIALIZED: Final = (
    "torch.nn.parameter.UninitializedParameter", "torch.nn.parameter.UninitializedBuffer",
)  # fmt: skip
_NESTED: Final = "torch.nested._internal.nested_tensor"
_JAGGED: Final = f"{_NESTED}.NestedTensor"
_REBUILD_JAGGED: Final = f"{_NESTED}._rebuild_njt"
_RANGE: Final = "torch._dynamo.decorators._DimRange"
_LISTS: Final = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
_KEY: Final = TEXT | BYTES
_HOOK_NAMES: Final = frozenset({"_backward_hooks", "_post_accumulate_grad_hooks"})
_ORDERED: Final = frozenset({"collections.OrderedDict"})
_GIVE_STORAGES: Final = frozenset({LOAD_FROM_BYTES}) | _STORAGES


def is_storage_id(pid: Value) -> bool:
    """Whether a persistent id asks for a tensor's numbers as torch writes it, and for nothing else."""
    if type(pid) is int:
        return True
    if type(pid) is str:
        return pid.isascii() and pid.isdigit()
    if not isinstance(pid, tuple) or not 5 <= len(pid) <= 6 or pid[0] not in ("storage", b"storage"):
        return False
    key, location = pid[2], pid[3]
    texts = type(key) is type(location) is str or (_KEY.holds(key) and _KEY.holds(location))
    view = len(pid) == 5 or pid[5] is None or isinstance(pid[5], tuple)
    return named(pid[1], _STORAGES) and texts and type(pid[4]) is int and view


def _is_storage(value: Value) -> bool:
    return value.numbers if isinstance(value, PersistentId) else made_by(value, _GIVE_STORAGES)


def _is_hooks(value: Value) -> bool:
    """Nothing, or an OrderedDict that is empty and stays so: hooks would be called in a backward pass."""
    if not isinstance(value, Called):
        return value is None
    ordered = value.full in _ORDERED
    value.sealed = value.sealed or ordered
    return ordered and not value.pairs and not value.args and not value.state


_STORAGE: Final = Kind("a storage", _is_storage)
_HOOKS: Final = Kind("no backward hooks", _is_hooks)
_TENSOR: Final = Kind("a tensor", lambda value: made_by(value, _REBUILT))
_SIZE: Final = SIZES | result_of("a torch.Size", "torch.Size")
_DTYPE: Final = a_global("a dtype", *(f"torch.{name}" for name in _DTYPES)) | NONE
_LAYOUT: Final = result_of("a layout", "torch.serialization._get_layout")
_DEVICE: Final = result_of("a device", "torch.device") | TEXT | NONE
_GENERATES: Final = Kind(
    "a device that draws numbers",
    lambda value: (
        made_by(value, frozenset({"torch.device"}))
        and isinstance(value, Called)
        and bool(value.args)
        and str(value.args[0]).partition(":")[0] in ("cpu", "cuda", "mps", "xpu")
    ),
)
_METADATA: Final = DICT | NONE
_TENSOR_CLASS: Final = a_global("a class of tensors", *_TENSOR_CLASSES)
_JAGGED_CLASS: Final = a_global("the class of jagged tensors", _JAGGED)
_SEQUENCES: Final = Kind(
    "the lengths of the shortest and the longest sequence",
    lambda value: (
        type(value) is dict
        and set(value) <= {"min_seqlen", "max_seqlen"}
        and all(_TENSOR.holds(part) for part in value.values())
    ),
)
_JAGGED_PARTS: Final = MappingProxyType({
    "values": _TENSOR, "offsets": _TENSOR, "lengths": _TENSOR | NONE, "_ragged_idx": INT,
    "_metadata_cache": _SEQUENCES, "requires_grad": FLAG,
})  # fmt: skip
_ARRAY: Final = result_of(
    "an array", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"
)
_QUANTIZER: Final = Kind(
    "a quantization scheme",
    lambda value: (
        isinstance(value, tuple)
        and 3 <= len(value) <= 4
        and named(value[0], frozenset(f"torch.{name}" for name in _SCHEMES))
        and all((FLOAT | _TENSOR).holds(part) for part in value[1:])
    ),
)
_SPARSE: Final = Kind(
    "the parts of a sparse tensor",
    lambda value: (
        isinstance(value, tuple)
        and 3 <= len(value) <= 5
        and all((_TENSOR | _SIZE | FLAG | NONE).holds(part) for part in value)
    ),
)
_STATE: Final = Kind("attributes", lambda value: value is None or not _attribute_problem(value))


def _attribute_problem(state: Value) -> str:
    """What is wrong with attributes of a tensor: a dict, or a pair of dicts."""
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    empty = Called(None, (), "", 0)
    for part in parts:
        problem = "" if part is None else attributes(empty, part)
        if problem:
            return problem
        if isinstance(part, dict) and not _HOOK_NAMES.isdisjoint(part):
            return "hooks, which would be called in a backward pass"
    return ""


def _set_parts(target: Called, state: Value) -> str:
    """The state of a tensor of the first versions: storage, offset, size, stride."""
    if not isinstance(state, tuple):
        return "a state that is not a tensor's"
    return takes(_STORAGE, INT, _SIZE, _SIZE)(state)


def _parameter_state(target: Called, state: Value) -> str:
    if isinstance(state, tuple) and len(state) == 4:
        return takes(_TENSOR, FLAG, _HOOKS, ANY)(state)
    return _attribute_problem(state)


def _generator_state(target: Called, state: Value) -> str:
    """What is wrong with the state of a torch.Generator: seed, offset, and a tensor that torch checks."""
    return takes(INT, INT | NONE, _TENSOR)(state) if isinstance(state, tuple) else "a state that is no tuple"


def _range_state(target: Called, state: Value) -> str:
    """What is wrong with the bounds of a dimension, which mark a jagged tensor's lengths."""
    bound = INT | NONE
    return takes(INT, bound, bound)(tuple(state)) if isinstance(state, list) else "a state that is no list"


def _jagged(args: tuple[Value, ...]) -> str:
    """`_rebuild_njt(parts)`: a jagged tensor of other tensors, by name."""
    parts = args[0] if len(args) == 1 else None
    if type(parts) is not dict or set(parts) != set(_JAGGED_PARTS):
        return "what are not the parts of a jagged tensor"
    wrong = [name for name, kind in _JAGGED_PARTS.items() if not kind.holds(parts[name])]
    return f"a jagged tensor's {wrong[0]} that is not {_JAGGED_PARTS[wrong[0]].name}" if wrong else ""


def _from_type(args: tuple[Value, ...]) -> str:
    """`_rebuild_from_type_v2(function, class, arguments, state)` calls its function with its arguments."""
    of_jagged = bool(args) and named(args[0], frozenset({_REBUILD_JAGGED}))
    problem = takes(
        a_global("a function that rebuilds tensors", _REBUILD_JAGGED, *(_REBUILT - _TENSOR_CLASSES)),
        _JAGGED_CLASS if of_jagged else _TENSOR_CLASS,
        Kind("a tuple", lambda value: type(value) is tuple),
        _STATE,
    )(args)
    if problem:
        return problem
    function, inner = args[0], args[2]
    assert isinstance(inner, tuple)
    rule = TORCH.get(getattr(function, "full", ""))
    if rule is None or rule.call is None or rule.call is _from_type:
        return "a function that rebuilds no tensor"
    return rule.call(inner)


def _same(args: tuple[Value, ...]) -> Value:
    return args[0]


def _rules() -> dict[str, Rule]:
    rules = {f"torch.{name}": NAMED for name in (*_DTYPES, *_SCHEMES)}
    rules |= dict.fromkeys(_STORAGES, Rule(takes(INT, least=0)))
    rules |= dict.fromkeys(_TENSOR_CLASSES, Rule(takes(), new=True, state=_set_parts))
    rules |= {
        "torch.nn.parameter.Parameter": Rule(takes(_TENSOR, FLAG, least=0), new=True, state=_parameter_state),
        "torch.Size": Rule(takes(SIZES), new=True),
        "torch.torch_version.TorchVersion": Rule(takes(TEXT), new=True),
        "torch.device": Rule(takes(TEXT | INT, INT, least=1)),
        "torch.serialization._get_layout": Rule(takes(TEXT)),
        LOAD_FROM_BYTES: Rule(takes(BYTES)),
        "torch._tensor._rebuild_from_type_v2": Rule(_from_type),
        "torch._C.Generator": Rule(takes(_GENERATES), state=_generator_state),
        **dict.fromkeys(_UNINITIALIZED, Rule(takes(FLAG))),
        _JAGGED: NAMED,
        _REBUILD_JAGGED: Rule(_jagged),
        _RANGE: Rule(takes(), new=True, state=_range_state),
    }
    # What TorchScript's files call gives its first argument back.
    rules |= {f"torch.jit._pickle.{name}": Rule(takes(ANY), make=_same) for name in _LISTS}
    rules["torch.jit._pickle.restore_type_tag"] = Rule(takes(ANY, TEXT), make=_same)
    view = (_STORAGE, INT, _SIZE, _SIZE)
    functions = {
        "_rebuild_tensor": takes(*view),
        "_rebuild_tensor_v2": takes(*view, FLAG, _HOOKS, _METADATA, least=6),
        "_rebuild_tensor_v3": takes(*view, FLAG, _HOOKS, _DTYPE, _METADATA, least=7),
        "_rebuild_qtensor": takes(*view, _QUANTIZER, FLAG, _HOOKS),
        "_rebuild_parameter": takes(_TENSOR, FLAG, _HOOKS),
        "_rebuild_parameter_with_state": takes(_TENSOR, FLAG, _HOOKS, _STATE),
        "_rebuild_sparse_tensor": takes(_LAYOUT, _SPARSE),
        "_rebuild_meta_tensor_no_storage": takes(_DTYPE, _SIZE, _SIZE, FLAG),
        "_rebuild_nested_tensor": takes(_TENSOR, _TENSOR, _TENSOR, _TENSOR),
        "_rebuild_wrapper_subclass": takes(_TENSOR_CLASS, _DTYPE, _SIZE, _SIZE, INT, _LAYOUT, _DEVICE, FLAG),
        "_rebuild_device_tensor_from_cpu_tensor": takes(_TENSOR, _DTYPE, _DEVICE, FLAG),
        "_rebuild_device_tensor_from_numpy": takes(_ARRAY, _DTYPE, _DEVICE, FLAG),
    }
    rules |= {f"torch._utils.{name}": Rule(check) for name, check in functions.items()}
    return rules


TORCH: Final = MappingProxyType(_rules())
"""Rules by full name."""
