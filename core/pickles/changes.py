"""The opcodes that change an object which is already on the stack: its items, its state."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from core.pickles.errors import UnreadableError
from core.pickles.keys import check_all, checked
from core.pickles.opcodes import NO_FRAME
from core.pickles.pushes import Operation
from core.pickles.value import Value
from core.pickles.verdict import Verdict

if TYPE_CHECKING:
    from core.pickles.interpreter import Interpreter


_FEW: Final = 16
"""So many keys and values are set one by one: it is the faster way."""


def _append(machine: Interpreter, pos: int) -> int:
    item = machine.stack.pop()
    target = machine.stack[-1]
    machine.held += 1
    if type(target) is list:
        target.append(item)
    else:
        machine.judge.add_items(target, [item], machine.pos, "APPEND")
    return pos


def _appends(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    target = machine.stack[-1]
    machine.held += len(items)
    if type(target) is list:
        target.extend(items)
    else:
        machine.judge.add_items(target, items, machine.pos, "APPENDS")
    return pos


def _add_items(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    target = machine.stack[-1]
    machine.held += 4 * len(items)
    if type(target) is set:
        check_all(items, machine.budget.keys, target)
        target.update(items)
    else:
        machine.judge.add_items(target, items, machine.pos, "ADDITEMS")
    return pos


def _set_item(machine: Interpreter, pos: int) -> int:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set_all(machine, machine.stack[-1], [key, value], "SETITEM")
    return pos


def _set_items(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    target = machine.stack[-1]
    if type(target) is dict and len(items) % 2 == 0 and len(items) <= _FEW:
        machine.held += len(items)
        for place in range(0, len(items), 2):
            key = items[place]
            target[key if type(key) is str else checked(key, target, machine.budget.keys)] = items[place + 1]
        return pos
    _set_all(machine, machine.stack[-1], items, "SETITEMS")
    return pos


def _set_all(machine: Interpreter, target: Value, items: list[Value], opcode: str) -> None:
    """Sets items, given as keys and values by turns."""
    odd = len(items) % 2
    if odd:
        # pickle.py sets the others before it finds out.
        machine.judge.find(machine.pos, opcode, "an odd number of keys and values", Verdict.COULD_NOT_READ)
    keys, values = items[: len(items) - odd : 2], items[1::2]
    machine.held += len(items)
    if type(target) is dict:
        check_all(keys, machine.budget.keys, target)
        target.update(zip(keys, values, strict=True))
    elif type(target) is list:
        _replace(target, keys, values)
    else:
        machine.judge.add_pairs(target, list(zip(keys, values, strict=True)), machine.pos, opcode)
    if odd:
        raise UnreadableError("an odd number of keys and values")


def _replace(target: list[Value], keys: list[Value], values: list[Value]) -> None:
    """`target[key] = value` for a list: its places can be set, as keys of a dict can."""
    for key, value in zip(keys, values, strict=True):
        if not isinstance(key, int) or not -len(target) <= key < len(target):
            raise UnreadableError("sets an item of a list at a place that it does not have")
        target[key] = value


def _build(machine: Interpreter, pos: int) -> int:
    state = machine.stack.pop()
    target = machine.stack[-1]
    machine.judge.build(target, state, machine.pos)
    if machine.after_build is None:
        return pos
    go_on = machine.after_build(target, pos)
    if go_on <= pos:
        return pos
    if pos < machine.frame_end < NO_FRAME:
        reason = "raw bytes stand in the middle of a frame"
        machine.judge.find(machine.pos, "BUILD", reason, Verdict.COULD_NOT_READ)
    machine.frame_end = NO_FRAME
    return go_on


CHANGES: Final[MappingProxyType[str, Operation]] = MappingProxyType({
    "APPEND": _append,
    "APPENDS": _appends,
    "ADDITEMS": _add_items,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "BUILD": _build,
})  # fmt: skip
"""What each of these opcodes does, by its name."""
