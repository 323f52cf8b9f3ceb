"""Cases in which the marks of abstract methods, or the list of them, say something else than the class."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.verdict import Moment

_NO_METACLASS: Final = Case(
    name="no-metaclass",
    title="@abstractmethod without ABC",
    program='''\
from abc import abstractmethod


class Predictor:
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """Forgets predict."""


model = Model()
print("instantiation: created")
print(f"first call: the answer is {model.predict([1.0, 2.0])}")
''',
    question="Predictor marks predict with @abstractmethod, but has no base ABC. Model forgets predict. "
    "What happens?",
    choices=(
        "Model() is refused",
        "Model() is created, and predict raises NotImplementedError",
        "Model() is created, and predict gives None",
    ),
    answer="Model() is created, and predict gives None",
    expected="instantiation: created\nfirst call: the answer is None\n",
    why="@abstractmethod only puts a mark on a function. It is ABCMeta, the metaclass that ABC brings, that "
    "reads the marks; without it Model inherits the method, whose body is empty.",
    remedy='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


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

_PATCHED: Final = Case(
    name="patched",
    title="The method comes later",
    program='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """predict comes later."""


Model.predict = lambda self, features: sum(features)
print(f"import: predict is {Model.predict.__name__}")
try:
    Model()
except TypeError as error:
    print(f"instantiation: {error}")
''',
    question="Model gets its predict after the class statement. What does Model() do?",
    choices=(
        "It is created: predict is there now",
        "It is refused: predict is missing",
        "It is created, but predict is still the abstract one",
    ),
    answer="It is refused: predict is missing",
    expected="import: predict is <lambda>\n"
    "instantiation: Can't instantiate abstract class Model without an implementation for abstract "
    "method 'predict'\n",
    why="abc lists what is missing once, when the class is defined. The list does not change with the "
    "class: a method that is added does not count, and one that is taken away is not missed.",
    remedy='''\
from abc import ABC, abstractmethod, update_abstractmethods


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """predict comes later."""


Model.predict = lambda self, features: sum(features)
update_abstractmethods(Model)
print(f"With predict, the answer is {Model().predict([1.0, 2.0])}")

del Model.predict
update_abstractmethods(Model)
try:
    Model()
except TypeError as error:
    print(f"instantiation: {error}")
''',
    remedied="With predict, the answer is 3.0\n"
    "instantiation: Can't instantiate abstract class Model without an implementation for abstract "
    "method 'predict'\n",
    fails=Moment.INSTANTIATION,
    caught=Moment.INSTANTIATION,
)

_EMPTIED: Final = Case(
    name="emptied",
    title="The list is emptied",
    program='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """Forgets predict."""


Model.__abstractmethods__ = frozenset()
model = Model()
print("instantiation: created")
print(f"first call: the answer is {model.predict([1.0, 2.0])}")
''',
    question="A test sets Model.__abstractmethods__ = frozenset(). What does Model() do then?",
    choices=(
        "The attribute cannot be set",
        "Model() is refused all the same",
        "Model() is created, and predict gives None",
    ),
    answer="Model() is created, and predict gives None",
    expected="instantiation: created\nfirst call: the answer is None\n",
    why="The check reads this attribute and nothing else. Tests empty it to make an object of an abstract "
    "class; the class stays as incomplete as it was.",
    remedy='''\
from abc import ABC, abstractmethod, update_abstractmethods


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """Forgets predict."""


Model.__abstractmethods__ = frozenset()
update_abstractmethods(Model)
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

MARKS: Final = (_NO_METACLASS, _PATCHED, _EMPTIED)
"""In the order of the page."""
