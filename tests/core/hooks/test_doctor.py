"""Why a hook stayed silent: every reason comes from a real run, is true, and names what shows it."""

import itertools
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.hooks import HookKind, HookSpec
from core.hooks.calls import CallTrace
from core.hooks.doctor import Evidence, Reason, diagnose
from core.hooks.plan import Mode, Plan
from core.hooks.run import Firing, Report, _Runner, run
from core.hooks.traps import WARNINGS
from core.zoo import Input, ZooModel

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]

MODES = tuple(mode for mode in Mode if not mode.compiles)
CALL_HOOKS = (
    HookKind.FORWARD_PRE,
    HookKind.FORWARD,
    HookKind.FULL_BACKWARD_PRE,
    HookKind.FULL_BACKWARD,
    HookKind.OUTPUT_TENSOR,
)
ON_PARAMETER = (HookKind.PARAMETER, HookKind.ACCUMULATE_GRAD, HookKind.POST_ACCUMULATE_GRAD)
GOES_BACK = (Mode.BACKWARD, Mode.CHECKPOINT, Mode.INNER, Mode.LATE)
OUT_PROJ = "encoder.self_attn.out_proj"


def layers_with(model: nn.Module, kind: HookKind) -> list[str]:
    return [
        name
        for name, module in model.named_modules()
        if kind not in ON_PARAMETER or any(value is not None for value in module._parameters.values())
    ]


def the_one(
    model: str,
    hook: HookSpec,
    mode: Mode = Mode.CALL,
    layer: str = "",
    *,
    training: bool = True,
    input_grad: bool = False,
    others: tuple[HookSpec, ...] = (),
    input_kind: str = "example",
) -> Firing:
    """What became of one hook in a run with it (and others before it)."""
    plan = Plan(
        model,
        hooks=(*others, hook),
        mode=mode,
        layer=layer,
        training=training,
        input_grad=input_grad,
        input_kind=zoo.InputKind(input_kind),
    )
    return run(plan).firings[-1]


def of_module(module: nn.Module, hook: HookSpec, mode: Mode = Mode.BACKWARD, size: int = 2) -> Firing:
    """The same for a module that is in no menu."""
    made = ZooModel("made", "Made", "Made by hand.", module, (Input("x", (size,)),))
    return _Runner(Plan("made", hooks=(hook,), mode=mode), made, made.example_inputs(1)).run().firings[0]


def check(firing: Firing, reason: Reason, *evidence: str) -> None:
    assert firing.reason is reason
    for words in evidence:
        assert words in firing.sentence


# Every reason.


@pytest.mark.parametrize("kind", CALL_HOOKS)
def test_a_layer_run_by_forward_names_who_did_it(kind: HookKind) -> None:
    root = the_one("mlp", HookSpec("", kind), Mode.INNER, "", input_grad=True)
    check(root, Reason.OWN_FORWARD, "`model` computed, but your line ran it as `model.forward(x)`")
    assert "Layers inside it are called as functions, so theirs still fire." in root.sentence
    inner = the_one("mlp", HookSpec("fc2", kind), Mode.INNER, "fc2")
    check(inner, Reason.OWN_FORWARD, "`fc2` computed, but the code of `model` ran it as `fc2.forward(x)`")
    assert "Layers inside" not in inner.sentence


class RunsOnceByForward(nn.Module):
    def __init__(self, *, both: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.both = both

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x) if self.both else x
        return self.inner.forward(x)


@pytest.mark.parametrize("kind", CALL_HOOKS)
@pytest.mark.parametrize("both", [False, True])
def test_code_that_runs_a_layer_by_forward_is_found_even_if_it_also_calls_it(
    kind: HookKind, both: bool
) -> None:
    firing = of_module(RunsOnceByForward(both=both), HookSpec("inner", kind))
    assert (firing.fired, firing.expected) == ((1, 2) if both else (0, 1))
    check(firing, Reason.OWN_FORWARD, "the code of `model` ran it as `inner.forward(x)`")


