"""What a model has to do for one call: floating-point operations, and bytes that must move at least.

Operations are counted while eager PyTorch runs the model once, operator by operator, below its fused paths: a
fused encoder layer or a whole LSTM is one operator of which `torch.utils.flop_counter` sees nothing.

- Products: matrix products, convolutions, attention and recurrent layers, two for each multiplication with
  its addition. PyTorch's own formulas, and ours where it has none. A bias inside a product counts nothing.
- Elementwise: one for each number that a pointwise operator gives, whatever its function; one for each number
  that a reduction takes; `_PER_NUMBER` for normalizations and softmax; one comparison less than the window
  has for each number that a pooling gives.
- Copies, views, look-ups and what makes constants count nothing.

Bytes are the compulsory ones: every parameter, buffer and input read once, every output written once. What
flows between layers is not in them, so they are a lower bound: with fewer no engine can do.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from core import zoo
from core.export.parity import flatten

_LSTM: Final = 2  # the mode of `mkldnn_rnn_layer`
_LSTM_ELEMENTWISE: Final = 13
"""Per unit and step: 4 additions of the input's part to the state's, 4 activations of the gates, 3 operations
for the cell, 2 for the output."""
_PER_NUMBER: Final[Mapping[str, int]] = MappingProxyType({
    "native_batch_norm": 2, "_native_batch_norm_legit_no_training": 2, "cudnn_batch_norm": 2,
    "native_layer_norm": 7, "native_group_norm": 7, "_softmax": 5, "_log_softmax": 5,
})  # fmt: skip
"""Evaluated batch norm is a scale and a shift. Layer norm: mean 1, difference 1, variance 2, division 1,
scale 1, shift 1. Softmax: maximum 1, difference 1, exponential 1, sum 1, division 1."""
_NOTHING: Final = frozenset({"clone", "copy_", "_to_copy", "fill_", "zero_"})
"""What the tags of PyTorch call pointwise, or leave open, and what computes nothing."""


@dataclass(frozen=True)
class WorkPlan:
    """A model of the zoo at one batch."""

    model: str = "simple_mlp"
    seed: int = 0
    batch: int = 1


@dataclass(frozen=True)
class OperatorWork:
    """All calls of one operator of PyTorch in one call of the model.

    Attributes:
        operator: its name, as `addmm`.
        calls: how often.
        products, elementwise: the operations, of each kind.
    """

    operator: str
    calls: int
    products: int
    elementwise: int


@dataclass(frozen=True)
class Work:
    """What one call of a model has to do.

    Attributes:
        operators: that count at least one operation, those with most of them first.
        parameters, buffers, inputs, outputs: bytes, each tensor once.
    """

    operators: tuple[OperatorWork, ...]
    parameters: int
    buffers: int
    inputs: int
    outputs: int

    @property
    def products(self) -> int:
        """Operations of matrix products, convolutions, attention and recurrent layers."""
        return sum(each.products for each in self.operators)

    @property
    def elementwise(self) -> int:
        """All other operations."""
        return sum(each.elementwise for each in self.operators)

    @property
    def flops(self) -> int:
        """All operations."""
        return self.products + self.elementwise

    @property
    def bytes(self) -> int:
        """What must move at least."""
        return self.parameters + self.buffers + self.inputs + self.outputs

    @property
    def intensity(self) -> float:
        """Operations per byte: at most, since the bytes are the fewest."""
        return self.flops / self.bytes if self.bytes else math.inf


def count_work(plan: WorkPlan) -> Work:
    """The work of a model of the zoo, evaluated.

    It switches PyTorch's fused paths off while it counts: for a process of its own.

    Raises:
        ZooError: if there is no such model or batch.
    """
    made = zoo.build(plan.model, plan.seed)
    args, kwargs = made.arguments(made.example_inputs(plan.batch, zoo.InputKind.NORMAL, plan.seed))
    return work_of(made.module, args, kwargs)


def work_of(module: nn.Module, args: Sequence[Tensor], kwargs: Mapping[str, Tensor] | None = None) -> Work:
    """The work of any module, evaluated on these inputs; the module stays as it is."""
    kwargs = kwargs or {}
    counted = copy.deepcopy(module).eval()
    for each in counted.parameters():
        # Else an encoder layer takes its fused path, whatever the mode.
        each.requires_grad_(each.is_floating_point())
    # Below autograd composite operators are taken apart, which inference mode would leave whole.
    with torch.enable_grad(), _Counter() as counter:
        outputs = flatten(counted(*args, **kwargs))
    return Work(
        operators=counter.operators(),
        parameters=_bytes(counted.parameters()),
        buffers=_bytes(counted.buffers()),
        inputs=_bytes([*args, *kwargs.values()]),
        outputs=_bytes(outputs),
    )


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call] # PyTorch's
    """Counts what every operator does that PyTorch calls inside."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # PyTorch's
        self._calls: dict[str, int] = defaultdict(int)
        self._products: dict[str, int] = defaultdict(int)
        self._elementwise: dict[str, int] = defaultdict(int)

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an operator's overload
        types: Any,  # noqa: ANN401 - as its base has it
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operator gives
        given = dict(kwargs or {})
        found = func(*args, **given)
        name = func.overloadpacket.__name__
        products, elementwise = _flops(func, args, given, found)
        if products or elementwise:
            self._calls[name] += 1
            self._products[name] += products
            self._elementwise[name] += elementwise
        return found

    def operators(self) -> tuple[OperatorWork, ...]:
        """What was counted."""
        found = [
            OperatorWork(name, calls, self._products[name], self._elementwise[name])
            for name, calls in self._calls.items()
        ]
        return tuple(sorted(found, key=lambda each: -(each.products + each.elementwise)))


