"""Programs to take away: run without this app, they print what the page shows."""

import contextlib
import itertools
import json
import math
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core import zoo
from core.hooks.events import Observed
from core.hooks.plan import CHAIN, Mode, Plan
from core.hooks.program import hooks_program
from core.hooks.run import Report, run
from core.hooks.spec import AMOUNTS, Action, HookError, HookKind, HookSpec
from core.hooks.statistics import Statistics
from core.zoo import InputKind

pytestmark = [
    pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning"),
    pytest.mark.filterwarnings("ignore:For backward hooks to be called:UserWarning"),
    pytest.mark.filterwarnings("ignore:module forward hook with:UserWarning"),
]

# Runs programs in a process of its own: a path per line comes in, a line of JSON per program goes out.
SERVER = """
import contextlib, io, json, pathlib, runpy, sys, traceback, warnings
import torch
warnings.simplefilter("ignore")
for path in sys.stdin:
    if "torch.compile(" in pathlib.Path(path.strip()).read_text():
        torch.compiler.reset()  # what was compiled for one would be used for the next
    printed, failed, found = io.StringIO(), "", {}
    with contextlib.redirect_stdout(printed):
        try:
            found = runpy.run_path(path.strip(), run_name="__main__")
        except Exception:
            failed = traceback.format_exc()
    hooks = 0
    if "model" in found:
        places = [*found["model"].modules(), *found["model"].parameters()]
        hooks = sum(len(value or ()) for place in places
                    for name, value in [*vars(place).items(), ("b", getattr(place, "_backward_hooks", None))]
                    if name == "b" or name.endswith("_hooks"))
    torch.save(found.get("captured"), path.strip() + ".pt")
    print(json.dumps({"printed": printed.getvalue(), "failed": failed, "hooks": hooks}), flush=True)
"""

MLP_CHAIN = "Input(8); Linear(8, 16); LayerNorm(16); ELU(0.5); Dropout(0.25); Linear(16, 4, bias=False)"
CNN_CHAIN = "Input(3, 8, 8); Conv2d(3, 4, 3, padding=1); BatchNorm2d(4); ReLU(); MaxPool2d(2); Flatten()"
GRADIENT_KINDS = (
    HookKind.FULL_BACKWARD_PRE, HookKind.FULL_BACKWARD, HookKind.OUTPUT_TENSOR, HookKind.PARAMETER,
    HookKind.ACCUMULATE_GRAD, HookKind.POST_ACCUMULATE_GRAD,
)  # fmt: skip
STATE_KINDS = tuple(kind for kind in HookKind if kind.is_on_state)
CHANGES = tuple(action for action in Action if action.changes)


class Server:
    """A process that runs programs, none of which can see this app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", SERVER], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, text: str) -> tuple[list[str], dict[str, Any]]:
        """What a program printed, and what it captured."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        path = self.folder / f"{next(self.numbers):04}.py"
        path.write_text(text, encoding="utf-8")
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert not answer["failed"], f"{text}\n{answer['failed']}"
        assert answer["hooks"] == 0
        return answer["printed"].splitlines(), torch.load(f"{path}.pt") or {}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("programs"))
    yield started
    started.process.communicate(timeout=60)


FIRING = re.compile(r"(\d+)\. (\S+) (\w+): (.*)")
TENSOR = re.compile(r"(.+?) (\([\d, ]*\)) mean (\S+) std (\S+) min (\S+) max (\S+)")


def check(server: Server, plan: Plan, report: Report | None = None) -> Report:
    """Asserts that the plan's program prints what the page shows."""
    report = report or run(plan)
    text = hooks_program(plan)
    assert max(map(len, text.splitlines())) <= 110
    lines, captured = server.run(text)
    firings = [match for match in map(FIRING.fullmatch, lines) if match]
    expected = [
        (f"{event.position + 1}", where(plan, event.spec), str(event.kind)) for event in report.events
    ]
    assert [match.groups()[:3] for match in firings] == expected
    for match, event in zip(firings, report.events, strict=True):
        compare(match[4], event.observed)
    rest = lines[len(firings) :]
    if report.error:
        kind, _, message = rest.pop(0).partition(": ")
        told = report.error if report.error.startswith(kind) else f"{kind}: {report.error}"
        assert without_names(f"{kind}: {message}") == without_names(told)
        assert kind.endswith("Error")
    if plan.hooks:
        assert rest.pop() == "hooks left: 0"
    outputs = report.output.tensors if report.output else ()
    expected_output = [
        " ".join([f"{output.role}:", str(output.shape), *map(repr, output.preview)]) for output in outputs
    ]
    if plan.mode.compiles:  # how the compiler splits the model decides about the last bit
        assert [numbers(line) for line in rest] == [
            pytest.approx(numbers(line), rel=1e-6) for line in expected_output
        ]
    else:
        assert rest == expected_output
    check_captured(plan, report, captured)
    return report


