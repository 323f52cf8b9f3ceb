"""Whether one signature takes every call that another one allows, against all calls there are."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from inspect import Parameter, Signature
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.calls import Call, allowed, for_caller, problem, refused, shortest, without_receiver

NAMES = ("a", "b", "c")


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    """Any signature with parameters of three names."""
    kinds = draw(
        st.lists(
            st.sampled_from([
                Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY
            ]),
            max_size=3,
        ).map(sorted)
    )  # fmt: skip
    names = draw(st.permutations(NAMES))
    parameters = []
    optional = False
    for name, kind in zip(names, kinds, strict=False):
        default = draw(st.booleans()) or (optional and kind is not Parameter.KEYWORD_ONLY)
        optional = default
        parameters.append(Parameter(name, kind, default=1 if default else Parameter.empty))
    if draw(st.booleans()):
        at = sum(each.kind is not Parameter.KEYWORD_ONLY for each in parameters)
        parameters.insert(at, Parameter("rest", Parameter.VAR_POSITIONAL))
    if draw(st.booleans()):
        parameters.append(Parameter("named", Parameter.VAR_KEYWORD))
    return Signature(parameters)


def every_call() -> Iterator[Call]:
    """All calls with at most six positions and any of the names, and one more."""
    names = (*NAMES, "another")
    for count in range(7):
        for size in range(len(names) + 1):
            for keywords in combinations(names, size):
                yield Call(("x",) * count, keywords)


ALL = tuple(every_call())


@given(signatures())
def test_a_call_is_taken_exactly_if_python_binds_it(signature: Signature) -> None:
    only = {name for name, each in signature.parameters.items() if each.kind is Parameter.POSITIONAL_ONLY}
    for call in ALL:
        # Signature.bind itself is wrong about such a keyword, up to Python 3.12.
        if only & set(call.keywords):
            continue
        try:
            signature.bind(*call.positional, **dict.fromkeys(call.keywords))
            taken = True
        except TypeError:
            taken = False
        assert taken is not bool(problem(call, signature)), call


def test_a_keyword_may_have_the_name_of_a_positional_only_parameter() -> None:
    def named(a: int = 1, /, **rest: int) -> dict[str, int]:
        return rest

    def plain(a: int = 1, /) -> int:
        return a

    assert named(a=2) == {"a": 2}
    assert not problem(Call((), ("a",)), inspect.signature(named))
    with pytest.raises(TypeError):
        plain(a=2)  # type: ignore[call-arg]
    assert "positional-only" in problem(Call((), ("a",)), inspect.signature(plain))


@given(signatures(), signatures())
def test_a_signature_refuses_one_of_the_calls_exactly_if_it_refuses_any_call_at_all(
    interface: Signature, implementation: Signature
) -> None:
    broken = any(not problem(each, interface) and problem(each, implementation) for each in ALL)
    assert bool(refused(interface, implementation)) is broken


@given(signatures(), signatures())
def test_every_call_that_is_tried_is_one_that_the_interface_allows(one: Signature, other: Signature) -> None:
    assert not [each for each in allowed(one, other) if problem(each, one)]


@given(signatures())
def test_a_signature_takes_its_own_calls_and_the_shortest_one(signature: Signature) -> None:
    assert refused(signature, signature) is None
    assert not problem(shortest(signature), signature)
    given_parameters = len(shortest(signature).positional) + len(shortest(signature).keywords)
    assert given_parameters == min(
        len(each.positional) + len(each.keywords) for each in ALL if not problem(each, signature)
    )


@pytest.mark.parametrize(
    ("interface", "implementation", "call"),
    [
        (lambda x: 0, lambda x, y: 0, "x"),
        (lambda x: 0, lambda y: 0, "x=..."),
        (lambda x, y=1: 0, lambda x: 0, "x, y"),
        (lambda *, y: 0, lambda: 0, "y=..."),
        (lambda *rest: 0, lambda a: 0, ""),
        (lambda **named: 0, lambda: 0, "anything_else=..."),
        (lambda b, *rest, a=1: 0, lambda b, a=1, *rest: 0, "b, ..., a=..."),
    ],
)
def test_the_call_that_is_refused_is_told(interface: object, implementation: object, call: str) -> None:
    assert callable(interface)
    assert callable(implementation)
    found = refused(inspect.signature(interface), inspect.signature(implementation))
    assert found is not None
    assert str(found[0]) == call
    with pytest.raises(TypeError):
        implementation(*found[0].positional, **dict.fromkeys(found[0].keywords))


def test_who_calls_a_method_does_not_give_self() -> None:
    assert str(without_receiver(inspect.signature(lambda self, x: 0))) == "(x)"
    assert str(without_receiver(inspect.signature(lambda *args: 0))) == "(*args)"
    assert without_receiver(inspect.signature(lambda: 0)) is None
    assert without_receiver(inspect.signature(lambda *, self: 0)) is None


def test_of_an_operator_only_positions_count() -> None:
    one, other = inspect.signature(lambda self, index: 0), inspect.signature(lambda self, i: 0)
    for name, same in (("__getitem__", True), ("get", False), ("__call__", False)):
        asked, has = for_caller(name, one, has_receiver=True), for_caller(name, other, has_receiver=True)
        assert asked is not None
        assert has is not None
        assert (refused(asked, has) is None) is same
