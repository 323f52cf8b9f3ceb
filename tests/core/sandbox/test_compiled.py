"""Native code is compiled once, kept where nobody else can write, and loaded only if it is what it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import wasmtime

from core.sandbox import runtime
from core.sandbox.compiled import DamagedError, UnsafeFolderError, find_or_compile, fingerprint, load
from core.sandbox.runtime import NoRuntimeError

ROOT = Path(__file__).parent.parent.parent.parent
SMALL = bytes(wasmtime.wat2wasm('(module (func (export "answer") (result i32) i32.const 42))'))


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A small module in the place of the interpreter; grows whenever it is compiled."""
    counted: list[int] = []

    def small(_: Path | None = None) -> bytes:
        counted.append(1)
        return SMALL

    monkeypatch.setattr(runtime, "interpreter", small)
    return counted


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sandbox"


def answer(engine: wasmtime.Engine, path: Path) -> object:
    store = wasmtime.Store(engine)
    store.set_fuel(1_000)
    store.set_epoch_deadline(1)
    function = wasmtime.Instance(store, load(engine, path), []).exports(store)["answer"]
    assert isinstance(function, wasmtime.Func)
    return function(store)


def other_engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = False
    return wasmtime.Engine(config)


def test_it_is_compiled_once_and_found_from_then_on(
    configured: wasmtime.Engine, home: Path, compiles: list[int]
) -> None:
    first = find_or_compile(configured, home)
    second = find_or_compile(configured, home)
    assert (first.path, len(compiles)) == (second.path, 1)
    assert first.seconds > 0.0
    assert second.seconds == 0.0
    assert answer(configured, first.path) == 42


def test_the_folder_and_the_file_are_for_nobody_else_and_nothing_unfinished_stays(
    configured: wasmtime.Engine, home: Path, compiles: list[int]
) -> None:
    path = find_or_compile(configured, home).path
    assert [stat.S_IMODE(each.stat().st_mode) for each in (home, home.parent, path)] == [0o700, 0o700, 0o600]
    assert list(home.iterdir()) == [path]
    assert hashlib.sha256(path.read_bytes()).hexdigest() in path.name


def test_the_real_interpreter_is_what_was_compiled(native: Path, module: wasmtime.Module) -> None:
    assert "_start" in [export.name for export in module.exports]
    assert native.stat().st_size > 20_000_000


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data + b"\0",
        lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
    ],
    ids=["cut", "empty", "longer", "one bit"],
)
def test_a_damaged_file_is_not_loaded_and_compiled_anew(
    spoil: Callable[[bytes], bytes], configured: wasmtime.Engine, home: Path, compiles: list[int]
) -> None:
    path = find_or_compile(configured, home).path
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    with pytest.raises(DamagedError):
        load(configured, path)
    again = find_or_compile(configured, home)
    assert len(compiles) == 2
    assert answer(configured, again.path) == 42
    assert [each.read_bytes() for each in home.iterdir()] == [whole]


def test_one_bit_is_seen_where_the_engine_itself_does_not(configured: wasmtime.Engine, folder: Path) -> None:
    (path,) = folder.iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert wasmtime.Module.deserialize_file(configured, str(path)).exports
    with pytest.raises(DamagedError, match="damaged"):
        load(configured, path)


def test_a_file_of_another_engine_is_compiled_anew(
    configured: wasmtime.Engine, home: Path, compiles: list[int]
) -> None:
    key = fingerprint(configured)
    home.mkdir(parents=True, mode=0o700)
    foreign = bytes(wasmtime.Module(other_engine(), SMALL).serialize())
    path = home / f"{key}-{hashlib.sha256(foreign).hexdigest()}.cwasm"
    path.write_bytes(foreign)
    path.chmod(0o600)
    with pytest.raises(DamagedError, match="another engine"):
        load(configured, path)
    assert answer(configured, find_or_compile(configured, home).path) == 42
    assert not path.exists()


def test_what_it_depends_on_tells_one_engine_from_another(configured: wasmtime.Engine) -> None:
    assert fingerprint(configured) != fingerprint(other_engine())
    program = (
        "from core.sandbox.compiled import fingerprint; from core.sandbox.guest import engine; "
        "print(fingerprint(engine()))"
    )
    command = [sys.executable, "-c", program]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout.strip() == fingerprint(configured)


