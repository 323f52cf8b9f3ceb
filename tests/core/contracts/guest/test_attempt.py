"""What the trial of one class does: its constructor, its calls, and the class afterwards."""

from __future__ import annotations

import pytest

from core.contracts import Check, Moment
from tests.core.contracts.trials import on_host, verdicts

HEAD = "from abc import ABC, abstractmethod\nclass I(ABC):\n    @abstractmethod\n    def f(self, x): ...\n"


@pytest.mark.parametrize(
    ("body", "check", "words"),
    [
        ("def __init__(self, path: str, size): self.p = path\n    def f(self, x): return self.p", Check.ABC,
         "its constructor got placeholders for path, size"),
        ("def __init__(self): raise OSError('no disk')\n    def f(self, x): return 1", Check.ABC,
         "its own constructor raises OSError: no disk (line 6)"),
        ("def __init__(self): raise OSError('no disk')\n    def f(self, x): return 1", Check.DUCK,
         "so it was tried without it"),
        ("def f(self, x): return x / 0 if x else 1 / 0", Check.DUCK, "Every member was used once"),
        ("def f(self, x): raise KeyError('k')", Check.DUCK, "KeyError: 'k' (line 6), given placeholders"),
        ("def f(self, x): return missing", Check.DUCK, "NameError: name 'missing' is not defined (line 6)"),
        ("def f(self, x): raise NotImplementedError", Check.DUCK, "f(x): NotImplementedError (line 6)"),
        ("def f(self, x): exit(3)", Check.DUCK, "given placeholders"),
    ],
)  # fmt: skip
def test_what_a_class_raises_is_told_with_its_line(body: str, check: Check, words: str) -> None:
    found = on_host(f"{HEAD}class A(I):\n    {body}\n")
    assert not found.problem
    assert words in verdicts(found)["A", "I", check].reason


EMPTY = "from abc import *\nfrom typing import Protocol\nclass P(Protocol):\n    def f(self, a): ...\n"


@pytest.mark.parametrize(
    ("source", "name", "checks"),
    [
        (EMPTY + "class S(P): pass\n", "S", [Check.ABC, Check.PROTOCOL]),
        (EMPTY.replace("a)", "a: int)").replace("def", "async def") + "class S(P): pass\n", "S",
         [Check.ABC, Check.PROTOCOL]),
        (EMPTY.replace("    def", "    @abstractmethod\n    def") + "class S(P): pass\n", "S",
         [Check.PROTOCOL]),
        (HEAD + "class S(list, I): pass\n", "S", [Check.ABC]),
    ],
    ids=["Protocol", "async", "abstract Protocol", "list"],
)  # fmt: skip
def test_a_real_object_runs_the_interface_s_empty_body_and_the_other_checks_only_suppose(
    source: str, name: str, checks: list[Check]
) -> None:
    found = on_host(source)
    assert not found.problem
    for (cls, _, check), said in verdicts(found).items():
        assert cls == name
        if check in checks:
            assert (said.passes, said.moment) == (True, Moment.PRODUCTION)
            assert said.reason.endswith("in production, f gives None: the interface's empty body runs.")
        elif check is Check.DUCK:
            assert said.reason == "Without its base, an object has no f."
        elif check is not Check.ABC:
            assert "without its base" in said.reason.lower()


def test_what_an_overriding_method_asks_of_its_base_is_there() -> None:
    found = on_host(HEAD + "class A(I):\n    def f(self, x): return super().f(x)\n")
    assert verdicts(found)["A", "I", Check.DUCK].reason == "Every member was used once."


def test_where_the_program_stopped_is_told_with_the_line_that_called_it() -> None:
    found = on_host(HEAD + "def half(x):\n    return 1 / x\n\nhalf(\n    0)\n")
    assert found.problem == "Your code stopped at line 6: ZeroDivisionError: division by zero"
    assert [(each.line, each.text) for each in found.places] == [(6, "    return 1 / x"), (8, "half(")]
    assert found.places[0].column == 12


def test_a_program_that_is_no_python_is_told_with_the_place() -> None:
    found = on_host("é = 1\ndef f(:\n")
    assert found.problem.startswith("This is no Python")
    assert [(each.line, each.column, each.text) for each in found.places] == [(2, 7, "def f(:")]


def test_trying_leaves_the_classes_as_they_were() -> None:
    found = on_host(
        f"{HEAD}class A(I): pass\nclass B(A): pass\nimport atexit\n"
        "atexit.register(lambda: print(I.__abstractmethods__, A.__abstractmethods__, 'f' in vars(I)))\n"
    )
    assert found.output == "frozenset({'f'}) frozenset({'f'}) True\n"
    assert verdicts(found)["B", "I", Check.ABC].passes is False


def test_an_async_method_is_awaited_and_a_plain_one_that_gives_a_coroutine_is_told() -> None:
    source = (
        "from abc import *\nclass W(ABC):\n    @abstractmethod\n    async def go(self): ...\n"
        "class A(W):\n    async def go(self): raise NotImplementedError('later')\n"
        "class B(W):\n    async def go(self): return 1\n"
        "class C(W):\n    def go(self): return 1\n"
        f"{HEAD}class D(I):\n    async def f(self, x): return 1\n"
    )
    found = {key[0]: each for key, each in verdicts(on_host(source)).items() if key[2] is Check.DUCK}
    assert (found["A"].passes, found["B"].passes, found["C"].passes, found["D"].passes) == (
        False, True, False, True
    )  # fmt: skip
    assert "await" in found["C"].reason
    assert found["D"].moment is Moment.PRODUCTION


def test_a_class_registered_by_a_hook_is_held_to_the_interface() -> None:
    source = HEAD.replace(
        "class I(ABC):", "class I(ABC):\n    @classmethod\n    def __subclasshook__(cls, other): return True"
    )
    found = verdicts(on_host(source + "class A: pass\n"))
    assert found["A", "I", Check.ABC].passes
    assert found["A", "I", Check.ABC].moment is Moment.FIRST_CALL


def test_many_classes_are_tried_up_to_a_bound() -> None:
    found = on_host(HEAD + "".join(f"class A{number}(I): pass\n" for number in range(30)))
    assert len(found.classes) == 30
    assert not found.problem
    found = on_host(HEAD + "".join(f"class A{number}(I): pass\n" for number in range(230)))
    assert len(found.classes) == 199
    assert found.problem == "Only the first 200 classes were tried."


def test_a_class_that_lacks_very_many_methods_is_told_with_the_first_of_them() -> None:
    many = "".join(f"    @abstractmethod\n    def f{number:03}(self): ...\n" for number in range(300))
    found = on_host(f"{HEAD}{many}class A(I): pass\n")
    assert not found.problem
    assert len(verdicts(found)["A", "I", Check.ABC].missing) == 200
