"""What is the matter with one member of a class, held against what an interface asks for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from inspect import Signature

from core.contracts.calls import MOST_PARAMETERS, for_caller, problem, refused, shortest
from core.contracts.hierarchy import Found, Hierarchy, Unknown
from core.contracts.interface import Pair, Relation
from core.contracts.model import Body, Kind, Member, Outside
from core.contracts.verdict import Moment


@dataclass(frozen=True)
class Finding:
    """What one check says of one member.

    Attributes:
        passes: whether it lets the member through; None if that cannot be known from the text.
        reason: what is the matter, or why it cannot be known, as a clause; empty if nothing is.
        moment: when it fails.
    """

    passes: bool | None = True
    reason: str = ""
    moment: Moment = Moment.NEVER


class Members:
    """The members of one class that an interface asks for, and what the checks say of them."""

    def __init__(self, pair: Pair, hierarchy: Hierarchy) -> None:
        self._node = pair.implementation
        self._required = pair.interface.required
        self._inherits = pair.relation is Relation.INHERITS
        self._hierarchy = hierarchy
        self._asking = set(hierarchy.order(pair.interface.node))
        self._sets = hierarchy.sets(self._node)

    def supplied(self, name: str) -> Found | None:
        """Where the class has the member, other than from the interface that asks for it.

        Raises:
            Unknown: if its text does not say.
        """
        found = self._hierarchy.find(self._node, name, past_demands=True)
        return None if found is None or self._is_reminder(found) else found

    def is_missing(self, name: str) -> bool:
        """Whether the class surely lacks the member."""
        try:
            return self.supplied(name) is None and name not in self._sets
        except Unknown:
            return False

    def protocol(self, name: str) -> Finding:
        """Whether `isinstance` finds the member on an object, as a Protocol has it look."""
        try:
            if self._hierarchy.find(self._node, "__getattr__") is not None:
                raise Unknown("its __getattr__ answers for what it has not")
            found = self._hierarchy.find(self._node, name, past_demands=True)
        except Unknown as unknown:
            return Finding(None, str(unknown))
        if name in self._sets:
            surely = self._sets[name] and (found is None or not found.member.is_none)
            return Finding() if surely else Finding(None, f"its __init__ may or may not set {name}")
        if found is None:
            return Finding(False, f"{self._without(name)}an object has no {name}", Moment.INSTANTIATION)
        if found.member.is_none and self._required[name].kind.is_called:
            return Finding(False, f"{name} is None, which says that there is none", Moment.INSTANTIATION)
        return Finding()

    def signature(self, name: str) -> Finding:
        """Whether the class's own member takes every call that the interface allows, in the same way."""
        wanted = self._required[name]
        try:
            found = self.supplied(name)
        except Unknown as unknown:
            return Finding(None, str(unknown))
        if found is None and name in self._sets and not wanted.kind.is_called:
            return Finding() if self._sets[name] else Finding(None, f"its __init__ may or may not set {name}")
        if found is None:
            where = " on the class: its __init__ sets it" if name in self._sets else ""
            return Finding(False, f"{self._without(name)}it has no {name}{where}", Moment.IMPORT)
        if isinstance(found.owner, Outside) and found.owner.real is object:
            return Finding(None, f"{name} is that of every object")
        return _compare(wanted, found.member)

    def duck(self, name: str) -> Finding:
        """What using the member does, once there is an object without any interface behind it."""
        wanted = self._required[name]
        try:
            found = self._hierarchy.find(self._node, name, past_demands=True)
            if found is None and self._hierarchy.find(self._node, "__getattr__") is not None:
                raise Unknown("its __getattr__ answers for what it has not")
        except Unknown as unknown:
            return Finding(None, str(unknown))
        if name in self._sets and (wanted.kind.is_called or not self._sets[name]):
            return Finding(None, f"its __init__ sets {name}")
        if found is None and name in self._sets:
            return Finding()
        if found is None:
            return Finding(False, f"{self._without(name)}an object has no {name}", Moment.FIRST_CALL)
        return _use(wanted, found.member, self._is_reminder(found))

    def real(self, name: str) -> Finding:
        """What using the member does on a real object, which has its bases with all that they ask for."""
        try:
            found = self._hierarchy.find(self._node, name)
            asks = found is not None and self._hierarchy.is_demand(found.member, found.owner)
        except Unknown as unknown:
            return Finding(None, str(unknown))
        if found is None or not asks or name in self._sets:
            return self.duck(name)
        used = _use(self._required[name], found.member, self._is_reminder(found))
        if used == Finding() and found.member.body is Body.EMPTY:
            return Finding(True, f"{name} gives None: the interface's empty body runs", Moment.PRODUCTION)
        return used

    def _without(self, name: str) -> str:
        """Says that the class lacks a member only as long as its bases do not count."""
        with suppress(Unknown):
            return "without its base, " if self._hierarchy.find(self._node, name) else ""
        return ""

    def _is_reminder(self, found: Found) -> bool:
        """Whether what was found is the interface's own method that raises NotImplementedError."""
        return self._inherits and found.member.body is Body.RAISES and found.owner in self._asking


