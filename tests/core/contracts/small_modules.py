"""Small modules with an interface and classes that keep it, or do not: for the tests that compare."""

from __future__ import annotations

from hypothesis import strategies as st

_HEAD = """\
import functools
from abc import ABC, ABCMeta, abstractmethod, update_abstractmethods
from typing import Protocol, runtime_checkable


class Mixin:
    def alpha(self, x=0, *args, **named):
        return x

    @property
    def beta(self):
        return 1


"""
_NAMES = ("alpha", "beta", "gamma")
_INTERFACES = (
    "class Asked(ABC):",
    "class Asked(metaclass=ABCMeta):",
    "class Asked(Protocol):",
    "@runtime_checkable\nclass Asked(Protocol):",
    "class Asked:",
)
_PARAMETERS = (
    "",
    "x",
    "x, y",
    "x, y=1",
    "x, /",
    "x, /, y",
    "*, x",
    "x, *, y=1",
    "*args",
    "**named",
    "*args, **named",
    "y",
)
_KINDS = ("method", "async", "class", "static", "property")
_BODIES = ("return 1", "return None", "...", 'raise NotImplementedError("later")')
_BASES = (
    "Asked", "Asked", "Asked", "Mixin, Asked", "Asked, Mixin", "list, Asked", "Asked, ValueError", "Mixin",
    "", "Asked, Asked", "object, Asked",
)  # fmt: skip
_AFTERWARDS = (
    "CLASS.alpha = lambda self: 1",
    "CLASS.alpha = lambda self: 1\nupdate_abstractmethods(CLASS)",
    "CLASS.__abstractmethods__ = frozenset()",
)


def _function(name: str, kind: str, parameters: str, body: str, *, marked: bool = False) -> list[str]:
    decorator = {"class": ["@classmethod"], "static": ["@staticmethod"], "property": ["@property"]}.get(
        kind, []
    )
    receiver = {"static": "", "class": "cls"}.get(kind, "self")
    given = "" if kind == "property" else parameters
    inside = ", ".join(each for each in (receiver, given) if each)
    first = "async def" if kind == "async" else "def"
    marks = ["@abstractmethod"] if marked else []
    return [*decorator, *marks, f"{first} {name}({inside}):", f"    {body}"]


@st.composite
def interfaces(draw: st.DrawFn) -> list[str]:
    """The statement of the class Asked."""
    head = draw(st.sampled_from(_INTERFACES))
    lines = []
    for name in draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3, unique=True)):
        kind = draw(st.sampled_from(_KINDS))
        parameters = draw(st.sampled_from(_PARAMETERS))
        marked = draw(st.booleans()) or "Protocol" not in head
        body = draw(st.sampled_from(_BODIES[2:]))
        if "class Asked:" in head and draw(st.booleans()):
            marked, body = False, _BODIES[3]
        lines += _function(name, kind, parameters, body, marked=marked)
    return [*head.splitlines(), *(f"    {line}" for line in lines)]


@st.composite
def implementations(draw: st.DrawFn, name: str) -> list[str]:
    """The statement of a class, and what is done to it after that."""
    bases = draw(st.sampled_from(_BASES))
    lines = []
    for member in draw(st.lists(st.sampled_from(_NAMES), max_size=3)):
        match draw(
            st.sampled_from(("function", "function", "function", "none", "lambda", "value", "cached"))
        ):
            case "none":
                lines.append(f"{member} = None")
            case "lambda":
                lines.append(
                    f"{member} = lambda self, {draw(st.sampled_from(_PARAMETERS)).replace('/, ', '')}: 1"
                )
            case "value":
                lines.append(f"{member} = 3")
            case "cached":
                lines += [
                    "@functools.cache",
                    *_function(member, "method", draw(st.sampled_from(_PARAMETERS)), "return 1"),
                ]
            case _:
                kind = draw(st.sampled_from(_KINDS))
                lines += _function(
                    member, kind, draw(st.sampled_from(_PARAMETERS)), draw(st.sampled_from(_BODIES))
                )
    if draw(st.integers(0, 4)) == 0:
        lines += ["def __init__(self, size: int):", f"    self.{draw(st.sampled_from(_NAMES))}_ = size"]
    after = draw(st.sampled_from((*[""] * 4, *_AFTERWARDS))).replace("CLASS", name)
    statement = [f"class {name}({bases}):" if bases else f"class {name}:"]
    guarded = [*statement, *(f"    {line}" for line in lines or ["pass"]), *after.splitlines()]
    return ["try:", *(f"    {line}" for line in guarded), "except TypeError:", "    pass"]


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A module with one interface and a few classes."""
    lines = draw(interfaces())
    for number in range(draw(st.integers(1, 5))):
        lines += ["", "", *draw(implementations(f"Made{number}"))]
    return _HEAD + "\n".join(lines) + "\n"