def numbers(line: str) -> list[float]:
    """The numbers after a shape."""
    return [float(word) for word in line.rpartition(")")[2].split()]


def where(plan: Plan, spec: HookSpec) -> str:
    if not spec.the_kind.is_on_parameter or spec.parameter:
        return spec.where
    layer = plan.build().module.get_submodule(spec.layer)
    return f"{spec.where}.{next(name for name, _ in layer.named_parameters(recurse=False))}"


def compare(text: str, observed: tuple[Observed, ...]) -> None:
    found = [match.groups() for match in map(TENSOR.fullmatch, text.split("; ")) if match]
    assert len(found) == len(observed) or text == "no tensor"
    for (role, shape, *counted), each in zip(found, observed, strict=True):
        assert (role, shape) == (each.role, str(each.shape))
        assert each.statistics is not None
        assert alike([float(number) for number in counted], each.statistics)


def alike(counted: list[float], statistics: Statistics) -> bool:
    """Whether printed numbers are statistics: six digits of each, and what rounding leaves of a zero."""
    expected = (statistics.mean, statistics.std, statistics.minimum, statistics.maximum)
    size = max((abs(number) for number in expected if math.isfinite(number)), default=0)
    return all(
        (math.isnan(number) and math.isnan(one))
        or math.isclose(number, one, rel_tol=5.1e-6, abs_tol=1e-13 * size)
        for number, one in zip(counted, expected, strict=True)
    )


def without_names(message: str) -> str:
    """An error without the name of the hook's function."""
    return re.sub(r"hook '[^']+'", "hook", message)


def check_captured(plan: Plan, report: Report, captured: dict[str, list[Any]]) -> None:
    expected: dict[str, list[dict[str, Tensor]]] = {}
    for event in report.events:
        if event.spec.action is Action.CAPTURE:
            values = {each.role: each.value for each in event.observed if each.value is not None}
            expected.setdefault(f"{where(plan, event.spec)} {event.kind}", []).append(values)
    assert captured.keys() == expected.keys()
    for name, firings in expected.items():
        for found, values in zip(captured[name], firings, strict=True):
            if isinstance(found, Tensor):
                found = dict.fromkeys(values, found)  # noqa: PLW2901 - one tensor is kept as it is
            assert found.keys() == values.keys()
            for role, value in values.items():
                assert found[role].equal(value) or bool(value.isnan().any())


def everywhere(module: nn.Module, action: Action = Action.OBSERVE) -> tuple[HookSpec, ...]:
    """A hook of every kind, but those on the state, at every layer that has a place for it."""
    in_place = any(getattr(layer, "inplace", False) for layer in module.modules())
    kinds = [HookKind.FORWARD_PRE, HookKind.FORWARD, *GRADIENT_KINDS]
    specs = []
    for name, layer in module.named_modules():
        for kind in kinds:
            if in_place and kind in {HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE}:
                continue
            if kind.is_on_parameter:
                parameters = [own for own, _ in layer.named_parameters(recurse=False)]
                specs += [HookSpec(name, kind, action, parameter=own) for own in parameters[-1:]]
            else:
                specs.append(HookSpec(name, kind, action))
    return tuple(specs)


def few(name: str) -> tuple[HookSpec, ...]:
    """Hooks of every kind on the first and the last layer of a model that have parameters."""
    plan = Plan(name, MLP_CHAIN)
    layers = [
        layer
        for layer, module in plan.build().module.named_modules()
        if getattr(module, "weight", None) is not None
    ]
    full = {HookKind.FULL_BACKWARD, HookKind.FULL_BACKWARD_PRE}
    kinds = [
        kind for kind in HookKind if not kind.is_on_state and not (name == "inplace_relu" and kind in full)
    ]
    ends = [layers[0], layers[-1]] if len(layers) > 1 else layers
    return tuple(
        HookSpec(layer, kind) for kind in kinds for layer in [*ends, *([] if kind.is_on_parameter else [""])]
    )


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", zoo.names())
def test_hooks_everywhere_in_every_model(server: Server, name: str, training: bool) -> None:
    plan = Plan(name, mode=Mode.BACKWARD, training=training, batch=2, seed=3, input_grad=not training)
    action = Action.CAPTURE if training else Action.OBSERVE
    report = check(server, replace(plan, hooks=everywhere(plan.build().module, action)))
    assert len(report.events) >= 5


