"""How long a 10 MB model takes to be seen in Netron: on our server, and on Netron's own."""

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import netron
import numpy as np
import onnx
import uvicorn
from onnx import helper
from playwright.sync_api import Browser, Route
from starlette.applications import Starlette
from starlette.middleware import Middleware

from bench.browsing import browsing
from bench.measure import ratio, shuffled
from bench.registry import Table, Target
from ui.netron.shelf import Shelf
from ui.netron.site import address, routes
from ui.security import SecurityHeaders

LAYERS: Final = 10
WIDTH: Final = 512
"""Square layers of this width: ten of them have 10 MiB of weights."""
TIMES: Final = 2.0
OURS: Final = "this app"
THEIRS: Final = "Netron's own server"

_NODE: Final = ".node-item-type"
_PATIENCE_MS: Final = 60_000


def large_model() -> bytes:
    """A chain of layers with 10 MiB of weights."""
    random = np.random.default_rng(0)
    nodes, weights = [], []
    for layer in range(LAYERS):
        weight = random.standard_normal((WIDTH, WIDTH)).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [f"h{layer}", f"w{layer}"], [f"m{layer}"]))
        nodes.append(helper.make_node("Relu", [f"m{layer}"], [f"h{layer + 1}"]))
    first, last = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", WIDTH])
        for name in ("h0", f"h{LAYERS}")
    )
    graph = helper.make_graph(nodes, "large", [first], [last], weights)
    model: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return model


def seen(rounds: int) -> Table:
    """The time from the navigation to the first node on the screen, with an empty cache."""
    data = large_model()
    samples: dict[str, list[float]] = {OURS: [], THEIRS: []}
    with tempfile.TemporaryDirectory() as folder, browsing() as browser, _ours(data) as ours:
        path = Path(folder, "large.onnx")
        path.write_bytes(data)
        # What the app must never do is what is measured here, in the benchmark's own process.
        _, port = netron.start(str(path), browse=False)
        places = {OURS: ours, THEIRS: f"http://localhost:{port}/"}
        try:
            for order in shuffled((OURS, THEIRS), rounds):
                for name in order:
                    samples[name].append(_until_seen(browser, places[name]))
        finally:
            netron.stop(("localhost", port))
    found = ratio(samples[OURS], samples[THEIRS])
    return Table(
        title=f"A model of {len(data) / 2**20:.0f} MiB in Netron, ms from the navigation to the first node",
        columns=("server", "median", "least", "most"),
        rows=tuple(
            (name, statistics.median(times), min(times), max(times)) for name, times in samples.items()
        ),
        notes=(
            f"{rounds} interleaved rounds; a new browser context each, with nothing in its cache.",
            "Requests to other origins, which only Netron's own server makes, are refused at once.",
        ),
        targets=(Target(f"at most {TIMES:g} times Netron's own server: {found}", met=found.value <= TIMES),),
    )


@contextmanager
def _ours(data: bytes) -> Iterator[str]:
    """Our Netron with a model; gives the address."""
    shelf = Shelf()
    shelved = shelf.put(data, "large.onnx", "bench")
    app = Starlette(
        routes=routes(shelf), middleware=[Middleware(SecurityHeaders, frame_ancestors=("'self'",))]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}{address(shelved)}"
    server.should_exit = True
    thread.join()


def _until_seen(browser: Browser, url: str) -> float:
    origin = url.split("/")[2]

    def only_here(route: Route) -> None:
        if origin in route.request.url:
            route.continue_()
        else:
            route.abort()

    context = browser.new_context(viewport={"width": 1280, "height": 720})
    # What Netron's own server asks before it shows anything.
    context.add_cookies([{"name": "consent", "value": "1", "url": f"http://{origin}/"}])
    page = context.new_page()
    page.route("**/*", only_here)
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(_NODE).first.wait_for(timeout=_PATIENCE_MS)
    taken = (time.perf_counter() - start) * 1e3
    context.close()
    return taken
