"""Cases of interfaces that a class satisfies without being told: protocols and subclass hooks."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.verdict import Moment

_PROTOCOL: Final = Case(
    name="protocol",
    title="A Protocol that is inherited",
    program='''\
from typing import Protocol


class Predictor(Protocol):
    def predict(self, features) -> float: ...


class Model(Predictor):
    """Forgets predict."""


model = Model()
print("instantiation: created")
print(f"first call: the answer is {model.predict([1.0, 2.0])}")
''',
    question="Predictor is a Protocol, Model inherits from it and forgets predict. What happens?",
    choices=(
        "Model() is refused",
        "Model() is created, and predict raises NotImplementedError",
        "Model() is created, and predict gives None",
    ),
    answer="Model() is created, and predict gives None",
    expected="instantiation: created\nfirst call: the answer is None\n",
    why="A Protocol cannot be instantiated, but what inherits from it can. Its methods are not abstract "
    "unless they say so: Model inherits predict with its body, which is empty.",
    remedy='''\
from abc import abstractmethod
from typing import Protocol


class Predictor(Protocol):
    @abstractmethod
    def predict(self, features) -> float: ...


class Model(Predictor):
    """Forgets predict."""


try:
    Model()
except TypeError as error:
    print(f"instantiation: {error}")
''',
    remedied="instantiation: Can't instantiate abstract class Model without an implementation for abstract "
    "method 'predict'\n",
    fails=Moment.NEVER,
    caught=Moment.INSTANTIATION,
)

_NOT_INHERITED: Final = Case(
    name="protocol-names",
    title="A Protocol that is not inherited",
    program="""\
from typing import Protocol, runtime_checkable


@runtime_checkable
class Predictor(Protocol):
    def predict(self, features): ...


class Model:
    def predict(self):
        return 3.0


model = Model()
print(f"instantiation: isinstance says {isinstance(model, Predictor)}")
try:
    model.predict([1.0, 2.0])
except TypeError as error:
    print(f"first call: {error}")
""",
    question="Model inherits nothing, and its predict takes no features. What does isinstance say?",
    choices=(
        "False: Model does not inherit from Predictor",
        "False: the parameters differ",
        "True",
        "A TypeError",
    ),
    answer="True",
    expected="instantiation: isinstance says True\n"
    "first call: Model.predict() takes 1 positional argument but 2 were given\n",
    why="A runtime-checkable Protocol asks whether the names are there. Parameters are for a type checker, "
    "which reads the program and does not run it.",
    remedy="""\
from inspect import signature
from typing import Protocol, runtime_checkable


@runtime_checkable
class Predictor(Protocol):
    def predict(self, features): ...


class Model:
    def predict(self):
        return 3.0


def accept(cls):
    asked, given = signature(Predictor.predict), signature(cls.predict)
    if list(given.parameters) != list(asked.parameters):
        raise TypeError(f"{cls.__name__} has predict{given}, expected predict{asked}")
    return cls()


try:
    accept(Model)
except TypeError as error:
    print(f"instantiation: {error}")
""",
    remedied="instantiation: Model has predict(self), expected predict(self, features)\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.INSTANTIATION,
)

_SUBCLASS_HOOK: Final = Case(
    name="subclass-hook",
    title="A hook that asks too little",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...

    @abstractmethod
    def close(self): ...

    @classmethod
    def __subclasshook__(cls, other):
        return hasattr(other, "predict")


class Model:
    def predict(self, features):
        return sum(features)


print(f"instantiation: isinstance says {isinstance(Model(), Predictor)}")
try:
    Model().close()
except AttributeError as error:
    print(f"first call: {error}")
""",
    question="Predictor asks for predict and close; its __subclasshook__ looks for predict. Model has only "
    "that. What does isinstance say?",
    choices=(
        "False: Model does not inherit from Predictor",
        "False: close is missing",
        "True",
    ),
    answer="True",
    expected="instantiation: isinstance says True\nfirst call: 'Model' object has no attribute 'close'\n",
    why="__subclasshook__ decides instead of the list of bases, and nobody compares it with the abstract "
    "methods. Model is no subclass, so its construction is not checked either.",
    remedy="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...

    @abstractmethod
    def close(self): ...

    @classmethod
    def __subclasshook__(cls, other):
        return all(hasattr(other, name) for name in cls.__abstractmethods__)


class Model:
    def predict(self, features):
        return sum(features)


print(f"instantiation: isinstance says {isinstance(Model(), Predictor)}")
""",
    remedied="instantiation: isinstance says False\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.INSTANTIATION,
)

PROTOCOLS: Final = (_PROTOCOL, _NOT_INHERITED, _SUBCLASS_HOOK)
"""In the order of the page."""
