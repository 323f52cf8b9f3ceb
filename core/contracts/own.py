"""The real thing: two interfaces of this very app, and a class that each of them refuses.

What is shown of an interface is its source as it lies beside this package; what refuses is the class itself,
which is imported (with PyTorch) only when it is asked to.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import time
from abc import ABCMeta
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeGuard

from core.contracts.verdict import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from core.benchmark.machines import Where
    from core.benchmark.tasks import Plan
    from core.engines import Array

_ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class OwnInterface:
    """An abstract base class of this app.

    Attributes:
        name: the class's.
        module: where it is defined.
        source: the class statement.
        abstract: the methods and properties that it asks for, from top to bottom.
        incomplete: a subclass that forgets some of them, as a class statement: the one that is tried.
    """

    name: str
    module: str
    source: str
    abstract: tuple[str, ...]
    incomplete: str


@dataclass(frozen=True)
class Refusal:
    """What happened when the incomplete class was to be instantiated.

    Attributes:
        message: of the TypeError, in the words of the Python that runs the app.
        missing: what the class forgot, in alphabetical order.
        seconds: how long the refusal took, without the import.
    """

    message: str
    missing: tuple[str, ...]
    seconds: float


def _forgetful_engine() -> ABCMeta:
    from core.engines import InferenceEngine

    class ForgetfulEngine(InferenceEngine):
        """Gives back what comes in; forgets metadata and close."""

        def load(self) -> None:
            """There is nothing to make ready."""

        def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
            """The inputs."""
            return tuple(each.numpy() for each in inputs)

    return ForgetfulEngine


def _forgetful_runner() -> ABCMeta:
    from core.benchmark import ANYWHERE, JobRunner, JobState, JobStatus

    class ForgetfulRunner(JobRunner):
        """Takes a job and loses it; has neither cancel nor close, machines nor problem."""

        def submit(self, plan: Plan, visitor: str, on: Where = ANYWHERE) -> str:
            """The number of a job that nobody runs."""
            return "1"

        def status(self, job: str) -> JobStatus:
            """The job waits, for ever."""
            return JobStatus(job, JobState.QUEUED)

    return ForgetfulRunner


def _statement(text: str, name: str) -> tuple[str, ast.ClassDef]:
    """A class in a program: its statement word for word, and the syntax tree of that."""
    node = next(node for node in ast.walk(ast.parse(text)) if _is_class(node, name))
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines)) + "\n", node


def _is_class(node: ast.AST, name: str) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef) and node.name == name


def _is_abstract(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and "abstractmethod" in map(ast.unparse, node.decorator_list)


@dataclass(frozen=True)
class _Trial:
    """An interface and the class that is tried: names, and the function that makes the class."""

    name: str
    module: str
    incomplete: str
    make: Callable[[], ABCMeta]

    def described(self) -> OwnInterface:
        path = _ROOT.joinpath(*self.module.split(".")).with_suffix(".py")
        source, node = _statement(path.read_text(encoding="utf-8"), self.name)
        abstract = tuple(each.name for each in node.body if _is_abstract(each))
        incomplete, _ = _statement(textwrap.dedent(inspect.getsource(self.make)), self.incomplete)
        return OwnInterface(self.name, self.module, source, abstract, incomplete)


_TRIALS: Final = (
    _Trial("InferenceEngine", "core.engines.engine", "ForgetfulEngine", _forgetful_engine),
    _Trial("JobRunner", "core.benchmark.jobs", "ForgetfulRunner", _forgetful_runner),
)

OWN: Final[tuple[OwnInterface, ...]] = tuple(each.described() for each in _TRIALS)
"""What runs a model, and what runs a measurement."""


def refuse(own: OwnInterface) -> Refusal:
    """Tries for real to instantiate the incomplete class of one of `OWN`.

    Raises:
        ContractError: if it is not one of them, or the class was not refused.
    """
    trial = next((each for each in _TRIALS if each.name == own.name), None)
    if trial is None:
        raise ContractError(f"{own.name}: expected one of {', '.join(each.name for each in _TRIALS)}.")
    incomplete = trial.make()
    start = time.perf_counter()
    try:
        incomplete()
    except TypeError as error:
        seconds = time.perf_counter() - start
        return Refusal(str(error), tuple(sorted(incomplete.__abstractmethods__)), seconds)
    raise ContractError(f"{incomplete.__name__} was created, expected that {own.name} refuses it.")