def _flops(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], found: Any) -> tuple[int, int]:  # noqa: ANN401
    """The products and the elementwise operations of one call."""
    name = func.overloadpacket.__name__
    first = found[0] if isinstance(found, tuple | list) else found
    if name in _OWN:
        return _OWN[name](args, first)
    if func.overloadpacket in flop_registry:
        return int(flop_registry[func.overloadpacket](*args, **kwargs, out_val=found)), 0
    if name in _NOTHING or func.is_view or not isinstance(first, Tensor):
        return 0, 0
    if name in _PER_NUMBER:
        return 0, _PER_NUMBER[name] * first.numel()
    if torch.Tag.reduction in func.tags:
        return 0, args[0].numel()
    return 0, first.numel() if torch.Tag.pointwise in func.tags else 0


def _attention(args: Sequence[Any], _: Tensor) -> tuple[int, int]:
    """Scores and their mix of values, and the scaling and softmax of the scores; shapes (N, heads, L, E)."""
    query, key, value = args[:3]
    scores = query.numel() // query.shape[-1] * key.shape[-2]
    products = 2 * scores * (query.shape[-1] + value.shape[-1])
    return products, scores * (1 + _PER_NUMBER["_softmax"])


def _recurrent(args: Sequence[Any], _: Tensor) -> tuple[int, int]:
    """One layer, one direction, of an LSTM: input (T, N, features), hidden state (N, units)."""
    steps = args[0].numel() // args[0].shape[-1]  # of all sequences together
    features, units, mode = args[0].shape[-1], args[10], args[9]
    if mode != _LSTM:
        raise ValueError(f"A recurrent layer of mode {mode} came and only an LSTM's (2) is counted.")
    return 2 * steps * (features + units) * 4 * units, _LSTM_ELEMENTWISE * steps * units


def _pooling(args: Sequence[Any], found: Tensor) -> tuple[int, int]:
    """A comparison or an addition for each number of the window but one; the window as (height, width)."""
    sizes = args[1] if len(args[1]) > 1 else [*args[1], *args[1]]
    return 0, (math.prod(sizes) - 1) * found.numel()


def _adaptive_pooling(args: Sequence[Any], _: Tensor) -> tuple[int, int]:
    """An average over parts of the image: each number is added once."""
    return 0, args[0].numel()


_OWN: Final[Mapping[str, Callable[[Sequence[Any], Tensor], tuple[int, int]]]] = MappingProxyType({
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
    "mkldnn_rnn_layer": _recurrent,
    "max_pool2d_with_indices": _pooling,
    "avg_pool2d": _pooling,
    "_adaptive_avg_pool2d": _adaptive_pooling,
})  # fmt: skip
"""Formulas that PyTorch's counter has not."""


def _bytes(tensors: Any) -> int:  # noqa: ANN401 - an iterable of tensors
    seen = {each.data_ptr(): each.numel() * each.element_size() for each in tensors if each.numel()}
    return sum(seen.values())
