"""The four verdicts on each class that implements an interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from core.contracts.findings import Finding, Members
from core.contracts.hierarchy import DefinitionError, Hierarchy, Unknown
from core.contracts.interface import Pair, Relation, Style
from core.contracts.model import Class
from core.contracts.verdict import Check, Moment, Verdict
from core.contracts.wording import wordings

_ORDER: Final = tuple(Moment)
_MOST_NAMES: Final = 5
UNSURE: Final = "What else happens once it is used, only a run can tell."
"""Said where a class passes and not all that its members do is known."""


@dataclass(frozen=True)
class _Later:
    """What goes wrong first once there is an object.

    Attributes:
        known: of what the text tells; None if nothing does.
        unsure: whether something may go wrong before that, which only a run can tell.
    """

    known: Finding | None
    unsure: bool


@dataclass(frozen=True)
class _Said:
    """What a check says, before it is a verdict."""

    passes: bool | None
    moment: Moment
    reason: str
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def judge(pair: Pair, hierarchy: Hierarchy) -> tuple[Verdict, ...]:
    """What the four checks say of a class and an interface, in the order of `Check`."""
    node = pair.implementation
    return tuple(
        Verdict(
            node.name,
            pair.interface.node.name,
            node.line,
            check,
            said.passes,
            said.moment,
            said.reason,
            said.missing,
            wordings(node.name, said.refused),
        )
        for check, said in zip(Check, _said(pair, hierarchy), strict=True)
    )


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them: `a, b and c`; only the first few of many."""
    every = list(names)
    shown = every if len(every) <= _MOST_NAMES else [*every[:_MOST_NAMES], f"{len(every) - _MOST_NAMES} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def later(reason: str, moment: Moment, why: str) -> str:
    """A sentence on a check that lets a class through, and when and why the class fails all the same."""
    when = "in production" if moment is Moment.PRODUCTION else f"at the {moment.value}"
    return f"{reason.removesuffix('.')}; {when}, {why}."


def _said(pair: Pair, hierarchy: Hierarchy) -> Iterator[_Said]:
    node = pair.implementation
    try:
        hierarchy.check_definition(node)
    except DefinitionError as error:
        yield from [_Said(False, Moment.DEFINITION, f"Python refuses the class statement: {error}.")] * 4
        return
    if not node.certain:
        yield from [_unknown(node.doubt)] * 4
        return
    hook = hierarchy.hook(node)
    if hook:
        yield from [_unknown(f"{hook}.__init_subclass__ may refuse or change its definition")] * 4
        return
    members = Members(pair, hierarchy)
    names = list(pair.interface.required)
    missing = tuple(sorted(name for name in names if members.is_missing(name)))
    duck = [members.duck(name) for name in names]
    late, real = _earliest(duck), _earliest([members.real(name) for name in names])
    inherits = pair.interface.style is Style.PROTOCOL and pair.relation is Relation.INHERITS
    yield _abc(pair, hierarchy, missing, real)
    yield _protocol(pair, members, missing, real if inherits else late)
    yield _of_all(
        [members.signature(name) for name in names],
        f"Every call that {pair.interface.node.name} allows is taken.",
        missing,
        late,
    )
    yield _of_all(duck, "Everything is there when it is first used.", missing, late)


def _earliest(findings: list[Finding]) -> _Later:
    known = [each for each in findings if each.passes is not None and each.reason]
    first = min(known, key=lambda each: _ORDER.index(each.moment), default=None)
    unknown = any(each.passes is None for each in findings)
    return _Later(first, unknown and (first is None or first.moment is Moment.PRODUCTION))


def _abc(pair: Pair, hierarchy: Hierarchy, missing: tuple[str, ...], late: _Later) -> _Said:
    node = pair.implementation
    try:
        enforced = hierarchy.enforces(node)
        abstract = tuple(sorted(hierarchy.abstract(node))) if enforced else ()
        if enforced and hierarchy.unknown_bases(node):
            raise Unknown(f"its base {hierarchy.unknown_bases(node)[0]} is not known here")
    except Unknown as unknown:
        return _unknown(str(unknown), missing)
    if not abstract:
        return _passes(_why_nothing_is_abstract(pair, enforced), missing, late)
    bypass = hierarchy.bypass(node)
    if bypass:
        reason = f"{bypass} makes the object itself, and only object.__new__ asks for abstract methods."
        return _passes(reason, abstract, late)
    if hierarchy.makes_own(node):
        return _unknown("its __new__ decides what is created", abstract)
    behind = _behind(node, abstract, hierarchy)
    one = len(abstract) == 1
    reason = (
        f"Python refuses to create an object: {listed(abstract)} {'is' if one else 'are'} abstract, and "
        f"{node.short} has no implementation of {'it' if one else 'them'}{behind}."
    )
    return _Said(False, Moment.INSTANTIATION, reason, abstract, abstract)


def _why_nothing_is_abstract(pair: Pair, enforced: bool) -> str:
    name, interface = pair.implementation.short, pair.interface.node.name
    if pair.relation is Relation.REGISTERED:
        return f"{interface}.register() makes isinstance true and asks for no method."
    if pair.relation is Relation.LOOKS_LIKE:
        return f"{name} does not inherit from {interface}: abc asks nothing of it."
    match pair.interface.style:
        case Style.UNENFORCED if not enforced:
            return f"@abstractmethod has no effect: {interface} has no ABCMeta as its metaclass."
        case Style.CONVENTION:
            return f"{interface} has no abstract method: abc asks nothing of {name}."
        case Style.PROTOCOL:
            return f"No method of {interface} is abstract that {name} does not define."
    return f"No abstract method of {interface} is left in {name}."


def _behind(node: Class, abstract: Iterable[str], hierarchy: Hierarchy) -> str:
    """A base that has the method, but too late in the order of bases for it to count; as a clause."""
    with suppress(Unknown):
        for name in abstract:
            first = hierarchy.find(node, name)
            for owner in hierarchy.order(node)[1:]:
                member = owner.members.get(name) if isinstance(owner, Class) else None
                if first and member and member.abstract is False and not hierarchy.is_demand(member, owner):
                    return f": {owner.name} has {name}, but stands behind {first.owner.name} in the bases"
    return ""


def _protocol(pair: Pair, members: Members, missing: tuple[str, ...], late: _Later) -> _Said:
    interface = pair.interface.node
    if pair.interface.style is Style.PROTOCOL and pair.relation is Relation.INHERITS:
        return _passes(
            f"It inherits from {interface.name}: isinstance is true, whatever it lacks.", missing, late
        )
    return _of_all(
        [members.protocol(name) for name in pair.interface.required],
        "isinstance is true: an object has every name; what the names hold is not looked at.",
        missing,
        late,
    )


def _of_all(findings: list[Finding], well: str, missing: tuple[str, ...], late: _Later) -> _Said:
    """One check's verdict from what it says of each member: the earliest failure decides."""
    failing = [each for each in findings if each.passes is False]
    if failing:
        first = min(failing, key=lambda each: _ORDER.index(each.moment))
        more = len(failing) - 1
        others = f", and {more} more {'is' if more == 1 else 'are'} at fault" if more else ""
        return _Said(False, first.moment, f"{_sentence(first.reason)}{others}.", missing)
    unsure = next((each for each in findings if each.passes is None), None)
    if unsure is not None:
        return _unknown(unsure.reason, missing)
    return _passes(well, missing, late)


def _passes(reason: str, missing: tuple[str, ...], late: _Later) -> _Said:
    known = late.known
    moment = Moment.NEVER if known is None else known.moment
    said = reason if known is None else later(reason, moment, known.reason)
    return _Said(True, moment, f"{said} {UNSURE}" if late.unsure else said, missing)


def _unknown(why: str, missing: tuple[str, ...] = ()) -> _Said:
    return _Said(None, Moment.NEVER, f"The text alone does not tell: {why}.", missing)


def _sentence(clause: str) -> str:
    return (
        clause[:1].upper() + clause[1:]
        if clause.partition(" ")[0] in {"an", "it", "its", "the", "without"}
        else clause
    )
