"""What to run: the model, its input, the hooks, and the way in which the model is run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core import builder, zoo
from core.builder.words import FLOAT32
from core.hooks.spec import ROOT_NAME, HookError, HookSpec
from core.zoo import InputKind, ZooModel

MAX_HOOKS: Final = 200
"""Of one visitor's plan. The recorder itself has no limit."""

MAX_ACTIVATION_BYTES: Final = 32 * 2**20
MAX_PRODUCTS: Final = 200_000_000
"""Of one run of a visitor's chain: about a tenth of a second."""

COMPILE_BACKEND: Final = "aot_eager"
"""All of `torch.compile` but the generating of C++ code, which needs a compiler and half a minute.

What becomes of hooks is decided before that."""

CHAIN: Final = "chain"
"""The name of the model that the visitor composes."""


class Mode(StrEnum):
    """How the model is run."""

    CALL = "call"
    FORWARD = "forward"
    INNER = "inner"
    BACKWARD = "backward"
    EXCEPTION = "exception"
    CHECKPOINT = "checkpoint"
    NO_GRAD = "no_grad"
    LATE = "late"
    COPY = "copy"
    SAVE_LOAD = "save_load"
    COMPILED = "compiled"
    COMPILED_FIRST = "compiled_first"

    @property
    def has_backward(self) -> bool:
        """Whether the run goes back from a loss."""
        return self in _WITH_BACKWARD

    @property
    def needs_layer(self) -> bool:
        """Whether it is about one inner layer."""
        return self in {Mode.INNER, Mode.EXCEPTION}

    @property
    def compiles(self) -> bool:
        """Whether it needs `torch.compile`, which runs in a process of its own."""
        return self in {Mode.COMPILED, Mode.COMPILED_FIRST}


_WITH_BACKWARD: Final = frozenset(
    {Mode.BACKWARD, Mode.CHECKPOINT, Mode.INNER, Mode.LATE, Mode.COMPILED, Mode.COMPILED_FIRST}
)


@dataclass(frozen=True)
class Plan:
    """Everything that a run depends on.

    Attributes:
        model: a name of the zoo, or `chain`.
        chain: the text of the chain, used if the model is `chain`.
        hooks: in the order in which they are registered.
        mode: how the model is run.
        layer: for the modes that are about one inner layer: its name.
        training: train mode or eval mode.
        seed: of the parameters, the input and dropout.
        batch: examples in the input.
        input_kind: what the input holds.
        input_grad: whether the input requires a gradient.
    """

    model: str = "scalar_linear"
    chain: str = ""
    hooks: tuple[HookSpec, ...] = ()
    mode: Mode = Mode.CALL
    layer: str = ""
    training: bool = True
    seed: int = 0
    batch: int = 1
    input_kind: InputKind = InputKind.EXAMPLE
    input_grad: bool = False

    def build(self) -> ZooModel:
        """A new model, in the mode that the plan asks for.

        Raises:
            ZooError, BuilderError: if there is no such model.
            HookError: if a chain would take too much memory or time with this batch.
        """
        if self.model == CHAIN:
            chain = builder.parse_chain(self.chain)
            _check_cost(chain, self.batch)
            made = chain.build(self.seed)
        else:
            made = zoo.build(self.model, self.seed)
        made.module.train(self.training)
        return made

    def __post_init__(self) -> None:
        """Checks the number of hooks."""
        if len(self.hooks) > MAX_HOOKS:
            raise HookError(
                f"{len(self.hooks):,} hooks are too many for one page: register at most {MAX_HOOKS}."
            )

    @property
    def code(self) -> str:
        """The line of code that runs the model."""
        layer = self.layer or ROOT_NAME
        return {
            Mode.CALL: "model(x)",
            Mode.FORWARD: "model.forward(x)",
            Mode.INNER: f"{layer}.forward(x) inside model(x), loss.backward()",
            Mode.BACKWARD: "model(x), loss.backward()",
            Mode.EXCEPTION: f"model(x), and {layer} raises",
            Mode.CHECKPOINT: "checkpoint(model, x), loss.backward()",
            Mode.NO_GRAD: "with torch.no_grad(): model(x)",
            Mode.LATE: "model(x) registers the hooks while it runs, loss.backward()",
            Mode.COPY: "a copy made before the hooks, in another thread",
            Mode.SAVE_LOAD: "model.load_state_dict(model.state_dict())",
            Mode.COMPILED: "torch.compile(model)(x) after registering",
            Mode.COMPILED_FIRST: "torch.compile(model)(x) before registering and after",
        }[self.mode]


def _check_cost(chain: builder.Chain, batch: int) -> None:
    given = math.prod(chain.input_shape) * FLOAT32
    memory = batch * (given + sum(step.activation_bytes for step in chain.steps))
    # A parameter is used once for every place of the output: of an image, or of a sequence.
    products = batch * sum(
        step.parameters * _places(step.output_shape) + _pooled(step) for step in chain.steps
    )
    if memory > MAX_ACTIVATION_BYTES:
        raise HookError(
            f"With a batch of {batch:,} the layers would give {memory / 2**20:,.0f} MiB of numbers; the "
            f"limit here is {MAX_ACTIVATION_BYTES // 2**20} MiB. Use a smaller batch or smaller layers."
        )
    if products > MAX_PRODUCTS:
        raise HookError(
            f"With a batch of {batch:,} one run would take {products:,} multiplications; the limit here is "
            f"{MAX_PRODUCTS:,}. Use a smaller batch or smaller layers."
        )


def _pooled(step: builder.Step) -> int:
    """How many numbers a pooling layer reads, each as often as its window comes over it."""
    arguments = dict(step.arguments)
    if "Pool" not in step.layer:
        return 0
    if step.layer.startswith("Adaptive"):
        return math.prod(step.input_shape) + math.prod(step.output_shape)
    return math.prod(step.output_shape) * int(arguments["kernel_size"]) ** 2


def _places(shape: tuple[int, ...]) -> int:
    """How many places an output has, without its features: height times width, or the length."""
    return math.prod(shape[1:]) if len(shape) == 3 else math.prod(shape[:-1])
