"""The app's own interfaces: what is shown is their source, and they refuse for real."""

import ast
import importlib
import importlib.util
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.benchmark import JobRunner
from core.contracts.own import OWN, OwnInterface, refuse
from core.contracts.verdict import ContractError
from core.engines import InferenceEngine
from tests.core.contracts.programs import worded

ROOT = Path(__file__).parents[3]
CLASSES = {"InferenceEngine": InferenceEngine, "JobRunner": JobRunner}
MESSAGES = {
    "InferenceEngine": "Can't instantiate abstract class ForgetfulEngine without an implementation for "
    "abstract methods 'close', 'metadata'",
    "JobRunner": "Can't instantiate abstract class ForgetfulRunner without an implementation for "
    "abstract methods 'cancel', 'close', 'machines', 'problem'",
}

every_interface = pytest.mark.parametrize("own", OWN, ids=lambda own: own.name)


def test_both_interfaces_are_there() -> None:
    assert [own.name for own in OWN] == list(CLASSES)


@every_interface
def test_the_source_shown_is_the_classs_own(own: OwnInterface) -> None:
    assert own.source == inspect.getsource(CLASSES[own.name])
    assert own.module == CLASSES[own.name].__module__


@every_interface
def test_the_abstract_methods_are_the_classs_own_from_top_to_bottom(own: OwnInterface) -> None:
    assert set(own.abstract) == CLASSES[own.name].__abstractmethods__
    assert len(own.abstract) == len(CLASSES[own.name].__abstractmethods__)
    places = [own.source.index(f"def {name}(") for name in own.abstract]
    assert places == sorted(places)


@every_interface
def test_the_incomplete_class_is_refused_live(own: OwnInterface) -> None:
    refusal = refuse(own)
    assert refusal.message == worded(MESSAGES[own.name])
    (shown,) = ast.parse(own.incomplete).body
    assert isinstance(shown, ast.ClassDef)
    has = {node.name for node in shown.body if isinstance(node, ast.FunctionDef)}
    assert refusal.missing == tuple(sorted(CLASSES[own.name].__abstractmethods__ - has))
    assert len(has) == 2
    assert refusal.seconds > 0


@every_interface
def test_the_text_shown_is_refused_in_the_same_words(own: OwnInterface, tmp_path: Path) -> None:
    path = tmp_path / "shown.py"
    imports = f"from core.benchmark import *\nfrom {own.module} import {own.name}\n"
    path.write_text(f"from __future__ import annotations\n{imports}{own.incomplete}", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("shown", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (shown,) = ast.parse(own.incomplete).body
    assert isinstance(shown, ast.ClassDef)
    with pytest.raises(TypeError) as caught:
        getattr(module, shown.name)()
    assert str(caught.value) == refuse(own).message


@every_interface
def test_what_the_incomplete_class_says_it_forgets_is_what_it_forgets(own: OwnInterface) -> None:
    (shown,) = ast.parse(own.incomplete).body
    assert isinstance(shown, ast.ClassDef)
    documented = ast.get_docstring(shown)
    assert documented is not None
    assert all(name in documented for name in refuse(own).missing)


def test_another_interface_is_refused_in_one_line() -> None:
    with pytest.raises(ContractError) as caught:
        refuse(replace(OWN[0], name="Mine"))
    assert str(caught.value) == "Mine: expected one of InferenceEngine, JobRunner."


def test_showing_them_imports_no_torch() -> None:
    code = "import sys, core.contracts.own; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
