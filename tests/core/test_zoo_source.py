"""The text builds the very model, in a process that has nothing of this app."""

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core import zoo, zoo_source
from core.export import specimens
from core.zoo import Input, ZooModel

SEED = 5
HEAD = """
import hashlib, json
from collections import OrderedDict
from collections.abc import Callable
import torch
from torch import Tensor, nn

def bits(module):
    parts = [f"{name} {tuple(each.shape)}".encode() + each.numpy().tobytes()
             for name, each in sorted(module.state_dict().items())]
    return hashlib.sha256(b"".join(parts)).hexdigest()

found = {}
"""


def is_specimen(name: str) -> bool:
    return name not in zoo.names()


def sources(made: ZooModel) -> tuple[str, ...]:
    return zoo_source.sources(made, specimens) if is_specimen(made.name) else zoo_source.sources(made)


def defined(sources: tuple[str, ...]) -> list[str]:
    """The classes and functions of the texts, in their order."""
    bodies = [ast.parse(each).body for each in sources]
    return [node.name for body in bodies for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]


def bits(made: ZooModel) -> str:
    parts = [
        f"{name} {tuple(each.shape)}".encode() + each.numpy().tobytes()
        for name, each in sorted(made.module.state_dict().items())
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_every_model_is_built_bit_by_bit_as_the_zoo_builds_it(tmp_path: Path) -> None:
    made = {name: specimens.build(name, SEED) for name in specimens.names()}
    parts = [HEAD]
    for name, each in made.items():
        # In a function of its own, a model finds no class of another one.
        body = [*sources(each), f"torch.manual_seed({SEED})", f"return bits({zoo_source.construction(each)})"]
        lines = [f"    {line}" for text in body for line in text.splitlines()]
        parts += ["\n".join([f"def {name}():", *lines, f"found[{name!r}] = {name}()"])]
    program = tmp_path / "program.py"
    program.write_text("\n".join([*parts, "print(json.dumps(found))"]), encoding="utf-8")
    # -I: neither the app's folder nor this one is where it finds modules.
    said = subprocess.run([sys.executable, "-I", str(program)], capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == {name: bits(each) for name, each in made.items()}


@pytest.mark.parametrize("name", specimens.names())
def test_each_class_comes_once_and_before_whoever_uses_it(name: str) -> None:
    texts = sources(specimens.build(name))
    names = defined(texts)
    assert len(names) == len(set(names)) == len(texts)
    for position, text in enumerate(texts):
        used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        assert not used & set(names[position + 1 :])


def test_a_text_has_no_private_name_and_no_mark_for_our_linter() -> None:
    for name in specimens.names():
        made = specimens.build(name)
        assert "noqa" not in "".join(sources(made))
        assert not any(each.startswith("_") for each in defined(sources(made)))
        assert not zoo_source.construction(made).startswith("_")


def test_a_model_of_a_class_with_settings_says_them() -> None:
    assert zoo_source.construction(zoo.build("inplace_relu")) == "MLP(lambda: nn.ReLU(inplace=True))"
    assert zoo_source.construction(zoo.build("mlp")) == "MLP()"


def test_no_program_hides_pythons_own_input() -> None:
    assert [zoo_source.variable(Input(name, (1,))) for name in ("input", "x", "query")] == ["x", "x", "query"]
