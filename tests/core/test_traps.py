"""What every trap shares: its code is a program, and of errors only PyTorch's are caught."""

import pytest
import torch

from core.traps import Line, Observation, Print, Trap, body, find, run


def well(print: Print) -> None:  # noqa: A002 (as in the snippets)
    x = torch.tensor(2.0, requires_grad=True)
    print("x", x.item(), "a number")
    print("x * 2 needs a gradient", (x * 2).requires_grad)


def trap(observe: object, key: str = "key") -> Trap:
    assert callable(observe)
    return Trap(key, "Title", "Question?", "Because.", "Instead.", observe)


def raising(error: BaseException) -> Trap:
    def observe(print: Print) -> None:  # noqa: A002 (as in the snippets)
        print("before", 1)
        raise error

    return trap(observe)


def test_the_code_is_the_body_with_its_import() -> None:
    assert trap(well).code == (
        "import torch\n"
        "\n"
        "x = torch.tensor(2.0, requires_grad=True)\n"
        'print("x", x.item(), "a number")\n'
        'print("x * 2 needs a gradient", (x * 2).requires_grad)\n'
    )


def test_a_body_keeps_the_indentation_within_it() -> None:
    def function() -> None:
        if torch.is_grad_enabled():
            torch.ones(1)

    assert body(function) == "if torch.is_grad_enabled():\n    torch.ones(1)\n"


def test_a_run_gives_the_lines_as_text() -> None:
    assert run(trap(well)) == Observation(
        (Line("x", "2.0", "a number"), Line("x * 2 needs a gradient", "True")), raised=None
    )


def test_a_run_computes_gradients_whatever_its_caller_does() -> None:
    with torch.no_grad():
        assert run(trap(well)).lines[1].value == "True"


@pytest.mark.parametrize("kind", [RuntimeError, TypeError, ValueError])
def test_an_error_of_pytorchs_ends_a_run_and_is_told_on_one_line(kind: type[Exception]) -> None:
    found = run(raising(kind("one\n  two")))
    assert found == Observation((Line("before", "1"),), raised=f"{kind.__name__}: one two")


@pytest.mark.parametrize("kind", [AttributeError, KeyError, NameError, KeyboardInterrupt])
def test_any_other_error_is_a_mistake_in_the_trap(kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        run(raising(kind("oops")))


def test_find_finds_by_key_and_names_the_keys_that_there_are() -> None:
    traps = trap(well, "one"), trap(well, "two")
    assert find(traps, "two") is traps[1]
    with pytest.raises(KeyError, match=r"'three' is no trap: choose one of one, two\."):
        find(iter(traps), "three")
