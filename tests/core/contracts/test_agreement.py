"""What is read from a program's text is what happens when its classes are really tried."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from core.contracts import Check, Moment
from core.contracts.cases import CASES
from core.contracts.examination import examine_here
from core.contracts.judging import UNSURE
from tests.core.contracts.small_modules import modules
from tests.core.contracts.trials import by_key, check_agreement, in_sandbox, on_host, verdicts

EVERYTHING = """\
import abc
import contextlib
import functools
import typing as t
from abc import ABC, abstractmethod as asked
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Model(metaclass=abc.ABCMeta):
    @asked
    def fit(self, x): ...
    @property
    @abc.abstractmethod
    def name(self) -> str: ...
    @classmethod
    @abc.abstractmethod
    def make(cls, x: int = 1): ...
    @staticmethod
    @asked
    def tool(x, *, y=2): ...
    @asked
    async def run(self, x): ...

class Whole(Model):
    name = "n"
    def fit(self, x): return x
    @classmethod
    def make(cls, x=1): return cls()
    @staticmethod
    def tool(x, *, y=2): return 1
    async def run(self, x): return 2
class Part(Model):
    def fit(self, x): return x
class PartOfPart(Part): pass
class Wrong(Model):
    def name(self): return "x"
    def fit(self): return 1
    def make(self, x=1): return 1
    def tool(self, x): return 1
    def run(self, x): return 2

class Small(ABC):
    @asked
    def fit(self, x): ...
class Plain:
    def fit(self, x): return 1
class Before(Plain, Small): pass
class Behind(Small, Plain): pass
class Renamed(Small):
    def fit(self, y): return y
class InList(list, Small): pass
class InError(Small, ValueError): pass
class Registered: pass
Small.register(Registered)
@Small.register
class RegisteredToo:
    def fit(self, x): return 1
class Later(Small): pass
Later.fit = lambda self, x: 1
class LaterCounted(Small): pass
LaterCounted.fit = lambda self, x: 1
abc.update_abstractmethods(LaterCounted)
class TakenAway(Small):
    def fit(self, x): return 1
del TakenAway.fit
class Cleared(Small): pass
Cleared.__abstractmethods__ = frozenset()
class Stub(Small):
    def fit(self, x): raise NotImplementedError("later")
class Lambda(Small):
    fit = lambda self, x: x
class Aliased(Small):
    fit = Plain.fit
class AliasedToAbstract(Small):
    fit = Small.fit
class Cached(Small):
    @functools.cache
    def fit(self, x): return x
class Managed(Small):
    @contextlib.contextmanager
    def fit(self, x): yield x
class Static(Small):
    @staticmethod
    def fit(x): return 1
class StaticWithSelf(Small):
    @staticmethod
    def fit(self, x): return 1
class Sized(t.Protocol):
    size: int
    kind: str
@dataclass
class Fields:
    size: int
    kind: str = "k"
@dataclass
class FieldsToo(Sized):
    size: int
class Assigned:
    def __init__(self): self.size = self.kind = 1
class Unlike:
    def fit(self): return 1
    weight = 3
@dataclass
class Data(Small):
    a: int
    def fit(self, x): return self.a
class Constructed(Small):
    def __init__(self, path: str, n): self.p = open(path)
    def fit(self, x): return self.p
class Twice(Small):
    def fit(self): return 1
    def fit(self, x): return 1
class Twice(Small): pass
class Outer:
    class Inner(Small): pass

class Private(ABC):
    @asked
    def __secret(self): ...
class PrivateToo(Private):
    def __secret(self): ...

class Marked:
    @asked
    def fit(self): ...
class MarkedToo(Marked): pass

class Reader(t.Protocol):
    size: int
    def read(self, n: int) -> bytes: ...
class Inherits(Reader): pass
class Alike:
    size = 3
    def read(self, n): return b""
class AlikeLater:
    def __init__(self): self.size = 3
    def read(self, n): return b""
class AlikeHalf:
    def read(self): return b""
class AlikeNone:
    read = None
    size = 1

class Reminder:
    def a(self): raise NotImplementedError
    def b(self): raise NotImplementedError("b")
class Half(Reminder):
    def a(self): return 1
class Both(Half):
    def b(self): return 1
class Answers(Reminder):
    def a(self): return 1
    def __getattr__(self, n): return lambda *a: 1

class Accessors(ABC):
    @property
    @asked
    def v(self): ...
    @v.setter
    def v(self, x): ...
class GetterOnly(Accessors):
    @Accessors.v.getter
    def v(self): return 1
class OwnProperty(Accessors):
    @property
    def v(self): return 1
class HiddenMark(ABC):
    @functools.cached_property
    @asked
    def z(self): ...
    @asked
    def q(self): ...
