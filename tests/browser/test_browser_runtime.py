"""Models run in a real browser with the real runtime, and give the server's numbers."""

import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from os import environ
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import Browser, Page, expect

from tests.browser.server import ROOT, serve
from tests.browser.visitor import Visitor
from ui.browser_runtime.assets import HOW_TO_ADD, RUNTIME
from ui.browser_runtime.fetch import FetchError, fetch, registry
from ui.browser_runtime.routes import WORKER_PATH

SCRIPTS = Path(__file__).parent / "scripts"
PATIENCE_MS = 60_000
TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
    "uint8": TensorProto.UINT8,
}


def softmax_model() -> bytes:
    """softmax(relu(x W) V), of a batch of any size."""
    weights = np.random.default_rng(0)
    first = weights.normal(size=(8, 16)).astype(np.float32)
    second = weights.normal(size=(16, 4)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "W"], ["h"]),
            helper.make_node("Relu", ["h"], ["a"]),
            helper.make_node("Gemm", ["a", "V"], ["z"]),
            helper.make_node("Softmax", ["z"], ["p"], axis=1),
        ],
        "softmax",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(first, "W"), numpy_helper.from_array(second, "V")],
    )
    return model_of(graph)


def types_model() -> bytes:
    """Every element type goes in and comes out again, and a scalar with them."""
    nodes = [helper.make_node("Identity", [f"in_{name}"], [f"out_{name}"]) for name in TYPES]
    graph = helper.make_graph(
        [*nodes, helper.make_node("ReduceSum", ["in_float64"], ["sum"], keepdims=0)],
        "types",
        [helper.make_tensor_value_info(f"in_{name}", kind, ["n"]) for name, kind in TYPES.items()],
        [
            *(helper.make_tensor_value_info(f"out_{name}", kind, ["n"]) for name, kind in TYPES.items()),
            helper.make_tensor_value_info("sum", TensorProto.DOUBLE, []),
        ],
    )
    return model_of(graph)


