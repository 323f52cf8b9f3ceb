"""The rules between packages: core stands alone, and nothing runs or unpickles what it should not."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = sorted((ROOT / "core").rglob("*.py"))
APP = sorted(
    path
    for pattern in ("core/**/*.py", "ui/**/*.py", "pages/**/*.py", "app.py", "dashboard.py")
    for path in ROOT.glob(pattern)
)

# What core must never import: the framework, and everything that is built on core.
ABOVE_CORE = {"streamlit", "starlette", "ui", "pages", "dashboard", "app", "bench", "tests"}

# Calls that run text or bytes as a program, or change torch for every visitor at once.
BANNED = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "torch.load",
    "sympify",
    "sympy.sympify",
    "netron.serve",
    "netron.start",
}
# (file, call): why it is safe there.
ALLOWED: dict[tuple[str, str], str] = {
    ("core/benchmark/worker.py", "torch.set_num_threads"): "in a process of one engine, after its fork",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    """The first part of every imported module's name, wherever in the file the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


def banned(tree: ast.AST) -> Iterator[str]:
    """The banned calls in a file, under their full names whatever they were imported as."""
    full: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            full.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom):
            full.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = ast.unparse(node.func).partition(".")
        call = f"{full.get(first, first)}{dot}{rest}"
        safe_load = call == "torch.load" and any(
            keyword.arg == "weights_only" and ast.unparse(keyword.value) == "True"
            for keyword in node.keywords
        )
        pickled_array = call.endswith(".load") and any(
            keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
            for keyword in node.keywords
        )
        if (call in BANNED and not safe_load) or call.startswith("torch.set_") or pickled_array:
            yield call


def mutable_globals(tree: ast.Module) -> Iterator[str]:
    """Names of module-level lists, dicts and sets that are not written as constants."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        mutable = isinstance(
            value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
        ) or (
            isinstance(value, ast.Call) and ast.unparse(value.func) in {"list", "dict", "set", "defaultdict"}
        )
        if mutable:
            yield from (
                target.id
                for target in targets
                if isinstance(target, ast.Name) and not target.id.isupper() and target.id != "__all__"
            )


@pytest.mark.parametrize("path", CORE, ids=name)
def test_core_names_nothing_above_it(path: Path) -> None:
    assert not ABOVE_CORE & set(imported(ast.parse(path.read_text(encoding="utf-8"))))


def test_core_loads_nothing_above_it() -> None:
    modules = [name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in CORE]
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "core" in found.stdout.split()
    assert not ABOVE_CORE & set(found.stdout.split())


@pytest.mark.parametrize("path", CORE, ids=name)
def test_core_keeps_no_state_in_modules(path: Path) -> None:
    assert not list(mutable_globals(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", APP, ids=name)
def test_no_banned_call(path: Path) -> None:
    calls = {(name(path), call) for call in banned(ast.parse(path.read_text(encoding="utf-8")))}
    assert not calls - set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "import pickle as p\np.loads(b'')",
        "from pickle import load as read\nread(f)",
        "import torch\ntorch.load(f)",
        "import torch\ntorch.load(f, weights_only=False)",
        "import torch\ntorch.set_default_dtype(torch.float64)",
        "from sympy import sympify\nsympify(text)",
        "import numpy as np\nnp.load(f, allow_pickle=True)",
        "def f():\n    import netron\n    netron.serve('a', b'')",
    ],
)
def test_a_banned_call_is_found(source: str) -> None:
    assert list(banned(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(f, weights_only=True)",
        "model.eval()",
        "import re\nre.compile('a')",
        "np.load(f)",
    ],
)
def test_a_harmless_call_is_not(source: str) -> None:
    assert not list(banned(ast.parse(source)))


def test_state_in_a_module_is_found() -> None:
    assert list(mutable_globals(ast.parse("_cache = {}\nlog: list[int] = []\nNAMES = ['a']"))) == [
        "_cache",
        "log",
    ]
