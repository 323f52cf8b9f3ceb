"""The opcodes that push a value: what their argument says, or a container of what lies above a mark."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from core.pickles.errors import UnreadableError
from core.pickles.keys import check_all
from core.pickles.literals import Literal, float_of, int_of, long_of, string_of
from core.pickles.value import Long, OldString, Value

if TYPE_CHECKING:
    from core.pickles.interpreter import Interpreter

Operation: TypeAlias = Callable[["Interpreter", int], int]
"""Does one opcode: takes the machine and the offset behind the opcode, gives that of the next one."""

_SIGNED: Final = Struct("<i").unpack_from
_UNSIGNED: Final = Struct("<I").unpack_from
_EIGHT: Final = Struct("<Q").unpack_from


def _pusher(value: Value) -> Operation:
    """Pushes a value that never changes."""

    def push(machine: Interpreter, pos: int) -> int:
        machine.stack.append(value)
        return pos

    return push


def _empty(make: Callable[[], Value]) -> Operation:
    """Pushes a new, empty container."""

    def push(machine: Interpreter, pos: int) -> int:
        machine.stack.append(make())
        machine.held += 2
        return pos

    return push


def _of_line(read: Callable[[bytes], Literal]) -> Operation:
    """Pushes what a line of text says."""

    def push(machine: Interpreter, pos: int) -> int:
        line, pos = machine.whole_line(pos)
        literal = read(line)
        if literal.refused:
            machine.refuse(literal.refused)
        machine.stack.append(literal.value)
        return pos

    return push


def _sized(size: Callable[[Interpreter, int], tuple[int, int]], push: Callable[..., Value]) -> Operation:
    """Pushes so many bytes as something."""

    def operate(machine: Interpreter, pos: int) -> int:
        length, start = size(machine, pos)
        machine.stack.append(push(machine, start, length))
        return start + length

    return operate


def _size_1(machine: Interpreter, pos: int) -> tuple[int, int]:
    return machine.data[pos], pos + 1


def _size_4(machine: Interpreter, pos: int) -> tuple[int, int]:
    return _UNSIGNED(machine.data, pos)[0], pos + 4


def _size_8(machine: Interpreter, pos: int) -> tuple[int, int]:
    return _EIGHT(machine.data, pos)[0], pos + 8


def _size_4_signed(machine: Interpreter, pos: int) -> tuple[int, int]:
    size = _SIGNED(machine.data, pos)[0]
    if size < 0:
        raise UnreadableError("a number of a negative size")
    return size, pos + 4


def _text(machine: Interpreter, start: int, size: int) -> Value:
    return machine.text(start, size)


def _bytes(machine: Interpreter, start: int, size: int) -> Value:
    return machine.raw(start, size)


def _bytearray(machine: Interpreter, start: int, size: int) -> Value:
    return machine.raw(start, size, "bytearray")


def _old_string(machine: Interpreter, start: int, size: int) -> Value:
    data = machine.raw(start, size)
    return _as_text(data) if isinstance(data, bytes) else Long("str", start, size, "latin-1")


def _number(machine: Interpreter, start: int, size: int) -> Value:
    end = machine.span(start, size)
    if size > machine.bounds.long_bytes:
        return Long("int", start, size)
    return int.from_bytes(machine.data[start:end], "little", signed=True)


def _as_text(data: bytes) -> Value:
    """A string of Python 2: ASCII is text by default; of others the loader's `encoding` decides."""
    return data.decode("ascii") if data.isascii() else OldString(data)


def _string(machine: Interpreter, pos: int) -> int:
    end = machine.find_line(pos)
    if end - pos > machine.bounds.text:
        quotes = {machine.data[pos], machine.data[end - 1]}
        if quotes not in ({ord("'")}, {ord('"')}):
            raise UnreadableError("a string that is not quoted")
        machine.stack.append(Long("str", pos + 1, end - pos - 2, "string-escape"))
        return end + 1
    line, pos = machine.whole_line(pos)
    machine.stack.append(_as_text(string_of(line)))
    return pos


def _unicode(machine: Interpreter, pos: int) -> int:
    end = machine.find_line(pos)
    if end - pos > machine.bounds.text:
        machine.stack.append(Long("str", pos, end - pos, "raw-unicode-escape"))
        return end + 1
    line, pos = machine.whole_line(pos)
    machine.stack.append(line.decode("raw-unicode-escape"))
    return pos


def _tuple(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    machine.held += len(items)
    machine.stack.append(tuple(items))
    return pos


def _tuple3(machine: Interpreter, pos: int) -> int:
    stack = machine.stack
    stack[-3:] = [(stack[-3], stack[-2], stack[-1])]
    machine.held += 3
    return pos


def _list(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    machine.held += len(items)
    machine.stack.append(items)
    return pos


def _dict(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    if len(items) % 2:
        raise UnreadableError("a dict of an odd number of values")
    check_all(items[::2], machine.budget.keys)
    machine.held += len(items)
    machine.stack.append(dict(zip(items[::2], items[1::2], strict=True)))
    return pos


def _frozenset(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    check_all(items, machine.budget.keys)
    machine.held += 4 * len(items)
    machine.stack.append(frozenset(items))
    return pos


PUSHES: Final = MappingProxyType({
    "NONE": _pusher(None),
    "NEWTRUE": _pusher(True),
    "NEWFALSE": _pusher(False),
    "EMPTY_TUPLE": _pusher(()),
    "EMPTY_LIST": _empty(list),
    "EMPTY_DICT": _empty(dict),
    "EMPTY_SET": _empty(set),
    "INT": _of_line(int_of),
    "LONG": _of_line(long_of),
    "FLOAT": _of_line(float_of),
    "STRING": _string,
    "UNICODE": _unicode,
    "SHORT_BINSTRING": _sized(_size_1, _old_string),
    "BINSTRING": _sized(_size_4, _old_string),
    "BINUNICODE8": _sized(_size_8, _text),
    "SHORT_BINBYTES": _sized(_size_1, _bytes),
    "BINBYTES": _sized(_size_4, _bytes),
    "BINBYTES8": _sized(_size_8, _bytes),
    "BYTEARRAY8": _sized(_size_8, _bytearray),
    "LONG1": _sized(_size_1, _number),
    "LONG4": _sized(_size_4_signed, _number),
    "TUPLE": _tuple,
    "TUPLE3": _tuple3,
    "LIST": _list,
    "DICT": _dict,
    "FROZENSET": _frozenset,
})  # fmt: skip
"""What each of these opcodes does, by its name."""
