"""Every module that PyTorch tests itself with, hooked all over: the same outputs, and nothing left behind.

PyTorch's test database changes settings of the process that imports it, so the sweep has one of its own.
"""

# PyTorch has no types for its test database, for `backward` and for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from core.hooks import HookKind, HookRecorder, HookSpec
from tests.core.hooks.test_preserve import bits, picture

ROOT = Path(__file__).parents[3]
WATCHERS = (HookKind.FORWARD_PRE, HookKind.FORWARD, HookKind.OUTPUT_TENSOR)
INPUTS = 6


@dataclass
class Swept:
    """What a sweep found: the classes that ran, and where something was not as it was."""

    ran: list[str] = field(default_factory=list)
    compared: int = 0
    outputs: list[str] = field(default_factory=list)
    gradients: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    full_backward: list[str] = field(default_factory=list)
    moved_by_full_backward: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    name: str
    make: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def use(self, model: nn.Module) -> tuple[list[bytes], list[bytes | None]]:
        """The bits of the outputs, and of the gradients after a backward pass."""
        torch.manual_seed(1)
        args, kwargs = copy.deepcopy((self.args, self.kwargs))
        outputs = list(flat(model(*args, **kwargs)))
        found = [bits(output) for output in outputs]
        ends = [output.sum() for output in outputs if output.requires_grad]
        if ends:
            torch.stack(ends).sum().backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        return found, [None if gradient is None else bits(gradient) for gradient in gradients]


def flat(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from flat(item)


def cases() -> Iterator[Case]:
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        for training in (True, False):
            given = info.module_inputs_func(
                info, device="cpu", dtype=torch.float32, requires_grad=False, training=training
            )
            for each in given[:INPUTS]:
                if each.forward_input is None:
                    continue
                torch.manual_seed(0)
                made = info.module_cls(*each.constructor_input.args, **each.constructor_input.kwargs)
                made.train(training)
                name = f"{info.name} {'train' if training else 'eval'}"
                yield Case(name, made, each.forward_input.args, each.forward_input.kwargs)


def sweep() -> Swept:
    found = Swept()
    for case in cases():
        try:
            bare = case.use(copy.deepcopy(case.make))
        except (RuntimeError, ValueError, TypeError):
            continue  # a combination that the module itself refuses
        found.ran.append(case.name)
        watch(case, bare, found)
        go_back(case, bare, found)
    return found


def everywhere(model: nn.Module, kinds: tuple[HookKind, ...]) -> list[HookSpec]:
    return [HookSpec(name, kind) for name, _ in model.named_modules() for kind in kinds]


def watch(case: Case, bare: tuple[list[bytes], list[bytes | None]], found: Swept) -> None:
    model = copy.deepcopy(case.make)
    # In its first run a lazy module makes its parameters, changes its class and drops its own hook.
    lazy = any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers()))
    before = {} if lazy else picture(model)
    with HookRecorder(model, everywhere(model, WATCHERS)) as recorder:
        outputs, gradients = case.use(model)
    found.compared += len(recorder.events) > 0
    if outputs != bare[0]:
        found.outputs.append(case.name)
    if gradients != bare[1]:
        found.gradients.append(case.name)
    if lazy:
        left = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
        if any(left):
            found.models.append(case.name)
    elif picture(model) != before:
        found.models.append(case.name)


def go_back(case: Case, bare: tuple[list[bytes], list[bytes | None]], found: Swept) -> None:
    """With full backward hooks: exactly what plain ones do to a copy."""
    plain, recorded = copy.deepcopy(case.make), copy.deepcopy(case.make)
    for module in plain.modules():
        module.register_full_backward_hook(lambda *_: None)
    try:
        expected: object = case.use(plain)
    except RuntimeError as error:
        expected = str(error)
    lazy = any(is_lazy(tensor) for tensor in (*recorded.parameters(), *recorded.buffers()))
    before = {} if lazy else picture(recorded)
    with HookRecorder(recorded, everywhere(recorded, (HookKind.FULL_BACKWARD,))):
        try:
            got: object = case.use(recorded)
        except RuntimeError as error:
            got = str(error)
    if got != expected:
        found.full_backward.append(case.name)
    if isinstance(expected, tuple) and expected[0] != bare[0]:
        found.moved_by_full_backward.append(case.name)
    if not lazy and picture(recorded) != before:
        found.models.append(case.name)


@pytest.fixture(scope="module")
def swept() -> Swept:
    code = "from tests.core.hooks.test_outside_modules import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return Swept(**json.loads(done.stdout.splitlines()[-1]))


def test_all_modules_of_pytorchs_own_tests_ran_in_both_modes(swept: Swept) -> None:
    assert len(swept.ran) >= 500
    assert swept.compared == len(swept.ran)
    for mode in ("train", "eval"):
        assert len({name for name in swept.ran if name.endswith(mode)}) >= 110


def test_watching_changes_no_bit_of_any_output(swept: Swept) -> None:
    assert swept.outputs == []


def test_watching_changes_no_bit_of_any_gradient(swept: Swept) -> None:
    assert swept.gradients == []


def test_every_module_is_afterwards_as_it_came(swept: Swept) -> None:
    assert swept.models == []


def test_full_backward_hooks_do_to_it_exactly_what_plain_ones_do(swept: Swept) -> None:
    assert swept.full_backward == []


def test_full_backward_hooks_move_only_the_outputs_of_transformers(swept: Swept) -> None:
    """Each input becomes a view of its own, so query, key and value are no longer the same tensor."""
    assert [name for name in swept.moved_by_full_backward if "Transformer" not in name] == []


def main() -> None:
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(asdict(sweep())) + "\n")
