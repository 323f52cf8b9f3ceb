"""CPython's own two unpicklers as witnesses: they run a stream, with a tripwire for every global."""

from __future__ import annotations

import io
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.pickles.opcodes import CODES


@dataclass
class Witness:
    """What an unpickler did with a stream.

    Attributes:
        named: modules and names that it asked for.
        called: those that it called, in order.
        touched: those whose objects it changed by a method.
        value: what it gave; None if it raised.
        finished: whether it came to a STOP.
    """

    named: list[tuple[str, str]] = field(default_factory=list)
    called: list[tuple[str, str]] = field(default_factory=list)
    touched: list[tuple[str, str]] = field(default_factory=list)
    value: object = None
    finished: bool = False


def tripwire(witness: Witness, module: str, name: str) -> object:
    """A class that notes its calls and what is done to its objects, and does nothing else."""
    key = (module, name)

    def note(log: list[tuple[str, str]]) -> Callable[..., None]:
        return lambda *args, **kwargs: log.append(key)

    class Meta(type):
        def __call__(cls, *args: object, **kwargs: object) -> object:
            witness.called.append(key)
            return object.__new__(Wire)

    class Wire(metaclass=Meta):
        def __new__(cls, *args: object, **kwargs: object) -> Wire:
            witness.called.append(key)
            return object.__new__(cls)

        __setstate__ = __setitem__ = extend = append = add = note(witness.touched)

        def __call__(self, *args: object, **kwargs: object) -> object:
            witness.called.append(key)
            return self

    return Wire


def witnesses(data: bytes) -> tuple[Witness, Witness]:
    """What the C unpickler and the one in Python do with a stream."""
    return _run(data, pickle.Unpickler), _run(data, pickle._Unpickler)


@contextmanager
def little_memory() -> Iterator[None]:
    """Lets this process take 256 MiB more: a few bytes can ask the C unpickler for a memo of 32 GiB."""
    if sys.platform != "linux":  # elsewhere the system refuses it by itself, or there is no such limit
        yield
        return
    import resource

    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + 2**28, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _run(data: bytes, base: type) -> Witness:
    witness = Witness()

    class Recording(base):  # type: ignore[misc]  # the base is a parameter
        def find_class(self, module: str, name: str) -> object:
            witness.named.append((module, name))
            return tripwire(witness, module, name)

    try:
        with warnings.catch_warnings(), little_memory():
            warnings.simplefilter("ignore")
            witness.value = Recording(io.BytesIO(data)).load()
        witness.finished = True
    except Exception:  # noqa: BLE001, S110 - hostile streams raise anything; what was noted before counts
        pass
    return witness


def program(*parts: str | bytes | int) -> bytes:
    """A stream of opcodes: a str is an opcode's name, an int one byte, bytes are what they are."""
    return b"".join(
        bytes([CODES[part]]) if isinstance(part, str) else bytes([part]) if isinstance(part, int) else part
        for part in parts
    )


def text(value: str) -> bytes:
    """SHORT_BINUNICODE with a text."""
    data = value.encode()
    return program("SHORT_BINUNICODE", len(data), data)


def name(module: str, attribute: str) -> bytes:
    """GLOBAL with a module and a name."""
    return program("GLOBAL", f"{module}\n{attribute}\n".encode())


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    """A call of a global with arguments, each given as opcodes."""
    return name(module, attribute) + program("MARK", *arguments, "TUPLE", "REDUCE")