def test_it_depends_on_the_version_and_on_the_interpreter(
    configured: wasmtime.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = fingerprint(configured)
    with monkeypatch.context() as patch:
        patch.setattr(metadata, "version", lambda _: "0.0.1")
        assert fingerprint(configured) != now
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "SHA256", "0" * 64)
        assert fingerprint(configured) != now


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o710, 0o770])
def test_a_folder_that_others_can_see_or_write_is_refused(
    mode: int, configured: wasmtime.Engine, home: Path, compiles: list[int]
) -> None:
    path = find_or_compile(configured, home).path
    home.chmod(mode)
    for ask in (lambda: find_or_compile(configured, home), lambda: load(configured, path)):
        with pytest.raises(UnsafeFolderError) as caught:
            ask()
        assert str(caught.value) == (
            f"The folder sandbox for the sandbox is open to others (mode {mode:o}); "
            "expected 700 and this server's user."
        )


def test_a_folder_of_another_user_is_refused(
    configured: wasmtime.Engine, home: Path, compiles: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = find_or_compile(configured, home).path
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(UnsafeFolderError):
        load(configured, path)
    with pytest.raises(UnsafeFolderError):
        find_or_compile(configured, home)


def test_a_link_in_the_place_of_the_folder_is_refused(
    configured: wasmtime.Engine, tmp_path: Path, compiles: list[int]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    link = tmp_path / "sandbox"
    link.symlink_to(elsewhere)
    with pytest.raises(UnsafeFolderError, match="no folder of its own"):
        find_or_compile(configured, link)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "pipe", "open to others", "gone"])
def test_a_file_that_is_not_this_server_s_own_is_not_loaded(
    kind: str, configured: wasmtime.Engine, home: Path, compiles: list[int], tmp_path: Path
) -> None:
    path = find_or_compile(configured, home).path
    match kind:
        case "link":
            shutil.move(path, tmp_path / "elsewhere")
            path.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            path.unlink()
            os.mkfifo(path, 0o600)
        case "open to others":
            path.chmod(0o666)
        case "gone":
            path.unlink()
    with pytest.raises(DamagedError):
        load(configured, path)
    assert answer(configured, find_or_compile(configured, home).path) == 42


def test_a_folder_that_cannot_be_made_is_said_in_one_line(
    configured: wasmtime.Engine, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnsafeFolderError) as caught:
        find_or_compile(configured, tmp_path / "file" / "sandbox")
    assert str(caught.value) == "The folder sandbox for the sandbox cannot be made: Not a directory."


def test_a_wrong_interpreter_is_never_compiled(
    configured: wasmtime.Engine, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "python.wasm").write_bytes(SMALL)
    with pytest.raises(NoRuntimeError):
        find_or_compile(configured, home, tmp_path / "python.wasm")
    assert list(home.iterdir()) == []


def test_where_programs_cannot_be_mapped_the_code_is_loaded_all_the_same(
    configured: wasmtime.Engine, home: Path, compiles: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = find_or_compile(configured, home).path

    def refuses(*_: object) -> wasmtime.Module:
        raise wasmtime.WasmtimeError("failed to map: Operation not permitted")

    monkeypatch.setattr(wasmtime.Module, "deserialize_file", refuses)
    assert answer(configured, path) == 42


def test_a_disk_that_is_full_leaves_nothing_behind(
    configured: wasmtime.Engine, home: Path, compiles: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        find_or_compile(configured, home)
    assert list(home.iterdir()) == []


def test_what_was_left_unfinished_and_what_no_version_uses_goes(
    configured: wasmtime.Engine, home: Path, compiles: list[int]
) -> None:
    home.mkdir(parents=True, mode=0o700)
    names = ("old.1.part", "new.1.part", "old-00.cwasm", "new-00.cwasm")
    for name in names:
        (home / name).write_bytes(b"x")
    past = time.time() - 31 * 24 * 3600
    for name in ("old.1.part", "old-00.cwasm"):
        os.utime(home / name, (past, past))
    path = find_or_compile(configured, home).path
    assert {each.name for each in home.iterdir()} == {path.name, "new.1.part", "new-00.cwasm"}


def test_of_several_servers_that_start_at_once_one_compiles(home: Path, configured: wasmtime.Engine) -> None:
    program = f"""
        import pathlib, sys, time, wasmtime
        from core.sandbox import compiled, guest, runtime

        def slow(_=None):
            print("compiles", flush=True)
            time.sleep(0.5)
            return bytes.fromhex("{SMALL.hex()}")

        runtime.interpreter = slow
        sys.stdin.readline()
        print(compiled.find_or_compile(guest.engine(), pathlib.Path({str(home)!r})).path.name)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    servers = [subprocess.Popen(command, cwd=ROOT, **pipes) for _ in range(3)]  # type: ignore[call-overload]
    said = []
    for server in servers:
        server.stdin.write("go\n")
        server.stdin.flush()
    for server in servers:
        said += server.communicate(timeout=60)[0].split()
        assert server.returncode == 0
    (path,) = home.iterdir()
    assert said.count("compiles") == 1
    assert said.count(path.name) == len(servers)
    assert answer(configured, path) == 42
