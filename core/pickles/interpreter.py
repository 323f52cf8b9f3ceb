"""The loop of the symbolic pickle machine: one pickle, opcode by opcode; nothing is imported or called.

The stack is split at every mark, as in CPython's `pickle.py`: a pop can never reach below a mark. The
opcodes that make up nearly all of a large pickle are written out in the loop; the others are in
`core.pickles.operations`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from struct import Struct
from struct import error as StructError  # noqa: N812 - its name in struct is no class's
from time import monotonic
from typing import Final, TypeAlias

from core.pickles.bounds import Bounds
from core.pickles.errors import TruncatedError, UnreadableError
from core.pickles.judge import Judge
from core.pickles.keys import NoKeyError
from core.pickles.opcodes import FIXED, NO_FRAME, OPCODES, argument_end, name_of
from core.pickles.operations import OBJECT, OPERATIONS
from core.pickles.reader import SHORT, Budget, Reader
from core.pickles.value import Value
from core.pickles.verdict import Verdict

AfterBuild: TypeAlias = Callable[[Value, int], int]
"""Is told of an object after a BUILD and the offset behind it, and gives the offset where opcodes go on."""

_SIGNED: Final = Struct("<i").unpack_from
_UNSIGNED: Final = Struct("<I").unpack_from
_FLOAT: Final = Struct(">d").unpack_from
# Runs of one opcode for numbers, read at once. Every repetition in a match begins at an opcode, as it does.
_RUNS: Final = {
    ord("J"): (re.compile(rb"(?:J.{4}){2,20000}", re.DOTALL), Struct("<xi").iter_unpack, 5),
    ord("K"): (re.compile(rb"(?:K.){2,20000}", re.DOTALL), Struct("<xB").iter_unpack, 2),
    ord("M"): (re.compile(rb"(?:M.{2}){2,20000}", re.DOTALL), Struct("<xH").iter_unpack, 3),
    ord("G"): (re.compile(rb"(?:G.{8}){2,20000}", re.DOTALL), Struct(">xd").iter_unpack, 9),
}
_CHECK_EVERY: Final = 4_096
_EMPTY: Final = 6
"""An empty container takes the memory of about so many values."""


class Interpreter(Reader):
    """The machine in the middle of one pickle.

    Args:
        data: the stream. If it is a memoryview, what is long in it is never copied.
        start: where the pickle begins.
        judge: is told what the stream asks for.
        bounds: how large things may get.
        budget: what is left to be used.
        memo: the memo to begin with.

    Attributes:
        pos: the offset of the next opcode.
        stack: what lies above the last mark.
        below: what lies below each mark.
        memo: by index.
        protocol: as the last PROTO said; 0 before one.
        count: opcodes that were run.
        frame_end: where the current frame ends.
        held: values in containers, about.
    """

    def __init__(
        self,
        data: bytes | memoryview,
        start: int,
        judge: Judge,
        bounds: Bounds,
        budget: Budget,
        memo: dict[int, Value] | None = None,
    ) -> None:
        super().__init__(data, bounds, budget)
        self.pos = start
        self.judge = judge
        self.stack: list[Value] = []
        self.below: list[list[Value]] = []
        self.memo: dict[int, Value] = {} if memo is None else memo
        self.protocol = 0
        self.count = 0
        self.frame_end = NO_FRAME
        self.held = 0
        self.stopped = False
        self.value: Value = None
        self.after_build: AfterBuild | None = None

    @property
    def code(self) -> int:
        """The byte at the current position; 0 at the end."""
        return self.data[self.pos] if self.pos < self.size else 0

    def refuse(self, reason: str) -> None:
        """One of CPython's unpicklers stops here, and the other goes on: so does the machine."""
        self.judge.find(self.pos, name_of(self.code), reason, Verdict.COULD_NOT_READ)

    def run(self, most: int | None = None) -> None:
        """Runs until STOP, or until so many opcodes have been run.

        Raises:
            UnreadableError: the unpickler would stop here, or the machine has to.
        """
        last = None if most is None else self.count + most
        while not self.stopped and (last is None or self.count < last):
            before = self.count
            until = min(before + _CHECK_EVERY, before + self.budget.opcodes)
            try:
                self._loop(until if last is None else min(until, last), together=last is None)
            except IndexError as error:
                raise self._underflow() from error
            except StructError as error:
                raise TruncatedError from error
            except KeyError as error:
                raise UnreadableError(f"the memo has nothing at {error.args[0]}") from error
            except UnicodeDecodeError as error:
                raise UnreadableError("a text that is not encoded as it should be") from error
            except NoKeyError as error:
                raise UnreadableError(f"uses {error} as a key") from error
            finally:
                self.budget.opcodes -= self.count - before
            self._check_bounds()

    def check_frame(self) -> None:
        """Says so if the opcode at which the machine stopped reaches beyond its frame.

        The C unpickler drops the rest of such a frame when it reads from a file, and goes on elsewhere.
        """
        if self.pos >= self.size or not self.pos < self.frame_end < NO_FRAME:
            return
        opcode = OPCODES.get(self.code)
        if opcode is not None and argument_end(self.data, self.pos, opcode) > self.frame_end:
            self._frame_crossed(self.frame_end)

    def _underflow(self) -> UnreadableError:
        """What an index out of range means: the end of the stream, or of the stack."""
        opcode = OPCODES.get(self.code) if self.pos < self.size else None
        if opcode is None or self.pos + 1 + FIXED[opcode.argument] > self.size:
            return TruncatedError()
        return UnreadableError("takes more from the stack than there is")

    def _check_bounds(self) -> None:
        if self.stopped:
            return
        if self.budget.opcodes <= 0:
            raise UnreadableError(f"more than the {self.bounds.opcodes:,} opcodes that are read at most")
        if monotonic() > self.budget.deadline:
            raise UnreadableError(f"took longer than the {self.bounds.seconds:g} s that are allowed")
        if self.held + len(self.stack) + len(self.below) > self.bounds.values:
            raise UnreadableError(f"more than the {self.bounds.values:,} values that are kept at most")
        if len(self.memo) > self.bounds.memo:
            raise UnreadableError(f"more than the {self.bounds.memo:,} memo entries that are kept at most")

    def _loop(self, until: int, *, together: bool) -> None:  # noqa: PLR0912, PLR0915 - written out for speed
        """Runs opcodes until the count is reached, or STOP.

        Args:
            until: the count.
            together: whether runs of the same opcode may be read at once, beyond the count.
        """
        data, size, memo, below, operations = self.data, self.size, self.memo, self.below, OPERATIONS
        judge = self.judge
        stack, push = self.stack, self.stack.append
        pos, count, frame_end, held = self.pos, self.count, self.frame_end, 0
        try:
            while count < until:
                if pos >= frame_end:
                    if pos > frame_end:
                        self._frame_crossed(frame_end)
                    frame_end = self.frame_end = NO_FRAME
                op = data[pos]
                if op == 0x71:  # BINPUT
                    memo[data[pos + 1]] = stack[-1]
                    pos += 2
                elif op == 0x94:  # MEMOIZE
                    memo[len(memo)] = stack[-1]
                    pos += 1
                elif op == 0x68:  # BINGET
                    push(memo[data[pos + 1]])
                    pos += 2
                elif op < 0x5E:
                    if op == 0x28:  # MARK
                        below.append(stack)
                        self.stack = stack = []
                        push = stack.append
                        pos += 1
                    elif op == 0x58:  # BINUNICODE
                        length, start = _UNSIGNED(data, pos + 1)[0], pos + 5
                        end = start + length
                        if length > SHORT or end > size:
                            push(self.text(start, length))
                        else:
                            push(str(data[start:end], "utf-8", "surrogatepass"))
                        pos = end
                    elif op in _RUNS:
                        # BININT1, BININT, BININT2, BINFLOAT
                        pattern, unpack, width = _RUNS[op]
                        end = pos + width
                        # Two of them, as in a tensor's size, are read sooner one by one.
                        if together and end + width < size and data[end] == op == data[end + width]:
                            found = pattern.match(data, pos, min(frame_end, size))
                            if found is not None:
                                end = found.end()
                                stack.extend(chain.from_iterable(unpack(data[pos:end])))
                                count += (end - pos) // width
                                pos = end
                                continue
                        if op == 0x4B:
                            push(data[pos + 1])
                        elif op == 0x4A:
                            push(_SIGNED(data, pos + 1)[0])
                        elif op == 0x4D:
                            push(data[pos + 1] | data[pos + 2] << 8)
                        else:
                            push(_FLOAT(data, pos + 1)[0])
                        pos = end
                    elif op == 0x52:  # REDUCE
                        self.pos = pos
                        args, function = stack.pop(), stack.pop()
                        push(judge.call(function, args, None, pos, "REDUCE"))
                        held += OBJECT
                        pos += 1
                    elif op == 0x29:  # EMPTY_TUPLE
                        push(())
                        pos += 1
                    elif op == 0x5D:  # EMPTY_LIST
                        push([])
                        held += _EMPTY
                        pos += 1
                    elif op == 0x51:  # BINPERSID
                        self.pos = pos
                        push(judge.persistent(stack.pop(), pos, "BINPERSID"))
                        pos += 1
                    elif op == 0x2E:  # STOP
                        self.value = stack.pop()
                        self.stopped = True
                        count += 1
                        pos += 1
                        if pos < frame_end < NO_FRAME:
                            self._frame_crossed(frame_end)
                        return
                    else:
                        self.pos = pos
                        pos = operations[op](self, pos + 1)
                        stack, frame_end = self.stack, self.frame_end
                        push = stack.append
                elif op == 0x8C:  # SHORT_BINUNICODE
                    length, start = data[pos + 1], pos + 2
                    end = start + length
                    if end > size:
                        raise TruncatedError
                    push(str(data[start:end], "utf-8", "surrogatepass"))
                    pos = end
                elif op == 0x7D:  # EMPTY_DICT
                    push({})
                    held += _EMPTY
                    pos += 1
                elif op == 0x74:  # TUPLE
                    value = tuple(stack)
                    self.stack = stack = below.pop()
                    push = stack.append
                    push(value)
                    held += len(value)
                    pos += 1
                elif op == 0x61 and len(stack) > 1 and type(target := stack[-2]) is list:  # APPEND
                    target.append(stack.pop())
                    held += 1
                    pos += 1
                elif op == 0x72:  # LONG_BINPUT
                    memo[_UNSIGNED(data, pos + 1)[0]] = stack[-1]
                    pos += 5
                elif op == 0x6A:  # LONG_BINGET
                    push(memo[_UNSIGNED(data, pos + 1)[0]])
                    pos += 5
                elif op == 0x89:  # NEWFALSE
                    push(False)
                    pos += 1
                elif op == 0x85:  # TUPLE1
                    stack[-1] = (stack[-1],)
                    held += 1
                    pos += 1
                elif op == 0x86:  # TUPLE2
                    stack[-2:] = [(stack[-2], stack[-1])]
                    held += 2
                    pos += 1
                else:
                    self.pos = pos
                    pos = operations[op](self, pos + 1)
                    stack, frame_end = self.stack, self.frame_end
                    push = stack.append
                count += 1
        finally:
            self.pos, self.count = pos, count
            self.held += held

    def _frame_crossed(self, end: int) -> None:
        reason = (
            f"the frame that should end at byte {end:,} does not end between two opcodes of its pickle: "
            "readers that keep to frames and readers that do not see different programs"
        )
        self.judge.find(end, "FRAME", reason, Verdict.DANGEROUS)

    def pop_mark(self) -> list[Value]:
        """What lies above the last mark, which goes with it."""
        items = self.stack
        self.stack = self.below.pop()
        return items
