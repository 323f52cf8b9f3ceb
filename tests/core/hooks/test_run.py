"""A run fires what plain PyTorch fires, compares outputs rightly, and leaves nothing behind."""

# PyTorch has no types for `backward` and for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"

import copy
import dataclasses
import itertools
import math
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core import zoo
from core.builder import BuilderError
from core.hooks import HookError, HookKind, HookSpec
from core.hooks.doctor import Reason
from core.hooks.plan import CHAIN, Mode, Plan
from core.hooks.run import Report, run
from core.hooks.traps import WARNINGS
from core.zoo import InputKind, ZooError
from tests.core.hooks.test_recorder import MODELS_AND_SPECS

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]

MODES = tuple(mode for mode in Mode if not mode.compiles)
ON_PARAMETER = (HookKind.PARAMETER, HookKind.ACCUMULATE_GRAD, HookKind.POST_ACCUMULATE_GRAD)


def everywhere(model: str, kind: HookKind) -> tuple[HookSpec, ...]:
    return tuple(
        HookSpec(name, kind)
        for name, module in zoo.build(model).module.named_modules()
        if kind not in ON_PARAMETER or any(value is not None for value in module._parameters.values())
    )


def register_counter(module: nn.Module, kind: HookKind, count: Callable[[], None]) -> object:
    """A plain hook that only counts."""

    def fired(*_: object, **__: object) -> None:
        count()

    def watch(_module: nn.Module, _args: object, output: Any) -> None:  # noqa: ANN401
        values = output.values() if isinstance(output, dict) else output
        for value in [values] if isinstance(values, Tensor) else values:
            for tensor in value if isinstance(value, tuple) else (value,):
                if isinstance(tensor, Tensor) and tensor.requires_grad:
                    tensor.register_hook(fired)

    parameter = next(module.parameters(recurse=False), torch.empty(0))
    match kind:
        case HookKind.FORWARD_PRE:
            return module.register_forward_pre_hook(fired)
        case HookKind.FORWARD:
            return module.register_forward_hook(fired)
        case HookKind.FULL_BACKWARD_PRE:
            return module.register_full_backward_pre_hook(fired)
        case HookKind.FULL_BACKWARD:
            return module.register_full_backward_hook(fired)
        case HookKind.OUTPUT_TENSOR:
            return module.register_forward_hook(watch)
        case HookKind.PARAMETER:
            return parameter.register_hook(fired)
        case HookKind.POST_ACCUMULATE_GRAD:
            return parameter.register_post_accumulate_grad_hook(fired)
        case HookKind.ACCUMULATE_GRAD:
            node = torch.autograd.graph.get_gradient_edge(parameter).node
            return node, node.register_prehook(fired)
        case HookKind.STATE_DICT_PRE:
            return module.register_state_dict_pre_hook(fired)
        case HookKind.STATE_DICT:
            return module.register_state_dict_post_hook(fired)
        case HookKind.LOAD_STATE_DICT_PRE:
            return module.register_load_state_dict_pre_hook(fired)
        case HookKind.LOAD_STATE_DICT:
            return module.register_load_state_dict_post_hook(fired)


