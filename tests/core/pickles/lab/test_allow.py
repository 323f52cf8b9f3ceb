import collections
import importlib
import io
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch

from core import zoo
from core.pickles import ScanReport, scan
from core.pickles.lab import wrappers
from core.pickles.lab.allow import Allowance, Standing, allowance, conversion, known_to_torch
from core.pickles.lab.assembler import Call, Name, assemble
from core.pickles.lab.payloads import Container, Payload, build
from core.pickles.lab.samples import sample
from core.zoo_modules import SimpleMLP

ROOT = Path(__file__).parents[4]


def saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def reported(data: bytes, name: str) -> tuple[ScanReport, Allowance]:
    report = scan(data, name)
    return report, allowance(report)


def executed(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a program where somebody would who has the file and this app's source."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def weights() -> dict[str, torch.Tensor]:
    return dict(zoo.build("simple_mlp").module.state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_for_the_module_two_classes_have_to_be_allowed() -> None:
    _, allowed = reported(sample("simple_mlp").data, "simple_mlp.pt")
    assert allowed.asked == ("core.zoo_modules.SimpleMLP", "torch.nn.modules.linear.Linear")
    assert "safe_globals([SimpleMLP, Linear])" in allowed.program
    known = {each.full for each in allowed.names if each.standing is Standing.KNOWN}
    assert {"torch._utils._rebuild_tensor_v2", "collections.OrderedDict", "torch.FloatStorage"} <= known


ARRAY = np.arange(6.0).reshape(2, 3)
MIXED = {"array": ARRAY, "tensor": torch.ones(2)}
VALUES = collections.OrderedDict(a={1}, b=b"\xff\x00", c=1j)
# Each program by itself, in one process: importing torch takes longer than all of them.
EVERY_PROGRAM = """
import io, json, sys, traceback
from contextlib import redirect_stdout
for name, program in json.load(open("programs.json")).items():
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            exec(compile(program, name, "exec"), {"__name__": "__main__"})
        outcome = {"said": said.getvalue(), "error": ""}
    except Exception:
        outcome = {"said": said.getvalue(), "error": traceback.format_exc()}
    print(json.dumps({"name": name} | outcome))
"""


@dataclass(frozen=True)
class Outcome:
    said: str
    error: str


@dataclass(frozen=True)
class Tried:
    folder: Path
    outcomes: dict[str, Outcome]


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """All programs for several files, run for real."""
    folder = tmp_path_factory.mktemp("programs")
    files = {name: sample(name) for name in ("simple_mlp", "simple_mlp_bare", "state_dict")}
    data = {each.file_name: each.data for each in files.values()} | {"mixed.pt": saved(MIXED)}
    data |= {f"v{protocol}.pkl": pickle.dumps(VALUES, protocol) for protocol in range(6)}
    programs = {}
    for file_name, content in data.items():
        (folder / file_name).write_bytes(content)
        report, allowed = reported(content, file_name)
        known = files["state_dict"] if file_name == files["state_dict"].file_name else None
        model, source = (known.model, known.source) if known else ("", "")
        converting = conversion(report, allowed, model=model, source=source)
        programs[f"{file_name} load"] = allowed.program
        programs[f"{file_name} safetensors"] = converting.safetensors
        programs[f"{file_name} onnx"] = converting.onnx
    (folder / "programs.json").write_text(json.dumps({name: text for name, text in programs.items() if text}))
    done = executed(EVERY_PROGRAM, folder)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    return Tried(folder, {each["name"]: Outcome(each["said"], each["error"]) for each in said})


def test_no_program_fails(tried: Tried) -> None:
    assert {name: each.error for name, each in tried.outcomes.items() if each.error} == {}
    assert len(tried.outcomes) == 10 + 4 + 3


def test_the_module_loads_with_what_is_allowed(tried: Tried) -> None:
    assert "core.zoo_modules.SimpleMLP" in tried.outcomes["simple_mlp.pt load"].said
    assert "core.zoo_modules.SimpleMLP" in tried.outcomes["simple_mlp.pkl load"].said
    assert "collections.OrderedDict" in tried.outcomes["simple_mlp_state.pt load"].said


@pytest.mark.parametrize("protocol", range(6))
def test_a_bare_pickle_of_values_loads_with_its_names(tried: Tried, protocol: int) -> None:
    assert "OrderedDict" in tried.outcomes[f"v{protocol}.pkl load"].said


@pytest.mark.parametrize("name", ["simple_mlp", "simple_mlp_state"])
def test_the_safetensors_file_has_the_same_weights(tried: Tried, name: str) -> None:
    assert same(safetensors.torch.load_file(tried.folder / f"{name}.safetensors"), weights())


@pytest.mark.parametrize("name", ["simple_mlp", "simple_mlp_state"])
def test_the_onnx_file_computes_what_the_module_does(tried: Tried, name: str) -> None:
    made = zoo.build("simple_mlp")
    (x,) = made.example_inputs(5)
    path = tried.folder / f"{name}.onnx"
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": x.numpy()})
    np.testing.assert_allclose(found, made.module(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_arrays_beside_tensors_are_converted_too(tried: Tried) -> None:
    found = safetensors.torch.load_file(tried.folder / "mixed.safetensors")
    assert found["array"].tolist() == ARRAY.tolist()
    assert found["tensor"].tolist() == [1.0, 1.0]


def test_numpy_needs_the_classes_of_its_dtypes_too() -> None:
    _, allowed = reported(saved(MIXED), "mixed.pt")
    assert "[_reconstruct, ndarray, dtype, Float64DType]" in allowed.program


@pytest.mark.parametrize(
    "dtype", ["b1", "i1", "i8", "u2", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[s]", "S5", "U3"]
)
def test_torch_loads_an_array_of_each_type_with_what_is_allowed(dtype: str) -> None:
    data = saved(np.zeros(2, dtype))
    _, allowed = reported(data, "array.pt")
    names = {}
    for line in allowed.program.splitlines():
        if line.startswith("from "):
            _, module, _, name = line.split()
            names[name] = getattr(importlib.import_module(module), name)
    with torch.serialization.safe_globals(list(names.values())):
        loaded = torch.load(io.BytesIO(data), weights_only=True)
    assert loaded.dtype == np.dtype(dtype)


def test_a_file_within_the_file_is_never_allowed_to_torch() -> None:
    pickled = assemble(Call(Name("torch.storage", "_load_from_bytes"), ("x",)), 2)
    _, allowed = reported(wrappers.torch_zip(pickled), "m.pt")
    assert allowed.program == ""
    assert "torch.storage._load_from_bytes" in {
        each.full for each in allowed.names if each.standing is Standing.FORBIDDEN
    }


def test_with_one_name_less_torch_refuses_the_file() -> None:
    file = io.BytesIO(sample("simple_mlp").data)
    with (
        torch.serialization.safe_globals([SimpleMLP]),
        pytest.raises(
            pickle.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear was not an allowed global"
        ),
    ):
        torch.load(file, weights_only=True)


def test_the_unpickler_for_one_file_refuses_another(tmp_path: Path) -> None:
    _, allowed = reported(sample("ordered_dict").data, "config.pkl")
    (tmp_path / "config.pkl").write_bytes(sample("planted").data)
    done = executed(allowed.program, tmp_path)
    assert done.returncode == 1
    assert "UnpicklingError: os.system is not allowed" in done.stderr


def test_a_file_within_the_file_is_warned_of() -> None:
    _, allowed = reported(sample("simple_mlp_bare").data, "simple_mlp.pkl")
    assert "loads a file within the file, with no list at all" in allowed.note


def test_a_state_dict_needs_nothing_and_its_models_code_for_onnx() -> None:
    report, allowed = reported(sample("state_dict").data, "state.pt")
    assert allowed.asked == ()
    assert allowed.note.startswith("There is nothing to allow")
    without = conversion(report, allowed)
    assert (without.onnx, bool(without.safetensors)) == ("", True)
    assert without.note == "It has tensors and no model: ONNX is a graph, and needs the model's code."


def test_what_has_no_tensor_is_not_converted() -> None:
    report, allowed = reported(sample("ordered_dict").data, "config.pkl")
    assert conversion(report, allowed).note == "It names no tensor and no array: there is nothing to convert."


@pytest.mark.parametrize("payload", [payload for payload in Payload if payload is not Payload.IMPORT])
@pytest.mark.parametrize("container", [Container.PROTOCOL_2, Container.TORCH_ZIP, Container.INJECTED])
def test_no_executor_is_ever_in_a_program(payload: Payload, container: Container) -> None:
    built = build(payload, container)
    report, allowed = reported(built.data, built.file_name)
    assert allowed.program == ""
    assert "o not load this file." in allowed.refusal
    programs = conversion(report, allowed)
    assert (programs.safetensors, programs.onnx) == ("", "")
    assert allowed.refusal in programs.note


def test_the_executor_is_named_and_why() -> None:
    _, allowed = reported(sample("planted").data, "planted.pkl")
    (only,) = allowed.names
    assert (only.full, only.standing) == ("os.system", Standing.FORBIDDEN)
    assert allowed.refusal == (
        "Never allow os.system: it runs programs or reaches the operating system. Do not load this file."
    )


def test_what_was_not_read_gets_no_program() -> None:
    _, allowed = reported(sample("truncated").data, "truncated.pkl")
    assert allowed.program == ""
    assert allowed.refusal.startswith("Not all of the file was understood")


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("safetensors", "safetensors names no code: there is nothing to allow."),
        ("onnx", "ONNX names no code: there is nothing to allow."),
        (
            "joblib",
            "What loads zlib has no list of what is allowed: take out the pickle in it, and look at that.",
        ),
    ],
)
def test_a_format_without_such_a_list_says_so(name: str, refusal: str) -> None:
    _, allowed = reported(sample(name).data, sample(name).file_name)
    assert (allowed.program, allowed.refusal) == ("", refusal)


@pytest.mark.parametrize("name", ["a b", "a;import os", "x\ny", "class", "é", "a" * 500, "1x"])
def test_a_name_of_the_file_never_becomes_a_statement(name: str) -> None:
    data = assemble(Call(Name("mine", name), ()), 4)
    _, allowed = reported(data, "m.pkl")
    if allowed.program:
        assert name.isidentifier()
    else:
        assert allowed.refusal


@pytest.mark.parametrize("name", ["../../etc/passwd", "a'; import os", "x\n.pt", "", "-rf", "ü" * 300])
def test_a_files_name_never_becomes_a_path_or_a_statement(name: str) -> None:
    report, allowed = reported(sample("state_dict").data, name)
    (line,) = [line for line in allowed.program.splitlines() if "torch.load(" in line]
    opened = line.split("torch.load(")[1].split(",")[0]
    inner = opened.strip("'")
    assert opened == repr(inner)
    assert inner
    assert all(sign.isascii() and (sign.isalnum() or sign in "._-") for sign in inner)
    assert conversion(report, allowed).safetensors


def test_torch_itself_is_asked_what_it_knows() -> None:
    names = [
        ("collections", "OrderedDict"),
        ("torch", "Size"),
        ("os", "system"),
        ("mine", "Class"),
        ("a\nb", "c"),
    ]
    assert known_to_torch(names) == {"collections.OrderedDict", "torch.Size"}
