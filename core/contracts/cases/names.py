"""Cases in which the name is there and the method is not the one that was meant."""

from typing import Final

from core.contracts.cases.case import Case
from core.contracts.verdict import Moment

_NONE: Final = Case(
    name="none",
    title="predict = None",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    predict = None


model = Model()
print("instantiation: created")
try:
    model.predict([1.0, 2.0])
except TypeError as error:
    print(f"first call: {error}")
""",
    question="Model sets predict = None. When is that noticed?",
    choices=(
        "When Model is defined",
        "When Model() is created",
        "When predict is called",
        "Never",
    ),
    answer="When predict is called",
    expected="instantiation: created\nfirst call: 'NoneType' object is not callable\n",
    why="abc asks one thing of an attribute: that it is not marked as abstract. None has no such mark, so "
    "the name counts as implemented.",
    remedy="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if not callable(cls.predict):
            raise TypeError(f"{cls.__name__}.predict is {cls.predict!r}, expected a method")


try:

    class Model(Predictor):
        predict = None
except TypeError as error:
    print(f"definition: {error}")
""",
    remedied="definition: Model.predict is None, expected a method\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.DEFINITION,
)

_SIGNATURE: Final = Case(
    name="signature",
    title="Other parameters",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features, top_k): ...


class Model(Predictor):
    def predict(self, features):
        return max(features)


model = Model()
print("instantiation: created")
try:
    model.predict([1.0, 2.0], top_k=1)
except TypeError as error:
    print(f"first call: {error}")
""",
    question="The interface says predict(features, top_k), Model has predict(features). "
    "When is that noticed?",
    choices=(
        "When Model is defined",
        "When Model() is created",
        "When predict is called with top_k",
        "Never: Python leaves top_k out",
    ),
    answer="When predict is called with top_k",
    expected="instantiation: created\n"
    "first call: Model.predict() got an unexpected keyword argument 'top_k'\n",
    why="abc compares names and nothing else. Parameters are first looked at when a call binds its "
    "arguments to them.",
    remedy="""\
from abc import ABC, abstractmethod
from inspect import signature


class Predictor(ABC):
    @abstractmethod
    def predict(self, features, top_k): ...

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        asked, given = signature(Predictor.predict), signature(cls.predict)
        if list(given.parameters) != list(asked.parameters):
            raise TypeError(f"{cls.__name__} has predict{given}, expected predict{asked}")


try:

    class Model(Predictor):
        def predict(self, features):
            return max(features)
except TypeError as error:
    print(f"definition: {error}")
""",
    remedied="definition: Model has predict(self, features), expected predict(self, features, top_k)\n",
    fails=Moment.FIRST_CALL,
    caught=Moment.DEFINITION,
)

_ASYNC: Final = Case(
    name="async",
    title="async def instead of def",
    program="""\
from abc import ABC, abstractmethod


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...


class Model(Predictor):
    async def predict(self, features):
        return sum(features)


model = Model()
print("instantiation: created")
answer = model.predict([1.0, 2.0])
print(f"first call: the answer is a {type(answer).__name__}")
if answer:
    print("production: the answer counts as true")
""",
    question="The interface has def predict, Model has async def predict. "
    "What does predict([1.0, 2.0]) give?",
    choices=(
        "3.0",
        "A TypeError",
        "A coroutine that nobody has run",
        "None",
    ),
    answer="A coroutine that nobody has run",
    expected="instantiation: created\nfirst call: the answer is a coroutine\n"
    "production: the answer counts as true\n",
    why="An async function is a function, and abc looks no closer. Calling it runs none of its lines: it "
    "gives a coroutine, which is true in every if. Python only warns on stderr that it was never awaited.",
    remedy="""\
from abc import ABC, abstractmethod
from inspect import iscoroutinefunction


class Predictor(ABC):
    @abstractmethod
    def predict(self, features): ...

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if iscoroutinefunction(cls.predict):
            raise TypeError(f"{cls.__name__}.predict is async, expected def predict")


try:

    class Model(Predictor):
        async def predict(self, features):
            return sum(features)
except TypeError as error:
    print(f"definition: {error}")
""",
    remedied="definition: Model.predict is async, expected def predict\n",
    fails=Moment.NEVER,
    caught=Moment.DEFINITION,
)

NAMES: Final = (_NONE, _SIGNATURE, _ASYNC)
"""In the order of the page."""
