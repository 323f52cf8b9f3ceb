"""The article's pair: a contract that is noticed late, and one that is kept from the start.

The programs run in the sandbox as they stand. Each prints a line when it reaches a moment, `import: …`, so
that what it printed can be put on a line of moments. They are shown to a visitor, who may change them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.contracts.verdict import Moment

CRASH: Final = "Runtime Crash: "
BLOCKED: Final = "Instantiation blocked: "
"""How the line begins that a program of the pair prints when it fails: late, and early."""

ORDER: Final = (
    Moment.DEFINITION,
    Moment.IMPORT,
    Moment.INSTANTIATION,
    Moment.FIRST_CALL,
    Moment.PRODUCTION,
)
"""The moments of a program's life, as they come."""

_LENGTH: Final = 300

_LATE_CLASSES: Final = '''\
class BrittlePredictor:
    """A base class that can only hope."""

    def predict(self, features):
        raise NotImplementedError("Subclasses must implement this method!")


class IncompletePredictor(BrittlePredictor):
    """Forgets predict."""


print("definition: IncompletePredictor is a class without predict")
'''

_LATE_USE: Final = """\
print("instantiation: IncompletePredictor() is asked for")
model = IncompletePredictor()
print("The object exists. The service is deployed and healthy.")

print("first call: a user sends features")
try:
    answer = model.predict([1.0, 2.0])
    print(f"production: the model answers {answer}")
except NotImplementedError as error:
    print(f"Runtime Crash: {error}")
"""

_EARLY_CLASSES: Final = '''\
class CustomModelInterface(ABC):
    """A contract: what every model must be able to do."""

    @abstractmethod
    def predict(self, features):
        """The answer for some features."""

    @abstractmethod
    def get_model_metadata(self):
        """The model's name and version."""


class RobustPredictor(CustomModelInterface):
    """Has predict, and forgets get_model_metadata."""

    def predict(self, features):
        return sum(features)


print("definition: RobustPredictor is a class without get_model_metadata")
'''

_EARLY_USE: Final = """\
print("instantiation: RobustPredictor() is asked for")
try:
    model = RobustPredictor()
    print("first call: a user sends features")
    answer = model.predict([1.0, 2.0])
    print(f"production: {model.get_model_metadata()} answers {answer}")
except TypeError as error:
    print(f"Instantiation blocked: {error}")
"""

_ABC: Final = "from abc import ABC, abstractmethod\n"
_LOADED: Final = 'print("import: the file is loaded, and nothing complained")\n'


@dataclass(frozen=True)
class Pair:
    """Two ways to ask a subclass for a method, as programs.

    Attributes:
        late: the base class raises when the missing method is called.
        early: the abstract base class refuses to make the object.
        both: one after the other.
    """

    late: str
    early: str
    both: str


PAIR: Final = Pair(
    late=f"{_LATE_CLASSES}{_LOADED}\n{_LATE_USE}",
    early=f"{_ABC}\n\n{_EARLY_CLASSES}{_LOADED}\n{_EARLY_USE}",
    both=f"{_ABC}\n\n{_LATE_CLASSES}{_LOADED}\n{_LATE_USE}\n\n{_EARLY_CLASSES}{_LOADED}\n{_EARLY_USE}",
)


@dataclass(frozen=True)
class Reached:
    """A moment that a program of the pair came to.

    Attributes:
        moment: which.
        said: what the program printed about it.
        failure: the line with which it failed then; empty if it went on.
    """

    moment: Moment
    said: str
    failure: str = ""


def timeline(stdout: str) -> tuple[Reached, ...]:
    """The moments that a program came to, in their order, up to the one at which it failed.

    Args:
        stdout: what it printed. It is taken for no more than it is: a line that begins with no moment's name,
            or with one that is over already, is left out, and a long one is cut.
    """
    reached: list[Reached] = []
    left = list(ORDER)
    # Only line feeds end a line: others are a visitor's text.
    for line in stdout.split("\n"):
        name, colon, said = line.partition(": ")
        if reached and line.startswith((CRASH, BLOCKED)):
            reached[-1] = Reached(reached[-1].moment, reached[-1].said, _cut(line))
            break
        if colon and name in left:
            moment = Moment(name)
            reached.append(Reached(moment, _cut(said)))
            del left[: left.index(moment) + 1]
    return tuple(reached)


def _cut(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"
