"""What Python would make of the classes: the order of their bases, and what they leave abstract."""

from __future__ import annotations

import abc
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.contracts.known import BASE_TYPE, line_of_outside, makes_itself, member_of
from core.contracts.model import Body, Changes, Class, Kind, Member, Node, Outside, Program

_OBJECT: Final = Outside("object", object)
_PROTOCOL: Final = type(typing.Protocol)


class DefinitionError(ValueError):
    """A class statement that Python refuses: why, as a clause."""


@dataclass(frozen=True)
class Found:
    """Where a lookup ended.

    Attributes:
        member: what it found.
        owner: the class that defines it.
    """

    member: Member
    owner: Node


class Unknown(Exception):  # noqa: N818 - an answer, not an error of anybody's
    """A question to which the program's text has no answer: why, as a clause."""


class Hierarchy:
    """The classes of one program, and what follows from their bases."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._orders: dict[Node, tuple[Node, ...]] = {}
        self._demands: dict[Class, frozenset[str]] = {}

    def order(self, node: Node) -> tuple[Node, ...]:
        """The class and all its bases in the order in which attributes are looked up (C3).

        Raises:
            DefinitionError: if there is no such order.
        """
        if node not in self._orders:
            self._orders[node] = self._linearize(node)
        return self._orders[node]

    def unknown_bases(self, node: Node) -> tuple[str, ...]:
        """The names of the bases that the program's text does not explain."""
        return tuple(each.name for each in self.order(node) if isinstance(each, Outside) and not each.real)

    def metaclass(self, node: Node) -> type | None:
        """The class's class: `type`, ABCMeta or Protocol's own; None if the program has one of its own.

        Raises:
            DefinitionError: if those of its bases conflict.
        """
        if isinstance(node, Outside):
            return type(node.real) if node.real else None
        wanted = [self.metaclass(base) for base in node.bases]
        if node.metaclass is not None:
            real = node.metaclass.real
            wanted.append(real if real and issubclass(real, type) else None)
        winner: type = type
        for each in wanted:
            if each is None:
                return None
            if issubclass(each, winner):
                winner = each
            elif not issubclass(winner, each):
                raise DefinitionError("its bases have metaclasses that do not go together")
        return winner

    def enforces(self, node: Node) -> bool:
        """Whether the class's metaclass counts its abstract methods.

        Raises:
            Unknown: if it has a metaclass that is not known here.
        """
        metaclass = self.metaclass(node)
        if metaclass is None:
            unknown = ", ".join(self.unknown_bases(node))
            raise Unknown(f"its base {unknown} is not known here" if unknown else "its metaclass is its own")
        return issubclass(metaclass, abc.ABCMeta)

    def is_protocol(self, node: Node) -> bool:
        """Whether the class is a Protocol itself, not one that inherits from it."""
        return isinstance(node, Class) and Outside("Protocol", typing.Protocol) in node.bases

    def find(
        self, node: Node, name: str, *, counting: bool = False, past_demands: bool = False
    ) -> Found | None:
        """What a lookup of an attribute of the class ends at; None if there is none.

        Args:
            node: the class.
            name: mangled.
            counting: as it was when Python counted the class's abstract methods.
            past_demands: as if no class had its abstract methods, and no Protocol its empty ones.

        Raises:
            Unknown: if a class that is not known here may have it.
        """
        for owner in self.order(node):
            member = self._counted(node, owner, name) if counting else self._own(owner, name)
            if member is None:
                continue
            if not member.certain:
                raise Unknown(f"a condition decides whether {owner.name} has {name}")
            if past_demands and self.is_demand(member, owner):
                continue
            return Found(member, owner)
        return None

    def is_demand(self, member: Member, owner: Node) -> bool:
        """Whether a class only asks for the member, and has none itself."""
        if member.abstract is None:
            raise Unknown(f"a decorator decides whether {member.name} is abstract")
        return member.abstract or (
            self.is_protocol(owner) and member.body is not Body.REAL and member.kind is not Kind.VALUE
        )

    def abstract(self, node: Node) -> frozenset[str]:
        """The abstract methods that stop the creation of objects, as ABCMeta counts them.

        Raises:
            Unknown: if a part of them cannot be known.
        """
        if isinstance(node, Outside):
            if node.real is None:
                raise Unknown(f"its base {node.name} is not known here")
            return frozenset(getattr(node.real, "__abstractmethods__", ()))
        changes = self.changes(node)
        if changes.cleared is None:
            raise Unknown("its __abstractmethods__ is set by the program")
        if changes.cleared:
            return frozenset()
        return self._count(node)

    def changes(self, node: Class) -> Changes:
        """What is done to a class after its definition."""
        return self._program.changes.get(node, Changes())

    def members(self, node: Class) -> dict[str, Member]:
        """What the class itself has in the end."""
        after = {**node.members, **self.changes(node).members}
        return {name: member for name, member in after.items() if member is not None}

    def bypass(self, node: Node) -> str:
        """The built-in base that makes the objects without asking for abstract methods; empty if none."""
        for each in self.order(node):
            if isinstance(each, Outside) and each.real and makes_itself(each.real):
                return each.name
        return ""

    def makes_own(self, node: Node) -> bool:
        """Whether a class of the program has a `__new__` of its own."""
        return any(isinstance(each, Class) and "__new__" in each.members for each in self.order(node))

    def sets(self, node: Node) -> dict[str, bool]:
        """The attributes that creating an object sets on it, and whether surely."""
        found: dict[str, bool] = {}
        surely = True
        for each in self.order(node):
            if isinstance(each, Outside) or not (each.sets or "__init__" in each.members):
                continue
            for name, always in each.sets.items():
                found[name] = found.get(name, False) or (always and surely)
            if not each.calls_super:
                break
            surely = False
        return found

    def check_definition(self, node: Class) -> None:
        """Whether Python takes the class statement.

        Raises:
            DefinitionError: if it does not.
        """
        self.order(node)
        self.metaclass(node)
        for member in node.members.values():
            if member.problem and member.certain:
                raise DefinitionError(member.problem)
        real = [each.real for each in self.order(node) if isinstance(each, Outside) and each.real]
        for each in real:
            if not each.__flags__ & BASE_TYPE:
                raise DefinitionError(f"{each.__name__} cannot be a base class")
        builtin = [each for each in real if makes_itself(each)]
        try:
            # Built-in classes only: Python itself knows which of them cannot be in one object.
            type("probe", tuple(each for each in builtin if not _has_subclass(each, builtin)), {})
        except TypeError:
            names = ", ".join(each.__name__ for each in builtin)
            raise DefinitionError(f"its bases {names} cannot be in one object") from None
        if self.is_protocol(node):
            for base in node.bases:
                allowed = isinstance(base, Outside) or self.is_protocol(base)
                if not allowed:
                    raise DefinitionError(
                        f"a Protocol can only inherit from Protocols, and {base.name} is none"
                    )

    def hook(self, node: Node) -> str:
        """The base whose `__init_subclass__` has a say in the definition; empty if none has."""
        for each in self.order(node)[1:]:
            if isinstance(each, Class) and "__init_subclass__" in each.members:
                return each.name
        return ""

    def _counted(self, node: Node, owner: Node, name: str) -> Member | None:
        """An attribute of a class when the abstract methods of another one, or of itself, were counted."""
        if isinstance(owner, Class) and owner is node:
            return _changed(owner, self.changes(owner).counted or {}, name)
        if isinstance(owner, Class) and name in self.changes(owner).members:
            raise Unknown(f"{owner.name}.{name} is changed after its definition")
        return self._own(owner, name)

    def _own(self, owner: Node, name: str) -> Member | None:
        if isinstance(owner, Class):
            return _changed(owner, self.changes(owner).members, name)
        if owner.real is None:
            raise Unknown(f"its base {owner.name} is not known here")
        return member_of(owner.real, name)

    def _count(self, node: Class) -> frozenset[str]:
        if not self.enforces(node):
            return frozenset()
        if node in self._demands:
            return self._demands[node]
        own = {**node.members, **(self.changes(node).counted or {})}
        names = {name for name, member in own.items() if member and member.abstract is not False}
        for base in node.bases:
            names |= self.abstract(base) if self._counts(base) else frozenset()
        found = set()
        for name in names:
            at = self.find(node, name, counting=True)
            if at is not None and at.member.abstract is None:
                raise Unknown(f"a decorator decides whether {name} is abstract")
            if at is not None and at.member.abstract:
                found.add(name)
        self._demands[node] = frozenset(found)
        return self._demands[node]

    def _counts(self, base: Node) -> bool:
        return isinstance(base, Outside) or self.enforces(base)

    def _linearize(self, node: Node) -> tuple[Node, ...]:
        if isinstance(node, Outside):
            if node.real is None:
                return (node, _OBJECT)
            return tuple(line_of_outside(node.real))
        bases: Sequence[Node] = node.bases or (_OBJECT,)
        if len(set(bases)) < len(bases):
            raise DefinitionError("it has the same base twice")
        lines = [list(self.order(base)) for base in bases]
        lines.append(list(bases))
        merged: list[Node] = [node]
        while lines := [line for line in lines if line]:
            head = next((line[0] for line in lines if not any(line[0] in other[1:] for other in lines)), None)
            if head is None:
                raise DefinitionError("its bases have no order that suits all of them (C3)")
            merged.append(head)
            lines = [line[1:] if line[0] == head else line for line in lines]
        return tuple(merged)


def _has_subclass(known: type, others: Sequence[type]) -> bool:
    return any(other is not known and issubclass(other, known) for other in others)


def _changed(owner: Class, changes: Mapping[str, Member | None], name: str) -> Member | None:
    return changes[name] if name in changes else owner.members.get(name)
