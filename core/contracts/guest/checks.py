"""The four checks, each really made on a class."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from core.contracts.calls import shortest
from core.contracts.guest.comparison import compare, signature_for_caller
from core.contracts.guest.described import Described, Wanted
from core.contracts.guest.making import NOTHING, Made, bare, create, static
from core.contracts.guest.placeholders import values
from core.contracts.guest.raised import place_of, told

_STEPS: Final = 100
"""How often a coroutine may wait before the trial leaves it."""
UNSEEN: Final = "its names do not show why"


@dataclass(frozen=True)
class Tried:
    """What a check said.

    Attributes:
        passes: whether it let the class through; None if it could not be made.
        moment: when it fails; empty if it lets the class through.
        reason: what happened, in one sentence.
        missing: the abstract methods that stopped the creation.
    """

    passes: bool | None
    moment: str
    reason: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Late:
    """When the class fails if no check stops it, and why, as a clause."""

    moment: str = "never"
    reason: str = ""


def abc_check(described: Described) -> tuple[Tried, Made | None]:
    """Creates an object, as anybody would; None if that is refused."""
    cls = described.cls
    missing = tuple(sorted(getattr(cls, "__abstractmethods__", ())))
    made, error = create(cls)
    if error is None:
        reason = f"Python created an object{f': {made.note}' if made.note else ''}."
        return Tried(True, "", reason, missing), made
    if place_of(error) is None and str(error).startswith("Can't instantiate abstract class"):
        return Tried(False, "instantiation", f"TypeError: {error}", missing), None
    reason = f"abc has nothing against it; its own constructor raises {told(error)}."
    return Tried(True, "", reason, missing), bare(cls, error)


def protocol_check(described: Described, made: Made) -> Tried:
    """Asks `isinstance`, of a runtime-checkable Protocol with what the interface asks for."""
    if described.style == "protocol" and described.inherits:
        protocol = described.interface
        marked = vars(protocol).get("_is_runtime_protocol", NOTHING)
        typing.runtime_checkable(protocol)
        try:
            found = isinstance(made.object, protocol)
        except Exception as error:  # noqa: BLE001 - the visitor's own attributes
            return Tried(None, "", f"isinstance raises {told(error)}.")
        finally:
            if marked is NOTHING:
                type.__delattr__(protocol, "_is_runtime_protocol")
            else:
                type.__setattr__(protocol, "_is_runtime_protocol", marked)
        reason = f"isinstance is {found}: it inherits from {described.interface_name}."
        return Tried(found, "" if found else "instantiation", reason)
    try:
        found = isinstance(made.object, _protocol(described))
    except Exception as error:  # noqa: BLE001 - the visitor's own attributes
        return Tried(None, "", f"isinstance raises {told(error)}.")
    if found:
        return Tried(True, "", "isinstance is True: an object has every name.")
    if not made.complete:
        return Tried(None, "", f"Without a complete object nothing is known: {made.note}.")
    lacking = [name for name in described.required if static(made.object, name) is NOTHING]
    called = [name for name, wanted in described.required.items() if wanted.is_called]
    blocked = [name for name in called if static(made.object, name) is None]
    why = _lack(lacking[0], made) if lacking else f"{blocked[0]} is None" if blocked else UNSEEN
    return Tried(False, "instantiation", f"isinstance is False: {why}.")


def _lack(name: str, made: Made) -> str:
    """That an object has no attribute, as a clause: which it only lacks without its base, if that is so."""
    return f"{'without its base, ' if name in made.taken else ''}an object has no {name}"


def signature_check(described: Described, made: Made) -> Tried:
    """Compares what `inspect.signature` gives of the class's methods with the interface's."""
    unsure = ""
    failing: list[str] = []
    for name, wanted in described.required.items():
        passes, reason = compare(described, made, name, wanted)
        if passes is False:
            failing.append(reason)
        elif passes is None:
            unsure = unsure or reason
    if failing:
        more = f", and {len(failing) - 1} more at fault" if len(failing) > 1 else ""
        return Tried(False, "import", f"{_sentence(failing[0])}{more}.")
    if unsure:
        return Tried(None, "", f"Not to be compared: {unsure}.")
    return Tried(True, "", f"Every call that {described.interface_name} allows is taken.")


def duck_check(described: Described, made: Made) -> tuple[Late, Tried]:
    """Uses every member once, with placeholders for arguments, and looks what else would fail later."""
    failing: list[str] = []
    remarks: list[str] = [made.note] if made.note else []
    unsure = False
    late = Late()
    for name, wanted in described.required.items():
        used = _use(made, name, wanted, described)
        if used.passes is False:
            failing.append(used.reason)
            continue
        unsure = unsure or used.passes is None
        remarks += [used.reason] if used.reason else []
        if used.moment and late.moment == "never":
            late = Late(used.moment, used.reason)
    if failing:
        more = f", and {len(failing) - 1} more at fault" if len(failing) > 1 else ""
        return Late("first call", failing[0]), Tried(False, "first call", f"{_sentence(failing[0])}{more}.")
    said = "; ".join(remarks)
    if unsure:
        return late, Tried(None, "", f"{said}.")
    return late, Tried(True, "", f"Every member was used once{f': {said}' if said else ''}.")


def _sentence(clause: str) -> str:
    """A clause at the beginning of a sentence: but a name stays as it is."""
    return clause[:1].upper() + clause[1:] if clause.startswith(("without ", "it has ")) else clause


def _use(made: Made, name: str, wanted: Wanted, described: Described) -> Tried:
    """Uses one member as the interface has it used."""
    is_there = static(made.object, name) is not NOTHING
    try:
        value = getattr(made.object, name)
    except NotImplementedError as error:
        return Tried(False, "first call", f"{name}: {told(error)}")
    except BaseException as error:  # noqa: BLE001 - whatever the visitor's property raises
        if isinstance(error, AttributeError) and not is_there:
            return Tried(False, "first call", _lack(name, made) if name in made.taken else told(error))
        return Tried(None if not made.complete else True, "", f"{name} raises {told(error)}")
    if not wanted.is_called:
        if inspect.ismethod(value) or isinstance(static(made.object, name), staticmethod):
            return Tried(True, "production", f"{name} is a method: who reads it as a value gets the method")
        return _empty(name, value, described)
    return _call(made, name, wanted, value, described)


def _call(made: Made, name: str, wanted: Wanted, value: Any, described: Described) -> Tried:  # noqa: ANN401
    asked = signature_for_caller(name, wanted.kind, wanted.signature)
    if asked is None:
        return Tried(None, "", f"the interface's own {name} takes no self")
    call = shortest(asked)
    given, named = values(call, asked)
    try:
        result = value(*given, **named)
        gives_coroutine = _settle(result, wanted)
    except BaseException as error:  # noqa: BLE001 - whatever the visitor's method raises
        refuses = isinstance(error, TypeError) and place_of(error) is None
        if refuses or isinstance(error, NotImplementedError):
            return Tried(False, "first call", f"{name}({call}): {told(error)}")
        remark = f"{name}({call}) raises {told(error)}, given placeholders"
        return Tried(True, "", remark)
    if gives_coroutine:
        return Tried(
            True, "production", f"{name}() gives a coroutine, and nothing runs until somebody awaits it"
        )
    passes, reason = compare(described, made, name, wanted)
    if passes is False:
        return Tried(True, "production", reason)
    return _empty(name, None if wanted.asynchronous else result, described)


def _empty(name: str, given: object, described: Described) -> Tried:
    """A use that went well: unless it is the interface's own empty body that went."""
    if given is None and described.is_empty(name):
        return Tried(True, "production", f"{name} gives None: the interface's empty body runs")
    return Tried(True, "", "")


def _settle(result: object, wanted: Wanted) -> bool:
    """Awaits what an async method gave; tells whether a plain one gave what nobody will await."""
    if not wanted.asynchronous:
        if inspect.iscoroutine(result):
            result.close()
            return True
        return inspect.isasyncgen(result)
    if inspect.isasyncgen(result):
        return False

    async def awaited() -> object:
        return await result  # type: ignore[misc]

    coroutine: Coroutine[Any, None, object] = awaited()
    try:
        for _ in range(_STEPS):
            coroutine.send(None)
    except StopIteration:
        pass
    finally:
        coroutine.close()
    return False


def _protocol(described: Described) -> Any:  # noqa: ANN401 - a class that isinstance takes
    def nothing(self: object) -> None:
        """A method of a Protocol: only its name counts."""

    def fill(namespace: dict[str, object]) -> None:
        called = [name for name, wanted in described.required.items() if wanted.is_called]
        namespace["__annotations__"] = dict.fromkeys(set(described.required) - set(called), object)
        namespace.update(dict.fromkeys(called, nothing))
        namespace["__module__"] = __name__

    protocol: Any = types.new_class("Asked", (typing.Protocol,), {}, fill)
    return typing.runtime_checkable(protocol)
