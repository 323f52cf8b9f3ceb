"""One member of a class against what an interface asks for, by what `inspect` says of both."""

from __future__ import annotations

import inspect
from inspect import Signature

from core.contracts.calls import MOST_PARAMETERS, for_caller, refused
from core.contracts.guest.attributes import is_asynchronous, kind_of, signature_of
from core.contracts.guest.described import Described, Wanted
from core.contracts.guest.making import NOTHING, Made, static


def compare(described: Described, made: Made, name: str, wanted: Wanted) -> tuple[bool | None, str]:
    """Whether a member can stand for the one that is asked for, and why not; None if nobody can tell."""
    value = inspect.getattr_static(described.cls, name, NOTHING)
    owner = next((each for each in described.cls.__mro__ if name in vars(each)), None)
    if value is NOTHING and not wanted.is_called:
        if static(made.object, name) is not NOTHING:
            return True, ""
        if not made.complete:
            return None, f"only a complete object would show {name}"
    if described.is_reminder(name) or (value is NOTHING and name in made.taken):
        return False, f"without its base, it has no {name}"
    if value is NOTHING:
        return False, f"it has no {name}"
    if owner is object:
        return None, f"{name} is that of every object"
    return _compare_values(name, wanted, value)


def _compare_values(name: str, wanted: Wanted, value: object) -> tuple[bool | None, str]:
    kind = kind_of(value)
    if not wanted.is_called:
        return (True, "") if kind == "value" else (False, f"{name} is a method and has to be a value")
    if kind == "value" and (value is None or not callable(value)):
        return False, f"{name} is {'None' if value is None else 'a value'} and has to be a method"
    if is_asynchronous(value) != wanted.asynchronous:
        is_async = is_asynchronous(value)
        return (
            False,
            f"{name}() is {'' if is_async else 'not '}async, and the interface's is{' not' * is_async}",
        )
    if wanted.kind in {"class method", "static method"} and kind == "method":
        return False, f"{name}() can no longer be called on the class"
    return _compare_calls(name, wanted, kind, signature_of(value))


def _compare_calls(name: str, wanted: Wanted, kind: str, own: Signature | None) -> tuple[bool | None, str]:
    if own is None or wanted.signature is None:
        return None, f"{name}() has no signature"
    asked, has = (
        signature_for_caller(name, wanted.kind, wanted.signature),
        signature_for_caller(name, kind, own),
    )
    if asked is None:
        return None, f"the interface's own {name}() takes no self"
    if has is None:
        return False, f"{name}() takes no self"
    if max(len(asked.parameters), len(has.parameters)) > MOST_PARAMETERS:
        return None, f"{name}() has more than {MOST_PARAMETERS} parameters"
    found = refused(asked, has)
    if found is None:
        return True, ""
    return False, f"the interface allows {name}({found[0]}), and this one says: {found[1]}"


def signature_for_caller(name: str, kind: str, signature: Signature | None) -> Signature | None:
    """What a caller of a member gives; None if that is not known, or it takes no `self`."""
    if signature is None:
        return None
    return for_caller(name, signature, has_receiver=kind in {"method", "class method"})
