"""What a visitor takes away: a plan as a PyTorch script that needs nothing of this app.

The script builds the same model from the same seed, makes the same input, registers the same hooks in the
same order and runs the model in the same way. It prints a line per firing and then the output:

    1. fc1 forward: output (2, 16) mean 0.0123 std 0.2 min -0.31 max 0.5
    output: (2, 4) 0.12345670163631439 -0.23456780612468719
    hooks left: 0

Statistics are over the finite numbers of a tensor, in float64; the output's numbers have all their digits.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from textwrap import indent
from typing import Final

from torch import nn

from core import builder, zoo_modules
from core.hooks.code import indented, layer_code, listed, text
from core.hooks.plan import CHAIN, COMPILE_BACKEND, Mode, Plan
from core.hooks.program_hook import SEES_STATE, STRUCTURED, ProgramHook
from core.hooks.run import PREVIEW
from core.hooks.spec import ROOT_NAME, Action, HookError, HookKind
from core.zoo import Input, InputKind, ZooModel

_TITLES: Final = {
    Mode.CALL: "model(x)",
    Mode.FORWARD: "model.forward(x)",
    Mode.INNER: "model(x), with one layer run by its .forward(), then loss.backward()",
    Mode.BACKWARD: "model(x), then loss.backward()",
    Mode.EXCEPTION: "model(x), with an exception in the middle",
    Mode.CHECKPOINT: "checkpoint(model, x), then loss.backward()",
    Mode.NO_GRAD: "model(x) without gradients",
    Mode.LATE: "model(x), with hooks registered while it runs, then loss.backward()",
    Mode.COPY: "hooks on a model, and a copy of it run in another thread",
    Mode.SAVE_LOAD: "model.load_state_dict(model.state_dict())",
    Mode.COMPILED: "hooks on a model, then torch.compile(model)(x) and loss.backward()",
    Mode.COMPILED_FIRST: "torch.compile(model)(x), then hooks on the model, then the same again",
}


def hooks_program(plan: Plan) -> str:
    """A complete PyTorch script that does what `run(plan)` does, and prints what fired and the output.

    Raises:
        ZooError, BuilderError: if there is no such model or input.
        HookError: for a layer or a parameter that the model does not have.
    """
    return _Program(plan).text()


_OWN: Final = '''\
def own(state_dict, prefix):
    """The entries of the layer itself, not of the layers in it."""
    names = {key: key.removeprefix(prefix) for key in state_dict if key.startswith(prefix)}
    return [(name, state_dict[key]) for key, name in names.items() if "." not in name]'''

_TENSORS: Final = '''\
def tensors(role, value):
    """The tensors in a value, each with its place: output, output[0], output['class']."""
    if isinstance(value, torch.Tensor):
        yield role, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(f"{role}[{key!r}]", item)
    elif isinstance(value, (tuple, list)):
        for place, item in enumerate(value):
            yield from tensors(f"{role}[{place}]", item)'''

_CHANGED: Final = '''\
def changed(value, change):
    """The same value with every tensor in it changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: changed(item, change) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(changed(item, change) for item in value)
    return value'''

_CAPTURE: Final = '''\
def capture(name, *seen):
    """Prints a firing, and keeps copies of its tensors."""
    describe(name, *seen)
    found = [pair for role, value in seen for pair in tensors(role, value)]
    captured.setdefault(name, []).append({role: tensor.detach().clone() for role, tensor in found})'''


_DESCRIBE_ONE: Final = '''\
def describe(name, role, tensor):
    """Prints a firing: the numbers that the hook saw."""
    numbers = tensor.detach().double()
    print(
        f"{next(firings)}. {name}: {role} {tuple(tensor.shape)} "
        f"mean {numbers.mean():.6g} std {numbers.std(correction=0):.6g} "
        f"min {numbers.min():.6g} max {numbers.max():.6g}"
    )'''

_DESCRIBE: Final = '''\
def describe(name, *seen):
    """Prints a firing: the numbers of every tensor that the hook saw."""
    parts = []
    for role, tensor in [pair for role, value in seen for pair in tensors(role, value)]:
        numbers = tensor.detach().double()
        parts.append(
            f"{role} {tuple(tensor.shape)} mean {numbers.mean():.6g} std {numbers.std(correction=0):.6g} "
            f"min {numbers.min():.6g} max {numbers.max():.6g}"
        )
    print(f"{next(firings)}. {name}: {'; '.join(parts) or 'no tensor'}")'''

_FINITE: Final = """\
numbers = numbers[numbers.isfinite()]
if not len(numbers):
    numbers = torch.tensor([torch.nan])
"""

_INNER: Final = """\
# As if the model's own code called this layer's forward: PyTorch runs what is set here
# in place of the call with its hooks.
layer = {layer}
layer._compiled_call_impl = layer.forward
"""

_RAISING: Final = """\
layer = {layer}
forward = layer.forward


def forward_and_raise(*args, **kwargs):
    forward(*args, **kwargs)
    raise RuntimeError({message})


layer.forward = forward_and_raise"""

_LATE: Final = '''\
forward = model.forward


