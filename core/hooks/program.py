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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from textwrap import indent
from typing import Final

from torch import nn

from core import builder, zoo_modules
from core.hooks.actions import noise_seed
from core.hooks.plan import CHAIN, COMPILE_BACKEND, Mode, Plan
from core.hooks.recorder import find_layer, find_parameter
from core.hooks.run import PREVIEW
from core.hooks.spec import ROOT_NAME, Action, HookError, HookKind, HookSpec
from core.zoo import Input, InputKind, ZooModel

_WIDTH: Final = 110
_STRUCTURED: Final = (nn.RNNBase, nn.MultiheadAttention, zoo_modules.TwoHeads)
"""Layers that give a tuple or a dictionary, not one tensor."""

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


@dataclass(frozen=True)
class _Seen:
    """What a hook sees.

    Attributes:
        takes: the parameters of the hook's function.
        pairs: role and expression of each value with tensors.
        target: the value that an action changes, as an expression.
    """

    takes: str
    pairs: tuple[tuple[str, str], ...] = ()
    target: str = ""


_SEEN: Final = {
    HookKind.FORWARD_PRE: _Seen("module, args", (("input", "args"),), "args"),
    HookKind.FORWARD: _Seen("module, args, output", (("output", "output"),), "output"),
    HookKind.FULL_BACKWARD_PRE: _Seen(
        "module, grad_output", (("grad_output", "grad_output"),), "grad_output"
    ),
    HookKind.FULL_BACKWARD: _Seen(
        "module, grad_input, grad_output",
        (("grad_output", "grad_output"), ("grad_input", "grad_input")),
        "grad_input",
    ),
    HookKind.OUTPUT_TENSOR: _Seen("gradient", (("gradient of output", "gradient"),), "gradient"),
    HookKind.PARAMETER: _Seen("gradient", (("gradient", "gradient"),), "gradient"),
    HookKind.ACCUMULATE_GRAD: _Seen("gradients", (("gradient", "gradients"),), "gradients"),
    HookKind.POST_ACCUMULATE_GRAD: _Seen("parameter", ((".grad", "parameter.grad"),), "parameter.grad"),
    HookKind.STATE_DICT_PRE: _Seen("module, prefix, keep_vars"),
    HookKind.STATE_DICT: _Seen("module, state_dict, prefix, metadata"),
    HookKind.LOAD_STATE_DICT_PRE: _Seen("module, state_dict, prefix, *rest"),
    HookKind.LOAD_STATE_DICT: _Seen("module, incompatible_keys"),
}
_WITH_KWARGS: Final = {
    HookKind.FORWARD_PRE: _Seen("module, args, kwargs", (("input", "args"), ("input", "kwargs"))),
    HookKind.FORWARD: _Seen(
        "module, args, kwargs, output", (("input", "kwargs"), ("output", "output")), "output"
    ),
}
_REGISTER: Final = {
    HookKind.FORWARD_PRE: "register_forward_pre_hook",
    HookKind.FORWARD: "register_forward_hook",
    HookKind.FULL_BACKWARD_PRE: "register_full_backward_pre_hook",
    HookKind.FULL_BACKWARD: "register_full_backward_hook",
    HookKind.OUTPUT_TENSOR: "register_forward_hook",
    HookKind.PARAMETER: "register_hook",
    HookKind.ACCUMULATE_GRAD: "register_prehook",
    HookKind.POST_ACCUMULATE_GRAD: "register_post_accumulate_grad_hook",
    HookKind.STATE_DICT_PRE: "register_state_dict_pre_hook",
    HookKind.STATE_DICT: "register_state_dict_post_hook",
    HookKind.LOAD_STATE_DICT_PRE: "register_load_state_dict_pre_hook",
    HookKind.LOAD_STATE_DICT: "register_load_state_dict_post_hook",
}
_ONE_TENSOR: Final = frozenset({
    HookKind.FORWARD, HookKind.OUTPUT_TENSOR, HookKind.PARAMETER, HookKind.POST_ACCUMULATE_GRAD,
})  # fmt: skip
"""Kinds that see one tensor, if the layer gives one."""
_SEES_STATE: Final = frozenset({HookKind.STATE_DICT, HookKind.LOAD_STATE_DICT_PRE})

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
        self.hooks = [_Hook(index, spec, layers, plan.seed) for index, spec in enumerate(plan.hooks)]
        first: dict[object, _Hook] = {}
        for hook in self.hooks:
            leader = first.setdefault(hook.group, hook)
            hook.leader = leader
            leader.followers += hook is not leader
        self.general = not all(hook.sees_one_tensor for hook in self.hooks)
        self.dictionary = isinstance(self.module, _STRUCTURED)

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
        return _text(lines)

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
        return classes, _text([*lines, "model.train()" if self.plan.training else "model.eval()"])

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
        return _text(lines)

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
            blocks.append(_text(state))
        if self.dictionary or self.general or any(hook.watches_many for hook in self.hooks):
            blocks.append(_TENSORS)
        if any(hook.spec.the_kind in _SEES_STATE for hook in self.hooks):
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
            prints = ["if output is not None:", *_indented(prints)]
        lines = [*(seed if first else []), *before, *self._register(), *([] if first else seed)]
        lines += ["output = None"] * (raises and bool(prints))
        if not self.hooks and not raises and not after:
            return _text([*lines, *run, *prints])
        lines += ["try:", *_indented(run)]
        if raises:
            lines += [
                "except Exception as error:",
                "    print(f\"{type(error).__name__}: {' '.join(str(error).split())}\")",
            ]
        ends = [*after, *(["for handle in handles:", "    handle.remove()"] if self.hooks else [])]
        if ends:
            lines += ["finally:", *_indented(ends)]
        lines += ["", *prints]
        if self.hooks:
            left = "sum(handle.id in (handle.hooks_dict_ref() or {}) for handle in handles)"
            lines += [f'print("hooks left:", {left})']
        return _text(lines)

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
                before = [_INNER.format(layer=_layer(self.plan.layer))]
                after = ["layer._compiled_call_impl = None"]
            case Mode.EXCEPTION:
                message = json.dumps(
                    f"An exception in the middle, raised by `{self.plan.layer or ROOT_NAME}`."
                )
                before = [_RAISING.format(layer=_layer(self.plan.layer), message=message)]
                after = ["del layer.forward"]
            case Mode.LATE if self.hooks:
                registrations = _listed("handles.extend([", self._registrations(), "])")
                before = [_LATE.format(register=_text(_indented(registrations)))]
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
        return _listed("handles = [", self._registrations(), "]")

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


