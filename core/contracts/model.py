"""A program's classes as they are read from its text: members, bases, and what is not known of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from inspect import Signature
from typing import TypeAlias


class Kind(Enum):
    """What a member is to whoever uses it on an object."""

    METHOD = auto()
    CLASS_METHOD = auto()
    STATIC_METHOD = auto()
    PROPERTY = auto()
    VALUE = auto()
    UNKNOWN = auto()

    @property
    def is_called(self) -> bool:
        """Whether one calls it."""
        return self in {Kind.METHOD, Kind.CLASS_METHOD, Kind.STATIC_METHOD}


class Body(Enum):
    """What a function does."""

    REAL = auto()
    EMPTY = auto()
    RAISES = auto()
    """It raises NotImplementedError, and nothing else."""


@dataclass(frozen=True)
class Member:
    """An attribute of a class, as its body defines it.

    Attributes:
        name: mangled, if it is private.
        line: where it is defined, from 1; 0 if not in the program.
        kind: what it is.
        abstract: whether it is marked abstract; None if that cannot be said.
        certain: whether it is there for sure: not if its definition stands under a condition.
        body: what its function does.
        asynchronous: whether it is an `async def`; None if that cannot be said.
        awaitable: whether what a call gives is there to be awaited; None if that cannot be said.
        cached: whether it keeps what it gives by what it is given, which has to be hashable.
        signature: of the function, with `self`; None if it is not known.
        callable: for a value, whether it can be called; None if that cannot be said.
        is_none: whether it is None.
        node: the function, for a stub; None if there is none in the program.
        writable: for a property, whether it has a setter.
        problem: why its definition fails; empty if it does not.
    """

    name: str
    line: int = 0
    kind: Kind = Kind.UNKNOWN
    abstract: bool | None = False
    certain: bool = True
    body: Body = Body.REAL
    asynchronous: bool | None = False
    awaitable: bool | None = None
    cached: bool = False
    signature: Signature | None = None
    callable: bool | None = None
    is_none: bool = False
    node: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    writable: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Outside:
    """A class that the program did not define.

    Attributes:
        name: as the program calls it.
        real: the class, if it is one of the standard library's that are known here; else None.
    """

    name: str
    real: type | None = field(default=None)


@dataclass(frozen=True, eq=False)
class Class:
    """A class statement. Two of the same name are two classes.

    Attributes:
        name: qualified.
        line: where it stands, from 1.
        indent: the columns by which its body is indented.
        bases: in order.
        metaclass: the one that it names itself; None if it names none.
        members: by name.
        annotations: the names that its body annotates, with the line of each.
        sets: the attributes that its `__init__` sets on the object, and whether it does so for sure.
        calls_super: whether its `__init__` calls that of its bases.
        certain: whether it is defined for sure, and by nothing but its body.
        doubt: why it is not, as a clause; empty if it is.
    """

    name: str
    line: int
    indent: int
    bases: tuple[Node, ...]
    metaclass: Outside | None
    members: Mapping[str, Member]
    annotations: Mapping[str, int]
    sets: Mapping[str, bool]
    calls_super: bool
    doubt: str = ""

    @property
    def short(self) -> str:
        """Its own name, as errors show it."""
        return self.name.rpartition(".")[2]

    @property
    def certain(self) -> bool:
        """Whether its statement says all about it."""
        return not self.doubt


Node: TypeAlias = Class | Outside


@dataclass(frozen=True)
class Changes:
    """What the program does to a class after its definition.

    Attributes:
        members: the attributes that it gives it; None for one that it takes away.
        counted: the same, as they were when `abc.update_abstractmethods` counted the abstract methods anew;
            None if it never did.
        cleared: whether its `__abstractmethods__` is set to nothing; None if to something unknown.
    """

    members: Mapping[str, Member | None] = field(default_factory=dict)
    counted: Mapping[str, Member | None] | None = None
    cleared: bool | None = False


@dataclass(frozen=True)
class Program:
    """All that was read.

    Attributes:
        classes: those that a name leads to in the end, in the order of their lines.
        registered: pairs of an interface and a class that was registered with it.
        changes: by class.
    """

    classes: tuple[Class, ...]
    registered: frozenset[tuple[Class, Class]]
    changes: Mapping[Class, Changes]
