"""The size of what one operator gives, from the sizes of what it gets: arithmetic only, and a lower bound.

A dimension that is not known counts as one. Only the operators that make large values of small ones, and
those that pass shapes and small constants on, have a rule; of all others nothing is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final, TypeAlias

import onnx

from core.export import tensors

Shape: TypeAlias = tuple[int | None, ...]
Attributes: TypeAlias = Callable[[str], onnx.AttributeProto | None]
"""Finds a node's attribute by its name."""


@dataclass(frozen=True)
class Size:
    """What is known of one value.

    Attributes:
        shape: None if its rank is not known; a dimension is None if that is not.
        count: at least so many elements, an unknown dimension counting as one.
        bits: of an element.
        fixed: whether it comes from constants alone: a runtime may compute it when it loads the model.
        numbers: its elements, if it is a small constant.
    """

    shape: Shape | None = None
    count: int = 1
    bits: int = 32
    fixed: bool = False
    numbers: tuple[float, ...] | None = None

    @property
    def bytes(self) -> int:
        """At least so much memory."""
        return (self.count * self.bits + 7) // 8

    @property
    def is_true(self) -> bool:
        """Whether it is a constant, and true."""
        return bool(self.numbers) and all(self.numbers or ())


UNKNOWN: Final = Size()


def of_shape(shape: Sequence[int | None], bits: int) -> Size:
    """A value of a shape; nothing is known of one with more dimensions than may be."""
    if len(shape) > tensors.MAX_RANK:
        return replace(UNKNOWN, bits=bits)
    return Size(tuple(shape), math.prod(1 if size is None else size for size in shape), bits)


def of_tensor(tensor: onnx.TensorProto) -> Size:
    """A constant that has no `problem`."""
    size = of_shape(tensor.dims, bits_of(tensor.data_type))
    return replace(size, fixed=True, numbers=tensors.numbers(tensor))


def of_input(info: onnx.ValueInfoProto) -> Size:
    """What an input declares; a negative dimension is one that is not known."""
    tensor = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return replace(UNKNOWN, bits=bits_of(tensor.elem_type))
    sizes = [each.dim_value if each.HasField("dim_value") else -1 for each in tensor.shape.dim]
    return of_shape([None if size < 0 else size for size in sizes], bits_of(tensor.elem_type))


def bits_of(element: int) -> int:
    """Bits of an element in memory; 32 for a type that is not known."""
    return tensors.BITS.get(element, 32)


def compute(node: onnx.NodeProto, inputs: Sequence[Size], attributes: Attributes) -> Size:
    """The first output of a node of the default domain that has no subgraphs.

    Args:
        node: of a known operator.
        inputs: one for each of its inputs; an empty one is unknown.
        attributes: finds the node's attributes.
    """
    rule = _RULES.get(node.op_type)
    size = UNKNOWN if rule is None else rule(_Call(list(inputs), attributes))
    if size is UNKNOWN:
        return size
    return replace(size, fixed=size.fixed or (bool(inputs) and all(each.fixed for each in inputs)))


class _Call:
    """A node's inputs and attributes, as its rule reads them."""

    def __init__(self, inputs: list[Size], attributes: Attributes) -> None:
        self.inputs = inputs
        self.attribute = attributes

    def __getitem__(self, index: int) -> Size:
        return self.inputs[index] if index < len(self.inputs) else UNKNOWN

    @property
    def bits(self) -> int:
        return max((each.bits for each in self.inputs), default=32)

    def whole(self, name: str, default: int) -> int:
        found = self.attribute(name)
        return default if found is None else int(found.i)

    def wholes(self, name: str) -> list[int] | None:
        found = self.attribute(name)
        return None if found is None else list(found.ints)

    def dims(self, index: int) -> Shape | None:
        """The shape that a constant input holds."""
        numbers = self[index].numbers
        return None if numbers is None else tuple(int(each) if each >= 0 else None for each in numbers)


