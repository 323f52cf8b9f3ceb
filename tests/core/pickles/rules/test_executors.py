"""The list of executors: a package's modules are covered with it, and no allowed name is in it by mistake."""

import sys

import pytest

from core.pickles.globals import ALLOWED
from core.pickles.rules.enumerations import ENUMERATIONS
from core.pickles.rules.executors import executor
from core.pickles.rules.records import RECORDS

_SHARED = ("http.", "signal.", "socket.", "os.", "posix.", "nt.", "urllib.parse.")


@pytest.mark.parametrize("module", ["os", "os.path", "importlib.util", "torch.jit._script", "urllib.request"])
def test_a_module_is_covered_by_its_package(module: str) -> None:
    assert executor(module, "anything")


def test_a_submodule_given_as_a_name_is_covered_too() -> None:
    assert executor("torch", "hub")
    assert executor("torch", "hub.load")
    assert executor("builtins", "eval.__call__")


@pytest.mark.parametrize("module", ["osmnx", "codecs2", "sysidentpy", "", "builtinsx"])
def test_a_name_that_only_begins_alike_is_not(module: str) -> None:
    assert not executor(module, "eval")


def test_builtin_executors_exist_under_the_names_that_are_listed() -> None:
    """A misspelt entry would protect from nothing: those of modules that every Python has are looked up."""
    for module, names in {
        "builtins": ("eval", "exec", "compile", "getattr", "setattr", "open", "__import__", "map", "filter"),
        "functools": ("partial", "reduce"),
        "operator": ("attrgetter", "itemgetter", "methodcaller"),
        "types": ("FunctionType", "CodeType", "MethodType"),
    }.items():
        for name in names:
            assert executor(module, name)
            assert hasattr(sys.modules[module], name)


def test_few_allowed_names_lie_in_a_dangerous_module_and_each_for_a_reason() -> None:
    inside = {full for full in ALLOWED if executor(*full.rsplit(".", 1))}
    assert inside == {
        "joblib.numpy_pickle.NumpyArrayWrapper",  # an array's description, not the loader
        "numpy.memmap",  # only as the class that joblib writes down
        "torch.serialization._get_layout",  # an entry of torch's own list
        # What TorchScript's files call: each gives its first argument back.
        "torch.jit._pickle.build_boollist",
        "torch.jit._pickle.build_doublelist",
        "torch.jit._pickle.build_intlist",
        "torch.jit._pickle.build_tensorlist",
        "torch.jit._pickle.restore_type_tag",
        "torch._dynamo.decorators._DimRange",  # three numbers in every jagged tensor, also on torch's list
        # Members of enumerations and tuples with names, in modules whose functions are what is dangerous.
        *(full for full in (*ENUMERATIONS, *RECORDS) if full.startswith(_SHARED)),
    }