def unknown_model() -> bytes:
    """An operation that no runtime has."""
    graph = helper.make_graph(
        [helper.make_node("Nonsense", ["x"], ["y"])],
        "unknown",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    return model_of(graph)


def model_of(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def cnn_model(inputs: NDArray[np.float32], path: Path) -> bytes:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        cnn = torch.nn.Sequential(
            torch.nn.Conv2d(1, 8, 3, padding=1),
            torch.nn.BatchNorm2d(8),
            torch.nn.ReLU(),
            torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(8, 16, 3),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
            torch.nn.Linear(16, 10),
        ).eval()
    with warnings.catch_warnings():
        # The older exporter is a tenth of the newer one's time, and says that it is old.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            cnn,
            (torch.from_numpy(inputs),),
            path,
            dynamo=False,
            input_names=["image"],
            output_names=["scores"],
        )
    return path.read_bytes()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        fetch(RUNTIME, registry(environ))
    except FetchError as error:
        pytest.fail(str(error), pytrace=False)
    folder = tmp_path_factory.mktemp("browser_runtime")
    shelf = folder / "models"
    shelf.mkdir()
    values = np.random.default_rng(1)
    image = values.normal(size=(2, 1, 28, 28)).astype(np.float32)
    put(shelf, "softmax", softmax_model(), {"x": values.normal(size=(5, 8)).astype(np.float32)})
    put(shelf, "cnn", cnn_model(image, shelf / "cnn.onnx"), {"image": image})
    typed = {
        "float32": np.array([1.5, np.nan, -np.inf], np.float32),
        "float64": np.array([1e-300, 0.1, 7.0]),
        "int64": np.array([2**63 - 1, -(2**63), 2**53 + 1]),
        "int32": np.array([-(2**31), 0, 5], np.int32),
        "bool": np.array([True, False, True]),
        "uint8": np.array([0, 255, 7], np.uint8),
    }
    put(shelf, "types", types_model(), {f"in_{name}": each for name, each in typed.items()})
    (shelf / "unknown.onnx").write_bytes(unknown_model())
    np.savez(shelf / "unknown.inputs.npz", x=np.zeros(1, np.float32))
    np.savez(shelf / "unknown.outputs.npz", y=np.zeros(1, np.float32))
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    shutil.copy(SCRIPTS / "browser_runtime_script.py", folder)
    app = shutil.copy(SCRIPTS / "browser_runtime_app.py", folder)
    with serve(folder, Path(app), {"PYTHONPATH": str(ROOT), "MODELS": str(shelf)}) as server:
        yield server.url


def put(shelf: Path, name: str, model: bytes, inputs: dict[str, NDArray[Any]]) -> None:
    """A model on the shelf, with inputs and what the server's own runtime makes of them."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    (shelf / f"{name}.onnx").write_bytes(model)
    np.savez(shelf / f"{name}.inputs.npz", **inputs)  # type: ignore[arg-type]  # its stub takes a flag among them
    expected = dict(zip(names, session.run(names, inputs), strict=True))
    np.savez(shelf / f"{name}.outputs.npz", **expected)


@pytest.fixture
def new_visitor(browser: Browser, address: str) -> Iterator[Callable[[], Visitor]]:
    """Makes visitors of this app; none may make a request to anywhere else."""
    visitors: list[Visitor] = []
    contexts = []

    def make() -> Visitor:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 720}))
        visitors.append(Visitor(contexts[-1].new_page(), address))
        return visitors[-1]

    yield make
    for context in contexts:
        context.close()
    assert [visitor.outside() for visitor in visitors] == [[] for _ in visitors]


@pytest.fixture
def visitor(new_visitor: Callable[[], Visitor]) -> Iterator[Visitor]:
    """One visitor, who may meet no error."""
    made = new_visitor()
    yield made
    assert made.errors == []


def start(visitor: Visitor, query: str) -> Page:
    visitor.open(f"/?{query}")
    visitor.page.get_by_role("button", name="Run in this browser").click()
    return visitor.page


def differences(page: Page) -> dict[str, tuple[str, float, str]]:
    """Output -> whether the shapes agree, the largest difference, the element type."""
    expect(page.get_by_text("Ran in this browser.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("timings", exact=False)).to_be_visible(timeout=PATIENCE_MS)
    lines = page.get_by_text(re.compile("^output ")).all_inner_texts()
    found = [re.fullmatch(r"output (\w+): (\w+) (\S+) (\w+)", line) for line in lines]
    return {each[1]: (each[2], float(each[3]), each[4]) for each in found if each is not None}


@pytest.mark.parametrize(
    ("query", "output"), [("model=softmax", "p"), ("model=cnn", "scores"), ("model=cnn&bytes=1", "scores")]
)
def test_a_browser_computes_the_server_s_numbers(visitor: Visitor, query: str, output: str) -> None:
    page = start(visitor, query)
    [(name, (agree, difference, dtype))] = differences(page).items()
    assert (name, agree, dtype) == (output, "True", "float32")
    assert difference <= 1e-5
    expect(page.get_by_text("timings 20, threads 1, simd True")).to_be_visible()
    expect(page.get_by_text(page.evaluate("navigator.userAgent"), exact=True)).to_be_visible()
    asked = {url.removeprefix(visitor.origin) for url in visitor.requests}
    assert {WORKER_PATH, *(f"{RUNTIME.prefix}/{file.name}" for file in RUNTIME.package.files)} <= asked


def test_every_element_type_survives(visitor: Visitor) -> None:
    found = differences(start(visitor, "model=types"))
    assert {name: dtype for name, (_, _, dtype) in found.items()} == {
        **{f"out_{name}": name for name in TYPES},
        "sum": "float64",
    }
    assert {agree for agree, _, _ in found.values()} == {"True"}
    assert {name: size for name, (_, size, _) in found.items() if name != "sum"} == dict.fromkeys(
        (f"out_{name}" for name in TYPES), 0.0
    )
    assert found["sum"][1] <= 1e-12


def test_a_run_is_kept_until_something_changes(visitor: Visitor) -> None:
    page = start(visitor, "model=softmax")
    differences(page)
    workers = []
    page.on("worker", lambda worker: workers.append(worker.url))
    line = page.get_by_text("loaded in")
    before = line.inner_text()
    page.get_by_text("other", exact=True).click()
    visitor.wait()
    assert line.inner_text() == before
    assert workers == []
    number = page.get_by_label("turn", exact=True)
    number.fill("1")
    number.press("Enter")
    expect(line).not_to_have_text(before, timeout=PATIENCE_MS)
    differences(page)
    assert len(workers) == 1


def test_the_page_stays_alive_and_the_worker_ends(visitor: Visitor) -> None:
    page = start(visitor, "model=cnn&rounds=1000")
    running = page.get_by_text(re.compile(r"Running: round \d+ of 1000"))
    expect(running).to_be_visible(timeout=PATIENCE_MS)
    assert len(page.workers) == 1
    stalled = page.evaluate("""() => new Promise(done => {
        let last = performance.now(), longest = 0, frames = 0
        const frame = now => {
            longest = Math.max(longest, now - last)
            last = now
            if (++frames < 30) requestAnimationFrame(frame)
            else done(longest)
        }
        requestAnimationFrame(frame)
    })""")
    assert stalled < 2000
    started = []
    page.on("worker", lambda worker: started.append(worker.url))
    page.get_by_text("other", exact=True).click()
    visitor.wait()
    expect(running).to_be_visible()
    differences(page)
    page.wait_for_timeout(200)
    assert page.workers == []
    assert started == []


def test_what_cannot_run_is_one_line(new_visitor: Callable[[], Visitor]) -> None:
    visitor = new_visitor()
    page = start(visitor, "model=unknown")
    line = page.get_by_role("alert")
    expect(line).to_contain_text("The model did not run in this browser:", timeout=PATIENCE_MS)
    expect(line).to_contain_text("Nonsense")
    expect(page.get_by_text("Stopped.", exact=True)).to_be_visible()
    expect(page.get_by_text("the end")).to_be_visible()


def test_a_model_that_is_gone_is_one_line(new_visitor: Callable[[], Visitor]) -> None:
    page = start(new_visitor(), "model=softmax&gone=1")
    expect(page.get_by_role("alert")).to_contain_text(
        "the server answered 404 for the model.", timeout=PATIENCE_MS
    )


def test_without_the_runtime_a_page_says_how_to_add_it(visitor: Visitor) -> None:
    page = start(visitor, "model=softmax&missing=1")
    expect(page.get_by_text(HOW_TO_ADD.replace("`", ""))).to_be_visible()
    expect(page.get_by_text("the end")).to_be_visible()
