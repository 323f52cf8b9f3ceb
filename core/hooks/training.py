"""A small training run whose hooks report, step by step, and what goes wrong in it by the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import torch
from torch import Tensor, nn

from core.hooks.events import Event
from core.hooks.nested import tensors_in
from core.hooks.plan import Plan
from core.hooks.recorder import HookRecorder
from core.hooks.spec import ROOT_NAME, HookKind
from core.rng import seeded
from core.zoo import MAX_SEED, InputKind, ZooModel

EXAMPLES: Final = 64
MAX_STEPS: Final = 2_000
STEPS_AFTER_NAN: Final = 10
STEPS_OF_ZEROS: Final = 5
DEAD_SHARE: Final = 0.99
EXPLODING_RATIO: Final = 1e3
VANISHING_RATIO: Final = 1e-5
VANISHED: Final = 1e-12

_TEACHER_FEATURES: Final = 256
_TEACHER_OUTPUTS: Final = 16


class TrainingError(ValueError):
    """A training run that cannot be: one line with what came and what was expected."""


class Optimizer(StrEnum):
    """How the parameters follow their gradients, with PyTorch's defaults but for the learning rate."""

    SGD = "sgd"
    ADAM = "adam"


@dataclass(frozen=True)
class Training:
    """A training run. It depends on nothing else: the same one gives the same bits.

    Attributes:
        plan: the model, its hooks, the seed, the size of a minibatch (at most the 64 examples there are), the
            kind of input (`normal` in place of `example`) and the training flag. Its mode does not matter.
        steps: 1 to 2,000.
        learning_rate: above 0.
        gain: what the initial weights of two or more dimensions are multiplied by; above 0, at most 100.
        optimizer: `sgd` or `adam`.
        nan_at: the step, from 1, whose input gets a NaN as its very first number; None for none.

    Raises:
        TrainingError: if one of them is not as described.
    """

    plan: Plan
    steps: int = 200
    learning_rate: float = 0.05
    gain: float = 1.0
    optimizer: Optimizer | str = Optimizer.SGD
    nan_at: int | None = None

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if not 1 <= self.steps <= MAX_STEPS:
            raise TrainingError(f"Got {self.steps:,} steps: choose from 1 to {MAX_STEPS:,}.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise TrainingError(f"Got the learning rate {self.learning_rate:g}: give a number above 0.")
        if not 0 < self.gain <= 100:
            raise TrainingError(f"Got the gain {self.gain:g}: give a number above 0 and up to 100.")
        if self.optimizer not in tuple(Optimizer):
            known = ", ".join(Optimizer)
            raise TrainingError(f"Got the optimizer {str(self.optimizer)[:40]!r}: choose one of {known}.")
        object.__setattr__(self, "optimizer", Optimizer(self.optimizer))
        if self.nan_at is not None and not 1 <= self.nan_at <= self.steps:
            raise TrainingError(f"Got a NaN at step {self.nan_at:,}: choose from 1 to {self.steps:,}.")


class FindingKind(StrEnum):
    """What can go wrong in training, as far as statistics show it."""

    EXPLODING = "exploding gradient"
    VANISHING = "vanishing gradient"
    DEAD_RELU = "dead ReLU"
    NOT_FINITE = "not finite"


@dataclass(frozen=True)
class Finding:
    """Something that went wrong.

    Attributes:
        layer: where; the empty string is the model itself.
        step: when it was seen first, from 1.
        sentence: the same in words, with the numbers that show it.
    """

    kind: FindingKind
    layer: str
    step: int
    sentence: str


@dataclass(frozen=True)
class Reading:
    """The statistics of one tensor that a hook saw in a step, over its finite numbers.

    Attributes:
        hook: which of the plan's hooks.
        role: what the tensor was to the layer, as in `Observed`.
        mean, std, norm, minimum, maximum: as in `Statistics`.
        zeros: the share of numbers that are exactly 0; None where it was not counted.
        nans, infinities: how many.
    """

    hook: int
    role: str
    mean: float
    std: float
    norm: float
    minimum: float
    maximum: float
    zeros: float | None
    nans: int
    infinities: int

    @property
    def finite(self) -> bool:
        """Whether all numbers are finite."""
        return self.nans == 0 and self.infinities == 0


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        number: from 1.
        loss: the mean of the squared errors, before the parameters changed; nan if the step failed.
        readings: in firing order.
        findings: what was seen for the first time in this step.
        ended: why the run ends with this step though it has not done all; empty otherwise.
    """

    number: int
    loss: float
    readings: tuple[Reading, ...]
    findings: tuple[Finding, ...]
    ended: str = ""


def train(training: Training) -> Iterator[Step]:
    """Trains a new model on 64 examples, whose targets are a fixed random linear map of their inputs.

    The steps come as they are made. PyTorch's global random generator is left as it is.

    Raises:
        ZooError, BuilderError: if there is no such model or input.
        HookError: for a hook on a layer that the model does not have.
    """
    plan = training.plan
    model = plan.build()
    module = model.module
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() >= 2:
                parameter.mul_(training.gain)
    kind = InputKind.NORMAL if plan.input_kind is InputKind.EXAMPLE else plan.input_kind
    examples = model.example_inputs(EXAMPLES, kind, plan.seed)
    recorder = HookRecorder(module, plan.hooks, restore=False, seed=plan.seed)
    return _steps(training, model, examples, recorder)


def _steps(
    training: Training, model: ZooModel, examples: Sequence[Tensor], recorder: HookRecorder
) -> Iterator[Step]:
    plan = training.plan
    parameters = [parameter for parameter in model.module.parameters() if parameter.requires_grad]
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(parameters, training.learning_rate)
        if training.optimizer is Optimizer.ADAM
        else torch.optim.SGD(parameters, training.learning_rate)
    )
    teacher = _Teacher(plan.seed)
    watch = _Watch(plan, model.module)
    minibatches = _minibatches(min(plan.batch, EXAMPLES), plan.seed)
    not_finite = 0
    with recorder:
        for number in range(1, training.steps + 1):
            rows = next(minibatches)
            inputs = [
                example.movedim(each.batch_axis, 0)[rows].movedim(0, each.batch_axis).contiguous()
                for each, example in zip(model.inputs, examples, strict=True)
            ]
            features = _features([example.movedim(each.batch_axis, 0)[rows] for each, example in
                                  zip(model.inputs, examples, strict=True)])  # fmt: skip
            if number == training.nan_at:
                inputs[0].view(-1)[0] = torch.nan
            args, kwargs = model.arguments([value.requires_grad_(plan.input_grad) for value in inputs])
            ended, value = "", math.nan
            with seeded((plan.seed + number) % (MAX_SEED + 1)), torch.enable_grad():
                try:
                    optimizer.zero_grad()
                    loss = teacher.loss(model.module(*args, **kwargs), features)
                    value = float(loss.detach())
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                except Exception as error:  # noqa: BLE001 - a visitor's hooks and layers may raise anything
                    ended = f"Step {number}: {type(error).__name__}: {' '.join(str(error).split())}"
            events = recorder.drain()
            findings = () if ended else watch.look(number, value, events)
            not_finite = 0 if math.isfinite(value) else not_finite + 1
            if not ended and not_finite > STEPS_AFTER_NAN and number < training.steps:
                ended = (
                    f"The loss has not been finite since step {number - STEPS_AFTER_NAN}, so nothing more is "
                    f"learnt: the run ended at step {number} of {training.steps}."
                )
            yield Step(number, value, _readings(events), findings, ended)
            if ended:
                return


def _minibatches(size: int, seed: int) -> Iterator[Tensor]:
    """Which examples, for each step: all of them in a random order, and then again in another."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.empty(0, dtype=torch.int64)
    while True:
        while len(order) < size:
            order = torch.cat([order, torch.randperm(EXAMPLES, generator=generator)])
        yield order[:size]
        order = order[size:]


def _features(inputs: Sequence[Tensor]) -> Tensor:
    """What the teacher sees: shape (batch, at most 256), finite."""
    joined = torch.cat([value.flatten(1) for value in inputs], 1)[:, :_TEACHER_FEATURES]
    return joined.nan_to_num(0.0, 0.0, 0.0)


class _Teacher:
    """A fixed random linear map per output of the model, which gives the targets."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._weights: dict[str, Tensor] = {}

    def loss(self, output: object, features: Tensor) -> Tensor:
        """The mean of the squared errors of each tensor in an output, summed."""
        terms = [
            (tensor - self._target(role, tensor, features)).pow(2).mean()
            for role, tensor in tensors_in(output, "output")
            if tensor.is_floating_point()
        ]
        return torch.stack(terms).sum()

    def _target(self, role: str, output: Tensor, features: Tensor) -> Tensor:
        """Like the output; each row holds what the map gives for an example, as often as it fits."""
        if role not in self._weights:
            size = (features.shape[1], _TEACHER_OUTPUTS)
            self._weights[role] = torch.randn(size, generator=self._generator) / math.sqrt(size[0])
        mapped = features @ self._weights[role]  # (batch, 16)
        if output.dim() and output.shape[0] == len(mapped):
            places = torch.arange(math.prod(output.shape[1:])) % _TEACHER_OUTPUTS
            return mapped[:, places].reshape(output.shape).to(output.dtype)
        places = torch.arange(output.numel()) % mapped.numel()
        return mapped.reshape(-1)[places].reshape(output.shape).to(output.dtype)


def _readings(events: Sequence[Event]) -> tuple[Reading, ...]:
    found = []
    for event in events:
        for observed in event.observed:
            numbers = observed.statistics
            if numbers is None:
                continue
            zeros = None if numbers.zeros is None else numbers.zeros / max(1, numbers.count)
            found.append(
                Reading(
                    event.index, observed.role, numbers.mean, numbers.std, numbers.norm, numbers.minimum,
                    numbers.maximum, zeros, numbers.nans, numbers.infinities,
                )
            )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True)
class _Gradient:
    """The norm of a gradient at a layer."""

    layer: str
    norm: float


class _Watch:
    """Looks at every step's events, and says what is wrong the first time that it is."""

    def __init__(self, plan: Plan, module: nn.Module) -> None:
        self._relus = {
            name
            for name, layer in module.named_modules(remove_duplicate=False)
            if isinstance(layer, nn.ReLU | nn.ReLU6)
        }
        self._found: set[tuple[FindingKind, str]] = set()
        self._zeros: dict[int, int] = {}
        self._first: dict[tuple[int, str], float] = {}
        self._parameters = {
            index: spec.parameter or next(iter(module.get_submodule(spec.layer)._parameters), "")
            for index, spec in enumerate(plan.hooks)
            if spec.the_kind.is_on_parameter
        }
        self._lost = False

    def look(self, step: int, loss: float, events: Sequence[Event]) -> tuple[Finding, ...]:
        """The new findings of a step.

        Args:
            step: its number.
            loss: nan or infinite if it came to that.
            events: of this step, in firing order.
        """
        candidates: list[Finding | None] = [
            self._not_finite(step, loss, events),
            *self._dead(step, events),
            *self._gradients(step, loss, events),
        ]
        new = []
        for finding in candidates:
            if finding is not None and (finding.kind, finding.layer) not in self._found:
                self._found.add((finding.kind, finding.layer))
                new.append(finding)
        return tuple(new)

    def _not_finite(self, step: int, loss: float, events: Sequence[Event]) -> Finding | None:
        """Where it was seen first. What it does to later steps says nothing new."""
        if self._lost:
            return None
        before: list[tuple[Event, str]] = []  # finite so far
        for event in events:
            for observed in event.observed:
                numbers = observed.statistics
                if numbers is None:
                    continue
                if numbers.finite:
                    before.append((event, observed.role))
                    continue
                self._lost = True
                what = "a NaN" if numbers.nans else "an infinity"
                sentence = (
                    f"First seen at step {step}: {what} in the {observed.role} of `{event.spec.where}`; "
                    f"{_still_finite(event, before)}."
                )
                return Finding(FindingKind.NOT_FINITE, event.layer, step, sentence)
        if math.isfinite(loss):
            return None
        self._lost = True
        sentence = f"The loss is {loss} at step {step}, and no hook has seen why: put hooks on more layers."
        return Finding(FindingKind.NOT_FINITE, "", step, sentence)

    def _dead(self, step: int, events: Sequence[Event]) -> Iterator[Finding]:
        shares: dict[int, float] = {}
        layers: dict[int, str] = {}
        for event in events:
            if event.layer not in self._relus or event.kind is not HookKind.FORWARD:
                continue
            for observed in event.observed:
                numbers = observed.statistics
                if observed.role == "output" and numbers is not None and numbers.zeros is not None:
                    share = numbers.zeros / max(1, numbers.count)
                    shares[event.index] = min(share, shares.get(event.index, 1.0))
                    layers[event.index] = event.layer
        self._zeros = {
            index: self._zeros.get(index, 0) + 1 for index, share in shares.items() if share > DEAD_SHARE
        }
        for index, steps in self._zeros.items():
            if steps == STEPS_OF_ZEROS:
                layer = layers[index]
                yield Finding(
                    FindingKind.DEAD_RELU,
                    layer,
                    step,
                    f"{shares[index]:.1%} of the output of `{layer or ROOT_NAME}` is exactly 0 "
                    f"at step {step}, and over {DEAD_SHARE:.0%} in the {STEPS_OF_ZEROS - 1} steps before: "
                    "the layers before it hardly get a gradient.",
                )

    def _gradients(self, step: int, loss: float, events: Sequence[Event]) -> Iterator[Finding]:
        """Compares gradients of the same kind, which fire from the last layer to the first."""
        series: dict[tuple[str, str, str], list[_Gradient]] = {}
        now: dict[tuple[int, str], _Gradient] = {}
        for event in events:
            if not event.kind.is_backward:
                continue
            for observed in event.observed:
                numbers = observed.statistics
                if numbers is None or not numbers.finite or not numbers.count:
                    continue
                gradient = _Gradient(event.layer, numbers.norm)
                # Weights are compared with weights, and biases with biases.
                name = self._parameters.get(event.index, "")
                series.setdefault((event.kind, observed.role, name), []).append(gradient)
                key = event.index, observed.role
                if key not in now or now[key].norm < gradient.norm:
                    now[key] = gradient
        for (kind, role, _), gradients in series.items():
            what = role if role != ".grad" else "gradient"
            yield from _exploding(step, f"{what} ({kind})", gradients)
            yield from _vanishing(step, loss, f"{what} ({kind})", gradients)
        for key, gradient in now.items():
            first = self._first.setdefault(key, gradient.norm)
            if gradient.norm > EXPLODING_RATIO * first > 0:
                yield Finding(
                    FindingKind.EXPLODING,
                    gradient.layer,
                    step,
                    f"The norm of {key[1]} at `{gradient.layer or ROOT_NAME}` is {gradient.norm:.3g} at step "
                    f"{step}: {gradient.norm / first:.3g} times that of the first step, {first:.3g}.",
                )


def _exploding(step: int, what: str, gradients: Sequence[_Gradient]) -> Iterator[Finding]:
    """A layer whose gradient is far above that of one nearer to the loss: the highest of this step."""
    least: _Gradient | None = None
    worst: tuple[_Gradient, _Gradient] | None = None
    for gradient in gradients:
        if (
            least is not None
            and gradient.layer != least.layer
            and gradient.norm > EXPLODING_RATIO * least.norm
            and (worst is None or gradient.norm > worst[0].norm)
        ):
            worst = gradient, least
        if gradient.norm > 0 and (least is None or gradient.norm < least.norm):
            least = gradient
    if worst is not None:
        large, small = worst
        yield Finding(
            FindingKind.EXPLODING,
            large.layer,
            step,
            f"The norm of {what} is {large.norm:.3g} at `{large.layer or ROOT_NAME}` and {small.norm:.3g} at "
            f"`{small.layer or ROOT_NAME}`, nearer to the loss: {large.norm / small.norm:.3g} times as much, "
            f"at step {step}.",
        )


def _vanishing(step: int, loss: float, what: str, gradients: Sequence[_Gradient]) -> Iterator[Finding]:
    """The first layer's gradient, far below the last one's, or next to nothing though there is a loss."""
    last, first = gradients[0], gradients[-1]
    if first.norm < VANISHING_RATIO * last.norm:
        yield Finding(
            FindingKind.VANISHING,
            first.layer,
            step,
            f"The norm of {what} is {first.norm:.3g} at `{first.layer or ROOT_NAME}` and {last.norm:.3g} at "
            f"`{last.layer or ROOT_NAME}`, nearer to the loss: {first.norm / last.norm:.3g} of it, at step "
            f"{step}.",
        )
    elif first.norm < VANISHED < loss:
        yield Finding(
            FindingKind.VANISHING,
            first.layer,
            step,
            f"The norm of {what} at `{first.layer or ROOT_NAME}` is {first.norm:.3g} at step {step}, while "
            f"the loss is {loss:.3g}: it does not learn.",
        )


def _still_finite(event: Event, before: Sequence[tuple[Event, str]]) -> str:
    """What is known to have been finite just before."""
    same = [role for other, role in before if other is event]
    if same:
        return f"its {same[-1]} was still finite"
    inputs = [
        other
        for other, role in before
        if other.layer == event.layer and event.kind is HookKind.FORWARD and role.startswith("input")
    ]
    if inputs:
        return "its input was still finite"
    if before:
        other, role = before[-1]
        return f"the {role} of `{other.spec.where}`, seen just before, was still finite"
    return "no hook saw what came before"