@pytest.mark.parametrize(("layer", "type_name"), [("layers", "ModuleList"), ("parts", "ModuleDict")])
@pytest.mark.parametrize("kind", CALL_HOOKS)
def test_a_container_is_named_with_its_class(layer: str, type_name: str, kind: HookKind) -> None:
    firing = the_one("containers", HookSpec(layer, kind), Mode.BACKWARD)
    check(firing, Reason.CONTAINER, f"`{layer}` is a {type_name}", "has no `forward` of its own")


@pytest.mark.parametrize("kind", CALL_HOOKS)
def test_weights_that_the_parent_uses_itself_are_told_from_a_layer_not_reached(kind: HookKind) -> None:
    firing = the_one("transformer", HookSpec(OUT_PROJ, kind), Mode.BACKWARD)
    check(firing, Reason.PARENT_USES_WEIGHTS, "its weights get a gradient", "`encoder.self_attn` reads")


def test_a_fast_path_is_named_with_its_fused_operation() -> None:
    firing = the_one("transformer", HookSpec(OUT_PROJ, "forward"), Mode.NO_GRAD, training=False)
    check(firing, Reason.FAST_PATH, "`encoder.self_attn` took", "`aten::_native_multi_head_attention`")
    frozen = zoo.build("transformer").module.get_submodule("encoder").requires_grad_(False).eval()
    model = nn.Sequential(nn.Unflatten(1, (6, 32)), frozen, nn.Flatten(), nn.Linear(192, 1))
    whole = of_module(model, HookSpec("1.linear1", "full_backward"), size=192)
    check(whole, Reason.FAST_PATH, "`1` took its fast path", "`aten::_transformer_encoder_layer_fwd`")


@pytest.mark.parametrize("kind", CALL_HOOKS)
def test_a_branch_not_taken_is_not_reached(kind: HookKind) -> None:
    firing = the_one("early_exit", HookSpec("block2.relu", kind), Mode.BACKWARD, input_kind="zeros")
    check(firing, Reason.NOT_REACHED, "`model` went another way with this input")
    taken = the_one("early_exit", HookSpec("block2.relu", kind), Mode.BACKWARD, input_kind="ones")
    assert taken.fired + (taken.reason is Reason.NOT_REACHED) == 1


class Doubling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2, bias=False)
        nn.init.eye_(self.inner.weight)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            if bool(x.detach().abs().sum() > 0):
                x = self.inner(x)
        return x


def test_a_layer_that_is_reached_less_often_because_of_a_hook_says_how_often() -> None:
    firing = of_module(Doubling(), HookSpec("inner", "forward", "zero"))
    assert (firing.fired, firing.expected) == (1, 3)
    check(firing, Reason.NOT_REACHED, "computed once in this run, and 3 times in `model(x)` without hooks")


def test_an_exception_is_quoted_for_the_layer_itself_and_for_those_behind_it() -> None:
    own = the_one("mlp", HookSpec("fc2", "forward"), Mode.EXCEPTION, "fc2")
    check(own, Reason.RAISED, "`fc2` raised (ForcedError: An exception in the middle", "With `always_call`")
    behind = the_one("mlp", HookSpec("fc3", "forward_pre"), Mode.EXCEPTION, "fc2")
    check(behind, Reason.RAISED, "ended before `fc3` was reached: An exception in the middle")
    outside = the_one("mlp", HookSpec("", "forward"), Mode.EXCEPTION, "fc2")
    check(outside, Reason.RAISED, "`model` raised (ForcedError: ")
    gradient = the_one("mlp", HookSpec("fc1", "parameter"), Mode.EXCEPTION, "fc2")
    check(gradient, Reason.RAISED, "ended before any backward pass: An exception in the middle")


def test_a_raising_hook_is_quoted_by_the_hooks_behind_it() -> None:
    raising = HookSpec("relu", "forward", "raise")
    words = "The forward hook on relu raised, as it was told to."
    forward = the_one("mlp", HookSpec("fc3", "forward"), others=(raising,))
    check(forward, Reason.RAISED, words)
    next_to_it = the_one("mlp", HookSpec("relu", "forward"), others=(raising,))
    check(next_to_it, Reason.RAISED, "Something before it in the same call raised", words)
    back = the_one(
        "mlp",
        HookSpec("fc1", "full_backward"),
        Mode.BACKWARD,
        others=(HookSpec("fc3", "output_tensor", "raise"),),
    )
    check(back, Reason.RAISED, "ended before the gradient came here", "The output_tensor hook on fc3 raised")