def _compare(wanted: Member, given: Member) -> Finding:
    """The signature check of one member."""
    name = wanted.name
    if Kind.UNKNOWN in {wanted.kind, given.kind}:
        return Finding(None, f"what {name} is, only a run can tell")
    if not wanted.kind.is_called:
        same = not given.kind.is_called
        return Finding() if same else _at_import(f"{name} is a method and has to be a value")
    if not given.kind.is_called:
        if given.kind is Kind.VALUE and given.callable is not False:
            return Finding(None, f"what {name} takes, only a run can tell")
        what = "None" if given.is_none else "a property" if given.kind is Kind.PROPERTY else "a value"
        return _at_import(f"{name} is {what} and has to be a method")
    if None in {wanted.asynchronous, given.asynchronous}:
        return Finding(None, f"whether {name}() is async, only a run can tell")
    if given.asynchronous and not wanted.asynchronous:
        return _at_import(f"{name}() is async, and the interface's is not")
    if wanted.asynchronous and not given.asynchronous:
        return _at_import(f"{name}() is not async, and the interface's is")
    if wanted.kind is not Kind.METHOD and given.kind is Kind.METHOD:
        return _at_import(f"{name}() can no longer be called on the class")
    return _compare_calls(wanted, given)


def _compare_calls(wanted: Member, given: Member) -> Finding:
    name = wanted.name
    if wanted.signature is None or given.signature is None:
        return Finding(None, f"what {name}() takes, only a run can tell")
    asked, has = _for_caller(wanted), _for_caller(given)
    if asked is None:
        return Finding(None, f"the interface's own {name}() takes no self")
    if has is None:
        return _at_import(f"{name}() takes no self")
    if max(len(asked.parameters), len(has.parameters)) > MOST_PARAMETERS:
        return Finding(None, f"{name}() has more than {MOST_PARAMETERS} parameters")
    found = refused(asked, has)
    if found is None:
        return Finding()
    call, reason = found
    return _at_import(f"the interface allows {name}({call}), and this one says: {reason}")


def _use(wanted: Member, given: Member, reminder: bool) -> Finding:
    """Duck typing of one member."""
    name = wanted.name
    raises = Finding(False, f"{name} raises NotImplementedError", Moment.FIRST_CALL)
    if given.kind is Kind.UNKNOWN:
        return Finding(None, f"what {name} is, only a run can tell")
    if given.kind is Kind.PROPERTY and given.body is Body.RAISES:
        return raises
    if not wanted.kind.is_called:
        late = f"{name} is a method: who reads it as a value gets the method itself"
        return Finding(True, late, Moment.PRODUCTION) if given.kind.is_called else Finding()
    if not given.kind.is_called:
        if given.kind is Kind.VALUE and given.callable is False:
            what = "None" if given.is_none else "a value"
            return Finding(False, f"{name} is {what}, which cannot be called", Moment.FIRST_CALL)
        return Finding(None, f"what {name} gives when it is called, only a run can tell")
    return _call(wanted, given, raises if given.body is Body.RAISES or reminder else None)


def _call(wanted: Member, given: Member, raises: Finding | None) -> Finding:
    name = wanted.name
    asked, has = _for_caller(wanted), _for_caller(given)
    if asked is None or given.signature is None:
        return Finding(None, f"what {name}() takes, only a run can tell")
    if has is None:
        return Finding(False, f"{name}() takes no self", Moment.FIRST_CALL)
    call = shortest(asked)
    reason = problem(call, has)
    if reason:
        return Finding(False, f"{name}({call}) says: {reason}", Moment.FIRST_CALL)
    # A coroutine raises nothing before somebody awaits it.
    runs = wanted.asynchronous is True or given.asynchronous is False
    if raises is not None and runs:
        return raises
    if given.cached or None in {wanted.asynchronous, given.asynchronous}:
        return Finding(None, f"what {name}() gives, only a run can tell")
    if given.asynchronous and not wanted.asynchronous:
        late = f"{name}() gives a coroutine, and nothing runs until somebody awaits it"
        return Finding(True, late, Moment.PRODUCTION)
    if wanted.asynchronous and not given.asynchronous:
        if given.awaitable is None:
            return Finding(None, f"whether what {name}() gives can be awaited, only a run can tell")
        return Finding(False, f"what {name}() gives cannot be awaited", Moment.FIRST_CALL)
    later = _compare_calls(wanted, given)
    if later.passes is False:
        return Finding(True, later.reason, Moment.PRODUCTION)
    if wanted.kind is not Kind.METHOD and given.kind is Kind.METHOD:
        return Finding(True, f"{name}() can no longer be called on the class", Moment.PRODUCTION)
    return Finding()


def _for_caller(member: Member) -> Signature | None:
    """What a caller gives; None if that is not known, or the function takes no `self`."""
    if member.signature is None:
        return None
    return for_caller(member.name, member.signature, has_receiver=member.kind is not Kind.STATIC_METHOD)


def _at_import(reason: str) -> Finding:
    return Finding(False, reason, Moment.IMPORT)
