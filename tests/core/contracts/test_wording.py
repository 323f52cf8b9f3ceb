"""The texts are Python's own: those of this interpreter, and those of the sandbox's 3.12."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import sandbox
from core.contracts.wording import NEW, OLD, version_here, wordings

NAMES = st.from_regex(r"[a-zA-Z_äΩ][a-zA-Z0-9_é]{0,8}", fullmatch=True)


def refusal(class_name: str, missing: set[str]) -> str:
    """What this interpreter says of a class with abstract methods."""

    asked = abstractmethod(lambda self: None)
    made = ABCMeta(class_name, (), dict.fromkeys(missing, asked))
    with pytest.raises(TypeError) as found:
        made()
    return str(found.value)


@given(NAMES, st.sets(NAMES, min_size=1, max_size=6))
def test_one_of_the_texts_is_this_interpreter_s(class_name: str, missing: set[str]) -> None:
    assert dict(wordings(class_name, missing))[version_here()] == refusal(class_name, missing)


@pytest.mark.parametrize(
    "missing", [("predict",), ("predict", "load"), ("b", "a", "_a", "B", "ä", "c1", "c10")]
)
def test_the_other_one_is_the_sandbox_s(missing: tuple[str, ...]) -> None:
    methods = "".join(f"    @abstractmethod\n    def {name}(self): ...\n" for name in missing)
    program = f"from abc import ABC, abstractmethod\nclass Model(ABC):\n{methods}\nModel()\n"
    error = sandbox.run(program).error
    assert error is not None
    assert dict(wordings("Model", missing))[NEW] == error.message


def test_a_nested_class_is_called_by_its_own_name() -> None:
    assert wordings("Outer.Inner", ["f"]) == wordings("Inner", ["f"])


def test_a_class_that_lacks_nothing_is_not_refused() -> None:
    assert wordings("Model", ()) == ()


def test_both_texts_stand_there_word_for_word() -> None:
    assert wordings("R", ["m"]) == (
        (OLD, "Can't instantiate abstract class R with abstract method m"),
        (NEW, "Can't instantiate abstract class R without an implementation for abstract method 'm'"),
    )
    assert wordings("R", ["n", "m"]) == (
        (OLD, "Can't instantiate abstract class R with abstract methods m, n"),
        (NEW, "Can't instantiate abstract class R without an implementation for abstract methods 'm', 'n'"),
    )
