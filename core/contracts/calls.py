"""The calls that a signature allows, and whether another one takes them, by Python's own binding.

The sandbox gets this module too: it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Final

MOST_PARAMETERS: Final = 40
"""Of signatures that are compared: the calls to try grow with their square."""
UNKNOWN_NAME: Final = "anything_else"
"""A keyword that no parameter has, for `**kwargs`."""

_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Call:
    """One way to call: what is given, not its values.

    Attributes:
        positional: a name for each argument that is given by position.
        keywords: the names of those given by keyword.
    """

    positional: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The arguments as one writes them: `x, threshold=...`."""
        return ", ".join([*self.positional, *(f"{name}=..." for name in self.keywords)])


def for_caller(name: str, signature: Signature, *, has_receiver: bool) -> Signature | None:
    """What a caller of a method gives: all but the object, or the class, that Python gives first.

    Of a method that stands for an operator, such as `__getitem__`, only positions count: nobody writes the
    names of its parameters.

    Returns:
        None if it cannot take what Python gives.
    """
    found = without_receiver(signature) if has_receiver else signature
    if found is None or name == "__call__" or not (name.startswith("__") and name.endswith("__")):
        return found
    return found.replace(
        parameters=[
            each.replace(kind=Parameter.POSITIONAL_ONLY)
            if each.kind is Parameter.POSITIONAL_OR_KEYWORD
            else each
            for each in found.parameters.values()
        ]
    )


def without_receiver(signature: Signature) -> Signature | None:
    """What is left for the caller when the object, or the class, is given first; None if it cannot be."""
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].kind in _POSITIONAL:
        return signature.replace(parameters=parameters[1:])
    if parameters and parameters[0].kind is Parameter.VAR_POSITIONAL:
        return signature
    return None


def shortest(signature: Signature) -> Call:
    """The call that gives no more than it must, by position where it can."""
    required = [each for each in signature.parameters.values() if _is_required(each)]
    return Call(
        tuple(each.name for each in required if each.kind in _POSITIONAL),
        tuple(each.name for each in required if each.kind is Parameter.KEYWORD_ONLY),
    )


def allowed(signature: Signature, other: Signature) -> Iterator[Call]:
    """Calls that a signature allows, such that whatever refuses one of all refuses one of these.

    Args:
        signature: without a receiver.
        other: the one that will be asked to take them: how many parameters it has and what they are called
            decides what `*args` and `**kwargs` are tried with.
    """
    parameters = list(signature.parameters.values())
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    kinds = {each.kind for each in parameters}
    least = max(
        (
            number
            for number, each in enumerate(positional, 1)
            if each.kind is Parameter.POSITIONAL_ONLY and _is_required(each)
        ),
        default=0,
    )
    taken = {each.name for each in parameters if each.kind is not Parameter.POSITIONAL_ONLY}
    others = [name for name in (UNKNOWN_NAME, *other.parameters) if name not in taken]
    extra = others if Parameter.VAR_KEYWORD in kinds else []
    for count in range(len(positional), least - 1, -1):
        first = tuple(each.name for each in positional[:count])
        yield from _with_keywords(first, signature, extra)
    if Parameter.VAR_POSITIONAL in kinds:
        every = tuple(each.name for each in positional)
        for more in range(1, len(other.parameters) + 2):
            yield from _with_keywords(every + ("...",) * more, signature, extra)


def _with_keywords(first: tuple[str, ...], signature: Signature, extra: Sequence[str]) -> Iterator[Call]:
    """The call with these positions and the keywords that it needs, and those with one keyword more."""
    named = [
        each
        for each in signature.parameters.values()
        if each.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY) and each.name not in first
    ]
    required = tuple(each.name for each in named if _is_required(each))
    yield Call(first, required)
    for name in [*(each.name for each in named if not _is_required(each)), *extra]:
        yield Call(first, (*required, name))


def problem(call: Call, signature: Signature) -> str:
    """Why a signature, without a receiver, does not take a call; empty if it does.

    As Python binds arguments. `Signature.bind` of Python 3.11 does not quite: a keyword that is also the name
    of a positional-only parameter belongs to `**kwargs`.
    """
    parameters = signature.parameters
    kinds = {each.kind for each in parameters.values()}
    positional = [each.name for each in parameters.values() if each.kind in _POSITIONAL]
    if len(call.positional) > len(positional) and Parameter.VAR_POSITIONAL not in kinds:
        return "too many positional arguments"
    bound = set(positional[: len(call.positional)])
    for name in call.keywords:
        kind = parameters[name].kind if name in parameters else None
        if kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY):
            if name in bound:
                return f"multiple values for argument '{name}'"
            bound.add(name)
        elif Parameter.VAR_KEYWORD not in kinds:
            if kind is Parameter.POSITIONAL_ONLY:
                return f"'{name}' is positional-only, and was given by keyword"
            return f"got an unexpected keyword argument '{name}'"
    missing = next(
        (each.name for each in parameters.values() if _is_required(each) and each.name not in bound), ""
    )
    return f"missing a required argument: '{missing}'" if missing else ""


def refused(interface: Signature, implementation: Signature) -> tuple[Call, str] | None:
    """A call that the one signature allows and the other does not take, and why; None if there is none.

    Both without a receiver, and with at most `MOST_PARAMETERS`.
    """
    for call in allowed(interface, implementation):
        reason = problem(call, implementation)
        if reason:
            return call, reason
    return None


def _is_required(parameter: Parameter) -> bool:
    return parameter.default is Parameter.empty and parameter.kind not in (
        Parameter.VAR_POSITIONAL,
        Parameter.VAR_KEYWORD,
    )
