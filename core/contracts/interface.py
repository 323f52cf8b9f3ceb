"""Which classes are interfaces, what each asks for, and which classes are held to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.contracts.hierarchy import DefinitionError, Hierarchy, Unknown
from core.contracts.known import member_of
from core.contracts.model import Body, Class, Kind, Member, Node, Outside, Program
from core.contracts.special import CONSTRUCTION


class Style(StrEnum):
    """How an interface asks for its methods."""

    ABSTRACT = "abstract methods"
    UNENFORCED = "abstract methods without ABCMeta"
    PROTOCOL = "Protocol"
    CONVENTION = "methods that raise NotImplementedError"


class Relation(StrEnum):
    """What makes a class be held to an interface."""

    INHERITS = "inherits"
    REGISTERED = "registered"
    LOOKS_LIKE = "has methods of that name"


@dataclass(frozen=True)
class Interface:
    """A class that asks for methods.

    Attributes:
        node: the class.
        style: how it asks.
        required: what it asks for: members that one uses on an object, in the order of their lines.
    """

    node: Node
    style: Style
    required: Mapping[str, Member]


@dataclass(frozen=True)
class Pair:
    """A class and an interface that it is held to.

    Attributes:
        implementation: the class.
        interface: the interface.
        relation: why.
    """

    implementation: Class
    interface: Interface
    relation: Relation


_FIRST: Final = {Style.PROTOCOL: 0, Style.ABSTRACT: 1, Style.UNENFORCED: 2, Style.CONVENTION: 3}


def interfaces(program: Program, hierarchy: Hierarchy) -> dict[Node, Interface]:
    """The interfaces that a program defines or inherits from."""
    found: dict[Node, Interface] = {}
    reached: dict[Node, None] = {}
    for each in program.classes:
        try:
            reached |= dict.fromkeys(reversed(hierarchy.order(each)))
        except DefinitionError:
            continue
    for node in reached:
        style = _style(node, hierarchy, found)
        if style is not None:
            found[node] = Interface(node, style, _required(node, style, hierarchy))
    return found


def pairs(program: Program, hierarchy: Hierarchy, known: Mapping[Node, Interface]) -> list[Pair]:
    """The classes that implement something, or look as if they did, each with every interface of its."""
    bases = {base for each in program.classes for base in each.bases}
    found = []
    for each in program.classes:
        if each in known:
            continue
        mine = [
            *(Pair(each, one, Relation.INHERITS) for one in _inherited(each, hierarchy, known)),
            *(
                Pair(each, known[interface], Relation.REGISTERED)
                for interface, registered in sorted(program.registered, key=lambda pair: pair[0].line)
                if registered is each and interface in known
            ),
        ]
        if not mine and each not in bases:
            mine = [
                Pair(each, one, Relation.LOOKS_LIKE)
                for one in known.values()
                if isinstance(one.node, Class) and _resembles(each, one, hierarchy)
            ]
        found += mine
    return found


def _style(node: Node, hierarchy: Hierarchy, known: Mapping[Node, Interface]) -> Style | None:
    if isinstance(node, Outside):
        asks = node.real is not None and bool(getattr(node.real, "__abstractmethods__", ()))
        return Style.ABSTRACT if asks else None
    if hierarchy.is_protocol(node):
        return Style.PROTOCOL
    members = hierarchy.members(node).values()
    if any(member.abstract for member in members):
        try:
            return Style.ABSTRACT if hierarchy.enforces(node) else Style.UNENFORCED
        except (Unknown, DefinitionError):
            return Style.ABSTRACT
    raises = any(member.body is Body.RAISES and member.kind is not Kind.UNKNOWN for member in members)
    above = [base for base in hierarchy.order(node)[1:] if base in known]
    return Style.CONVENTION if raises and not above else None


def _required(node: Node, style: Style, hierarchy: Hierarchy) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for owner in reversed(hierarchy.order(node)):
        if isinstance(owner, Outside):
            real = object if owner.real is None else owner.real
            names = [] if real is object else sorted(vars(real))
            own = {name: member for name in names if (member := member_of(real, name))}
        else:
            own = hierarchy.members(owner)
            if hierarchy.is_protocol(owner):
                annotated = {
                    name: Member(name, line, Kind.VALUE, callable=None)
                    for name, line in owner.annotations.items()
                    if name not in own
                }
                own |= annotated
        for name, member in own.items():
            if _asks(member, owner, style, hierarchy):
                # A later class of the order says it more exactly, where an earlier one has said it.
                found[name] = member
            elif name in found and member.certain:
                del found[name]
    return {name: member for name, member in found.items() if name not in CONSTRUCTION}


def _asks(member: Member, owner: Node, style: Style, hierarchy: Hierarchy) -> bool:
    if isinstance(owner, Outside):
        return bool(member.abstract)
    if hierarchy.is_protocol(owner):
        return style is Style.PROTOCOL or bool(member.abstract)
    return bool(member.abstract) or (member.body is Body.RAISES and member.kind is not Kind.UNKNOWN)


def _inherited(node: Class, hierarchy: Hierarchy, known: Mapping[Node, Interface]) -> list[Interface]:
    """The interfaces among the bases, without those that another one of them has as a base."""
    try:
        above = [each for each in hierarchy.order(node)[1:] if each in known]
    except DefinitionError:
        # There is no order; the bases are still named.
        above = [each for each in dict.fromkeys(node.bases) if each in known]
    covered = {base for each in above for base in hierarchy.order(each)[1:]}
    return [known[each] for each in above if each not in covered]


def _resembles(node: Class, interface: Interface, hierarchy: Hierarchy) -> bool:
    """Whether a class has half of what an interface asks for, by name."""
    asked = [name for name in interface.required if not hasattr(object, name)]
    given = {*hierarchy.members(node), *node.annotations, *node.sets}
    return 0 < len(asked) <= 2 * sum(name in given for name in asked)