class _Hook:
    """One hook of the plan, as code."""

    def __init__(self, index: int, spec: HookSpec, layers: dict[str, nn.Module], seed: int) -> None:
        self.index = index
        self.number = index + 1
        self.spec = spec
        self.seed = noise_seed(seed, index)
        module = find_layer(layers, spec)
        self.parameter = ""
        parameter = find_parameter(module, spec)
        if parameter is not None:
            self.parameter = next(name for name, own in module._parameters.items() if own is parameter)
        self.structured = isinstance(module, _STRUCTURED)
        self.seen = (_WITH_KWARGS if spec.with_kwargs else _SEEN)[spec.the_kind]
        self.leader = self
        self.followers = 0

    @property
    def group(self) -> object:
        """Hooks of one group share a function."""
        spec = self.spec
        if spec.once or spec.action in {Action.NOISE, Action.RAISE}:
            return self.index
        return (spec.kind, spec.action, spec.the_amount, spec.with_kwargs, spec.always_call, self.structured)

    @property
    def sees_one_tensor(self) -> bool:
        """Whether every firing shows exactly one tensor, which is not inside anything."""
        spec = self.spec
        is_one = spec.the_kind in _ONE_TENSOR and not spec.with_kwargs and not spec.always_call
        return is_one and not (self.structured and spec.the_kind is HookKind.FORWARD)

    @property
    def watches_many(self) -> bool:
        """Whether it sits on each tensor of an output that holds several."""
        return self.structured and self.spec.the_kind is HookKind.OUTPUT_TENSOR

    @property
    def changes_nested(self) -> bool:
        """Whether it changes tensors that are inside something of any form."""
        spec = self.spec
        if not spec.the_action.changes:
            return False
        if spec.the_kind is HookKind.FORWARD_PRE:
            return spec.with_kwargs
        return spec.the_kind is HookKind.FORWARD and self.structured

    @property
    def where(self) -> str:
        """The layer, or the parameter that the hook is on."""
        layer = self.spec.layer or ROOT_NAME
        return f"{layer}.{self.parameter}" if self.parameter else layer

    @property
    def name(self) -> str:
        """What the script calls it when it fires, as a literal."""
        return json.dumps(f"{self.where} {self.spec.kind}")

    def state(self) -> list[str]:
        """What must be there before its function."""
        lines = []
        if self.spec.action is Action.NOISE:
            lines += [f"noise_{self.number} = torch.Generator().manual_seed({self.seed})"]
        if self.spec.the_kind is HookKind.ACCUMULATE_GRAD:
            edge = f"node_{self.number} = torch.autograd.graph.get_gradient_edge"
            lines += _call(edge, [self._parameter()], ".node")
        if self.spec.the_kind is HookKind.OUTPUT_TENSOR and self.spec.once:
            lines += [f"outputs_{self.number} = []"]
        return lines

    def registration(self) -> list[str]:
        """The call that registers it."""
        spec, kind = self.spec, self.spec.the_kind
        target = _layer(spec.layer)
        if kind is HookKind.ACCUMULATE_GRAD:
            target = f"node_{self.number}"
        elif kind.is_on_parameter:
            target = self._parameter()
        function = f"hook_{self.leader.number}"
        shared = self.leader.followers > 0
        arguments = [f"partial({function}, {self.name})" if shared else function]
        arguments += [
            f"{flag}=True" for flag in ("prepend", "with_kwargs", "always_call") if getattr(spec, flag)
        ]
        return _call(f"{target}.{_REGISTER[kind]}", arguments)

    def _parameter(self) -> str:
        name = f"{self.spec.layer}.{self.parameter}" if self.spec.layer else self.parameter
        return f"model.get_parameter({json.dumps(name)})"

    def functions(self, *, general: bool) -> list[str]:
        """Its function, and for a hook on an output the one that is put on it."""
        shared = self.followers > 0
        name = "name" if shared else self.name
        body = self._body(name, general=general)
        takes = ["name"] * shared
        if self.spec.the_kind is not HookKind.OUTPUT_TENSOR:
            return [_function(f"hook_{self.number}", [*takes, self.seen.takes], body)]
        function = f"gradient_{self.number}"
        bound = [*takes, *(["role"] * self.watches_many)]
        given = f"partial({', '.join([function, *bound])})" if bound else function
        tensor = "tensor" if self.watches_many else "output"
        keep = [f"if {tensor}.requires_grad:", f"    handles.append({tensor}.register_hook({given}))"]
        if self.spec.once:
            keep += [f"    outputs_{self.number}.append(handles[-1])"]
        if self.watches_many:
            keep = ['for role, tensor in tensors("gradient of output", output):', *_indented(keep)]
        return [
            _function(function, [*bound, self.seen.takes], body),
            _function(f"hook_{self.number}", [*takes, "module, args, output"], keep),
        ]

    def _body(self, name: str, *, general: bool) -> list[str]:
        lines = [*self._shows(name, general=general)]
        if self.spec.once:
            lines += self._removes()
        if self.spec.action is Action.RAISE:
            message = f"The {self.spec.kind} hook on {self.spec.where} raised, as it was told to."
            lines += [f"raise RuntimeError({json.dumps(message)})"]
        elif self.spec.the_action.changes:
            lines += self._changes()
        return lines

    def _shows(self, name: str, *, general: bool) -> list[str]:
        """The lines that print the firing and keep what it saw."""
        kind, captures = self.spec.the_kind, self.spec.action is Action.CAPTURE
        pairs = self.seen.pairs
        if not general:
            ((role, value),) = pairs
            shown = "role" if self.watches_many else json.dumps(role)
            lines = [f"describe({name}, {shown}, {value})"]
            if captures:
                lines += _call(f"captured.setdefault({name}, []).append", [f"{value}.detach().clone()"])
            return lines
        given = [f"({'role' if self.watches_many else json.dumps(role)}, {value})" for role, value in pairs]
        if kind in _SEES_STATE:
            given = ["*own(state_dict, prefix)"]
        return _call("capture" if captures else "describe", [name, *given])

    def _removes(self) -> list[str]:
        own = f"handles[{self.index}]"
        if self.spec.the_kind.is_on_state:
            return ["# It fires once anyway. PyTorch loops over its hooks now, so it is removed at the end."]
        if self.spec.the_kind is not HookKind.OUTPUT_TENSOR:
            return [f"{own}.remove()"]
        return [f"for handle in ({own}, *outputs_{self.number}):", "    handle.remove()"]

    def _changes(self) -> list[str]:
        """The lines that give another value back."""
        kind, target = self.spec.the_kind, self.seen.target
        nested = f"lambda value: {self._change('value')}"
        if kind is HookKind.POST_ACCUMULATE_GRAD:
            return [f"{target} = {self._change(target)}"]
        if kind is HookKind.FORWARD_PRE and self.spec.with_kwargs:
            return _call("return changed", ["(args, kwargs)", nested])
        if kind in {HookKind.FORWARD_PRE, HookKind.ACCUMULATE_GRAD}:
            return _returned(f"tuple({self._change('value')} for value in {target})")
        if kind in {HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE}:
            return _returned(
                f"tuple(None if value is None else {self._change('value')} for value in {target})"
            )
        lines = []
        if self.spec.always_call:
            lines = ["if output is None:  # the layer raised", "    return None"]
        if kind is HookKind.FORWARD and self.structured:
            return [*lines, *_call("return changed", ["output", nested])]
        return [*lines, f"return {self._change(target)}"]

    def _change(self, value: str) -> str:
        """The action on one tensor, as in `actions.changer`."""
        amount = repr(float(self.spec.the_amount))
        match self.spec.the_action:
            case Action.SCALE:
                return f"{value} * {amount}"
            case Action.CLIP:
                return f"{value}.clamp(-{amount}, {amount})"
            case Action.ZERO:
                return f"{value}.masked_fill(torch.ones_like({value}, dtype=torch.bool), 0.0)"
            case Action.NOISE:
                return f"{value} + {amount} * torch.randn({value}.shape, generator=noise_{self.number})"
            case Action.MEAN:
                return f"{value}.mean(0, keepdim=True).expand_as({value}).clone()"
            case _:
                return f"torch.cat([{value}, {value}[..., :1]], -1)"


