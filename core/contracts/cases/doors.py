"""Cases in which an object gets past the line that refuses abstract classes."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.verdict import Moment

_REGISTER: Final = Case(
    name="register",
    title="register() without the method",
    program='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


@Predictor.register
class Model:
    """Has no predict."""


model = Model()
print(f"instantiation: isinstance says {isinstance(model, Predictor)}")
try:
    model.predict([1.0, 2.0])
except AttributeError as error:
    print(f"first call: {error}")
''',
    question="Model has no predict and is registered with Predictor. What happens?",
    choices=(
        "register refuses Model",
        "Model() is refused",
        "Model() is created, and isinstance says False",
        "Model() is created, and isinstance says True",
    ),
    answer="Model() is created, and isinstance says True",
    expected="instantiation: isinstance says True\nfirst call: 'Model' object has no attribute 'predict'\n",
    why="register is a promise that Python takes on trust. It changes what isinstance says, and neither "
    "looks for the methods nor gives any.",
    remedy='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


def register(interface, cls):
    names = sorted(interface.__abstractmethods__)
    missing = [name for name in names if not callable(getattr(cls, name, None))]
    if missing:
        raise TypeError(f"{cls.__name__} lacks {', '.join(missing)}")
    return interface.register(cls)


class Model:
    """Has no predict."""


try:
    register(Predictor, Model)
except TypeError as error:
    print(f"definition: {error}")
''',
    remedied="definition: Model lacks predict\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.DEFINITION,
)

_LIST: Final = Case(
    name="list",
    title="A list that is an interface too",
    program='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Ensemble(list, Predictor):
    """A list of models; forgets predict."""


ensemble = Ensemble()
print(f"instantiation: created, still abstract: {[*Ensemble.__abstractmethods__]}")
print(f"first call: the answer is {ensemble.predict([1.0, 2.0])}")
''',
    question="Ensemble inherits from list and from Predictor, and forgets predict. What happens?",
    choices=(
        "Ensemble() is refused",
        "Ensemble() is created, and predict gives None",
        "Ensemble() is created, and predict raises AttributeError",
    ),
    answer="Ensemble() is created, and predict gives None",
    expected="instantiation: created, still abstract: ['predict']\nfirst call: the answer is None\n",
    why="The refusal is a line in object.__new__. list makes its objects with a __new__ of its own, which "
    "does not ask; nor do those of dict, tuple, str, int or Exception.",
    remedy='''\
from abc import ABCMeta, abstractmethod


class StrictMeta(ABCMeta):
    def __call__(cls, *args, **kwargs):
        if cls.__abstractmethods__:
            raise TypeError(f"{cls.__name__} lacks {', '.join(sorted(cls.__abstractmethods__))}")
        return super().__call__(*args, **kwargs)


class Predictor(metaclass=StrictMeta):
    @abstractmethod
    def predict(self, features): ...


class Ensemble(list, Predictor):
    """A list of models; forgets predict."""


try:
    Ensemble()
except TypeError as error:
    print(f"instantiation: {error}")
''',
    remedied="instantiation: Ensemble lacks predict\n",
    fails=Moment.NEVER,
    caught=Moment.INSTANTIATION,
)

_CHANGED_CLASS: Final = Case(
    name="changed-class",
    title="Past the constructor",
    program='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """Forgets predict."""


class Complete(Predictor):
    def predict(self, features):
        return sum(features)


try:
    object.__new__(Model)
except TypeError as error:
    print(f"instantiation: {error}")
model = Complete()
model.__class__ = Model
print(f"first call: the answer is {model.predict([1.0, 2.0])}")
''',
    question="Two ways to a Model without calling Model(). Which of them is refused?",
    choices=(
        "Both",
        "object.__new__(Model) only",
        "Setting __class__ of another object only",
        "Neither",
    ),
    answer="object.__new__(Model) only",
    expected="instantiation: Can't instantiate abstract class Model without an implementation for abstract "
    "method 'predict'\nfirst call: the answer is None\n",
    why="object.__new__ is where the check is, so there is no way around it there. An object that exists "
    "already passes no check when its class is changed.",
    remedy='''\
from abc import ABC, abstractmethod
from inspect import isabstract


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    """Forgets predict."""


class Complete(Predictor):
    def predict(self, features):
        return sum(features)


def serve(model):
    if isabstract(type(model)):
        raise TypeError(f"{type(model).__name__} is abstract, expected a complete class")
    return model.predict([1.0, 2.0])


model = Complete()
model.__class__ = Model
try:
    serve(model)
except TypeError as error:
    print(f"first call: {error}")
''',
    remedied="first call: Model is abstract, expected a complete class\n",
    fails=Moment.NEVER,
    caught=Moment.FIRST_CALL,
)

_CLASSMETHOD: Final = Case(
    name="classmethod",
    title="A method of the class",
    program='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @classmethod
    @abstractmethod
    def load(cls, path): ...


class Model(Predictor):
    """Forgets load."""


model = Model.load("model.onnx")
print(f"first call: load gave {model}")
''',
    question="load is an abstract classmethod that Model forgets. What does Model.load(...) do?",
    choices=(
        "It is refused, like Model()",
        "It raises NotImplementedError",
        "It gives None",
    ),
    answer="It gives None",
    expected="first call: load gave None\n",
    why="Only making an object is refused. A classmethod or staticmethod is called on the class, so no "
    "object is made and nothing is checked: the empty body of the interface runs.",
    remedy='''\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @classmethod
    @abstractmethod
    def load(cls, path):
        raise NotImplementedError(f"{cls.__name__} has no load")


class Model(Predictor):
    """Forgets load."""


try:
    Model.load("model.onnx")
except NotImplementedError as error:
    print(f"first call: {error}")
''',
    remedied="first call: Model has no load\n",
    fails=Moment.NEVER,
    caught=Moment.FIRST_CALL,
)

DOORS: Final = (_REGISTER, _LIST, _CHANGED_CLASS, _CLASSMETHOD)
"""In the order of the page."""
