"""Cases in which the class is complete and its object is not."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.verdict import Moment

_INIT: Final = Case(
    name="init",
    title="super().__init__() forgotten",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    def __init__(self):
        self.labels = ["cat", "dog"]

    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    def __init__(self):
        self.weights = [0.5, 0.1]

    def predict(self, features):
        return self.labels[0]


model = Model()
print("instantiation: created")
try:
    model.predict([1.0, 2.0])
except AttributeError as error:
    print(f"first call: {error}")
""",
    question="Model has every method, but its __init__ does not call the base's. When is that noticed?",
    choices=(
        "When Model is defined",
        "When Model() is created",
        "When predict needs what the base would have set",
        "Never: Python calls the base's __init__",
    ),
    answer="When predict needs what the base would have set",
    expected="instantiation: created\nfirst call: 'Model' object has no attribute 'labels'\n",
    why="abc is about methods of the class. What an object carries is set while __init__ runs, and Python "
    "runs only the one it finds first.",
    remedy="""\
from abc import ABCMeta, abstractmethod


class CheckedMeta(ABCMeta):
    def __call__(cls, *args, **kwargs):
        made = super().__call__(*args, **kwargs)
        if not hasattr(made, "labels"):
            raise TypeError(f"{cls.__name__}.__init__ does not call super().__init__()")
        return made


class Predictor(metaclass=CheckedMeta):
    def __init__(self):
        self.labels = ["cat", "dog"]

    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    def __init__(self):
        self.weights = [0.5, 0.1]

    def predict(self, features):
        return self.labels[0]


try:
    Model()
except TypeError as error:
    print(f"instantiation: {error}")
""",
    remedied="instantiation: Model.__init__ does not call super().__init__()\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.INSTANTIATION,
)

_SHADOW: Final = Case(
    name="shadow",
    title="An attribute hides the method",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    def __init__(self, predict):
        self.predict = predict

    def predict(self, features):
        return sum(features)


model = Model(predict="in batches")
print("instantiation: created")
try:
    model.predict([1.0, 2.0])
except TypeError as error:
    print(f"first call: {error}")
""",
    question="Model has predict, and its __init__ keeps an option in self.predict. What does "
    "model.predict([1.0, 2.0]) do?",
    choices=(
        "It gives 3.0",
        "It raises a TypeError",
        "It gives 'in batches'",
    ),
    answer="It raises a TypeError",
    expected="instantiation: created\nfirst call: 'str' object is not callable\n",
    why="abc looks at the class, and there predict is a method. A call looks at the object first, and finds "
    "a text under this name.",
    remedy="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...

    def __setattr__(self, name, value):
        if callable(getattr(type(self), name, None)):
            raise TypeError(f"{name} is a method of {type(self).__name__}, got {value!r}")
        super().__setattr__(name, value)


class Model(Predictor):
    def __init__(self, predict):
        self.predict = predict

    def predict(self, features):
        return sum(features)


try:
    Model(predict="in batches")
except TypeError as error:
    print(f"instantiation: {error}")
""",
    remedied="instantiation: predict is a method of Model, got 'in batches'\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.INSTANTIATION,
)

OBJECTS: Final = (_INIT, _SHADOW)
"""In the order of the page."""
