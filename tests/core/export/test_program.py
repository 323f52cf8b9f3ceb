"""The programs are run away from this app, and print what it says of the same export."""

import ast
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.export import specimens
from core.export.exporter import ExportedModel, export
from core.export.parity import BATCHES, Parity, Session, compare_run
from core.export.plan import Exporter, ExportError, ExportPlan
from core.export.program import export_program
from core.zoo import InputKind

LEGACY = Exporter.LEGACY
REFUSED = {"singular_values": "linalg_svd", "pooled": "adaptive_avg_pool1d"}
"""What the legacy exporter refuses, and a word of why."""
MODELS = {
    name: ExportPlan(name, seed=7, exporter=LEGACY) for name in specimens.names() if name not in REFUSED
}
PLANS = MODELS | {
    "no dynamic axes": ExportPlan("mlp", exporter=LEGACY, dynamic=(), batch=3),
    "another axis": ExportPlan("transformer", exporter=LEGACY, dynamic=("x:0", "x:1"), opset=17),
    "names": ExportPlan(
        "keywords", exporter=LEGACY, input_names=("a'b", 'c"d', "e\\f"), output_names=("é{}",)
    ),
    "heads": ExportPlan("dict_output", exporter=LEGACY, output_names=("first", "second")),
    "training": ExportPlan("residual", exporter=LEGACY, training=True),
    "training with dropout": ExportPlan("dropout", exporter=LEGACY, training=True),
    "not folded": ExportPlan("lstm", exporter=LEGACY, optimize=False, opset=12),
    "dynamo": ExportPlan("pooled", seed=3, opset=20),
    "dynamo, external": ExportPlan("keywords", external_data=True, opset=18, input_names=("'", '"', "\\")),
}
# It takes programs one by one, so that torch is imported once, and has nothing of this app on its path.
SERVER = """
import contextlib, hashlib, importlib.util, io, json, os, runpy, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
assert importlib.util.find_spec("core") is None
folder = Path.cwd()


def described(values):
    found = []
    for each in values:
        sizes = [str(size.dim_value or size.dim_param or "?") for size in each.type.tensor_type.shape.dim]
        found.append((each.name, f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"))
    return found


for line in sys.stdin:
    name = line.rstrip()
    (folder / name).mkdir()
    os.chdir(folder / name)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = runpy.run_path(str(folder / f"{name}.py"))
    state = hashlib.sha256()
    for key, tensor in found["model"].state_dict().items():
        state.update(key.encode() + tensor.numpy().tobytes())
    print(json.dumps({
        "printed": printed.getvalue().splitlines(),
        "state": state.hexdigest(),
        "training": found["model"].training,
        "files": {each.name: each.stat().st_size for each in Path.cwd().iterdir()},
        "sha256": hashlib.sha256(next(Path.cwd().glob("*.onnx")).read_bytes()).hexdigest(),
        "inputs": described(found["file"].graph.input),
        "outputs": described(found["file"].graph.output),
    }), flush=True)
"""


