"""The traps with hooks: each does what it says, and its code is a program that anyone can run.

Pitfalls that would reach beyond it (torch.compile, torch.export, global hooks) run in a process of their own.
"""

import json
import re
import subprocess
import sys
import textwrap
import threading
import unittest.mock
import warnings
from pathlib import Path

import pytest
import torch
from torch.nn.modules import module as torch_module

from core.hooks.traps import DICT_OUTPUT_WARNING, NO_INPUT_GRAD_WARNING, TRAPS, WARNINGS, run, trap
from core.traps import Observation, Trap

pytestmark = [pytest.mark.filterwarnings(f"ignore:{re.escape(text)}") for text in WARNINGS]


def pairs(key: str) -> list[tuple[str, str]]:
    return [(line.label, line.value) for line in run(trap(key)).lines]


def values(key: str) -> dict[str, str]:
    found = pairs(key)
    assert len(dict(found)) == len(found)
    return dict(found)


def raised(key: str) -> str:
    found = run(trap(key)).raised
    assert found is not None
    assert "\n" not in found
    return found


def test_forward_skips_only_the_models_own_hooks() -> None:
    assert values("forward-skips") == {
        "model(x)": "Linear, ReLU, Sequential",
        "model.forward(x)": "Linear, ReLU",
        "outputs are equal": "True",
        "grad_fn, called": "ReluBackward0",
        "grad_fn, skipped": "ReluBackward0",
    }


def test_forward_skips_all_four_kinds_of_call_hooks() -> None:
    fired: list[str] = []
    layer = torch.nn.Linear(1, 1)
    layer.register_forward_pre_hook(lambda *_: fired.append("forward-pre"))
    layer.register_forward_hook(lambda *_: fired.append("forward"))
    layer.register_full_backward_pre_hook(lambda *_: fired.append("backward-pre"))
    layer.register_full_backward_hook(lambda *_: fired.append("backward"))
    x = torch.ones(1, 1, requires_grad=True)
    layer.forward(x).backward()  # type: ignore[no-untyped-call]
    assert fired == []
    layer(x).backward()
    assert fired == ["forward-pre", "forward", "backward-pre", "backward"]


def test_firing_order_forward_and_backward() -> None:
    assert pairs("firing-order") == [
        ("forward", "prepended"),
        ("forward", "hook added first"),
        ("forward", "hook added last"),
        ("backward", "tensor hook, output"),
        ("backward", "backward pre-hook"),
        ("backward", "tensor hook, weight"),
        ("backward", "weight.grad ready"),
        ("backward", "full backward hook"),
        ("backward", "tensor hook, input"),
    ]


def test_without_a_gradient_for_the_input_the_full_backward_hook_fires_too_early() -> None:
    found = [line.value for line in run(trap("no-input-grad")).lines]
    assert found[:4] == ["True", "(tensor([[3.]]),)", "tensor([[1.]])", "tensor([[1.]])"]
    assert found[4:] == ["False", "(None,)", "None", "tensor([[1.]])"]


def test_always_call_fires_with_none_when_forward_raises() -> None:
    assert pairs("always-call") == [
        ("call", "2 features"),
        ("plain hook", "fired"),
        ("always_call, output is None", "False"),
        ("call", "3 features, too many"),
        ("always_call, output is None", "True"),
    ]
    assert raised("always-call").startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")


def test_kwargs_are_unseen_without_with_kwargs() -> None:
    assert pairs("kwargs-unseen") == [
        ("call", "layer(x)"),
        ("plain hook, args", "1"),
        ("with_kwargs, kwargs", "[]"),
        ("call", "layer(input=x)"),
        ("plain hook, args", "0"),
        ("with_kwargs, kwargs", "['input']"),
    ]


def test_what_a_forward_hook_returns_replaces_the_output_unchecked() -> None:
    assert values("return-replaces") == {
        "no hook": "2.0",
        "returns output * 10": "20.0",
        "returns a string": "saw 2.0",
    }
    assert raised("return-replaces") == (
        "TypeError: relu(): argument 'input' (position 1) must be Tensor, not str"
    )


