"""The names that a pickle uses: what is known of each, and which of them a stream names."""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.pickles.rules.executors import executor
from core.pickles.rules.numpy_types import NUMPY
from core.pickles.rules.random_types import RANDOM
from core.pickles.rules.rule import NAMED, Rule
from core.pickles.rules.standard_types import STANDARD
from core.pickles.rules.torch_types import MEMORY_FORMATS, TORCH
from core.pickles.value import Global
from core.pickles.verdict import Verdict

ALLOWED: Final = MappingProxyType({**STANDARD, **NUMPY, **RANDOM, **TORCH})
"""The rules of every allowed name, by its full name."""
_DOTTED: Final = frozenset(("torch._utils", f"torch.{name}") for name in MEMORY_FORMATS)
"""Dotted names that are allowed, with their modules: pickle finds torch's memory formats there."""
_FROM_PYTHON_3: Final = 3
"""From this protocol on, names are not mapped from Python 2's."""


@dataclass(frozen=True)
class GlobalUse:
    """The first place where a stream names a global.

    Attributes:
        module, name: where the unpickler would look, after Python 2's names are mapped to Python 3's.
        offset: where in the stream, in bytes.
        opcode: GLOBAL, STACK_GLOBAL or INST.
        verdict: what naming it alone would make of the stream.
        written: module and name in the stream, where they are others; empty otherwise.
    """

    module: str
    name: str
    offset: int
    opcode: str
    verdict: Verdict = Verdict.NEEDS_TRUST
    written: str = ""

    @property
    def full(self) -> str:
        """Module and name with a dot between them."""
        return f"{self.module}.{self.name}"


def resolve(module: str, name: str, protocol: int) -> tuple[str, str]:
    """Where the unpickler would look for a name: below protocol 3 it maps Python 2's names to Python 3's."""
    if protocol >= _FROM_PYTHON_3:
        return module, name
    renamed = NAME_MAPPING.get((module, name))
    return renamed or (IMPORT_MAPPING.get(module, module), name)


def rule_of(value: object) -> Rule | None:
    """The rules of a global; None if it is not on the allow-list, or no global."""
    if not isinstance(value, Global):
        return None
    if "." not in value.name:
        return ALLOWED.get(value.full)
    return NAMED if (value.module, value.name) in _DOTTED else None


def classify(module: str, name: str) -> tuple[Verdict, str]:
    """What naming a global makes of a stream, and why, in words that follow its name."""
    if (module, name) in _DOTTED or ("." not in name and f"{module}.{name}" in ALLOWED):
        return Verdict.DATA_ONLY, "is a type or function of plain values"
    why = executor(module, name)
    if why:
        return Verdict.DANGEROUS, why
    if module.partition(".")[0] == "__torch__":
        return Verdict.NEEDS_TRUST, "is a class of a TorchScript program, whose code torch.jit.load compiles"
    if "." in name:
        return Verdict.DANGEROUS, "is a dotted name: it reaches through what it names for something else"
    return Verdict.NEEDS_TRUST, "is not on the allow-list: loading imports its module"


def look_up(module: str, name: str, protocol: int) -> tuple[Global, str]:
    """The global that a stream names, with its verdict, and why it has that.

    A name that is mapped to another one has the worse of both verdicts' dangers: a loader may turn the
    mapping off.
    """
    found = resolve(module, name, protocol)
    verdict, why = classify(*found)
    written = f"{module}.{name}" if found != (module, name) else ""
    if written and verdict is not Verdict.DANGEROUS and executor(module, name):
        verdict, why = classify(module, name)
    return Global(*found, verdict=verdict, written=written), why