@pytest.mark.parametrize("mode", [mode for mode in Mode if not mode.compiles])
@pytest.mark.parametrize(
    "name",
    [
        "mlp",
        "scalar_linear",
        "transformer",
        "dropout",
        "dict_output",
        "keywords",
        "inplace_relu",
        "lstm",
        "reused",
    ],
)
def test_every_mode(server: Server, mode: Mode, name: str) -> None:
    hooks = few(name)
    layer = "encoder.linear1" if name == "transformer" else hooks[0].layer
    check(server, Plan(name, hooks=hooks, mode=mode, layer=layer, batch=2, seed=1))
    check(server, Plan(name, hooks=hooks, mode=mode, layer="", training=False, input_grad=True))


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (kind, action)
        for kind in (HookKind.FORWARD_PRE, HookKind.FORWARD, *GRADIENT_KINDS)
        for action in Action
        if (kind, action) != (HookKind.POST_ACCUMULATE_GRAD, Action.WRONG_SHAPE)  # it returns nothing
    ],
)
def test_every_action_on_every_kind(server: Server, kind: HookKind, action: Action) -> None:
    plan = Plan("mlp", mode=Mode.BACKWARD, batch=3, input_grad=True)
    after = (HookSpec("fc3", "forward"), HookSpec("fc1", "parameter"), HookSpec("fc1", "full_backward"))
    for once in (False, True):
        check(server, replace(plan, hooks=(HookSpec("fc2", kind, action, once=once), *after)))
    for amount in (0.0, 0.03, 1e-7, 7) if action in AMOUNTS else ():
        changing = [HookSpec(layer, kind, action, amount) for layer in ("fc1", "fc2")]
        check(server, replace(plan, hooks=(*changing, *after), seed=9))


@pytest.mark.parametrize("mode", [Mode.CALL, Mode.EXCEPTION])
@pytest.mark.parametrize("with_kwargs", [False, True])
@pytest.mark.parametrize(("name", "layer"), [("mlp", ""), ("mlp", "fc2"), ("reused", "step")])
def test_a_hook_that_fires_once_even_where_the_layer_raises(
    server: Server, name: str, layer: str, with_kwargs: bool, mode: Mode
) -> None:
    once = HookSpec(layer, "forward", "scale", 2.0, once=True, always_call=True, with_kwargs=with_kwargs)
    others = (HookSpec(layer, "forward"), HookSpec(layer, "forward", always_call=True))
    report = check(server, Plan(name, hooks=(once, *others), mode=mode, layer=layer, batch=2))
    assert [event.firing for event in report.events if event.index == 0] == [1]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("lstm", "lstm"),
        ("dict_output", ""),
        ("transformer", "encoder.self_attn"),
        ("keywords", ""),
        ("reused", "step"),
    ],
)
def test_every_action_where_values_are_nested(server: Server, name: str, layer: str, action: Action) -> None:
    specs = [
        HookSpec(layer, "forward_pre", action),
        HookSpec(layer, "forward_pre", action, with_kwargs=True, once=True),
        HookSpec(layer, "forward", action, prepend=True),
        HookSpec(layer, "forward", action, with_kwargs=True),
        HookSpec(layer, "forward", action, always_call=True),
        HookSpec(layer, "output_tensor", action),
        HookSpec(layer, "output_tensor", action, once=True),
        HookSpec(layer, "full_backward_pre", action),
        HookSpec(layer, "full_backward", action, once=True),
    ]
    ends_the_run = action in {Action.RAISE, Action.WRONG_SHAPE}
    after = HookSpec("trunk" if name == "dict_output" else "head", "forward")
    for together in [(spec,) for spec in specs] if ends_the_run else [tuple(specs)]:
        check(server, Plan(name, hooks=(*together, after), mode=Mode.BACKWARD, batch=2))


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("kind", STATE_KINDS)
@pytest.mark.parametrize("action", [Action.OBSERVE, Action.CAPTURE, Action.RAISE])
def test_hooks_on_the_state(server: Server, kind: HookKind, action: Action, once: bool) -> None:
    hooks = tuple(HookSpec(layer, kind, action, once=once) for layer in ("block", "block.bn1", ""))
    check(server, Plan("residual", hooks=hooks, mode=Mode.SAVE_LOAD))


