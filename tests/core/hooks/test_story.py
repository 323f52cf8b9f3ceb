"""The story: the programs shown run and print what the page says, and PyTorch's lines are PyTorch's."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.hooks.story import AFTER, BEFORE, PAIRS, Pair, excerpt, run_story, torch_call_source

PRINTED = (("Output: 1.1",), ("[Telemetry] Input value passed: 2.0", "Output: 1.1"))


def test_running_the_story_prints_the_telemetry_and_then_the_output() -> None:
    assert run_story() == PRINTED


@pytest.mark.parametrize(("program", "printed"), [(BEFORE, PRINTED[0]), (AFTER, PRINTED[1])])
def test_each_program_runs_from_a_file_and_prints_the_same(
    program: str, printed: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "story.py").write_text(program, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-I", tmp_path / "story.py"], capture_output=True, text=True, check=True
    )
    assert tuple(found.stdout.splitlines()) == printed
    assert not found.stderr


@pytest.mark.parametrize("program", [BEFORE, AFTER])
def test_the_programs_are_plain_python_for_a_beginner(program: str) -> None:
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(program)))
    assert not any(word in program for word in ("torch", "noqa", "type:", "->"))
    assert max(map(len, program.splitlines())) <= 70


def test_only_the_second_program_is_called_like_a_function() -> None:
    assert "model.compute_forward_pass(2.0)" in BEFORE
    assert "__call__" not in BEFORE
    assert "model(2.0)" in AFTER
    assert "model.compute_forward_pass" not in AFTER


def test_both_programs_compute_in_the_same_way() -> None:
    method = "    def compute_forward_pass(self, x):\n"
    assert BEFORE.split(method)[1].split("\n\n")[0] == AFTER.split(method)[1].split("\n\n")[0]


def test_pytorchs_lines_are_the_installed_ones_in_order() -> None:
    source = iter(line.strip() for line in inspect.getsource(torch.nn.Module._call_impl).splitlines())
    for line in torch_call_source().splitlines():
        assert line.strip() in ("", "...") or line.strip() in source


def test_pytorchs_lines_show_the_short_cut_the_hooks_and_forward_from_top_to_bottom() -> None:
    shown = torch_call_source()
    marks = [
        "def _call_impl(self, *args, **kwargs):",
        "if not (self._backward_hooks or",
        "return forward_call(*args, **kwargs)",
        "*self._forward_pre_hooks.items(),",
        "args_result = hook(self, args)",
        "result = forward_call(*args, **kwargs)",
        "*self._forward_hooks.items(),",
        "hook_result = hook(self, args, result)",
        "return result",
    ]
    places = [shown.find(mark) for mark in marks]
    assert -1 not in places
    assert places == sorted(places)
    assert len(shown.splitlines()) <= 40
    assert "BackwardHook" not in shown
    ast.parse(shown)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.ours)
def test_a_pair_names_a_line_on_either_side(pair: Pair) -> None:
    assert [line.strip() for line in AFTER.splitlines()].count(pair.ours) == 1
    assert [line.strip() for line in torch_call_source().splitlines()].count(pair.pytorch) == 1
    assert pair.why.endswith(".")
    assert ". " not in pair.why


def test_the_pairs_go_from_top_to_bottom_on_both_sides() -> None:
    for text, lines in ((AFTER, [pair.ours for pair in PAIRS]), (torch_call_source(), [p[1] for p in PAIRS])):
        places = [[line.strip() for line in text.splitlines()].index(line) for line in lines]
        assert places == sorted(places)


SOURCE = """
    def f(x):
        # Comments are no statements.

        if x:
            g(x)
        else:
            h(x)
        for y in x:
            i(y)
"""


def test_an_excerpt_marks_what_it_leaves_out_where_it_would_stand() -> None:
    parts = [("def f", "def f"), ("else:", "h("), ("for y", "for y")]
    assert excerpt(SOURCE.strip("\n"), parts).splitlines() == [
        "def f(x):",
        "    ...",
        "    else:",
        "        h(x)",
        "    for y in x:",
        "        ...",
    ]


def test_an_excerpt_tells_common_lines_apart_by_the_next_one() -> None:
    source = "if a:\n    b\nelse:\n    c\nif d:\n    e\nelse:\n    f"
    assert excerpt(source, [("if d:", "if d:"), ("else:\nf", "f")]) == "...\nif d:\n    ...\nelse:\n    f"


@pytest.mark.parametrize("missing", ["while", "else:\ng(x)", "def f"])
def test_an_excerpt_of_another_pytorch_says_which_line_is_missing(missing: str) -> None:
    message = f"PyTorch {torch.__version__}: no line begins with {missing!r} after line 1."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        excerpt(SOURCE.strip("\n"), [("def f", "def f"), (missing, "h(")])