@dataclass(frozen=True)
class Ran:
    """What a program did, and what this app does."""

    plan: ExportPlan
    answer: dict[str, Any]
    exported: ExportedModel

    @property
    def printed(self) -> dict[str, str]:
        """The printed lines, by what is before the first colon."""
        return dict(line.split(": ", 1) for line in self.answer["printed"])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    folder = tmp_path_factory.mktemp("programs")
    numbers = {name: f"program{place}" for place, name in enumerate(PLANS)}
    for name, plan in PLANS.items():
        (folder / f"{numbers[name]}.py").write_text(export_program(plan), encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-I", "-c", SERVER], input="\n".join(numbers.values()), cwd=folder,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    answers = [json.loads(line) for line in finished.stdout.splitlines()]
    return {
        name: Ran(plan, answer, export(plan))
        for (name, plan), answer in zip(PLANS.items(), answers, strict=True)
    }


def says(parity: Parity) -> str:
    """What the program prints of a comparison, in the app's numbers."""
    if parity.problem:
        return f"ONNX Runtime refuses: {parity.problem}"
    problem = next((each.problem for each in parity.outputs if each.problem), "")
    if problem:
        return problem[:1].lower() + problem[1:].replace(", and eager", ", and PyTorch").removesuffix(".")
    return f"largest difference {parity.absolute}"


@pytest.mark.parametrize("name", PLANS)
def test_a_program_prints_what_the_app_says(ran: dict[str, Ran], name: str) -> None:
    one = ran[name]
    made = one.plan.build()
    made.module.eval()
    session = Session(one.exported.data)

    def compared(batch: int, kind: InputKind) -> str:
        inputs = made.example_inputs(batch, kind, seed=0)
        return says(compare_run(made.module, *made.arguments(inputs), session, inputs))

    expected = {f"batch {batch}": compared(batch, InputKind.NORMAL) for batch in BATCHES}
    expected["zeros, batch 3"] = compared(3, InputKind.ZEROS)
    graph = one.exported.graph
    assert one.printed["opset"] == f"{graph.opset} (asked for {one.plan.opset})"
    assert one.printed["nodes"] == str(graph.nodes)
    found = {title: text for title, text in one.printed.items() if title in expected}
    # The app shortens what a runtime says.
    assert {title: text[:200] for title, text in found.items()} == {
        title: text[:200] for title, text in expected.items()
    }


@pytest.mark.parametrize("name", PLANS)
def test_a_program_builds_the_very_same_model(ran: dict[str, Ran], name: str) -> None:
    made = ran[name].plan.build()
    state = hashlib.sha256()
    for key, tensor in made.module.state_dict().items():
        state.update(key.encode() + tensor.numpy().tobytes())
    assert ran[name].answer["state"] == state.hexdigest()
    assert not ran[name].answer["training"]


@pytest.mark.parametrize("name", [name for name, plan in PLANS.items() if plan.exporter is LEGACY])
def test_the_legacy_exporter_writes_the_same_bytes(ran: dict[str, Ran], name: str) -> None:
    one = ran[name]
    assert one.answer["sha256"] == hashlib.sha256(one.exported.data).hexdigest()
    assert one.printed[f"{one.plan.model}.onnx"] == f"{len(one.exported.data)} bytes"


@pytest.mark.parametrize("name", PLANS)
def test_a_program_writes_as_many_files_and_says_how_large_they_are(ran: dict[str, Ran], name: str) -> None:
    one = ran[name]
    printed = {key: text for key, text in one.printed.items() if key.startswith(f"{one.plan.model}.onnx")}
    assert printed == {file: f"{size} bytes" for file, size in one.answer["files"].items()}
    assert len(printed) == len(one.exported.files) == (2 if one.plan.external_data else 1)


@pytest.mark.parametrize("name", PLANS)
def test_the_graph_has_the_same_names_and_axes(ran: dict[str, Ran], name: str) -> None:
    one = ran[name]
    graph = one.exported.graph
    assert one.answer["inputs"] == [[each.name, each.shape_text] for each in graph.inputs]
    assert one.answer["outputs"] == [[each.name, each.shape_text] for each in graph.outputs]


def test_the_traps_show_in_what_is_printed(ran: dict[str, Ran]) -> None:
    assert ran["no dynamic axes"].printed["batch 3"].startswith("largest difference")
    assert ran["no dynamic axes"].printed["batch 1"].startswith("ONNX Runtime refuses: ")
    assert "Split" in ran["loop_over_batch"].printed["batch 3"]
    assert ran["python_scale"].printed["zeros, batch 3"] == "largest difference nan"
    assert float(ran["early_exit"].printed["batch 1"].split()[-1]) < 1e-5
    assert float(ran["early_exit"].printed["zeros, batch 3"].split()[-1]) > 1e-3


@pytest.mark.parametrize(("name", "word"), list(REFUSED.items()))
def test_where_the_exporter_refuses_so_does_the_program(tmp_path: Path, name: str, word: str) -> None:
    plan = ExportPlan(name, exporter=LEGACY)
    with pytest.raises(ExportError, match="legacy exporter refuses"):
        export(plan)
    path = tmp_path / "program.py"
    path.write_text(export_program(plan), encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", str(path)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert finished.returncode == 1
    assert word in finished.stderr


def test_a_plan_that_fits_no_model_has_no_program() -> None:
    with pytest.raises(ExportError, match="2 input names came"):
        export_program(ExportPlan("mlp", input_names=("a", "b")))
    with pytest.raises(ExportError, match="is the name of a weight"):
        export_program(ExportPlan("mlp", input_names=("fc1.weight",)))


@pytest.mark.parametrize("name", PLANS)
def test_a_program_imports_only_what_it_says(name: str) -> None:
    program = export_program(PLANS[name])
    found: set[str] = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    standard = {"copy", "collections", "collections.abc", "pathlib"}
    assert found - standard == {"numpy", "onnx", "onnxruntime", "torch"}


def test_ruff_finds_no_unused_or_unknown_name(tmp_path: Path) -> None:
    for place, plan in enumerate(PLANS.values()):
        (tmp_path / f"program{place}.py").write_text(export_program(plan), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I", "."]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


name_of_a_value = (
    st.text(min_size=1, max_size=12)
    .filter(lambda text: text.isprintable() and not any(map(str.isspace, text)))
    .filter(lambda text: "fc" not in text)
)


@given(st.lists(name_of_a_value, min_size=4, max_size=4, unique=True), st.sampled_from(Exporter))
def test_every_name_of_a_plan_reaches_the_exporter_as_it_is(names: list[str], exporter: Exporter) -> None:
    plan = ExportPlan(
        "keywords", exporter=exporter, input_names=tuple(names[:3]), output_names=tuple(names[3:])
    )
    calls = [node for node in ast.walk(ast.parse(export_program(plan))) if isinstance(node, ast.Call)]
    [call] = [node for node in calls if ast.unparse(node.func) == "torch.onnx.export"]
    given_ = {str(each.arg): each.value for each in call.keywords}
    assert ast.literal_eval(given_["input_names"]) == names[:3]
    assert ast.literal_eval(given_["output_names"]) == names[3:]
    assert ast.literal_eval(given_["opset_version"]) == plan.opset
    if exporter is LEGACY:
        assert ast.literal_eval(given_["dynamic_axes"]) == {name: {0: "batch"} for name in names[:3]}
    else:
        shapes = {"x": {0: "batch"}, "scale": {0: "batch"}, "shift": {0: "batch"}}
        assert ast.literal_eval(given_["dynamic_shapes"]) == shapes
