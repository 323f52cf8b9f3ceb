"""Judges what a stream asks for: the names it uses, the calls it would make, the objects it would change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from core.pickles.bounds import Bounds
from core.pickles.errors import UnreadableError
from core.pickles.globals import GlobalUse, look_up, rule_of
from core.pickles.keys import NoKeyError, check_all
from core.pickles.record import SHOWN, Call, Record
from core.pickles.rules.plain_calls import NotKept
from core.pickles.rules.rule import Make, NotMade, Rule
from core.pickles.rules.torch_types import LOAD_FROM_BYTES, is_storage_id
from core.pickles.rules.zones import GETATTR, is_maker, is_zone
from core.pickles.value import CONTAINERS, Called, Global, PersistentId, Unknown, Value, is_plain, render
from core.pickles.verdict import Verdict

__all__ = ["Call", "Judge", "Load"]

Load: TypeAlias = Callable[[Value, int], None]
"""Judges a file within the stream, given as bytes, and the offset of the call that would load it."""

_KEPT: Final = 2**27
"""How many bytes the results of calls that are worked out may take, altogether."""
_WORK: Final = 2**26
"""How many values may be looked through for what allowed calls and states hold, altogether."""


class Judge(Record):
    """Holds what a stream asks for against the rules, and records it.

    Args:
        member: the part of a file that the stream is.
        base: what is added to offsets.
        bounds: how much is kept.
        load: judges a file within the stream.
    """

    def __init__(self, member: str, base: int, bounds: Bounds, load: Load) -> None:
        super().__init__(member, base, bounds)
        self._load = load
        self._names: dict[tuple[str, str, bool], Global] = {}
        self._room = _KEPT
        self._work = _WORK
        self._zones = False

    def name(self, module: str, name: str, protocol: int, offset: int, opcode: str) -> Global:
        """The global that the stream names."""
        key = (module, name, protocol < 3)
        known = self._names.get(key)
        if known is not None:
            return known
        found, why = look_up(module, name, protocol)
        use = GlobalUse(found.module, found.name, offset + self._base, opcode, found.verdict, found.written)
        if len(self.globals) < self._bounds.globals:
            self.globals.setdefault((found.module, found.name), use)
            self._names[key] = found
        if found.verdict is not Verdict.DATA_ONLY:
            full = render(found, SHOWN)
            shown = f"{full} (written {render(found.written, SHOWN)})" if found.written else full
            if found.full == GETATTR:
                self.hold(offset, opcode, f"{shown} {why}", full)
            else:
                self.find(offset, opcode, f"{shown} {why}", found.verdict, full)
        return found

    def finish(self) -> None:
        """Ends the stream: `getattr` is no danger where it was called for time zones and nothing else."""
        self.settle(harmless=self._zones)
        # It holds the stream, which holds this: nothing would go before the collector comes.
        self._load = load_nothing

    def computed(self, what: str, offset: int, opcode: str) -> Unknown:
        """A global whose name cannot be told before the stream runs."""
        self.find(offset, opcode, f"names a global by {what}: which one cannot be told", Verdict.DANGEROUS)
        return Unknown(f"a global named by {what}")

    def persistent(self, pid: Value, offset: int, opcode: str) -> PersistentId:
        """What the loader would have to give for a persistent id."""
        kept = len(self.persistent_ids) < self._bounds.globals
        if kept:
            self.persistent_ids.append(pid)
        if is_storage_id(pid):
            return PersistentId(pid, numbers=True)
        self.worsen(Verdict.NEEDS_TRUST)
        if kept:
            reason = f"asks the loader for the persistent id {render(pid, 100)}: it decides what that does"
            self.find(offset, opcode, reason, Verdict.NEEDS_TRUST)
        return PersistentId(pid)

    def call(
        self, function: Value, args: Value, kwargs: Value, offset: int, opcode: str, *, new: bool = False
    ) -> Value:
        """What a call gives.

        Args:
            function: what is called.
            args: its arguments, a tuple unless the stream is odd.
            kwargs: its keyword arguments, a dict or None.
            offset: where.
            opcode: what asks for it.
            new: whether the object is made without `__init__`.

        Raises:
            UnreadableError: a plain value is called, or the arguments take too much work.
        """
        given = args if isinstance(args, tuple) else (args,)
        named = () if kwargs is None else _keywords(kwargs)
        if not isinstance(args, tuple) or named is None:
            reason = (
                f"calls {render(function, 100)} with {render(args, 100)} for arguments, which is no tuple"
            )
            self.find(offset, opcode, reason, Verdict.DANGEROUS)
        result = Called(function, given, opcode, offset, named or ())
        rule = rule_of(function)
        if rule is None and isinstance(args, tuple) and not new and (is_maker(result) or is_zone(result)):
            self._zones = True
            self.note_call(result, known=True)
            return result
        if not isinstance(function, Global):
            self._call_of_value(function, result)
            return result
        if rule is None:
            if function.full == GETATTR:
                self.settle(harmless=False)
            self.worsen(function.verdict)
            if self.note_call(result, known=False):
                reason = f"this call would happen: {_text(result)}"
                self.find(offset, opcode, reason, function.verdict, function.full)
            return result
        if function.full in ("copyreg._reconstructor", "copyreg.__newobj__") and given and not new:
            return self._new_by_function(function, given, offset, opcode)
        self._charge(given)
        problem = "keyword arguments" if named else _problem(rule, given, new=new)
        self.note_call(result, known=not problem)
        if problem:
            self.find(
                offset,
                opcode,
                f"{function.full} would be called with {problem}",
                Verdict.NEEDS_TRUST,
                function.full,
            )
            return result
        if function.full == LOAD_FROM_BYTES:
            self._load(given[0], offset)
        return result if rule.make is None else self._made(rule, rule.make, given, result)

    def _charge(self, parts: Iterable[Value]) -> None:
        """Counts what has to be looked through, so that the same large value is not looked through for ever.

        Raises:
            UnreadableError: it is too much.
        """
        for part in parts:
            if type(part) in CONTAINERS:
                self._work -= len(part)  # type: ignore[arg-type]  # a container
        if self._work < 0:
            raise UnreadableError("more work on the same values than is done at most")

    def _new_by_function(self, function: Global, args: tuple[Value, ...], offset: int, opcode: str) -> Value:
        """An object that copyreg makes: what NEWOBJ does, written as a call."""
        rule = rule_of(function)
        assert rule is not None
        problem = _problem(rule, args, new=False)
        if problem:
            self.find(
                offset,
                opcode,
                f"{function.full} would be called with {problem}",
                Verdict.NEEDS_TRUST,
                function.full,
            )
        if is_plain(args[0]):
            return Called(function, args, opcode, offset)
        inner = args[1:] if function.full == "copyreg.__newobj__" else ()
        return self.call(args[0], inner, None, offset, opcode, new=True)

    def _made(self, rule: Rule, make: Make, args: tuple[Value, ...], result: Called) -> Value:
        """The plain value that an allowed call gives, or what stands for it."""
        size = rule.size(args) if rule.size else 1
        if size > self._room:
            return result
        self._room -= size
        try:
            return make(args)
        except NotKept:
            return result
        except (NotMade, NoKeyError) as error:
            # Python would stop here. What follows is looked at all the same.
            reason = f"{result.full} would be called with {error}"
            self.find(result.offset, result.opcode, reason, Verdict.COULD_NOT_READ, result.full)
            return result

    def _call_of_value(self, function: Value, result: Called) -> None:
        """A call of something that is no global: what it runs cannot be told."""
        self.worsen(Verdict.DANGEROUS)
        if self.note_call(result, known=False):
            reason = f"calls {render(function, 100)}, which is no global"
            self.find(result.offset, result.opcode, reason, Verdict.DANGEROUS)
        if is_plain(function):
            raise UnreadableError(f"a {type(function).__name__} cannot be called")

    def build(self, target: Value, state: Value, offset: int) -> None:
        """BUILD: gives a state to an object, by its `__setstate__` or as attributes."""
        if is_plain(target):
            if state is not None:
                reason = f"sets a state of a {type(target).__name__}, which has none"
                self.find(offset, "BUILD", reason, Verdict.COULD_NOT_READ)
            return
        rule = self._rule_for(target, offset, "BUILD", "sets the state")
        if not isinstance(target, Called):
            return
        self._charge((state, *(state if isinstance(state, tuple) else ())))
        if rule is not None:
            problem = "a state" if rule.state is None else rule.state(target, state)
            if not problem and target.state:
                problem = "a second state"
            if not problem and target.sealed:
                problem = "a state after something relied on it"
            if problem:
                reason = f"what {target.full} gives would get {problem}"
                self.find(offset, "BUILD", reason, Verdict.NEEDS_TRUST, target.full)
        target.add_state(state)

    def add_pairs(self, target: Value, pairs: list[tuple[Value, Value]], offset: int, opcode: str) -> None:
        """SETITEM and SETITEMS, where the target is no dict."""
        if is_plain(target):
            if pairs:
                # Python stops here. What follows is looked at all the same.
                reason = f"items of a {type(target).__name__} cannot be set"
                self.find(offset, opcode, reason, Verdict.COULD_NOT_READ)
            return
        rule = self._rule_for(target, offset, opcode, "sets items")
        if not isinstance(target, Called):
            return
        if rule is not None and (not rule.pairs or target.sealed):
            reason = f"sets items of what {target.full} gives"
            self.find(offset, opcode, reason, Verdict.NEEDS_TRUST, target.full)
        try:
            check_all(key for key, _ in pairs)
        except NoKeyError as error:
            raise UnreadableError(f"sets an item by {error}") from error
        target.add_pairs(pairs)

    def add_items(self, target: Value, items: list[Value], offset: int, opcode: str) -> None:
        """APPEND, APPENDS and ADDITEMS, where the target is no list and no set."""
        if isinstance(target, bytearray):
            self.find(offset, opcode, "adds items to a bytearray", Verdict.COULD_NOT_READ)
            return
        if is_plain(target):
            if items:
                reason = f"nothing can be added to a {type(target).__name__} so"
                self.find(offset, opcode, reason, Verdict.COULD_NOT_READ)
            return
        rule = self._rule_for(target, offset, opcode, "adds items, by a method,")
        if not isinstance(target, Called):
            return
        if rule is not None and (not rule.items or opcode == "ADDITEMS"):
            reason = f"adds items to what {target.full} gives"
            self.find(offset, opcode, reason, Verdict.NEEDS_TRUST, target.full)
        target.add_items(items)

    def _rule_for(self, target: Value, offset: int, opcode: str, does: str) -> Rule | None:
        """The rule of what made an object; without one, a finding that its own code would run."""
        if isinstance(target, Global):
            reason = f"{does} of {target.full} itself, for the whole program"
            self.find(offset, opcode, reason, Verdict.DANGEROUS, target.full)
            return None
        if not isinstance(target, Called):
            reason = f"{does} of {render(target, 100)}: its own code would run"
            self.find(offset, opcode, reason, Verdict.NEEDS_TRUST)
            return None
        rule = rule_of(target.function)
        if rule is None:
            verdict = target.function.verdict if isinstance(target.function, Global) else Verdict.DANGEROUS
            self.worsen(verdict)
            if self.said(opcode, target.full):
                return None
            reason = f"{does} of what {render(target.function, 100)} gives: its own code would run"
            self.find(offset, opcode, reason, verdict, target.full)
        return rule


def load_nothing(value: Value, offset: int) -> None:
    """For a judge that looks into no file within the stream."""


def _keywords(kwargs: Value) -> tuple[tuple[str, Value], ...] | None:
    """Keyword arguments in order; None if they can be none."""
    if type(kwargs) is not dict:
        return None
    named = tuple((name, value) for name, value in kwargs.items() if isinstance(name, str))
    return named if len(named) == len(kwargs) else None


def _problem(rule: Rule, args: tuple[Value, ...], *, new: bool) -> str:
    """What is wrong with a call of an allowed name; nothing if it may be."""
    if rule.call is None:
        return "any arguments, and it is only allowed as a name"
    if new and not rule.new:
        return "its `__new__` alone"
    return rule.call(args)


def _text(result: Called) -> str:
    """A call as one text."""
    return render(result, SHOWN)