class HiddenMarkToo(HiddenMark):
    def q(self): return 1

T = t.TypeVar("T")
class Generic(t.Generic[T], ABC):
    @asked
    def f(self, x: T) -> T: ...
class OfInt(Generic[int]):
    def f(self, x: int) -> int: return x
class Items(Sequence):
    def __len__(self): return 0
class AllItems(Sequence):
    def __len__(self): return 0
    def __getitem__(self, i): raise IndexError
class Waits(ABC):
    @asked
    async def go(self, x): ...
    @asked
    async def items(self): ...
class WaitsNot(Waits):
    def go(self, x): return 1
    async def items(self): yield 1
try:
    class NoOrder(Small, Plain, Small): pass
except TypeError: pass
try:
    class NoOrderToo(object, Small): pass
except TypeError: pass
try:
    class NoLayout(list, dict, Small): pass
except TypeError: pass
"""


ASKED = """\
import functools
from abc import ABC, abstractmethod
from typing import Protocol
class Asked(ABC):
    @abstractmethod
    def alpha(self): ...
    @abstractmethod
    async def beta(self): ...
    @property
    @abstractmethod
    def gamma(self): ...
class Duck(Protocol):
    def alpha(self): ...
    @property
    def gamma(self): ...
"""
LATE = {
    "a lambda whose value cannot be awaited": """\
class Made(list, Asked):
    beta = lambda self: 1
    gamma = 1
""",
    "a cache that cannot keep the object": """\
class Made(list, Asked):
    @functools.cache
    def alpha(self): return 1
    gamma = 1
""",
    "a cache of what is not async": """\
class Made(Asked):
    alpha = gamma = 1
    @functools.cache
    def beta(self): return 1
""",
    "a property instead of a method that raises": """\
class Made(Asked):
    async def beta(self): return 1
    gamma = 1
    @property
    def alpha(self): raise NotImplementedError
""",
    "a static method instead of a value": """\
class Made:
    def alpha(self): return 1
    async def beta(self): return 1
    @staticmethod
    def gamma(): return 1
""",
    "a property that raises when isinstance asks": """\
class Made(Duck):
    @property
    def gamma(self): raise NotImplementedError
""",
    "a property of None instead of a method": """\
class Made(Asked):
    @property
    def alpha(self): return None
    async def beta(self): return 1
    gamma = None
""",
}


@pytest.mark.parametrize("trial", [on_host, in_sandbox])
@pytest.mark.parametrize("made", LATE.values(), ids=list(LATE))
def test_what_only_shows_in_use_is_read_as_it_is_found(made: str, trial: object) -> None:
    assert callable(trial)
    found = trial(ASKED + made)
    assert not found.problem
    read = by_key(examine_here(ASKED + made).verdicts)
    check_agreement(read, verdicts(found))
    assert set(read) == set(verdicts(found))


def test_a_pass_says_where_the_text_does_not_tell_what_comes_later() -> None:
    made = LATE["a cache that cannot keep the object"]
    said = {each.check: each for each in examine_here(ASKED + made).verdicts}
    assert said[Check.ABC].passes
    assert said[Check.ABC].moment is Moment.PRODUCTION
    assert said[Check.ABC].reason.endswith(UNSURE)
    sure = LATE["a lambda whose value cannot be awaited"]
    assert not any(each.reason.endswith(UNSURE) for each in examine_here(ASKED + sure).verdicts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("part", ["program", "remedy"])
def test_the_lab_s_cases_do_in_the_sandbox_what_their_text_says(case: object, part: str) -> None:
    source = getattr(case, part)
    check_agreement(by_key(examine_here(source).verdicts), verdicts(in_sandbox(source)))


@pytest.mark.parametrize("trial", [on_host, in_sandbox])
def test_a_module_with_everything_does_what_its_text_says(trial: object) -> None:
    assert callable(trial)
    read = by_key(examine_here(EVERYTHING).verdicts)
    found = trial(EVERYTHING)
    assert not found.problem
    tried = verdicts(found)
    check_agreement(read, tried)
    assert set(read) == set(tried)
    sure = [key for key in read if read[key].passes is not None]
    assert len(sure) > 0.95 * len(read)


@settings(max_examples=25)
@given(modules())
def test_any_small_module_does_what_its_text_says(source: str) -> None:
    found = on_host(source)
    assert not found.problem
    read = by_key(examine_here(source).verdicts)
    check_agreement(read, verdicts(found))
    assert set(read) == set(verdicts(found))
    assert sum(said.passes is not None for said in read.values()) >= len(read) // 2


def test_every_class_gets_all_four_checks_in_their_order() -> None:
    found = [each.check for each in examine_here(EVERYTHING).verdicts]
    assert found == list(Check) * (len(found) // 4)