def test_a_hook_on_a_state_dict_sees_the_layers_own_entries(server: Server) -> None:
    hooks = (HookSpec("fc1", "state_dict", "capture"), HookSpec("", "state_dict", "capture"))
    plan = Plan("mlp", hooks=hooks, mode=Mode.SAVE_LOAD)
    lines, captured = server.run(hooks_program(plan))
    assert [line.split(" mean")[0] for line in lines] == [
        "1. fc1 state_dict: weight (16, 8)", "2. model state_dict: no tensor", "hooks left: 0",
    ]  # fmt: skip
    fc1 = plan.build().module.get_submodule("fc1")
    assert captured["fc1 state_dict"][0]["weight"].equal(fc1.weight)
    assert captured["fc1 state_dict"][0]["bias"].equal(fc1.bias)


@pytest.mark.parametrize("kind", InputKind)
@pytest.mark.parametrize("name", zoo.names())
def test_every_input_of_every_model(server: Server, name: str, kind: InputKind) -> None:
    hooks = (HookSpec("", "forward_pre", "capture", with_kwargs=True), HookSpec("", "forward"))
    check(server, Plan(name, hooks=hooks, input_kind=kind, batch=3, seed=5, mode=Mode.BACKWARD))


@pytest.mark.parametrize("chain", [MLP_CHAIN, CNN_CHAIN, "Input(4); Identity()"])
@pytest.mark.parametrize("mode", [Mode.CALL, Mode.BACKWARD, Mode.CHECKPOINT, Mode.LATE])
def test_a_visitors_chain(server: Server, chain: str, mode: Mode) -> None:
    hooks = (
        *(HookSpec("0", kind) for kind in ("forward_pre", "forward", "output_tensor")),
        HookSpec("", "forward"),
    )
    for training in (True, False):
        check(server, Plan(CHAIN, chain, hooks, mode, training=training, batch=4, seed=2))


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**63 - 1])
def test_every_seed(server: Server, seed: int) -> None:
    check(server, Plan("dropout", hooks=(HookSpec("dropout", "forward"),), mode=Mode.BACKWARD, seed=seed))


def test_no_hooks_at_all(server: Server) -> None:
    for mode in (Mode.CALL, Mode.BACKWARD, Mode.LATE, Mode.EXCEPTION, Mode.INNER, Mode.SAVE_LOAD, Mode.COPY):
        check(server, Plan("mlp", mode=mode, layer="fc2"))


HERE = [mode for mode in Mode if not mode.compiles]
CHAINS = [
    MLP_CHAIN,
    "Input(8); Linear(8, 8); LeakyReLU(0.1, inplace=True); LayerNorm(8); Dropout(0.3, inplace=True)",
]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Up to five hooks of any kind, action and options on any layers of any model, run in any mode."""
    plan = Plan(
        draw(st.sampled_from([*zoo.names(), CHAIN])), draw(st.sampled_from(CHAINS)),
        mode=draw(st.sampled_from(HERE)),
        training=draw(st.booleans()), seed=draw(st.integers(0, 1000)), batch=draw(st.integers(1, 3)),
        input_kind=draw(st.sampled_from(InputKind)), input_grad=draw(st.booleans()),
    )  # fmt: skip
    layers = dict(plan.build().module.named_modules())
    specs = []
    for _ in range(draw(st.integers(1, 5))):
        layer = draw(st.sampled_from(list(layers)))
        own = [name for name, _ in layers[layer].named_parameters(recurse=False)]
        kinds = [kind for kind in HookKind if own or not kind.is_on_parameter]
        spec = HookSpec(layer, draw(st.sampled_from(kinds)))
        changes: list[dict[str, Any]] = [{"action": draw(st.sampled_from(Action))}]
        changes += [{option: True} for option in ("prepend", "with_kwargs", "always_call", "once")]
        changes += [{"parameter": name} for name in own]
        for change in draw(st.lists(st.sampled_from(changes), max_size=4)):
            with contextlib.suppress(HookError):  # not every option goes with every kind
                spec = replace(spec, **change)
        specs.append(spec)
    return replace(plan, hooks=tuple(specs), layer=draw(st.sampled_from(list(layers))))


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans())
def test_any_plan(server: Server, plan: Plan) -> None:
    try:
        report = run(plan)
    except HookError:
        assert plan.mode.needs_layer  # that layer is not one that is called
        reject()
    check(server, plan, report)


ORACLE = """
import pathlib, pickle, sys, warnings
import torch
warnings.simplefilter("ignore")
from core.hooks.run import run_here
plans = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
reports = []
for plan in plans:
    torch.compiler.reset()  # what was compiled for one would be used for the next
    reports.append(run_here(plan))