@pytest.mark.parametrize(
    "hook",
    [
        HookSpec("step", "forward_pre"),
        HookSpec("step", "forward", always_call=True),
        HookSpec("step", "forward_pre", "raise"),
    ],
)
def test_a_hook_that_fired_before_the_exception_is_told_that_no_second_call_came(hook: HookSpec) -> None:
    firing = the_one("reused", hook, Mode.EXCEPTION, "step")
    assert (firing.fired, firing.expected) == (1, 2)
    check(firing, Reason.RAISED, "The run ended before `step` was called again")
    assert "always_call" not in firing.sentence


def test_a_late_hook_is_told_that_the_call_was_already_running() -> None:
    check(the_one("mlp", HookSpec("", "forward"), Mode.LATE), Reason.REGISTERED_LATE, "already running")
    assert the_one("mlp", HookSpec("fc1", "forward"), Mode.LATE).reason is None


@pytest.mark.parametrize("kind", CALL_HOOKS + ON_PARAMETER)
def test_a_hook_of_a_model_whose_copy_ran_is_told_so(kind: HookKind) -> None:
    check(the_one("mlp", HookSpec("fc1", kind), Mode.COPY), Reason.OTHER_INSTANCE, "a copy of the model")


def test_a_hook_added_after_compilation_is_told_so() -> None:
    firing = diagnosis(HookSpec("", "forward"), Mode.COMPILED_FIRST)
    check(firing, Reason.AFTER_COMPILE, "added after the first compiled call")


@pytest.mark.parametrize("kind", CALL_HOOKS[:2])
def test_a_hook_that_removed_itself_is_not_silent_by_accident(kind: HookKind) -> None:
    firing = the_one("reused", HookSpec("step", kind, once=True))
    assert (firing.fired, firing.expected) == (1, 2)
    check(firing, Reason.REMOVED, "after its first firing", "`step` computed 2 times")


def test_a_hook_that_was_to_fire_once_and_never_did_is_not_said_to_have_been_removed() -> None:
    firing = the_one("mlp", HookSpec("fc3", "forward", once=True), Mode.EXCEPTION, "fc2")
    check(firing, Reason.RAISED, "ended before `fc3` was reached")


@pytest.mark.parametrize("kind", ON_PARAMETER)
def test_a_hook_on_a_frozen_parameter_is_refused_with_pytorchs_words(kind: HookKind) -> None:
    model = nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2))
    firing = of_module(model, HookSpec("0", kind))
    check(firing, Reason.REFUSED, "PyTorch did not take it: ", "is frozen (`requires_grad=False`)")
    if kind is HookKind.PARAMETER:
        with pytest.raises(RuntimeError) as caught:
            model.get_parameter("0.weight").register_hook(lambda gradient: gradient)  # type: ignore[no-untyped-call]
        assert str(caught.value) in firing.sentence


@pytest.mark.parametrize("kind", CALL_HOOKS[2:] + ON_PARAMETER)
def test_without_a_backward_pass_it_says_which_run_has_one(kind: HookKind) -> None:
    article = "An" if kind in {HookKind.OUTPUT_TENSOR, HookKind.ACCUMULATE_GRAD} else "A"
    for mode in (Mode.CALL, Mode.FORWARD):
        firing = the_one("mlp", HookSpec("fc1", kind), mode)
        check(firing, Reason.NO_BACKWARD, f"{article} {kind} hook fires during")
    check(the_one("mlp", HookSpec("fc1", kind), Mode.NO_GRAD), Reason.NO_GRAD, "`torch.no_grad`")


class OffInside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.off = nn.Linear(2, 2)
        self.on = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.off(x)
        y: Tensor = self.on(x)
        return y


@pytest.mark.parametrize("kind", CALL_HOOKS[2:])
def test_autograd_that_is_off_in_the_middle_of_a_model_is_seen(kind: HookKind) -> None:
    firing = of_module(OffInside(), HookSpec("off", kind))
    check(firing, Reason.NO_GRAD, "Autograd was off when `off` computed")