def test_a_full_backward_hook_changes_the_input_gradient_only_and_a_pre_hook_both() -> None:
    assert values("backward-returns") == {
        "no hook": "x.grad 3.0, weight.grad 2.0",
        "full backward hook, * 10": "x.grad 30.0, weight.grad 2.0",
        "backward pre-hook, * 10": "x.grad 30.0, weight.grad 20.0",
    }


def test_a_backward_hook_that_returns_a_wrong_count_raises() -> None:
    assert raised("backward-returns") == (
        "RuntimeError: Backward hook returned an invalid number of grad_input, got 2, but expected 1"
    )


def test_inplace_relu_shows_a_forward_hook_the_overwritten_input() -> None:
    assert values("inplace-relu") == {
        "pre-hook: input": "[-1.0, 2.0]",
        "forward hook: input": "[0.0, 2.0]",
        "w.grad, no backward hook": "[0.0, 1.0]",
    }


def test_inplace_relu_refuses_a_full_backward_hook() -> None:
    assert raised("inplace-relu").startswith(
        "RuntimeError: Output 0 of BackwardHookFunction is a view and is being modified inplace."
    )


def test_inplace_relu_refuses_a_full_backward_hook_on_the_layer_before_it_too() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.ReLU(inplace=True))
    model[0].register_full_backward_hook(lambda *_: None)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        model(torch.ones(1, 1, requires_grad=True))


def test_a_kept_reference_is_rewritten_and_only_a_clone_is_not() -> None:
    assert values("kept-reference") == {
        "output": "0.0",
        "output.detach()": "0.0",
        "output.detach().clone()": "-3.0",
    }


def test_full_backward_hooks_add_nodes_and_tensor_hooks_do_not() -> None:
    assert values("extra-nodes") == {
        "tensor hook: layer(x) is x": "True",
        "tensor hook: grad_fn": "MulBackward0",
        "full backward hook: layer(x) is x": "False",
        "full backward hook: grad_fn": "BackwardHookFunctionBackward",
    }


def test_a_dict_output_silences_the_backward_hook() -> None:
    assert values("dict-output") == {"forward hook": "fired", "x.grad": "2.0"}


def test_the_fix_for_a_dict_output_fires() -> None:
    class Head(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"score": x * 2}

    gradients: list[float] = []

    def keep(gradient: torch.Tensor) -> None:
        gradients.append(gradient.item())

    def watch(module: torch.nn.Module, args: object, output: dict[str, torch.Tensor]) -> None:
        output["score"].register_hook(keep)  # type: ignore[no-untyped-call]

    head = Head()
    head.register_forward_hook(watch)
    head(torch.tensor(1.0, requires_grad=True))["score"].backward()
    assert gradients == [1.0]


def test_a_reused_module_fires_at_each_call() -> None:
    assert pairs("reused-module") == [
        ("modules that are a ReLU", "1"),
        ("forward hook: shape", "(1, 3)"),
        ("forward hook: shape", "(1, 1)"),
        ("backward hook: shape", "(1, 1)"),
        ("backward hook: shape", "(1, 3)"),
    ]


def test_checkpointing_fires_some_forward_hooks_again() -> None:
    assert values("checkpoint") == {
        "model(x)": "first forward, second forward, first backward",
        "checkpoint(model, x)": "first forward, second forward, first forward, first backward",
    }


def test_out_proj_and_a_module_list_are_never_called() -> None:
    assert pairs("never-called") == [
        ("MultiheadAttention", "fired"),
        ("a layer in the ModuleList", "fired"),
        ("a layer in the ModuleList", "fired"),
    ]


def test_a_forward_hook_turns_the_fast_path_off_and_a_full_backward_hook_does_not() -> None:
    assert values("fast-path") == {
        "no hook: linear1 runs": "0",
        "full backward hook: linear1 runs": "0",
        "forward hook: linear1 runs": "1",
    }


@pytest.mark.parametrize("path", ["", "linear1", "dropout", "self_attn.out_proj"])
@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_forward_hooks_on_it_or_on_any_child_turn_the_fast_path_off(path: str, register: str) -> None:
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    getattr(layer.get_submodule(path), register)(lambda *_: None)
    with torch.no_grad(), unittest.mock.patch.object(layer, "_ff_block", wraps=layer._ff_block) as slow:
        layer(torch.ones(1, 3, 4))
    slow.assert_called_once()