def _constant(call: _Call) -> Size:
    for name, bits in (("value_int", 64), ("value_float", 32), ("value_ints", 64), ("value_floats", 32)):
        found = call.attribute(name)
        if found is not None:
            numbers = found.ints or found.floats or (found.i if name == "value_int" else found.f,)
            few = tuple(numbers) if len(numbers) <= tensors.FEW and all(map(math.isfinite, numbers)) else None
            one = () if name in {"value_int", "value_float"} else (len(numbers),)
            return replace(of_shape(one, bits), fixed=True, numbers=few)
    found = call.attribute("value")
    if found is not None and found.HasField("t"):
        return of_tensor(found.t)
    found = call.attribute("sparse_value")
    if found is None:
        return UNKNOWN
    sparse = found.sparse_tensor
    return replace(of_shape(sparse.dims, bits_of(sparse.values.data_type)), fixed=True)


def _same(call: _Call) -> Size:
    return replace(call[0], fixed=False, numbers=None)


def _identity(call: _Call) -> Size:
    return replace(call[0], fixed=False)


def _cast(call: _Call) -> Size:
    return replace(call[0], fixed=False, bits=bits_of(call.whole("to", 1)))


def _broadcast(call: _Call) -> Size:
    return _together([each.shape for each in call.inputs], max(each.count for each in call.inputs), call.bits)


def _constant_of_shape(call: _Call) -> Size:
    dims, value = call.dims(0), call.attribute("value")
    bits = 32 if value is None else bits_of(value.t.data_type)
    return replace(UNKNOWN, bits=bits) if dims is None else of_shape(dims, bits)


def _expand(call: _Call) -> Size:
    return _together([call[0].shape, call.dims(1)], call[0].count, call[0].bits)


def _tile(call: _Call) -> Size:
    repeats, size = call.dims(1), call[0]
    if repeats is None or None in repeats:
        return replace(UNKNOWN, bits=size.bits)
    times = math.prod(each or 0 for each in repeats)
    shape = None
    if size.shape is not None and len(size.shape) == len(repeats):
        shape = tuple(None if a is None else a * (b or 0) for a, b in zip(size.shape, repeats, strict=True))
    return Size(shape, size.count * times, size.bits)


