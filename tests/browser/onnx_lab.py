"""What a visitor does and reads in the ONNX lab, for the browser tests of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode, urlsplit

import onnx
import psutil
from onnx import TensorProto, helper
from playwright.sync_api import FilePayload, FrameLocator, Locator, Page, expect

from tests.browser.hooks_lab import SLOW_MS

LAB: Final = "/onnx"
LINEAR, MLP, CNN = "One linear layer", "Multilayer perceptron", "Convolutional network"
ENCODER: Final = "Transformer encoder layer"
OWN_FILE: Final = "Your own .onnx file"
OPERATOR: Final = "#canvas .node-item-type text"
PROGRESS: Final = "In a process of its own"

# What the layers of these models are in ONNX.
OPERATORS: Final = {
    LINEAR: ["Gemm"],
    MLP: ["Gemm", "Relu", "Gemm", "Relu", "Gemm"],
    CNN: ["Conv", "Relu", "MaxPool", "Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm"],
}


def link(**query: str) -> str:
    """The lab's address with these inputs."""
    return f"{LAB}?{urlencode(query)}"


def stage(page: Page) -> Locator:
    """What is above the tabs."""
    return page.locator(".st-key-lab-stage")


def graph(page: Page, file: str) -> FrameLocator:
    """Netron's frame, once it shows the file of that name."""
    frame = page.frame_locator(f"iframe[title^={json.dumps(f'The graph of {file} in Netron')}]")
    expect(frame.locator("body")).to_have_class("default", timeout=SLOW_MS)
    return frame


def expect_graph(page: Page, file: str, operators: Sequence[str]) -> FrameLocator:
    """Waits until the one frame of the page shows that file, and these operators in it."""
    frame = graph(page, file)
    expect(frame.locator(OPERATOR)).to_have_text(list(operators), timeout=SLOW_MS)
    expect(page.locator("iframe")).to_have_count(1)
    return frame


def drawn_texts(page: Page) -> dict[str, dict[str, float]]:
    """Where on the screen each text of the graph is; Netron's frame may be enlarged as a whole.

    Netron forbids `eval` in its frame, with which Playwright evaluates: this asks from outside.
    """
    found: dict[str, dict[str, float]] = page.locator("iframe").evaluate("""frame => {
        const around = frame.getBoundingClientRect(), zoom = around.width / frame.contentWindow.innerWidth
        const texts = frame.contentDocument.querySelectorAll("#canvas text")
        return Object.fromEntries([...texts].map(text => {
            const box = text.getBoundingClientRect()
            return [text.textContent, {
                x: around.x + zoom * box.x, y: around.y + zoom * box.y,
                width: zoom * box.width, height: zoom * box.height,
            }]
        }))
    }""")
    return found


def progress(page: Page) -> Locator:
    """The line that says how far an export is."""
    return stage(page).get_by_text(PROGRESS)


def drop_file(page: Page, name: str, data: bytes) -> None:
    """Gives the page a file."""
    file: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.locator("input[type=file]").set_input_files(file)


def model_of(operators: Sequence[str], outside: bool = False) -> bytes:
    """An ONNX file: operators of one input after each other, then a sum with weights.

    Args:
        operators: their names.
        outside: whether the weights are said to be in another file.
    """
    values = ["x", *(f"v{place}" for place in range(len(operators)))]
    weights = helper.make_tensor("weights", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    if outside:
        weights = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[3])
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value="../secrets.bin")
    model = helper.make_model(
        helper.make_graph(
            [
                *(
                    helper.make_node(name, [given], [made])
                    for name, given, made in zip(operators, values, values[1:], strict=False)
                ),
                helper.make_node("Add", [values[-1], "weights"], ["y"]),
            ],
            "dropped",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
            [weights],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return bytes(model.SerializeToString())


def loads(data: bytes) -> onnx.ModelProto:
    """The model in a file, which ONNX's checker has nothing against."""
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    return model


def _exports(child: psutil.Process) -> bool:
    """Other processes wait in a server all the time: the sandbox's, and the one that examines code."""
    try:
        return child.status() != psutil.STATUS_ZOMBIE and "core.export.child" in child.cmdline()
    except psutil.NoSuchProcess:
        return False


def exports_of(address: str) -> Callable[[], list[psutil.Process]]:
    """What lists the processes that the server at this address exports in at the moment."""
    port = str(urlsplit(address).port)
    (server,) = [
        process
        for process in psutil.Process().children()
        if "--server.port" in process.cmdline() and port in process.cmdline()
    ]

    def now() -> list[psutil.Process]:
        return [child for child in server.children() if _exports(child)]

    return now


def await_none(now: Callable[[], list[psutil.Process]], seconds: float = 30) -> None:
    """Waits until the server exports nothing any more."""
    deadline = time.monotonic() + seconds
    while now() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert now() == []