def test_a_raising_hook_stays_until_its_handle_removes_it() -> None:
    assert values("raising-stays") == {
        "call 1": "my hook is broken",
        "call 2": "my hook is broken",
        "call 3, after handle.remove()": "2.0",
    }


def test_deepcopy_carries_hooks_that_the_old_handle_does_not_remove() -> None:
    assert values("deepcopy") == {
        "layer": "20.0",
        "copy": "20.0",
        "layer, after handle.remove()": "2.0",
        "copy, after handle.remove()": "20.0",
    }


def test_a_hook_registered_late_misses_the_call_only_if_there_was_none() -> None:
    assert list(values("late-registration").values()) == ["(1, 0)", "(2, 2)", "(3, 3)"]


def in_its_own_process(program: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    return found.stdout.splitlines()


def test_a_hook_added_after_compile_is_ignored_and_so_is_one_on_a_twin() -> None:
    """Why there is no trap for it: what one visitor compiled would silence another visitor's hooks."""
    assert in_its_own_process(
        """
        import torch

        def linear(weight):
            layer = torch.nn.Linear(1, 1, bias=False)
            torch.nn.init.constant_(layer.weight, weight)
            return layer

        x = torch.ones(1, 1)
        one, two = linear(1.0), linear(2.0)
        compiled = torch.compile(one, backend="eager")
        print("no hook", compiled(x).item())
        one.register_forward_hook(lambda module, args, output: output * 10)
        print("hook added after the first call", compiled(x).item(), one(x).item())
        two.register_forward_hook(lambda module, args, output: output * 10)
        twin = torch.compile(two, backend="eager")
        print("its twin, hook added before", twin(x).item(), two(x).item())
        torch._dynamo.reset()
        print("after a reset", compiled(x).item(), twin(x).item())
        """
    ) == [
        "no hook 1.0",
        "hook added after the first call 1.0 10.0",
        "its twin, hook added before 2.0 20.0",
        "after a reset 10.0 20.0",
    ]


def test_export_bakes_in_what_a_hook_changes_and_drops_what_it_does_besides() -> None:
    """Why there is no trap for it: while it exports, every thread's `Module.__call__` is another one."""
    assert in_its_own_process(
        """
        import torch

        layer = torch.nn.Identity()
        seen, calls = [], {torch.nn.Module.__call__}

        def hook(module, args, output):
            seen.append("hook")
            calls.add(torch.nn.Module.__call__)
            return output * 10

        handle = layer.register_forward_hook(hook)
        x = torch.tensor(2.0)
        exported = torch.export.export(layer, (x,)).module()
        print("while exporting", len(seen), len(calls))
        handle.remove()
        print("after", layer(x).item(), exported(x).item(), len(seen))
        """
    ) == ["while exporting 1 2", "after 2.0 20.0 1"]


def test_a_global_hook_sees_every_threads_models_and_comes_first() -> None:
    """Why there is no trap for it: the other threads are other visitors."""
    assert in_its_own_process(
        """
        import threading
        import torch
        from torch.nn.modules.module import register_module_forward_hook

        def called(name):
            print(name, "in", threading.current_thread().name)

        layer = torch.nn.Identity()
        layer.register_forward_hook(lambda *_: called("local hook"))
        layer.register_forward_hook(lambda *_: called("prepended hook"), prepend=True)
        register_module_forward_hook(lambda *_: called("global hook"))
        thread = threading.Thread(target=layer, args=(torch.ones(1),), name="another visitor")
        thread.start()
        thread.join()
        """
    ) == [
        "global hook in another visitor",
        "prepended hook in another visitor",
        "local hook in another visitor",
    ]


def test_a_global_hook_leaves_the_fast_path_on() -> None:
    assert in_its_own_process(
        """
        import torch
        from torch.nn.modules.module import register_module_forward_hook

        layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
        register_module_forward_hook(lambda module, *_: print(type(module).__name__))
        with torch.no_grad():
            layer(torch.ones(1, 3, 4))
        """
    ) == ["TransformerEncoderLayer"]


@pytest.mark.parametrize(
    ("key", "text"), [("no-input-grad", NO_INPUT_GRAD_WARNING), ("dict-output", DICT_OUTPUT_WARNING)]
)
def test_the_warnings_that_the_traps_quote_are_pytorchs_own(key: str, text: str) -> None:
    with pytest.warns(UserWarning, match=f"^{re.escape(text)}") as caught:
        run(trap(key))
    assert len(caught) == 1
    assert text in trap(key).why


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_no_other_trap_warns(shown: Trap) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(shown)
    assert bool(caught) is (shown.key in {"no-input-grad", "dict-output"})


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_the_code_is_short_and_has_nothing_of_the_page_in_it(shown: Trap) -> None:
    assert shown.code.startswith("import torch\n\n")
    assert not any(word in shown.code for word in ("noqa", "type:", '"""', "core.", "->"))
    assert max(map(len, shown.code.splitlines())) <= 92
    assert 10 <= len(shown.code.splitlines()) <= 25


RUN_ALL = """
import contextlib, io, json, pathlib, runpy, sys

found = {}
for path in map(pathlib.Path, sys.argv[1:]):
    output, error = io.StringIO(), None
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except (RuntimeError, TypeError, ValueError) as caught:
            error = f"{type(caught).__name__}: {' '.join(str(caught).split())}"
    found[path.stem] = [output.getvalue().splitlines(), error]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], str | None]]:
    """What each trap's code prints, and the error that ends it, as scripts of a process without our code."""
    folder = tmp_path_factory.mktemp("traps")
    scripts = [folder / f"{shown.key}.py" for shown in TRAPS]
    for script, shown in zip(scripts, TRAPS, strict=True):
        script.write_text(shown.code, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-I", "-c", RUN_ALL, *scripts], capture_output=True, text=True, check=True
    )
    return {key: (lines, error) for key, (lines, error) in json.loads(found.stdout).items()}


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_the_code_shown_is_a_script_that_prints_the_same(
    shown: Trap, printed: dict[str, tuple[list[str], str | None]]
) -> None:
    found = run(shown)
    assert printed[shown.key] == (
        [" ".join(part for part in (line.label, line.value, line.note) if part) for line in found.lines],
        found.raised,
    )


def test_a_loud_trap_run_from_a_file_ends_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text(trap("return-replaces").code, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, tmp_path / "trap.py"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == raised("return-replaces")


GLOBAL_HOOKS = [name for name in vars(torch_module) if re.fullmatch(r"_global_.*_hooks", name)]


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_every_run_starts_afresh_and_leaves_nothing_behind(shown: Trap) -> None:
    def state() -> tuple[object, ...]:
        return (
            list(warnings.filters),
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.random.get_rng_state().tolist(),
            {name: len(getattr(torch_module, name)) for name in GLOBAL_HOOKS},
            torch.nn.Module.__call__,
            threading.active_count(),
        )

    assert len(GLOBAL_HOOKS) >= 4
    before = state()
    assert run(shown) == run(shown)
    assert state() == before


def test_many_visitors_at_once_see_the_same() -> None:
    found: list[tuple[Observation, ...]] = []
    threads = [threading.Thread(target=lambda: found.append(tuple(map(run, TRAPS)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_every_trap_asks_explains_and_mends_in_a_few_words(shown: Trap) -> None:
    assert shown.question.endswith("?")
    assert 2 <= shown.why.count(". ") + 1 <= 4
    assert len(shown.why) <= 420
    assert shown.fix.endswith(".")
    assert "\n" not in shown.fix
    assert len(shown.title) <= 32


def test_keys_and_titles_are_unique_and_find_their_trap() -> None:
    assert len({shown.key for shown in TRAPS}) == len({shown.title for shown in TRAPS}) == len(TRAPS)
    assert all(trap(shown.key) is shown for shown in TRAPS)
    with pytest.raises(KeyError, match="'gravity' is no trap: choose one of forward-skips, "):
        trap("gravity")