def _range(call: _Call) -> Size:
    ends = [each.numbers for each in (call[0], call[1], call[2])]
    if not all(ends):
        return replace(UNKNOWN, bits=call.bits)
    start, stop, step = (numbers[0] if numbers else 0 for numbers in ends)
    if step == 0:
        return UNKNOWN
    span = max(0, -((stop - start) // -step))
    return of_shape([int(span) if math.isfinite(span) else 2**63], call.bits)


def _concat(call: _Call) -> Size:
    count = sum(each.count for each in call.inputs)
    shapes = [each.shape for each in call.inputs]
    first, axis = shapes[0] if shapes else None, call.whole("axis", 0)
    if first is None or not -len(first) <= axis < len(first):
        return Size(None, count, call.bits)
    along = [None if shape is None or len(shape) != len(first) else shape[axis] for shape in shapes]
    merged = list(first)
    merged[axis] = None if None in along else sum(each or 0 for each in along)
    numbers = None
    if len(first) == 1 and count <= tensors.FEW and all(each.numbers is not None for each in call.inputs):
        numbers = tuple(number for each in call.inputs for number in each.numbers or ())
    return Size(tuple(merged), count, call.bits, numbers=numbers)


def _pad(call: _Call) -> Size:
    pads: Sequence[int | None] | None = call.wholes("pads") or call.dims(1)
    shape = call[0].shape
    if pads is None or shape is None or len(pads) != 2 * len(shape) or len(call.inputs) > 3:
        return replace(UNKNOWN, bits=call[0].bits)
    both = zip(pads[: len(shape)], pads[len(shape) :], strict=True)
    padded = [(size or 0) + max(0, a or 0) + max(0, b or 0) for size, (a, b) in zip(shape, both, strict=True)]
    return of_shape(padded, call[0].bits)


def _resize(call: _Call) -> Size:
    sizes = call.dims(3)
    if sizes and None not in sizes and not call.wholes("axes"):
        return of_shape(sizes, call[0].bits)
    scales = call[2].numbers or call[1].numbers
    if not scales or min(scales) < 1:
        return replace(UNKNOWN, bits=call[0].bits)
    return Size(None, call[0].count * math.prod(int(each) for each in scales), call[0].bits)


def _one_hot(call: _Call) -> Size:
    depth = call[1].numbers
    return Size(None, call[0].count * max(0, int(depth[0]) if depth else 1), call[2].bits)


def _reshape(call: _Call) -> Size:
    shape = call.dims(1)
    if shape is None or 0 in shape:
        return Size(None, call[0].count, call[0].bits, numbers=call[0].numbers)
    return replace(of_shape(shape, call[0].bits), count=call[0].count, numbers=call[0].numbers)


def _unsqueeze(call: _Call) -> Size:
    axes = call.wholes("axes") or [int(each) for each in call[1].numbers or ()]
    size = replace(call[0], fixed=False)
    if size.shape is None or not axes or len(size.shape) + len(axes) > tensors.MAX_RANK:
        return replace(size, shape=None)
    rank = len(size.shape) + len(axes)
    new = {axis % rank for axis in axes}
    old = iter(size.shape)
    return replace(size, shape=tuple(1 if axis in new else next(old, None) for axis in range(rank)))


def _transpose(call: _Call) -> Size:
    size, order = replace(call[0], fixed=False, numbers=None), call.wholes("perm")
    if size.shape is None:
        return size
    order = list(range(len(size.shape)))[::-1] if order is None else order
    fits = sorted(order) == list(range(len(size.shape)))
    return replace(size, shape=tuple(size.shape[axis] for axis in order) if fits else None)


def _gather(call: _Call) -> Size:
    shape, where, axis = call[0].shape, call[1].shape, call.whole("axis", 0)
    if shape is None or where is None or not -len(shape) <= axis < len(shape):
        return replace(UNKNOWN, bits=call[0].bits)
    axis %= len(shape)
    return of_shape((*shape[:axis], *where, *shape[axis + 1 :]), call[0].bits)


def _matmul(call: _Call) -> Size:
    a, b = call[0].shape, call[1].shape
    if a is None or b is None or min(len(a), len(b)) < 2:
        return replace(UNKNOWN, bits=call.bits)
    batch = _together([a[:-2], b[:-2]], 1, call.bits).shape or ()
    return of_shape((*batch, a[-2], b[-1]), call.bits)


def _shape(call: _Call) -> Size:
    shape = call[0].shape
    if shape is None or None in shape or call.attribute("start") or call.attribute("end"):
        return replace(UNKNOWN, bits=64)
    return Size((len(shape),), len(shape), 64, fixed=True, numbers=tuple(size or 0 for size in shape))


def _random(call: _Call) -> Size:
    return replace(of_shape([max(0, each) for each in call.wholes("shape") or []], 32), fixed=True)


def _eye_like(call: _Call) -> Size:
    return replace(call[0], fixed=False, numbers=None, bits=64)


def _window(call: _Call) -> Size:
    return UNKNOWN if call.dims(0) is None else of_shape(call.dims(0) or (), 32)


def _together(shapes: Sequence[Shape | None], at_least: int, bits: int) -> Size:
    """What shapes broadcast to; if one of them is not known, at least so many elements."""
    known = [shape[::-1] for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        most = max((of_shape(shape, bits).count for shape in known), default=1)
        return Size(None, max(at_least, most), bits)
    return of_shape([_widest(column) for column in zip_longest(*known, fillvalue=1)][::-1], bits)


def _widest(column: tuple[int | None, ...]) -> int | None:
    fixed = [size for size in column if size is not None and size != 1]
    if fixed:
        return 0 if 0 in fixed else max(fixed)
    return None if None in column else 1


_RULES: Final[dict[str, Callable[[_Call], Size]]] = {
    **dict.fromkeys(
        (
            "Abs", "Clip", "Dropout", "Erf", "Exp", "Log", "Neg", "Not", "RandomNormalLike",
            "RandomUniformLike", "Relu", "Sigmoid", "Softmax", "Sqrt", "Tanh", "Trilu",
        ),
        _same,
    ),
    **dict.fromkeys(
        (
            "Add", "And", "Div", "Equal", "Greater", "Less", "Max", "Mean", "Min", "Mod", "Mul", "Or", "Pow",
            "Sub", "Sum", "Where", "Xor",
        ),
        _broadcast,
    ),
    **dict.fromkeys(("RandomNormal", "RandomUniform"), _random),
    **dict.fromkeys(("HannWindow", "HammingWindow", "BlackmanWindow"), _window),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    "Cast": _cast,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "EyeLike": _eye_like,
    "Gather": _gather,
    "Identity": _identity,
    "MatMul": _matmul,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}  # fmt: skip
