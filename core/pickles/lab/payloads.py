"""Builds files that would do something when loaded: a payload in a container, to be judged and never loaded.

All of it is text, written by our own assembler: names that are never imported, commands that are never run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.pickles.lab import wrappers
from core.pickles.lab.assembler import Assembler, Call, Expression, Extension, Name
from core.pickles.lab.payload_kinds import (
    CONTAINERS,
    EXTENSION_CODE,
    PAYLOADS,
    Container,
    ContainerKind,
    Payload,
    PayloadKind,
)

__all__ = [
    "CONTAINERS", "MAX_TEXT", "PAYLOADS", "Built", "Container", "ContainerKind", "Payload", "PayloadError",
    "PayloadKind", "build", "checked_text", "container_of", "kind_of",
]  # fmt: skip

MAX_TEXT: Final = 200
"""How many characters a payload's text may have."""
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class PayloadError(ValueError):
    """A text that a payload cannot have: one line for a visitor."""


@dataclass(frozen=True)
class Built:
    """A file that was built.

    Attributes:
        payload, container: what it is made of.
        data: its bytes.
        file_name: what it is called.
        opcodes: the payload's pickle, one opcode a line, with its offset in that pickle.
        says: what it is and what loading it would do, in one or two sentences.
    """

    payload: Payload
    container: Container
    data: bytes
    file_name: str
    opcodes: str
    says: str


_PAYLOADS: Final[Mapping[Payload, PayloadKind]] = MappingProxyType({each.payload: each for each in PAYLOADS})
_CONTAINERS: Final[Mapping[Container, ContainerKind]] = MappingProxyType(
    {each.container: each for each in CONTAINERS}
)


def kind_of(payload: Payload) -> PayloadKind:
    """A payload as a menu shows it."""
    return _PAYLOADS[payload]


def container_of(container: Container) -> ContainerKind:
    """A container as a menu shows it."""
    return _CONTAINERS[container]


def build(payload: Payload | str, container: Container | str, text: str = "") -> Built:
    """A file with a payload in it. Nothing of it is run, here or when it is judged.

    Args:
        payload: what it would do.
        container: what it lies in.
        text: the payload's own text, such as the command; the example if it is empty.

    Raises:
        PayloadError: if there is no such payload or container, or the text does not fit.
    """
    kind, around = _payload(payload), _container(container)
    protocol = _PROTOCOLS.get(around.container, 2)
    value = _expression(kind, text, protocol)
    data, lines = _WRITERS[around.container](value, protocol)
    return Built(
        kind.payload, around.container, data, around.file_name, "\n".join(lines), f"{around.says} {kind.says}"
    )


def checked_text(kind: PayloadKind, text: str) -> str:
    """The text that a payload gets.

    Raises:
        PayloadError: if it is too long, cannot be written, or is no module where one is needed.
    """
    chosen = text.strip() or kind.example
    if len(chosen) > MAX_TEXT:
        raise PayloadError(f"The {kind.asks} has {len(chosen):,} characters: give at most {MAX_TEXT}.")
    if not chosen.isprintable():
        raise PayloadError(f"The {kind.asks} has a character that cannot be shown: give one line of text.")
    if kind.payload is Payload.IMPORT and not _MODULE.fullmatch(chosen):
        raise PayloadError("That is no module: give a name such as `package.module`.")
    return chosen


def _payload(payload: Payload | str) -> PayloadKind:
    try:
        return _PAYLOADS[Payload(payload)]
    except ValueError:
        raise PayloadError(f"There is no such payload: choose one of {', '.join(Payload)}.") from None


def _container(container: Container | str) -> ContainerKind:
    try:
        return _CONTAINERS[Container(container)]
    except ValueError:
        raise PayloadError(f"There is no such container: choose one of {', '.join(Container)}.") from None


def _expression(kind: PayloadKind, text: str, protocol: int) -> Expression:
    """The call that loading would make."""
    given = checked_text(kind, text)
    # Below protocol 3, CPython writes Python 2's names.
    built_in = "__builtin__" if protocol < 3 else "builtins"
    system = Name("os", "system")
    match kind.payload:
        case Payload.COMMAND:
            return Call(system, (given,))
        case Payload.EVAL:
            return Call(Name(built_in, "eval"), (given,))
        case Payload.IMPORT:
            return Name(given, "settings")
        case Payload.WRITE:
            return Call(Name(built_in, "open"), (given, "w"))
        case Payload.NETWORK:
            return Call(Name("urllib.request", "urlopen"), (given,))
        case Payload.COMPUTED:
            module = Call(Name(built_in, "__import__"), ("os",))
            return Call(Call(Name(built_in, "getattr"), (module, "system")), (given,))
        case Payload.PARTIAL:
            return Call(Call(Name("functools", "partial"), (system, given)), ())
    return Call(Extension(EXTENSION_CODE), (given,))


Written = tuple[bytes, list[str]]


def _bare(value: Expression, protocol: int) -> Written:
    assembler = Assembler(protocol)
    assembler.put(value)
    assembler.stop()
    return assembler.data, assembler.lines


def _wrapped(wrap: Callable[[bytes], bytes]) -> Callable[[Expression, int], Written]:
    def write(value: Expression, protocol: int) -> Written:
        data, lines = _bare(value, protocol)
        return wrap(data), lines

    return write


def _joblib(value: Expression, protocol: int) -> Written:
    assembler = Assembler(protocol)
    assembler.op("MARK")
    wrappers.joblib_array(assembler, (1.0, 2.0, 3.0))
    assembler.put(value)
    assembler.op("TUPLE")
    assembler.stop()
    return assembler.data, assembler.lines


def _appended(value: Expression, protocol: int) -> Written:
    clean = Assembler(protocol)
    clean.put(wrappers.CLEAN)
    clean.stop()
    data, lines = _bare(value, protocol)
    return clean.data + data, [*clean.lines, "        (a second pickle)", *lines]


def _injected(value: Expression, protocol: int) -> Written:
    assembler = Assembler(protocol)
    assembler.put(value)
    assembler.op("POP")
    assembler.put(wrappers.CLEAN)
    assembler.stop()
    return assembler.data, assembler.lines


_PROTOCOLS: Final[Mapping[Container, int]] = MappingProxyType({
    Container.PROTOCOL_0: 0, Container.PROTOCOL_4: 4, Container.NPY: 4, Container.JOBLIB: 4,
    Container.TAR: 4, Container.GZIP: 4, Container.RENAMED: 4, Container.APPENDED: 4, Container.INJECTED: 4,
})  # fmt: skip
"""The protocol of the pickle; 2 where nothing is said."""

_WRITERS: Final[Mapping[Container, Callable[[Expression, int], Written]]] = MappingProxyType({
    Container.PROTOCOL_0: _bare,
    Container.PROTOCOL_2: _bare,
    Container.PROTOCOL_4: _bare,
    Container.TORCH_ZIP: _wrapped(wrappers.torch_zip),
    Container.TORCH_LEGACY: _wrapped(wrappers.torch_legacy),
    Container.NPY: _wrapped(wrappers.npy),
    Container.JOBLIB: _joblib,
    Container.TAR: _wrapped(wrappers.tar),
    Container.NESTED_ZIP: _wrapped(wrappers.nested_zip),
    Container.GZIP: _wrapped(wrappers.gzipped),
    Container.RENAMED: _bare,
    Container.APPENDED: _appended,
    Container.INJECTED: _injected,
})  # fmt: skip
