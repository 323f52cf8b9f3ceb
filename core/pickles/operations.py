"""What each opcode does to the machine, but for those that its loop does itself.

Every function takes the machine and the offset behind the opcode, and gives the offset of the next one. The
semantics are those of CPython's `Modules/_pickle.c`; where `Lib/pickle.py` would go on and the C unpickler
stops, the machine goes on and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final

from core.pickles.changes import CHANGES
from core.pickles.errors import UnreadableError
from core.pickles.globals import rule_of
from core.pickles.literals import index_of
from core.pickles.opcodes import CODES, NO_FRAME
from core.pickles.pushes import PUSHES, Operation
from core.pickles.rules.torch_types import LOAD_FROM_BYTES
from core.pickles.value import Called, Global, Long, OldString, Unknown, Value, render
from core.pickles.verdict import Verdict

if TYPE_CHECKING:
    from core.pickles.interpreter import Interpreter


_SIGNED: Final = Struct("<i").unpack_from
_EIGHT: Final = Struct("<Q").unpack_from
_HIGHEST_PROTOCOL: Final = 5
_GIVE_TEXT: Final = frozenset(
    {"builtins.str", "copyreg._reconstructor", "copyreg.__newobj__", LOAD_FROM_BYTES}
)
"""Allowed names whose calls may give a str."""
OBJECT: Final = 8
"""What a call gives takes the memory of about so many values."""
_LARGEST_SIZE: Final = 2**63 - 1


def _not_an_opcode(machine: Interpreter, pos: int) -> int:
    raise UnreadableError(f"the byte 0x{machine.data[pos - 1]:02x} is no opcode")


def _pop(machine: Interpreter, pos: int) -> int:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()
    return pos


def _pop_mark(machine: Interpreter, pos: int) -> int:
    machine.pop_mark()
    return pos


def _dup(machine: Interpreter, pos: int) -> int:
    machine.stack.append(machine.stack[-1])
    return pos


def _get(machine: Interpreter, pos: int) -> int:
    line, pos = machine.whole_line(pos)
    machine.stack.append(machine.memo[index_of(line)])
    return pos


def _put(machine: Interpreter, pos: int) -> int:
    line, pos = machine.whole_line(pos)
    value, index = machine.stack[-1], index_of(line)
    if index < 0:
        raise UnreadableError("a negative place in the memo")
    machine.memo[index] = value
    return pos


def _protocol(machine: Interpreter, pos: int) -> int:
    protocol = machine.data[pos]
    if protocol > _HIGHEST_PROTOCOL:
        raise UnreadableError(f"protocol {protocol}, where the highest is {_HIGHEST_PROTOCOL}")
    machine.protocol = protocol
    return pos + 1


def _frame(machine: Interpreter, pos: int) -> int:
    size = _EIGHT(machine.data, pos)[0]
    start = pos + 8
    if size > _LARGEST_SIZE:
        raise UnreadableError("a frame that is too long for any reader")
    if start < machine.frame_end < NO_FRAME:
        reason = "a frame begins inside another one: readers disagree on where the opcodes go on"
        machine.judge.find(pos - 1, "FRAME", reason, Verdict.DANGEROUS)
    if start + size > machine.size:
        # The C unpickler stops here; pickle.py goes on to the end of the stream.
        machine.refuse(f"a frame of {size:,} bytes, where {machine.size - start:,} are left")
    machine.frame_end = start + size if start + size <= machine.size else NO_FRAME
    return start


def _global(machine: Interpreter, pos: int) -> int:
    module, start, _ = machine.line(pos)
    name, pos, whole = machine.line(start)
    _check_names(machine, module, name)
    machine.stack.append(
        machine.judge.name(str(module, "utf-8"), str(name, "utf-8"), machine.protocol, machine.pos, "GLOBAL")
    )
    if not whole:
        machine.refuse("the stream ends in the name of a global")
    return pos


def _stack_global(machine: Interpreter, pos: int) -> int:
    stack = machine.stack
    name, module = stack.pop(), stack.pop()
    if isinstance(name, str) and isinstance(module, str):
        stack.append(machine.judge.name(module, name, machine.protocol, machine.pos, "STACK_GLOBAL"))
        return pos
    odd = name if not isinstance(name, str) else module
    if not isinstance(odd, OldString | Long | Called | Global | Unknown) or _is_no_text(odd):
        raise UnreadableError(f"a global's name is {render(odd, 60)}, where a str is expected")
    stack.append(machine.judge.computed(render(odd, 100), machine.pos, "STACK_GLOBAL"))
    return pos


def _is_no_text(value: Value) -> bool:
    """Whether a value is known not to be a str, as most of what allowed names stand for and give."""
    if isinstance(value, Called):
        return rule_of(value.function) is not None and value.full not in _GIVE_TEXT
    return rule_of(value) is not None


def _inst(machine: Interpreter, pos: int) -> int:
    module, start, _ = machine.line(pos)
    name, pos, whole = machine.line(start)
    _check_names(machine, module, name)
    named = machine.judge.name(
        str(module, "ascii"), str(name, "ascii"), machine.protocol, machine.pos, "INST"
    )
    args = tuple(machine.pop_mark())
    _push_call(machine, named, args, None, "INST")
    if not whole:
        machine.refuse("the stream ends in the name of a class")
    return pos


def _check_names(machine: Interpreter, module: bytes, name: bytes) -> None:
    if not module or not name:
        machine.refuse("a global without a name")


def _extension(size: int, read: Callable[[Interpreter, int], int]) -> Operation:
    """Pushes what the program that loads has registered for a number."""

    def operate(machine: Interpreter, pos: int) -> int:
        code = read(machine, pos)
        if code <= 0:
            raise UnreadableError(f"the extension code {code}, where a positive one is expected")
        machine.stack.append(machine.judge.computed(f"the extension code {code}", machine.pos, f"EXT{size}"))
        return pos + size

    return operate


def _object(machine: Interpreter, pos: int) -> int:
    items = machine.pop_mark()
    _push_call(machine, items[0], tuple(items[1:]), None, "OBJ")
    return pos


def _new_object(machine: Interpreter, pos: int) -> int:
    args, function = machine.stack.pop(), machine.stack.pop()
    _push_call(machine, function, args, None, "NEWOBJ", new=True)
    return pos


def _new_object_ex(machine: Interpreter, pos: int) -> int:
    kwargs, args, function = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    _push_call(machine, function, args, kwargs, "NEWOBJ_EX", new=True)
    return pos


def _push_call(
    machine: Interpreter, function: Value, args: Value, kwargs: Value, opcode: str, *, new: bool = False
) -> None:
    machine.stack.append(machine.judge.call(function, args, kwargs, machine.pos, opcode, new=new))
    machine.held += OBJECT


def _persistent_line(machine: Interpreter, pos: int) -> int:
    line, pos = machine.whole_line(pos)
    machine.stack.append(machine.judge.persistent(str(line, "ascii"), machine.pos, "PERSID"))
    return pos


def _next_buffer(machine: Interpreter, pos: int) -> int:
    machine.refuse("needs a buffer that is not in this stream")
    machine.stack.append(Unknown("a buffer from outside the stream"))
    return pos


def _read_only(machine: Interpreter, pos: int) -> int:
    top = machine.stack[-1]
    if isinstance(top, bytearray):
        machine.stack[-1] = Unknown(f"a read-only view of {len(top):,} bytes")
    elif isinstance(top, Called | Global):
        if machine.judge.verdict is Verdict.DATA_ONLY:
            machine.refuse("takes the buffer of an object")
    elif not isinstance(top, bytes | Long | Unknown):
        raise UnreadableError(f"a {type(top).__name__} has no buffer")
    return pos


def _table() -> tuple[Operation, ...]:
    named: dict[str, Operation] = {
        **PUSHES,
        "POP": _pop,
        "POP_MARK": _pop_mark,
        "DUP": _dup,
        "GET": _get,
        "PUT": _put,
        "PROTO": _protocol,
        "FRAME": _frame,
        "GLOBAL": _global,
        "STACK_GLOBAL": _stack_global,
        "INST": _inst,
        "EXT1": _extension(1, lambda machine, pos: machine.data[pos]),
        "EXT2": _extension(2, lambda machine, pos: machine.data[pos] | machine.data[pos + 1] << 8),
        "EXT4": _extension(4, lambda machine, pos: int(_SIGNED(machine.data, pos)[0])),
        "OBJ": _object,
        "NEWOBJ": _new_object,
        "NEWOBJ_EX": _new_object_ex,
        "PERSID": _persistent_line,
        "NEXT_BUFFER": _next_buffer,
        "READONLY_BUFFER": _read_only,
        **CHANGES,
    }
    by_code = {CODES[name]: operation for name, operation in named.items()}
    return tuple(by_code.get(code, _not_an_opcode) for code in range(256))


OPERATIONS: Final = _table()
"""What each byte does, by its value; those that the loop does itself count as none here."""