def forward_with_hooks(*args, **kwargs):
    """Registers the hooks when the model is running already."""
{register}
    return forward(*args, **kwargs)


model.forward = forward_with_hooks'''


class _Program:
    """The parts of one plan's script."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.model: ZooModel = plan.build()
        self.module = self.model.module
        layers = dict(self.module.named_modules(remove_duplicate=False))
        if plan.mode.needs_layer and plan.layer not in layers:
            raise HookError(f"The model has no layer `{plan.layer[:60]}`: choose one of its layers.")
        self.hooks = [ProgramHook(index, spec, layers, plan.seed) for index, spec in enumerate(plan.hooks)]
        first: dict[object, ProgramHook] = {}
        for hook in self.hooks:
            leader = first.setdefault(hook.group, hook)
            hook.leader = leader
            leader.followers += hook is not leader
        self.general = not all(hook.sees_one_tensor for hook in self.hooks)
        self.dictionary = isinstance(self.module, STRUCTURED)

    def text(self) -> str:
        """All of it."""
        self.names = tuple(self._variable(each) for each in self.model.inputs)
        keywords = [name for name, each in zip(self.names, self.model.inputs, strict=True) if each.keyword]
        self.arguments = ", ".join(f"{name}={name}" if name in keywords else name for name in self.names)
        classes, model = self._model()
        blocks = [*classes, model, self._input(), *self._helpers(), *self._functions(), self._run()]
        body = _spaced(blocks)
        gap = "\n\n\n" if classes else "\n\n"
        return f"# {_TITLES[self.plan.mode]}\n{self._imports(body)}{gap}{body}\n"

    def _imports(self, body: str) -> str:
        """The imports of the names that a text uses."""
        used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
        standard = [name for name in ("copy", "itertools") if name in used]
        lines = [f"import {name}" for name in standard]
        for module, name in (
            ("collections", "OrderedDict"), ("collections.abc", "Callable"),
            ("concurrent.futures", "ThreadPoolExecutor"), ("functools", "partial"),
        ):  # fmt: skip
            lines += [f"from {module} import {name}"] * (name in used)
        lines += [""] * bool(lines) + ["import torch"]
        names = [name for name in ("Tensor", "nn") if name in used]
        lines += [f"from torch import {', '.join(names)}"] * bool(names)
        lines += ["from torch.utils.checkpoint import checkpoint"] * ("checkpoint" in used)
        return text(lines)

    # The model and its input.

    def _model(self) -> tuple[tuple[str, ...], str]:
        """The classes that the model needs, and the lines that build it."""
        classes: tuple[str, ...] = ()
        lines = [f"torch.manual_seed({self.plan.seed})"]
        match self.plan.model:
            case name if name == CHAIN:
                steps = builder.parse_chain(self.plan.chain).steps
                lines += ["model = nn.Sequential(", *(f"    nn.{step.text}," for step in steps), ")"]
            case "scalar_linear":
                lines = [
                    "model = nn.Linear(1, 1)",
                    "nn.init.constant_(model.weight, 0.5)",
                    "nn.init.constant_(model.bias, 0.1)",
                ]
            case "deep_tanh":
                lines += _deep("tanh", "nn.Tanh()", 0.05)
            case "deep_relu":
                lines += _deep("relu", "nn.ReLU()", 1.0)
            case name:
                made = type(self.module).__name__
                classes = _sources(made)
                given = "lambda: nn.ReLU(inplace=True)" if name == "inplace_relu" else ""
                lines += [f"model = {made}({given})"]
        return classes, text([*lines, "model.train()" if self.plan.training else "model.eval()"])

    @staticmethod
    def _variable(each: Input) -> str:
        return "x" if each.name == "input" else each.name

    def _input(self) -> str:
        """The lines that make the input."""
        lines = [
            f"{name} = {self._filled(each)}" for name, each in zip(self.names, self.model.inputs, strict=True)
        ]
        if any("generator" in line for line in lines):
            lines.insert(0, f"generator = torch.Generator().manual_seed({self.plan.seed})")
        if self.plan.input_kind == InputKind.NAN:
            lines += [f"{self.names[0]}.view(-1)[0] = torch.nan"]
        if self.plan.input_grad:
            lines += [f"{name}.requires_grad_()" for name in self.names]
        return text(lines)

    def _filled(self, each: Input) -> str:
        shape = (self.plan.batch, *each.shape)
        sizes = ", ".join(map(str, shape))
        match self.plan.input_kind:
            case InputKind.EXAMPLE if each.example is not None:
                return f"torch.full({shape}, {each.example!r})"
            case InputKind.ZEROS:
                return f"torch.zeros({sizes})"
            case InputKind.ONES:
                return f"torch.ones({sizes})"
            case InputKind.RAMP:
                line = f"torch.linspace(-1, 1, {math.prod(each.shape)})"
                axes = f".reshape({', '.join(map(str, each.shape))})" if len(each.shape) > 1 else ""
                return f"{line}{axes}.expand({sizes}).clone()"
        return f"torch.randn({sizes}, generator=generator)"

    # What the hooks are made of.

    def _helpers(self) -> list[str]:
        """The functions that the hooks and the end of the script use."""
        blocks = []
        state = ["firings = itertools.count(1)"] * bool(self.hooks)
        state += ["captured = {}"] * any(hook.spec.action is Action.CAPTURE for hook in self.hooks)
        state += ["handles = []"] * (self.plan.mode is Mode.LATE and bool(self.hooks))
        state += [line for hook in self.hooks for line in hook.state()]
        if state:
            blocks.append(text(state))
        if self.dictionary or self.general or any(hook.watches_many for hook in self.hooks):
            blocks.append(_TENSORS)
        if any(hook.spec.the_kind in SEES_STATE for hook in self.hooks):
            blocks.append(_OWN)
        if self.hooks:
            blocks.append(self._describe())
        if self.general and any(hook.spec.action is Action.CAPTURE for hook in self.hooks):
            blocks.append(_CAPTURE)
        if any(hook.changes_nested for hook in self.hooks):
            blocks.append(_CHANGED)
        return blocks

    def _describe(self) -> str:
        """The function that prints a firing."""
        text = _DESCRIBE if self.general else _DESCRIBE_ONE
        finite = self.plan.input_kind != InputKind.NAN and self.plan.model != CHAIN
        if finite and not any(hook.spec.the_action in {Action.SCALE, Action.NOISE} for hook in self.hooks):
            return text
        return re.sub(r"( +)numbers = .*\n", lambda line: line[0] + indent(_FINITE, line[1]), text)

    def _functions(self) -> list[str]:
        """The hooks' functions: one for all hooks that differ only in where they are."""
        functions = [
            text
            for hook in self.hooks
            if hook.leader is hook
            for text in hook.functions(general=self.general)
        ]
        # What a hook does to print is not for torch.compile to trace.
        mark = "@torch.compiler.disable\n" if self.plan.mode.compiles else ""
        return [f"{mark}{text}" for text in functions]

    # The run.

    def _run(self) -> str:
        """Everything from registering the hooks to the last line."""
        before, run, after = self._steps()
        seed = [f"torch.manual_seed({self.plan.seed})  # for dropout"] * self._draws()
        first = self.plan.mode is Mode.COMPILED_FIRST
        raises = self._may_raise()
        prints = [] if self.plan.mode is Mode.SAVE_LOAD else self._prints()
        if raises and prints:
            prints = ["if output is not None:", *indented(prints)]
        lines = [*(seed if first else []), *before, *self._register(), *([] if first else seed)]
        lines += ["output = None"] * (raises and bool(prints))
        if not self.hooks and not raises and not after:
            return text([*lines, *run, *prints])
        lines += ["try:", *indented(run)]
        if raises:
            lines += [
                "except Exception as error:",
                "    print(f\"{type(error).__name__}: {' '.join(str(error).split())}\")",
            ]
        ends = [*after, *(["for handle in handles:", "    handle.remove()"] if self.hooks else [])]
        if ends:
            lines += ["finally:", *indented(ends)]
        lines += ["", *prints]
        if self.hooks:
            left = "sum(handle.id in (handle.hooks_dict_ref() or {}) for handle in handles)"
            lines += [f'print("hooks left:", {left})']
        return text(lines)

    def _steps(self) -> tuple[list[str], list[str], list[str]]:
        """The lines before the hooks are registered, those of the run, and those that undo the first."""
        call = f"model({self.arguments})"
        before: list[str] = []
        run = [f"output = {call}"]
        after: list[str] = []
        match self.plan.mode:
            case Mode.FORWARD:
                run = [f"output = model.forward({self.arguments})"]
            case Mode.INNER if not self.plan.layer:
                run = [f"output = model.forward({self.arguments})"]
            case Mode.INNER:
                before = [_INNER.format(layer=layer_code(self.plan.layer))]
                after = ["layer._compiled_call_impl = None"]
            case Mode.EXCEPTION:
                message = json.dumps(
                    f"An exception in the middle, raised by `{self.plan.layer or ROOT_NAME}`."
                )
                before = [_RAISING.format(layer=layer_code(self.plan.layer), message=message)]
                after = ["del layer.forward"]
            case Mode.LATE if self.hooks:
                registrations = listed("handles.extend([", self._registrations(), "])")
                before = [_LATE.format(register=text(indented(registrations)))]
                after = ["del model.forward"]
            case Mode.CHECKPOINT:
                run = [f"output = checkpoint(model, {self.arguments}, use_reentrant=False)"]
            case Mode.NO_GRAD:
                run = ["with torch.no_grad():", f"    output = {call}"]
            case Mode.COPY:
                before = ["copied = copy.deepcopy(model)"]
                run = [
                    "with ThreadPoolExecutor(1) as other_thread:",
                    f"    output = other_thread.submit(copied, {self.arguments}).result()",
                ]
            case Mode.SAVE_LOAD:
                run = ["model.load_state_dict(model.state_dict())"]
            case Mode.COMPILED:
                run = [
                    f"compiled = torch.compile(model, backend={json.dumps(COMPILE_BACKEND)})",
                    f"output = compiled({self.arguments})",
                ]
            case Mode.COMPILED_FIRST:
                before = [
                    f"compiled = torch.compile(model, backend={json.dumps(COMPILE_BACKEND)})",
                    f"compiled({self.arguments})",
                ]
                run = [f"output = compiled({self.arguments})"]
        return before, run + self._backward(), after

    def _backward(self) -> list[str]:
        if not self.plan.mode.has_backward:
            return []
        if not self.plan.input_grad and not any(True for _ in self.module.parameters()):
            return ["# Nothing here requires a gradient, so there is nothing to go back from."]
        if self.dictionary:
            return [
                "loss = torch.stack([tensor.pow(2).mean() for tensor in output.values()]).sum()",
                "loss.backward()",
            ]
        return ["loss = output.pow(2).mean()", "loss.backward()"]

    def _register(self) -> list[str]:
        """The lines that register the hooks, unless that happens during the run."""
        if not self.hooks or self.plan.mode is Mode.LATE:
            return []
        return listed("handles = [", self._registrations(), "]")

    def _registrations(self) -> list[list[str]]:
        return [hook.registration() for hook in self.hooks]

    def _prints(self) -> list[str]:
        numbers = f".flatten()[:{PREVIEW}].tolist())"
        if self.dictionary:
            return [
                'for role, tensor in tensors("output", output):',
                f'    print(f"{{role}}:", tuple(tensor.shape), *tensor{numbers}',
            ]
        return [f'print("output:", tuple(output.shape), *output{numbers}']

    def _draws(self) -> bool:
        """Whether the run draws random numbers."""
        dropout = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
        return self.plan.training and any(isinstance(module, dropout) for module in self.module.modules())

    def _may_raise(self) -> bool:
        """Whether an exception is something that this plan can be about."""
        specs = self.plan.hooks
        in_place = any(getattr(module, "inplace", False) for module in self.module.modules())
        full = {HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE}
        return (
            self.plan.mode is Mode.EXCEPTION
            or any(spec.action in {Action.RAISE, Action.WRONG_SHAPE} for spec in specs)
            or (in_place and any(spec.kind in full for spec in specs))
            # What is computed again may not be what was computed first.
            or (self.plan.mode is Mode.CHECKPOINT and any(s.once or s.the_action.changes for s in specs))
        )


def _deep(name: str, activation: str, std: float) -> list[str]:
    """Ten layers, each with an activation."""
    return [
        "layers = OrderedDict()",
        "for number in range(1, 11):",
        '    layers[f"linear{number}"] = linear = nn.Linear(16, 16)',
        f"    nn.init.normal_(linear.weight, std={std})",
        f'    layers[f"{name}{{number}}"] = {activation}',
        "model = nn.Sequential(layers)",
    ]


@cache
def _sources(name: str) -> tuple[str, ...]:
    """The code of a class of the zoo, after that of the zoo's classes that it uses."""
    source = re.sub(r"  # noqa: [^\n]*", "", inspect.getsource(vars(zoo_modules)[name])).rstrip()
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)} - {name}
    here = zoo_modules.__name__
    found = [(each, vars(zoo_modules).get(each)) for each in sorted(used)]
    inner = [
        each
        for each, value in found
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == here
    ]
    return (*(text for each in inner for text in _sources(each)), source)


def _spaced(blocks: Sequence[str]) -> str:
    """The blocks with two empty lines around classes and functions, one between others."""
    text = blocks[0]
    for before, block in pairwise(blocks):
        wide = any(each.startswith(("class ", "def ", "@")) for each in (before, block))
        text += ("\n\n\n" if wide else "\n\n") + block
    return text