pathlib.Path(sys.argv[2]).write_bytes(pickle.dumps(reports))
"""


def test_compiled(server: Server, tmp_path: Path) -> None:
    hooks = (HookSpec("linear", "forward"), HookSpec("", "forward", "scale"), HookSpec("linear", "parameter"))
    asked = [Plan("simple_mlp", hooks=hooks, mode=mode) for mode in (Mode.COMPILED, Mode.COMPILED_FIRST)]
    (tmp_path / "plans").write_bytes(pickle.dumps(asked))
    command = [sys.executable, "-c", ORACLE, str(tmp_path / "plans"), str(tmp_path / "reports")]
    subprocess.run(command, check=True, timeout=300)
    for plan, report in zip(asked, pickle.loads((tmp_path / "reports").read_bytes()), strict=True):  # noqa: S301
        assert isinstance(report, Report)
        assert not report.error
        check(server, plan, report)


def test_ruff_finds_no_unused_or_unknown_name(tmp_path: Path) -> None:
    programs = [
        Plan(name, hooks=few(name), mode=mode, layer=few(name)[0].layer)
        for name in zoo.names()
        for mode in Mode
    ]
    programs += [
        Plan("mlp", hooks=(HookSpec("fc1", kind, action),))
        for kind in GRADIENT_KINDS[:5]
        for action in Action
    ]
    programs += [Plan("mlp", hooks=(HookSpec("fc1", kind),)) for kind in HookKind]
    programs += [
        Plan("lstm", hooks=(HookSpec("lstm", kind, action),))
        for kind in ("forward", "output_tensor")
        for action in CHANGES
    ]
    programs += [
        Plan("keywords", hooks=(HookSpec("", kind, action, with_kwargs=True),))
        for kind in ("forward_pre", "forward")
        for action in Action
    ]
    programs += [Plan("mlp"), Plan(CHAIN, CNN_CHAIN)]
    for number, plan in enumerate(programs):
        (tmp_path / f"{number:03}.py").write_text(hooks_program(plan), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select=F,E",
        "--line-length=110",
        str(tmp_path),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


def test_a_beginner_can_read_the_smallest_program() -> None:
    assert hooks_program(Plan(hooks=(HookSpec("", "forward"),))) == SMALLEST


SMALLEST = """\
# model(x)
import itertools

import torch
from torch import nn

model = nn.Linear(1, 1)
nn.init.constant_(model.weight, 0.5)
nn.init.constant_(model.bias, 0.1)
model.train()

x = torch.full((1, 1), 2.0)

firings = itertools.count(1)


def describe(name, role, tensor):
    \"\"\"Prints a firing: the numbers that the hook saw.\"\"\"
    numbers = tensor.detach().double()
    print(
        f"{next(firings)}. {name}: {role} {tuple(tensor.shape)} "
        f"mean {numbers.mean():.6g} std {numbers.std(correction=0):.6g} "
        f"min {numbers.min():.6g} max {numbers.max():.6g}"
    )


def hook_1(module, args, output):
    describe("model forward", "output", output)


handles = [model.register_forward_hook(hook_1)]
try:
    output = model(x)
finally:
    for handle in handles:
        handle.remove()

print("output:", tuple(output.shape), *output.flatten()[:12].tolist())
print("hooks left:", sum(handle.id in (handle.hooks_dict_ref() or {}) for handle in handles))
"""


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(HookError, match="no layer `fc9`"):
        hooks_program(Plan("mlp", hooks=(HookSpec("fc9", "forward"),)))
    with pytest.raises(HookError, match="no layer"):
        hooks_program(Plan("mlp", mode=Mode.INNER, layer='fc1")\nimport os  # '))