def plain_counts(plan: Plan) -> list[int]:
    """How often each hook fires when the plan is carried out by hand."""
    made = zoo.build(plan.model, plan.seed)
    model = made.module.train(plan.training)
    inputs = made.example_inputs(plan.batch, plan.input_kind, plan.seed)
    args, kwargs = made.arguments(tuple(value.requires_grad_(plan.input_grad) for value in inputs))
    counts = [0] * len(plan.hooks)
    held: list[object] = []

    def register() -> None:
        for index, spec in enumerate(plan.hooks):

            def count(index: int = index) -> None:
                counts[index] += 1

            held.append(register_counter(model.get_submodule(spec.layer), spec.the_kind, count))

    layer = model.get_submodule(plan.layer)
    if plan.mode is Mode.COPY:
        copied = copy.deepcopy(model)
        register()
        copied(*args, **kwargs)
        return counts
    if plan.mode is Mode.LATE:
        forward = model.forward

        def late(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            register()
            return forward(*args, **kwargs)

        model.forward = late
    else:
        register()
    if plan.mode is Mode.EXCEPTION:
        compute = layer.forward

        def fail(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            compute(*args, **kwargs)
            raise ZeroDivisionError

        layer.forward = fail
    if plan.mode is Mode.INNER:
        around = {"__call__": lambda self, *args, **kwargs: self.forward(*args, **kwargs)}
        layer.__class__ = type(type(layer).__name__, (type(layer),), around)
    with suppress(RuntimeError, ZeroDivisionError):
        carry_out(plan, model, args, kwargs)
    return counts


def carry_out(plan: Plan, model: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
    if plan.mode is Mode.SAVE_LOAD:
        model.load_state_dict(model.state_dict())
        return
    if plan.mode is Mode.FORWARD:
        output = model.forward(*args, **kwargs)
    elif plan.mode is Mode.CHECKPOINT:
        output = checkpoint(model, *args, use_reentrant=False, **kwargs)  # type: ignore[arg-type]
    else:
        with torch.set_grad_enabled(plan.mode is not Mode.NO_GRAD):
            output = model(*args, **kwargs)
    if plan.mode in {Mode.BACKWARD, Mode.CHECKPOINT, Mode.INNER, Mode.LATE}:
        tensors = output.values() if isinstance(output, dict) else [output]
        torch.stack([tensor.pow(2).mean() for tensor in tensors]).sum().backward()


@pytest.mark.parametrize("model", zoo.names())
def test_every_hook_fires_as_often_as_in_plain_pytorch(model: str) -> None:
    names = [name for name, _ in zoo.build(model).module.named_modules()]
    for place, (mode, kind) in enumerate(itertools.product(MODES, HookKind)):
        plan = Plan(
            model,
            hooks=everywhere(model, kind),
            mode=mode,
            layer=names[place % len(names)] if mode.needs_layer else "",
            training=place % 5 < 3,
            input_grad=place % 2 == 0,
        )
        try:
            report = run(plan)
        except HookError as error:
            assert "is never called in this model" in str(error)  # noqa: PT017
            continue
        assert [firing.fired for firing in report.firings] == plain_counts(plan), plan
        assert len(report.events) == sum(firing.fired for firing in report.firings)
        assert report.left == 0
        assert "\n" not in report.error + report.advice


@given(
    drawn=MODELS_AND_SPECS,
    mode=st.sampled_from(MODES),
    place=st.integers(0, 30),
    batch=st.sampled_from([1, 3]),
    input_kind=st.sampled_from(InputKind),
    flags=st.tuples(st.booleans(), st.booleans()),
)
@settings(max_examples=150)
@pytest.mark.filterwarnings("ignore:(module|global module) forward hook with ``always_call=True`` raised")
def test_any_plan_gives_a_report_that_explains_every_silence(
    drawn: tuple[str, list[HookSpec], list[HookSpec]],
    mode: Mode,
    place: int,
    batch: int,
    input_kind: InputKind,
    flags: tuple[bool, bool],
) -> None:
    model, one, other = drawn
    names = [
        name for name, module in zoo.build(model).module.named_modules() if not isinstance(module, UNCALLED)
    ]
    layer = names[place % len(names)] if mode.needs_layer else ""
    plan = Plan(model, "", (*one, *other), mode, layer, flags[0], 0, batch, input_kind, input_grad=flags[1])
    try:
        report = run(plan)
    except HookError as error:
        assert "is never called in this model" in str(error)  # noqa: PT017
        return
    assert report.left == 0
    assert "\n" not in report.error + report.advice
    for firing in report.firings:
        assert (firing.reason is None) is (firing.fired >= firing.expected) is (firing.sentence == "")
        assert firing.reason is not Reason.UNKNOWN, firing
        assert "\n" not in firing.sentence
    by_index = [sum(event.index == index for event in report.events) for index in range(len(plan.hooks))]
    assert by_index == [firing.fired for firing in report.firings]


def test_a_checkpoint_that_stops_in_the_middle_of_a_hook_has_its_firing_in_the_timeline() -> None:
    hooks = (HookSpec("", "parameter", "capture"), HookSpec("", "forward", "clip"))
    report = run(Plan("scalar_linear", hooks=hooks, mode=Mode.CHECKPOINT))
    assert [(event.index, event.firing, event.changed) for event in report.events] == [
        (1, 1, True),
        (1, 2, False),
        (0, 1, False),
    ]
    assert [firing.fired for firing in report.firings] == [1, 2]


UNCALLED = nn.ModuleList | nn.ModuleDict


def test_every_mode_gives_what_it_says() -> None:
    hooks = (HookSpec("", "forward"), HookSpec("fc2", "forward"), HookSpec("fc2", "full_backward"))
    found = {
        mode: [firing.fired for firing in run(Plan("mlp", hooks=hooks, mode=mode, layer="fc2")).firings]
        for mode in MODES
    }
    assert found == {
        Mode.CALL: [1, 1, 0],
        Mode.FORWARD: [0, 1, 0],
        Mode.INNER: [1, 0, 0],
        Mode.BACKWARD: [1, 1, 1],
        Mode.EXCEPTION: [0, 0, 0],
        Mode.CHECKPOINT: [1, 2, 1],
        Mode.NO_GRAD: [1, 1, 0],
        Mode.LATE: [0, 1, 1],
        Mode.COPY: [0, 0, 0],
        Mode.SAVE_LOAD: [0, 0, 0],
    }


def difference_of(plan: Plan) -> dict[str, object]:
    difference = run(plan).difference
    assert difference is not None
    return {
        key: value for key, value in dataclasses.asdict(difference).items() if key in {"identical", "where"}
    } | {"sentence": difference.sentence}


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in {Mode.EXCEPTION, Mode.SAVE_LOAD}])
@pytest.mark.parametrize("model", ["mlp", "cnn", "dropout", "dict_output", "transformer"])
@pytest.mark.parametrize("kind", ["example", "nan"])
def test_the_output_is_the_same_however_the_model_is_run(mode: Mode, model: str, kind: str) -> None:
    inner = next(name for name, _ in zoo.build(model).module.named_modules() if name)
    assert difference_of(Plan(model, mode=mode, layer=inner, input_kind=InputKind(kind), batch=2)) == {
        "identical": True,
        "where": "",
        "sentence": "Identical to model(x) without hooks, bit for bit.",
    }


def test_a_change_is_measured_against_the_output_without_hooks() -> None:
    made = zoo.build("mlp")
    bare = made.module(*made.example_inputs(3)).detach()
    report = run(Plan("mlp", hooks=(HookSpec("", "forward", "scale", 3.0),), batch=3))
    assert report.difference is not None
    assert not report.difference.identical
    assert report.difference.largest == pytest.approx(2 * float(bare.abs().max()), rel=1e-6)
    assert report.difference.relative == pytest.approx(2.0, rel=1e-6)
    assert report.difference.where == "output"
    assert f"by up to {report.difference.largest:.3g} in output" in report.difference.sentence
    assert report.bare.tensors[0].preview == pytest.approx(bare.flatten().tolist(), abs=0)
    assert report.output is not None
    assert report.output.tensors[0].preview == pytest.approx((3 * bare).flatten().tolist(), rel=1e-6)


def test_the_tensor_of_a_dictionary_that_differs_is_named() -> None:
    report = run(Plan("dict_output", hooks=(HookSpec("value_head", "forward", "zero"),)))
    assert report.difference is not None
    assert (report.difference.where, report.difference.relative) == ("output['value']", 1.0)
    assert report.bare.kind == "a dict"


def test_another_shape_is_no_number() -> None:
    found = run(Plan(hooks=(HookSpec("", "forward", "wrong_shape"),))).difference
    assert found is not None
    assert (found.identical, found.where) == (False, "output")
    assert math.isnan(found.largest)
    assert math.isnan(found.relative)
    assert found.sentence == "The shape of output changed from (1, 1) to (1, 2)."


def test_a_nan_in_one_output_only_is_a_nan_and_in_both_is_no_difference() -> None:
    only_bare = run(Plan(input_kind=InputKind.NAN, hooks=(HookSpec("", "forward", "zero"),))).difference
    assert only_bare is not None
    assert math.isnan(only_bare.largest)
    in_both = run(
        Plan("mlp", input_kind=InputKind.NAN, batch=2, hooks=(HookSpec("", "forward", "scale"),))
    ).difference
    assert in_both is not None
    assert math.isfinite(in_both.largest)
    assert in_both.largest > 0


def test_zero_and_minus_zero_differ_in_their_bits_only() -> None:
    hook = HookSpec("", "forward", "scale", -1.0)
    found = run(Plan(CHAIN, "Input(4); ReLU()", input_kind=InputKind.ZEROS, hooks=(hook,))).difference
    assert found is not None
    assert (found.identical, found.largest) == (False, 0.0)
    assert found.sentence == "The bits differ, the numbers do not."


def test_a_run_that_gives_nothing_has_nothing_to_compare() -> None:
    for mode in (Mode.SAVE_LOAD, Mode.EXCEPTION):
        report = run(Plan("mlp", mode=mode, layer="fc1"))
        assert (report.output, report.difference) == (None, None)
        assert report.bare.tensors[0].shape == (1, 4)


def same(one: Report, other: Report) -> bool:
    """Equal in everything but the clock."""

    def timeless(report: Report) -> str:
        events = tuple(dataclasses.replace(event, at=0.0, seconds=0.0) for event in report.events)
        return repr(dataclasses.replace(report, events=events))

    return timeless(one) == timeless(other)


EVERY_KIND = tuple(HookSpec("fc1", kind, "capture") for kind in HookKind)
SOME_PLANS = [
    Plan("dropout", hooks=EVERY_KIND, mode=mode, layer="fc1", seed=seed, input_grad=True)
    for mode, seed in itertools.product(MODES, (0, 1))
] + [Plan("dropout", hooks=(HookSpec("fc1", "forward", "noise"),), mode=Mode.BACKWARD)]


def test_a_run_repeats_and_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = [run(plan) for plan in SOME_PLANS]
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(6)
    for plan, report in zip(SOME_PLANS, first, strict=True):
        assert same(run(plan), report)
    assert not same(first[0], first[1])


def test_visitors_at_the_same_time_get_what_each_would_get_alone() -> None:
    alone = [run(plan) for plan in SOME_PLANS]
    found: dict[int, list[Report]] = {}

    def visit(number: int) -> None:
        order = SOME_PLANS if number % 2 else SOME_PLANS[::-1]
        found[number] = [run(plan) for plan in order]

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for number, reports in found.items():
        in_order = reports if number % 2 else reports[::-1]
        for expected, report in zip(alone, in_order, strict=True):
            assert same(report, expected)


@pytest.mark.parametrize("mode", MODES)
def test_the_hooks_are_live_during_the_run_and_gone_after_it(mode: Mode) -> None:
    report = run(Plan("mlp", hooks=EVERY_KIND[:9], mode=mode, layer="fc2"))
    assert (report.live, report.left) == (9, 0)


def test_the_first_layer_that_cannot_use_a_wrong_shape_is_named() -> None:
    report = run(Plan("mlp", hooks=(HookSpec("fc1", "forward", "wrong_shape"),)))
    assert report.error.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert report.advice == "`fc2` could not use what it was given: a hook before it changed it."


def test_a_raising_hook_says_who_it_was_and_that_it_stays() -> None:
    report = run(Plan("mlp", hooks=(HookSpec("fc1", "parameter", "raise"),), mode=Mode.BACKWARD))
    assert report.error == "The parameter hook on fc1 raised, as it was told to."
    assert "stays on the model until its handle is removed" in report.advice


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        (
            {"hooks": (HookSpec("fc9", "forward"),)},
            HookError,
            "The model has no layer `fc9`: the closest is `fc",
        ),
        ({"mode": Mode.INNER, "layer": "fc9"}, HookError, "The model has no layer `fc9`: choose one"),
        ({"hooks": (HookSpec("relu", "parameter"),)}, HookError, "choose a layer with weights"),
        ({"batch": 0}, ZooError, "The batch is 0: choose a whole number from 1 to 256."),
        ({"seed": -1}, ZooError, "choose a whole number from 0 to 2**63 - 1."),
        ({"model": "mpl"}, ZooError, "There is no model 'mpl': choose one of "),
        ({"model": CHAIN, "chain": "Nonsense()"}, BuilderError, ""),
        (
            {"model": "containers", "mode": Mode.EXCEPTION, "layer": "layers"},
            HookError,
            "`layers` is never called in this model, so nothing can happen in it: choose a layer that",
        ),
        ({"mode": Mode.COMPILED}, HookError, "needs a process of its own"),
    ],
)
def test_bad_input_is_answered_in_one_line_that_says_what_to_do(
    changes: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        run(dataclasses.replace(Plan("mlp"), **changes))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 400


def test_too_many_hooks_are_refused_before_anything_is_built() -> None:
    with pytest.raises(HookError, match=r"^201 hooks are too many for one page: register at most 200\.$"):
        Plan("no such model", hooks=(HookSpec("", "forward"),) * 201)
