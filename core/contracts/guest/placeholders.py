"""Arguments for a first call, when nobody said what they should be.

The sandbox gets this module too: it imports nothing but the standard library.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from typing import Any, Final

from core.contracts.calls import Call

_BY_TYPE: Final[Mapping[object, object]] = {
    int: 1, float: 1.0, complex: 1j, bool: True, str: "text", bytes: b"bytes", None: None, type(None): None,
    list: [], tuple: (), set: frozenset(), frozenset: frozenset(), dict: {},
}  # fmt: skip
_BY_NAME: Final = {getattr(kind, "__name__", "None"): kind for kind in _BY_TYPE if kind is not type(None)}


class Placeholder:
    """Stands for an argument of which nothing is known: it takes part in whatever is done with it."""

    def __getattr__(self, name: str) -> Placeholder:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_arguments: object, **_named: object) -> Placeholder:
        """Itself."""
        return self

    def __getitem__(self, _key: object) -> Placeholder:
        return self

    def __iter__(self) -> Iterator[Placeholder]:
        return iter((self,))

    def __len__(self) -> int:
        return 1

    def __contains__(self, _value: object) -> bool:
        return True

    def __bool__(self) -> bool:
        return True

    def __int__(self) -> int:
        return 1

    def __index__(self) -> int:
        return 1

    def __float__(self) -> float:
        return 1.0

    def __enter__(self) -> Placeholder:
        return self

    def __exit__(self, *_error: object) -> None:
        return None

    def __lt__(self, _other: object) -> bool:
        return True

    __le__ = __gt__ = __ge__ = __lt__

    def __add__(self, _other: object) -> Placeholder:
        return self

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = (
        __add__
    )
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __add__

    def __neg__(self) -> Placeholder:
        return self

    __pos__ = __abs__ = __invert__ = __neg__

    def __repr__(self) -> str:
        return "<placeholder>"


def values(call: Call, signature: Signature) -> tuple[list[object], dict[str, object]]:
    """Values for a call that a signature allows: by position, and by keyword."""
    positional = [
        each
        for each in signature.parameters.values()
        if each.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    annotations = [each.annotation for each in positional]
    annotations += [Parameter.empty] * (len(call.positional) - len(annotations))
    given = [placeholder(annotation) for _, annotation in zip(call.positional, annotations, strict=False)]
    named = {
        name: placeholder(signature.parameters[name].annotation if name in signature.parameters else None)
        for name in call.keywords
    }
    return given, named


def placeholder(annotation: Any) -> object:  # noqa: ANN401 - whatever stands behind the colon
    """A value for an annotation: of its type if that is a simple one, else a `Placeholder`."""
    if isinstance(annotation, str):
        name = annotation.partition("[")[0].partition("|")[0].strip()
        return placeholder(_BY_NAME[name]) if name in _BY_NAME else Placeholder()
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return placeholder(typing.get_args(annotation)[0])
    if origin is list:
        return [placeholder(each) for each in typing.get_args(annotation)[:1]]
    kind = origin or annotation
    try:
        known = kind in _BY_TYPE
    except TypeError:
        known = False
    return type_value(kind) if known else Placeholder()


def type_value(kind: object) -> object:
    """A value of a simple type: a new one where it can be changed."""
    found = _BY_TYPE[kind]
    return list(found) if isinstance(found, list) else dict(found) if isinstance(found, dict) else found
