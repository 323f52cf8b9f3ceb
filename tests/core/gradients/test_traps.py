"""The traps: each does what it says, and its code is a program that anyone can run."""

import contextlib
import io
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import torch

from core.gradients.traps import NON_LEAF_WARNING, TRAPS, Observation, Trap, run, trap


def values(key: str) -> dict[str, str]:
    return {line.label: line.value for line in run(trap(key)).lines}


def test_relu_at_zero_has_a_slope_per_spelling() -> None:
    assert values("relu-at-zero") == {
        "relu(x)": "0.0", "maximum(x, 0)": "0.5", "clamp(x, min=0)": "1.0", "where(x > 0, x, 0)": "0.0",
    }  # fmt: skip
    assert {line.note for line in run(trap("relu-at-zero")).lines} == {"left 0.0, right 1.0"}


def test_abs_at_zero_lies_between_left_and_right() -> None:
    assert values("abs-at-zero") == {"autograd": "0.0", "left": "-1.0", "right": "1.0"}


def test_where_lets_nan_through_and_the_safe_spelling_does_not() -> None:
    assert values("where-nan") == {"value": "0.0", "dy/dx": "nan", "dy/dx, safe": "0.0"}


def test_sqrt_at_zero_is_infinite_and_then_nan() -> None:
    assert values("sqrt-at-zero") == {
        "d sqrt(x)/dx": "inf", "d sqrt(x**2)/dx": "nan", "d sqrt(x**2 + 1e-12)/dx": "0.0",
    }  # fmt: skip


def test_an_infinite_loss_has_a_finite_gradient() -> None:
    found = values("overflow")
    assert found["loss, torch.float32"] == "inf"
    assert float(found["dL/dw, torch.float32"]) == pytest.approx(2e30)
    assert float(found["loss, torch.float64"]) == pytest.approx(1e40)
    assert float(found["dL/dw, torch.float64"]) == pytest.approx(2e30)


def test_cancellation_loses_the_gradient_in_float32_only() -> None:
    assert values("cancellation") == {"dL/dw, torch.float32": "0.0", "dL/dw, torch.float64": "10000.0"}


def test_gradients_accumulate_and_a_saved_one_with_them() -> None:
    assert list(values("accumulation").values()) == ["18.0", "36.0", "54.0", "54.0"]


@pytest.mark.parametrize(
    ("key", "right", "wrong"),
    [("detach", "37.0", "1.0"), ("item", "12.0", "6.0"), ("data-in-place", "4.0", "6.0")],
)
def test_the_silent_traps_give_a_wrong_gradient_without_a_word(key: str, right: str, wrong: str) -> None:
    found = run(trap(key))
    assert [line.value for line in found.lines] == [right, wrong]
    assert found.raised is None


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("no-grad", "element 0 of tensors does not require grad and does not have a grad_fn"),
        (
            "saved-in-place",
            "one of the variables needed for gradient computation has been modified by an inplace",
        ),
        ("second-backward", "Trying to backward through the graph a second time"),
    ],
)
def test_the_loud_traps_raise(key: str, message: str) -> None:
    raised = run(trap(key)).raised
    assert raised is not None
    assert raised.startswith(f"RuntimeError: {message}")
    assert "\n" not in raised


def test_an_in_place_change_counts_up_the_version() -> None:
    assert list(values("saved-in-place").values()) == ["0", "1"]


def test_a_second_backward_fails_only_if_something_was_saved() -> None:
    assert values("second-backward") == {"w + 1, backward twice": "2.0", "w**2, backward once": "6.0"}


def test_a_step_on_the_way_keeps_no_gradient_unless_asked() -> None:
    assert values("non-leaf") == {
        "w.is_leaf": "True", "w.grad": "36.0", "h.is_leaf": "False", "h.retains_grad": "False",
        "h.grad, after retain_grad()": "12.0",
    }  # fmt: skip


def test_the_warning_that_the_non_leaf_trap_quotes_is_pytorchs_own() -> None:
    h = torch.tensor(2.0, requires_grad=True) * 3
    with pytest.warns(UserWarning, match=f"^{re.escape(NON_LEAF_WARNING)}"):
        assert h.grad is None
    assert NON_LEAF_WARNING in trap("non-leaf").why


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_the_code_shown_is_a_program_that_prints_the_same(shown: Trap, tmp_path: Path) -> None:
    assert shown.code.startswith("import torch\n\n")
    compile(shown.code, shown.key, "exec")
    assert not any(word in shown.code for word in ("def ", "noqa", "return", '"""'))
    assert max(map(len, shown.code.splitlines())) <= 90
    output = io.StringIO()
    error = ""
    with contextlib.redirect_stdout(output):
        try:
            exec(shown.code, {})  # noqa: S102 (our own source)
        except RuntimeError as caught:
            error = f"RuntimeError: {' '.join(str(caught).split())}"
    found = run(shown)
    assert output.getvalue().splitlines() == [
        " ".join(part for part in (line.label, line.value, line.note) if part) for line in found.lines
    ]
    assert error == (found.raised or "")


def test_the_code_runs_from_a_file_as_a_visitor_would_run_it(tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text(trap("accumulation").code, encoding="utf-8")
    output = subprocess.run(
        [sys.executable, tmp_path / "trap.py"], capture_output=True, text=True, check=True
    )
    assert output.stdout.splitlines()[2] == "turn 3: w.grad 54.0"


@pytest.mark.parametrize("shown", TRAPS, ids=lambda shown: shown.key)
def test_every_run_starts_afresh_and_leaves_nothing_behind(shown: Trap) -> None:
    filters, default, grad = list(warnings.filters), torch.get_default_dtype(), torch.is_grad_enabled()
    assert run(shown) == run(shown)
    assert (list(warnings.filters), torch.get_default_dtype(), torch.is_grad_enabled()) == (
        filters,
        default,
        grad,
    )


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
    assert 2 <= shown.why.replace("2.", "2").count(". ") + 1 <= 4
    assert shown.fix.endswith(".")
    assert "\n" not in shown.fix


def test_keys_are_unique_and_find_their_trap() -> None:
    assert len({shown.key for shown in TRAPS}) == len(TRAPS)
    assert all(trap(shown.key) is shown for shown in TRAPS)
    with pytest.raises(KeyError, match="'gravity' is no trap: choose one of relu-at-zero, "):
        trap("gravity")