@pytest.mark.parametrize("kind", CALL_HOOKS[2:])
def test_a_layer_without_weights_that_is_fed_with_data_has_nothing_to_go_back_through(kind: HookKind) -> None:
    model = nn.Sequential(nn.ReLU(), nn.Linear(2, 1))
    check(of_module(model, HookSpec("0", kind)), Reason.NOTHING_REQUIRES_GRAD, "Neither the input of `0`")


@pytest.mark.parametrize("kind", CALL_HOOKS[2:4])
def test_a_dictionary_hides_its_tensors_and_a_tensor_hook_finds_them(kind: HookKind) -> None:
    firing = the_one("dict_output", HookSpec("", kind), Mode.BACKWARD, input_grad=True)
    check(firing, Reason.HIDDEN_OUTPUT, "`model` gives a dict", "A tensor hook on the output does")
    assert the_one("dict_output", HookSpec("", "output_tensor"), Mode.BACKWARD).fired == 2


class Ignores(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ignored = nn.Linear(2, 2)
        self.used = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        self.ignored(x)
        y: Tensor = self.used(x)
        return y


@pytest.mark.parametrize("kind", CALL_HOOKS[2:] + ON_PARAMETER)
def test_an_output_that_the_loss_does_not_depend_on_gets_no_gradient(kind: HookKind) -> None:
    words = "not in the graph of this run's loss" if kind in ON_PARAMETER else "the loss does not depend on"
    check(of_module(Ignores(), HookSpec("ignored", kind)), Reason.UNUSED_OUTPUT, words)


def test_a_parameter_of_a_layer_that_never_ran_is_told_so() -> None:
    hook = HookSpec("block2.linear", "parameter")
    firing = the_one("early_exit", hook, Mode.BACKWARD, input_kind="zeros")
    check(firing, Reason.UNUSED_OUTPUT, "`block2.linear` never ran in this run")


def test_a_shared_weight_counts_as_used_under_both_names() -> None:
    for layer in ("step", "twin"):
        for kind in ON_PARAMETER:
            assert the_one("reused", HookSpec(layer, kind), Mode.BACKWARD).fired == 1
    firing = the_one("reused", HookSpec("twin", "parameter"), Mode.CALL)
    check(firing, Reason.NO_BACKWARD)


@pytest.mark.parametrize(
    "kind",
    [HookKind.STATE_DICT_PRE, HookKind.STATE_DICT, HookKind.LOAD_STATE_DICT_PRE, HookKind.LOAD_STATE_DICT],
)
def test_a_hook_on_the_state_waits_for_saving_and_loading(kind: HookKind) -> None:
    check(
        the_one("mlp", HookSpec("fc1", kind)),
        Reason.NOT_SAVED,
        f"A {kind} hook fires when the state is {'loaded' if kind.startswith('load') else 'saved'}",
    )
    saved = the_one("mlp", HookSpec("fc1", kind), Mode.SAVE_LOAD)
    assert (saved.fired, saved.reason) == (1, None)


@pytest.mark.parametrize("kind", CALL_HOOKS + ON_PARAMETER)
def test_saving_and_loading_calls_nothing(kind: HookKind) -> None:
    firing = the_one("mlp", HookSpec("fc1", kind), Mode.SAVE_LOAD)
    check(firing, Reason.NOT_CALLED, "never calls the model", "`fc1` computed nothing")


def diagnosis(hook: HookSpec, mode: Mode = Mode.CALL) -> Firing:
    """Of a run that called the layer and yet left the hook silent, which only evidence made up shows."""
    module = nn.Linear(1, 1)
    with CallTrace(module) as trace:
        module(torch.ones(1, 1))
    evidence = Evidence(
        Plan(hooks=(hook,), mode=mode), {"": module}, trace, trace, frozenset({"weight", "bias"}), "", {}
    )
    found = diagnose(evidence, 0, 0)
    return Firing(0, hook, 1, 1, 0, found.reason, found.sentence)


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    check(
        diagnosis(HookSpec("", "forward")),
        Reason.UNKNOWN,
        "`model` was called once",
        "nothing that this page knows",
    )


# No reason is false: every hook of every kind on every layer of every model, run in every way.


def computes(model: str, input_kind: str = "example") -> set[str]:
    """The layers that plain PyTorch calls."""
    made = zoo.build(model)
    called = set()

    def watch(name: str) -> Callable[..., None]:
        return lambda *_: called.add(name)

    for name, module in made.module.named_modules():
        module.register_forward_hook(watch(name))
    args, kwargs = made.arguments(made.example_inputs(1, input_kind))
    made.module(*args, **kwargs)
    return called


def true_reason(report: Report, spec: HookSpec, module: nn.Module, called: set[str]) -> set[Reason]:
    """The reasons that can be true of a silent hook, from how these models and modes are known to work."""
    plan, kind = report.plan, spec.the_kind
    if kind not in CALL_HOOKS + ON_PARAMETER:
        return {Reason.NOT_SAVED} if plan.mode is not Mode.SAVE_LOAD else set()
    if plan.mode is Mode.SAVE_LOAD:
        return {Reason.NOT_CALLED}
    if plan.mode is Mode.COPY:
        # What is never called in any instance is silent for that reason.
        never = why_not_called(report, spec, module, called) if kind in CALL_HOOKS else set()
        return never or {Reason.OTHER_INSTANCE}
    if kind not in CALL_HOOKS[:2] and plan.mode not in GOES_BACK:
        if plan.mode is Mode.NO_GRAD:
            return {Reason.NO_GRAD}
        return {Reason.RAISED} if report.error else {Reason.NO_BACKWARD}
    if kind in ON_PARAMETER:
        return set() if spec.layer in called | {OUT_PROJ} else {Reason.UNUSED_OUTPUT}
    return why_not_called(report, spec, module, called) or why_no_gradient(plan, spec)


def why_not_called(report: Report, spec: HookSpec, module: nn.Module, called: set[str]) -> set[Reason]:
    plan = report.plan
    # An error may come before the layer is reached.
    perhaps = {Reason.RAISED} if report.error else set()
    if spec.layer == {Mode.FORWARD: "", Mode.INNER: plan.layer}.get(plan.mode):
        return {Reason.OWN_FORWARD} | perhaps
    if isinstance(module, nn.ModuleList | nn.ModuleDict):
        return {Reason.CONTAINER}
    if spec.layer == OUT_PROJ:
        fused = plan.mode is Mode.NO_GRAD and not plan.training
        return {Reason.FAST_PATH} if fused else {Reason.PARENT_USES_WEIGHTS}
    if spec.layer not in called:
        return {Reason.NOT_REACHED}
    if plan.mode is Mode.LATE and not spec.layer:
        return {Reason.REGISTERED_LATE} | perhaps
    return perhaps


def why_no_gradient(plan: Plan, spec: HookSpec) -> set[Reason]:
    hidden = plan.model == "dict_output" and not spec.layer and spec.kind in CALL_HOOKS[2:4]
    return {Reason.HIDDEN_OUTPUT} if hidden else set()


@pytest.mark.parametrize("model", zoo.names())
def test_every_silent_hook_has_a_true_reason_and_every_other_none(model: str) -> None:
    module, called = zoo.build(model).module, computes(model)
    inner = sorted(name for name in called if name) or [""]
    seen = 0
    for place, (mode, kind) in enumerate(itertools.product(MODES, HookKind)):
        for training in (True, False) if mode is Mode.NO_GRAD else (place % 5 < 2,):
            plan = Plan(
                model,
                hooks=tuple(HookSpec(name, kind) for name in layers_with(module, kind)),
                mode=mode,
                layer=inner[place % len(inner)],
                training=training,
                input_grad=True,
            )
            report = run(plan)
            for firing in report.firings:
                seen += 1
                if firing.fired >= firing.expected:
                    assert (firing.reason, firing.sentence) == (None, "")
                    continue
                layer = module.get_submodule(firing.spec.layer)
                assert firing.reason in true_reason(report, firing.spec, layer, called), (plan, firing)
                assert "\n" not in firing.sentence
                assert firing.sentence.endswith(".")
                named = f"`{firing.spec.layer or 'model'}`" in firing.sentence
                assert named or firing.reason in OF_THE_WHOLE_RUN
    assert seen >= 100


OF_THE_WHOLE_RUN = {
    Reason.NOT_SAVED,
    Reason.NO_GRAD,
    Reason.NO_BACKWARD,
    Reason.RAISED,
    Reason.UNUSED_OUTPUT,
}
