"""What is said of a program's classes, and of a text that is no program."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.examination import check_text, examine_here, parse
from core.contracts.verdict import MAX_CHARACTERS, Check, ContractError, Moment, Verdict

ARTICLE = """\
from abc import ABC, abstractmethod

class BrittlePredictor:
    def predict(self, x):
        raise NotImplementedError("Subclasses must implement this method!")

class IncompletePredictor(BrittlePredictor):
    pass

class CustomModelInterface(ABC):
    @abstractmethod
    def predict(self, x): ...
    @abstractmethod
    def get_model_metadata(self) -> dict: ...

class RobustPredictor(CustomModelInterface):
    def predict(self, x): return x
"""


def said(source: str, name: str) -> dict[Check, Verdict]:
    return {each.check: each for each in examine_here(source).verdicts if each.class_name == name}


def moments(source: str, name: str) -> list[tuple[bool | None, Moment]]:
    return [(each.passes, each.moment) for each in said(source, name).values()]


def test_the_article_s_pair_fails_early_with_abc_and_late_without() -> None:
    assert moments(ARTICLE, "RobustPredictor") == [
        (False, Moment.INSTANTIATION), (False, Moment.INSTANTIATION), (False, Moment.IMPORT),
        (False, Moment.FIRST_CALL),
    ]  # fmt: skip
    assert moments(ARTICLE, "IncompletePredictor") == [
        (True, Moment.FIRST_CALL), (True, Moment.FIRST_CALL), (False, Moment.IMPORT),
        (False, Moment.FIRST_CALL),
    ]  # fmt: skip
    refused = said(ARTICLE, "RobustPredictor")[Check.ABC]
    assert refused.missing == ("get_model_metadata",)
    assert refused.line == 16
    assert refused.interface == "CustomModelInterface"
    assert dict(refused.wordings)["3.11"].endswith(
        "class RobustPredictor with abstract method get_model_metadata"
    )
    assert not said(ARTICLE, "IncompletePredictor")[Check.ABC].wordings


def test_interfaces_are_listed_with_how_they_ask() -> None:
    found = examine_here(ARTICLE + "import typing\nclass P(typing.Protocol):\n    x: int\n").interfaces
    assert [(each.name, each.line, each.style, each.required) for each in found] == [
        ("BrittlePredictor", 3, "methods that raise NotImplementedError", ("predict",)),
        ("CustomModelInterface", 10, "abstract methods", ("predict", "get_model_metadata")),
        ("P", 19, "Protocol", ("x",)),
    ]


@pytest.mark.parametrize(
    ("body", "check", "passes", "moment", "words"),
    [
        ("predict = None", Check.ABC, True, Moment.FIRST_CALL, "predict is None, which cannot be called"),
        ("predict = None", Check.PROTOCOL, False, Moment.INSTANTIATION, "predict is None"),
        ("def predict(self): ...", Check.ABC, True, Moment.FIRST_CALL, "too many positional arguments"),
        (
            "def predict(self, y): ...",
            Check.SIGNATURE,
            False,
            Moment.IMPORT,
            "the interface allows predict(x=...)",
        ),
        ("def predict(self, y): ...", Check.DUCK, True, Moment.PRODUCTION, "predict(x=...)"),
        ("async def predict(self, x): ...", Check.DUCK, True, Moment.PRODUCTION, "gives a coroutine"),
        ("async def predict(self, x): ...", Check.SIGNATURE, False, Moment.IMPORT, "is async"),
        ("@property\n    def predict(self): ...", Check.SIGNATURE, False, Moment.IMPORT, "a property"),
        ("def predict(x): ...", Check.DUCK, False, Moment.FIRST_CALL, "predict(x) says"),
        ("predict = lambda self, x: x", Check.DUCK, True, Moment.NEVER, "first used"),
        ("def predict(self, *args, **named): ...", Check.SIGNATURE, True, Moment.NEVER, "is taken"),
        ("predict = something()", Check.SIGNATURE, None, Moment.NEVER, "only a run can tell"),
    ],
)
def test_what_abc_does_not_catch_is_told_with_its_moment(
    body: str, check: Check, passes: bool | None, moment: Moment, words: str
) -> None:
    found = said(
        f"from abc import *\nclass I(ABC):\n    @abstractmethod\n    def predict(self, x): ...\n"
        f"class X(I):\n    {body}\n",
        "X",
    )[check]
    assert (found.passes, found.moment) == (passes, moment)
    assert words.lower() in found.reason.lower()


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("class X(I): pass", "I.register() makes isinstance true"),
        ("class X(list, I): pass", "list makes the object itself"),
        ("class X(N): pass", "N has no ABCMeta"),
        ("class X(Base): pass", "its base Base is not known here"),
        ("class X(I, Mixin): pass", "Mixin has f, but stands behind I"),
        ("class X(Mixin, I): pass", "No abstract method of I is left"),
    ],
)
def test_why_abc_says_what_it_says_is_told(statement: str, why: str) -> None:
    registered = "class X: pass\nI.register(X)" if "register" in why else statement
    bases = statement.replace("(Base)", "(Base, I)")
    found = said(
        "from abc import *\nfrom elsewhere import Base\n"
        "class I(ABC):\n    @abstractmethod\n    def f(self): ...\n"
        "class N:\n    @abstractmethod\n    def f(self): ...\n"
        f"class Mixin:\n    def f(self): ...\n{registered if 'register' in why else bases}\n",
        "X",
    )
    assert why in found[Check.ABC].reason


def test_every_reason_is_one_sentence_in_one_line() -> None:
    from tests.core.contracts.test_agreement import EVERYTHING

    for each in examine_here(EVERYTHING).verdicts:
        assert each.reason.endswith(".")
        assert "\n" not in each.reason
        assert len(each.reason) < 400


def test_a_class_that_two_interfaces_ask_for_something_is_held_to_both() -> None:
    found = examine_here(
        "from abc import *\nclass A(ABC):\n    @abstractmethod\n    def f(self): ...\n"
        "class B(ABC):\n    @abstractmethod\n    def g(self): ...\nclass X(A, B):\n    def f(self): ...\n"
    ).verdicts
    assert [(each.interface, each.missing) for each in found if each.check is Check.ABC] == [
        ("A", ("g",)), ("B", ("g",))
    ]  # fmt: skip
    assert [each.missing for each in found if each.check is Check.DUCK] == [(), ("g",)]


def test_known_interfaces_of_the_standard_library_ask_too() -> None:
    found = said(
        "from collections.abc import Mapping\nclass X(Mapping):\n    def __len__(self): return 0", "X"
    )
    assert found[Check.ABC].missing == ("__getitem__", "__iter__")


@pytest.mark.parametrize(
    ("source", "line", "column", "text"),
    [
        ("x = (\n", 1, 5, "x = ("),
        ("a = 1\ndef f(:\n    pass\n", 2, 7, "def f(:"),
        ("def f(a, a): pass\n", 1, 10, "def f(a, a): pass"),
        ("if True:\npass\n", 2, 1, "pass"),
        ("x = 'é' é\n", 1, 9, "x = 'é' é"),
    ],
)
def test_a_syntax_error_comes_with_its_place_and_line(source: str, line: int, column: int, text: str) -> None:
    with pytest.raises(ContractError) as found:
        parse(source)
    assert found.value.line == line
    assert found.value.text == text
    assert found.value.column is not None
    assert 1 <= found.value.column <= len(text) + 1
    assert abs(found.value.column - column) <= 1
    assert f"in line {line}" in str(found.value)


def test_the_caret_stays_under_its_place_in_a_very_long_line() -> None:
    source = "x = " + "1 + " * 3_000 + "] + 1"
    with pytest.raises(ContractError) as found:
        parse(source)
    assert len(found.value.text) <= 500
    assert found.value.column is not None
    assert found.value.text[found.value.column - 1] == "]"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x = 1\ny = '\x00'", "a null byte in line 2"),
        ("'\ud800'", "half of a surrogate pair"),
        ("x" * (MAX_CHARACTERS + 1), "at most 262,144 are examined"),
        ("(" * 5_000, "too many nested parentheses"),
        ("-" * 100_000 + "1", "nested too deeply"),
        ("f" + "()" * 50_000, "nested too deeply"),
        ("1" + "+1" * 100_000, "nested too deeply"),
        ("class A: pass\n" + "class A(A): pass\n" * 2_000, "too many levels"),
    ],
    ids=["null", "surrogate", "long", "brackets", "signs", "calls", "sums", "bases"],
)
def test_a_text_that_cannot_be_read_is_refused_in_one_line(source: str, why: str) -> None:
    with pytest.raises(ContractError, match=why) as found:
        examine_here(source)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            "class I:\n" + "".join(f" def f{at}(self): raise NotImplementedError\n" for at in range(201)),
            "I asks for 201 methods; at most 200",
        ),
        (
            "".join(
                f"class I{at}:\n def f(self): raise NotImplementedError\nclass A{at}:\n def f(self): 1\n"
                for at in range(15)
            ),
            "held to interfaces 225 times; at most 200",
        ),
    ],
    ids=["methods", "pairs"],
)
def test_more_than_anybody_reads_is_refused_in_one_line(source: str, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        examine_here(source)


@given(st.text(max_size=200))
def test_any_text_is_examined_or_refused_in_one_line(source: str) -> None:
    refused = ""
    try:
        examine_here(source)
    except ContractError as error:
        refused = str(error)
    assert "\n" not in refused


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=100))
def test_a_text_without_forbidden_characters_may_be_parsed(source: str) -> None:
    check_text(source)


def test_nothing_of_the_program_runs() -> None:
    examine_here("raise SystemExit(3)\nclass A:\n    print(1 / 0)\n    import antigravity\n")
