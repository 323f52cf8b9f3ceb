"""Cases in which a type is promised that does not come."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.verdict import Moment

_ATTRIBUTE: Final = Case(
    name="attribute",
    title="A number for a property",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @property
    @abstractmethod
    def name(self) -> str: ...


class Model(Predictor):
    name = 42


model = Model()
print("instantiation: created")
try:
    print("I am " + model.name)
except TypeError as error:
    print(f"first call: {error}")
""",
    question="name is an abstract property that gives a str. Model sets name = 42. When is that noticed?",
    choices=(
        "When Model is defined",
        "When Model() is created",
        "When name is used as a str",
        "Never: a property turns it into a str",
    ),
    answer="When name is used as a str",
    expected='instantiation: created\nfirst call: can only concatenate str (not "int") to str\n',
    why="An attribute of the class takes the property's place. abc asks neither that it is a property nor "
    "what type it has; and where name was read-only, it can now be set.",
    remedy="""\
from abc import ABC, abstractmethod
from inspect import getattr_static


class Predictor(ABC):
    @property
    @abstractmethod
    def name(self) -> str: ...

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        name = getattr_static(cls, "name")
        if not isinstance(name, property | str):
            raise TypeError(f"{cls.__name__}.name is {name!r}, expected a property or a str")


try:

    class Model(Predictor):
        name = 42
except TypeError as error:
    print(f"definition: {error}")
""",
    remedied="definition: Model.name is 42, expected a property or a str\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.DEFINITION,
)

_RETURNS: Final = Case(
    name="returns",
    title="Another type comes back",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features) -> float: ...


class Model(Predictor):
    def predict(self, features) -> float:
        return "0.9"


answer = Model().predict([1.0, 2.0])
print(f"first call: the answer is {answer!r}")
try:
    print(answer - 0.5)
except TypeError as error:
    print(f"production: {error}")
""",
    question="predict is annotated with -> float and returns a str. When is that noticed?",
    choices=(
        "When Model() is created",
        "When predict returns",
        "When someone computes with the answer",
        "Never: Python turns it into a float",
    ),
    answer="When someone computes with the answer",
    expected="first call: the answer is '0.9'\n"
    "production: unsupported operand type(s) for -: 'str' and 'float'\n",
    why="Python keeps annotations and checks none of them, abc included. The str travels on until a line "
    "cannot use it, which may be far from here.",
    remedy="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    def predict(self, features) -> float:
        answer = self._predict(features)
        if not isinstance(answer, float):
            raise TypeError(f"{type(self).__name__} answered {answer!r}, expected a float")
        return answer

    @abstractmethod
    def _predict(self, features) -> float: ...


class Model(Predictor):
    def _predict(self, features) -> float:
        return "0.9"


try:
    Model().predict([1.0, 2.0])
except TypeError as error:
    print(f"first call: {error}")
""",
    remedied="first call: Model answered '0.9', expected a float\n",
    fails=Moment.PRODUCTION,
    caught=Moment.FIRST_CALL,
)

PROMISES: Final = (_ATTRIBUTE, _RETURNS)
"""In the order of the page."""