def _layer(name: str) -> str:
    return f"model.get_submodule({json.dumps(name)})" if name else "model"


def _function(name: str, takes: Sequence[str], body: Iterable[str]) -> str:
    return _text([f"def {name}({', '.join(takes)}):", *_indented(body)])


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def _call(function: str, arguments: Sequence[str], end: str = "") -> list[str]:
    """A call, on several lines if it is long."""
    line = f"{function}({', '.join(arguments)}){end}"
    if len(line) <= _WIDTH - 9:  # so that it fits two levels in, with a comma
        return [line]
    inside = ", ".join(arguments)
    parts = [inside] if len(inside) <= _WIDTH - 12 else [f"{argument}," for argument in arguments]
    return [f"{function}(", *_indented(parts), f"){end}"]


def _listed(opening: str, items: Sequence[Sequence[str]], end: str) -> list[str]:
    """A list of expressions, each of one or more lines."""
    if len(items) == 1 and len(items[0]) == 1 and len(line := f"{opening}{items[0][0]}{end}") <= _WIDTH - 4:
        return [line]
    lines = [line for item in items for line in (*item[:-1], f"{item[-1]},")]
    return [opening, *_indented(lines), end]


def _returned(expression: str) -> list[str]:
    """A return of a comprehension, on several lines if it is long."""
    line = f"return {expression}"
    if len(line) + 4 <= _WIDTH:
        return [line]
    opening, inside = expression.removesuffix(")").split("(", 1)
    value, loop = inside.rsplit(" for ", 1)
    return [f"return {opening}(", f"    {value}", f"    for {loop}", ")"]


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
