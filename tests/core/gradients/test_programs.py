"""Programs to take away: run as they are, they print what the page shows, to the last bit."""

import contextlib
import io
import json
import math
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gradients import Problem, examine, parse, problem
from core.gradients.autograd import by_autograd
from core.gradients.gallery import EXAMPLES, Example
from core.gradients.operations import DTYPES
from core.gradients.programs import manual_program, notebook, printed, torch_program
from core.gradients.reverse import differentiate
from tests.core.gradients.test_source import VALUES, formulas

WORKED = problem("(w*x + b - y)**2", {"w": 0.5, "x": 2, "b": 0.1, "y": 5}, ["w", "b"])

RUN_ALL = """
import contextlib, io, pathlib, runpy, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        runpy.run_path(str(path), run_name="__main__")
    path.with_suffix(".txt").write_text(output.getvalue(), encoding="utf-8")
"""


def python(*arguments: str) -> str:
    """Runs Python in a process of its own, with warnings as errors; what it printed."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    assert not finished.stderr
    return finished.stdout


def variants() -> list[Problem]:
    """Every example of the gallery in every dtype, as it is and as a batch with either reduction."""
    return [
        variant(shown, dtype, reduction)
        for shown in EXAMPLES
        for dtype in DTYPES
        for reduction in ("", "mean", "sum")
    ]


def variant(shown: Example, dtype: str, reduction: str) -> Problem:
    if not reduction:
        return problem(shown.loss, shown.values, shown.wrt, dtype)
    x = shown.values["x"]
    values = {**shown.values, "x": [x, x + 0.3, -x]}
    return problem(shown.loss, values, dict.fromkeys((*shown.wrt, "x")), dtype, reduction)  # type: ignore[arg-type]


def same(first: float, second: float) -> bool:
    return first == second or (math.isnan(first) and math.isnan(second))


def test_every_example_in_every_dtype_and_reduction_prints_the_pages_numbers(tmp_path: Path) -> None:
    given_problems = variants()
    for index, given_problem in enumerate(given_problems):
        cells = json.loads(notebook(given_problem))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        (tmp_path / f"{index:03}-autograd.py").write_text(torch_program(given_problem), encoding="utf-8")
        (tmp_path / f"{index:03}-manual.py").write_text(manual_program(given_problem), encoding="utf-8")
        (tmp_path / f"{index:03}-notebook.py").write_text("\n\n".join(code), encoding="utf-8")
    python("-c", RUN_ALL, str(tmp_path))
    for index, given_problem in enumerate(given_problems):
        page = examine(given_problem)
        outputs = [
            (tmp_path / f"{index:03}-{kind}.txt").read_text() for kind in ("autograd", "manual", "notebook")
        ]
        assert outputs[2] == outputs[0] + outputs[1]
        by_autograd_program, by_manual_program = printed(outputs[0]), printed(outputs[1])
        assert by_autograd_program == {"loss": page.loss} | {f"dL/d{row.name}": row.autograd for row in page}
        assert by_manual_program == {"loss": page.loss} | {f"dL/d{row.name}": row.manual for row in page}


def test_the_worked_example_run_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "gradient.py").write_text(torch_program(WORKED), encoding="utf-8")
    assert python(str(tmp_path / "gradient.py")) == (
        "loss = 15.210000991821289\ndL/dw = -15.600000381469727\ndL/db = -7.800000190734863\n"
    )


def test_the_worked_example_reads_as_a_person_would_write_it() -> None:
    assert torch_program(WORKED) == (
        "# L = (w*x + b - y)**2: the gradient by autograd.\n"
        "import torch\n"
        "\n"
        "dtype = torch.float32\n"
        "w = torch.tensor(0.5, dtype=dtype, requires_grad=True)\n"
        "x = torch.tensor(2.0, dtype=dtype)\n"
        "b = torch.tensor(0.1, dtype=dtype, requires_grad=True)\n"
        "y = torch.tensor(5.0, dtype=dtype)\n"
        "\n"
        "loss = (w*x + b - y)**2\n"
        "loss.backward()\n"
        "\n"
        'print("loss =", loss.item())\n'
        'print("dL/dw =", w.grad.item())\n'
        'print("dL/db =", b.grad.item())\n'
    )
    forward, backward = manual_program(WORKED).split("\n\n")[2:4]
    assert forward.splitlines()[1:] == ["s1 = w*x", "s2 = s1 + b", "s3 = s2 - y", "loss = s3**2"]
    assert backward.splitlines()[1:] == [
        "d_loss = torch.ones_like(loss)",
        "d_s3 = d_loss*(2*s3)",
        "d_s2 = d_s3",
        "d_s1 = d_s2",
        "d_b = d_s2",
        "d_w = d_s1*x",
    ]


def test_the_manual_program_does_not_use_autograd() -> None:
    text = manual_program(WORKED)
    assert not any(word in text for word in ("requires_grad", "backward(", ".grad"))


def run_here(text: str, folder: Path) -> dict[str, float]:
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        runpy.run_path(str(path), run_name="__main__")
    return printed(output.getvalue())


def check(given_problem: Problem, folder: Path) -> None:
    loss, gradients = by_autograd(given_problem)
    hand = differentiate(given_problem)
    autograd, manual = (run_here(make(given_problem), folder) for make in (torch_program, manual_program))
    assert same(autograd["loss"], loss)
    assert same(manual["loss"], loss)
    for index, node in enumerate(given_problem.expression.nodes):
        if node.name not in given_problem.wrt:
            continue
        by_hand = hand.gradients[index]
        assert by_hand is not None
        batched = isinstance(given_problem.values[node.name], tuple)
        for element, value in enumerate(by_hand.reshape(-1).tolist()):
            label = f"dL/d{node.name}[{element}]" if batched else f"dL/d{node.name}"
            assert same(manual[label], value)
            expected = float(gradients[node.name].reshape(-1)[element])
            assert same(autograd[label], expected) or autograd[label] == pytest.approx(expected, rel=1e-12)


@settings(deadline=None, max_examples=150)
@given(formulas, st.sampled_from([None, "mean", "sum"]))
def test_any_formula_becomes_programs_that_run(
    tmp_path_factory: pytest.TempPathFactory, text: str, reduction: str | None
) -> None:
    values: dict[str, float | tuple[float, ...]] = dict(VALUES)
    if reduction is not None:
        values |= {"x": (3.0, -0.5, 0.0), "a": (1.25, 0.75, -2.0)}
    wrt = ["w", "x", "a"] if reduction else ["w"]
    formula = problem(f"w*x + a*({text})", values, wrt, "float64", reduction or "mean")
    check(formula, tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_overflow_and_nan_are_printed_as_such(tmp_path: Path, dtype: str) -> None:
    check(problem("exp(exp(w))*0 + log(-w)", {"w": 9}, ["w"], dtype), tmp_path)
    check(problem("w/0 + 1/0", {"w": 1}, ["w"], dtype), tmp_path)


def test_a_bare_variable_is_a_loss_too(tmp_path: Path) -> None:
    check(problem("w", {"w": 3}, ["w"]), tmp_path)
    check(problem("w", {"w": [3, 4]}, ["w"]), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "torch*dtype", "loss + losses*i", "s1*d_w + s1_*d_s1_*w", "print*enumerate*slope", "d_loss*w",
        "__debug__*__name__", "λ*θ + match*_", "float*torch_*torch + max(torch, float)",
        "step*above + relu(step)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("reduction", [None, "mean"])
def test_no_name_of_a_variable_collides_with_the_programs_own(
    tmp_path: Path, text: str, reduction: str | None
) -> None:
    names = sorted(parse(text).variables)
    values: dict[str, float | tuple[float, ...]] = {name: 1.5 + index for index, name in enumerate(names)}
    if reduction:
        values[names[0]] = (0.5, 2.5)
    check(problem(text, values, names), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        f"max({', '.join(['w'] * 250)}, x)", f"{'tanh(' * 150}w*x{')' * 150}", f"w*{'-' * 190}2*x",
        f"{'-' * 190}w + x", "+".join(["w*x"] * 150),
    ],
    ids=["a long max", "deep", "a deep constant", "signs", "a long sum"],
)  # fmt: skip
def test_a_formula_too_long_for_a_line_is_written_one_operation_per_line(tmp_path: Path, text: str) -> None:
    given_problem = problem(text, {"w": 0.5, "x": [2, 3]}, ["w", "x"])
    assert max(map(len, torch_program(given_problem).splitlines()[1:])) < 330
    check(given_problem, tmp_path)


def test_the_notebook_is_a_notebook() -> None:
    document = json.loads(notebook(WORKED))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    assert [cell["cell_type"] for cell in document["cells"]] == ["markdown", "code", "markdown", "code"]
    assert len({cell["id"] for cell in document["cells"]}) == 4
    for cell in document["cells"]:
        assert set(cell) >= {"id", "metadata", "source"}
        assert ("outputs" in cell) == (cell["cell_type"] == "code")
    assert "".join(document["cells"][1]["source"]) + "\n" == torch_program(WORKED)


def test_what_a_program_printed_is_read_back() -> None:
    assert printed("loss = 1.5\n\ndL/dx[0] = -inf\nhello\n") == {"loss": 1.5, "dL/dx[0]": -math.inf}
