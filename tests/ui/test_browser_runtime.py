"""The runtime for browsers: fetched as pinned, served only whole; and no browser is believed unchecked."""

import base64
import functools
import hashlib
import io
import json
import math
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from ui.browser_runtime.assets import HOW_TO_ADD, ROOT, RUNTIME, Package, PinnedFile, Runtime, available
from ui.browser_runtime.comparison import compare
from ui.browser_runtime.component import MAX_MODEL_BYTES, ended_run, run_request
from ui.browser_runtime.fetch import REGISTRY, FetchError, fetch, main, registry
from ui.browser_runtime.outcome import BrowserOutput, BrowserRun, read_run
from ui.browser_runtime.routes import WORKER_PATH, routes
from ui.browser_runtime.tensors import DTYPES, MAX_BYTES, BrowserError, BrowserInput

CONTENT = {"a.mjs": b"export default 1\n", "b.mjs": b"export default 2\n", "c.wasm": b"\0asm" * 1000}


def packed(content: dict[str, bytes]) -> bytes:
    """An archive as npm makes them, with a file that nobody asked for."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in {"package/README.md": b"hello", **content}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def sha512(data: bytes) -> str:
    return base64.b64encode(hashlib.sha512(data).digest()).decode()


def pinned(archive: bytes) -> Package:
    types = {"mjs": "text/javascript", "wasm": "application/wasm"}
    return Package(
        "small",
        "1.2.3",
        len(archive),
        sha512(archive),
        tuple(
            PinnedFile(
                f"package/dist/{name}", len(data), hashlib.sha256(data).hexdigest(), types[name.split(".")[1]]
            )
            for name, data in CONTENT.items()
        ),
    )


GOOD = packed({f"package/dist/{name}": data for name, data in CONTENT.items()})


class Shop:
    """A registry on this machine: what it answers with, and which paths it was asked for."""

    def __init__(self) -> None:
        self.answer = GOOD
        self.status = 200
        self.promised: int | None = None
        self.asked: list[str] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.asked.append(self.path)
                self.send_response(shop.status)
                self.send_header(
                    "Content-Length", str(len(shop.answer) if shop.promised is None else shop.promised)
                )
                self.end_headers()
                self.wfile.write(shop.answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    opened = Shop()
    thread = threading.Thread(target=opened.server.serve_forever)
    thread.start()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()
    thread.join()


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(pinned(GOOD), tmp_path / "runtime" / "1.2.3")


def left_over(runtime: Runtime) -> list[str]:
    return sorted(path.name for path in runtime.folder.parent.iterdir() if path != runtime.folder)


def test_a_good_archive_is_put_in_place(shop: Shop, runtime: Runtime) -> None:
    assert not available(runtime)
    assert fetch(runtime, shop.address) == f"small 1.2.3 is in {runtime.folder}"
    assert {path.name: path.read_bytes() for path in runtime.folder.iterdir()} == CONTENT
    assert available(runtime)
    assert runtime.is_whole()
    assert shop.asked == ["/small/-/small-1.2.3.tgz"]
    assert left_over(runtime) == []


def test_what_is_there_is_not_fetched_again(shop: Shop, runtime: Runtime) -> None:
    fetch(runtime, shop.address)
    shop.asked.clear()
    assert fetch(runtime, shop.address) == f"small 1.2.3 is already there: {runtime.folder}"
    assert shop.asked == []


def test_a_changed_file_is_replaced(shop: Shop, runtime: Runtime) -> None:
    fetch(runtime, shop.address)
    changed = runtime.folder / "a.mjs"
    changed.write_bytes(CONTENT["a.mjs"].replace(b"1", b"9"))
    assert available(runtime)
    assert not runtime.is_whole()
    fetch(runtime, shop.address)
    assert changed.read_bytes() == CONTENT["a.mjs"]
    assert left_over(runtime) == []


def tampered(archive: bytes) -> bytes:
    """The same length, other content, still a readable archive but for its checksum."""
    return archive[:-20] + bytes([archive[-20] ^ 1]) + archive[-19:]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (tampered(GOOD), "The download is not small 1.2.3: its sha512 is another."),
        (GOOD[:-100], f"The download has {len(GOOD) - 100} bytes, small 1.2.3 has {len(GOOD)}."),
        (GOOD + b"x", f"The download has more than {len(GOOD)} bytes, small 1.2.3 has {len(GOOD)}."),
        (b"", "The download has 0 bytes"),
    ],
    ids=["tampered", "short", "long", "empty"],
)
def test_another_archive_is_not_unpacked(shop: Shop, runtime: Runtime, answer: bytes, message: str) -> None:
    shop.answer = answer
    with pytest.raises(FetchError) as caught:
        fetch(runtime, shop.address)
    assert str(caught.value).startswith(message)
    assert "Nothing was unpacked" in str(caught.value)
    assert not runtime.folder.exists()
    assert left_over(runtime) == []


def test_a_connection_that_ends_early_is_one_line(shop: Shop, runtime: Runtime) -> None:
    shop.answer, shop.promised = GOOD[:50], len(GOOD)
    with pytest.raises(FetchError, match=r"^(The download has 50 bytes|Cannot download)") as caught:
        fetch(runtime, shop.address)
    assert "\n" not in str(caught.value)
    assert not runtime.folder.exists()


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (packed({}), "The archive of small lacks package/dist/a.mjs with the pinned content."),
        (
            packed({f"package/dist/{name}": data.upper() for name, data in CONTENT.items()}),
            "The archive of small lacks package/dist/a.mjs with the pinned content.",
        ),
        (b"no archive at all", "The archive of small cannot be read"),
        (GOOD[:-100], "The archive of small cannot be read"),
    ],
    ids=["nothing in it", "other content", "no archive", "cut off"],
)
def test_each_file_has_a_pin_of_its_own(shop: Shop, runtime: Runtime, archive: bytes, message: str) -> None:
    shop.answer = archive
    wrong = Runtime(replace(runtime.package, size=len(archive), sha512=sha512(archive)), runtime.folder)
    with pytest.raises(FetchError) as caught:
        fetch(wrong, shop.address)
    assert str(caught.value).startswith(message)
    assert not runtime.folder.exists()
    assert left_over(runtime) == []


def test_the_command_says_one_line_and_how_it_went(
    shop: Shop, runtime: Runtime, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main({"npm_config_registry": f"{shop.address}/"}, runtime) == 0
    assert capsys.readouterr() == (f"small 1.2.3 is in {runtime.folder}\n", "")
    shutil.rmtree(runtime.folder)
    shop.status = 404
    assert main({"NPM_CONFIG_REGISTRY": shop.address}, runtime) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("127.0.0.1 answered 404 for /small/-/small-1.2.3.tgz.")
    assert error.count("\n") == 1


def test_without_a_network_it_is_one_line(runtime: Runtime, capsys: pytest.CaptureFixture[str]) -> None:
    closed = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{closed.server_address[1]}"
    closed.server_close()
    assert main({"npm_config_registry": address}, runtime) == 1
    error = capsys.readouterr().err
    assert error.startswith("Cannot download from 127.0.0.1: ")
    assert error.count("\n") == 1
    assert not runtime.folder.exists()


def test_a_place_that_cannot_be_written_to_is_one_line(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FetchError, match=r"^Cannot write below .*Make room or allow it") as caught:
        fetch(Runtime(pinned(GOOD), tmp_path / "file" / "1.2.3"), shop.address)
    assert "\n" not in str(caught.value)
    assert shop.asked == []


def test_a_full_disk_is_one_line(shop: Shop, runtime: Runtime) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(GOOD) // 2, before[1]))
    try:
        with pytest.raises(FetchError, match=r"^Cannot write below .*Make room") as caught:
            fetch(runtime, shop.address)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert not runtime.folder.exists()
    assert left_over(runtime) == []


def test_fetching_needs_nothing_but_python() -> None:
    code = "import sys; sys.path.insert(0, '.'); import ui.browser_runtime.fetch"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, check=True)


def test_registry() -> None:
    assert registry({}) == registry({"npm_config_registry": ""}) == REGISTRY
    assert registry({"npm_config_registry": "http://a/", "NPM_CONFIG_REGISTRY": "http://b"}) == "http://a"
    for wrong in (
        "file:///etc/passwd",
        "ftp://host",
        "https://me:secret@host",
        "nonsense",
        "http://[",
        "https:///x",
    ):
        with pytest.raises(FetchError) as caught:
            registry({"npm_config_registry": wrong})
        assert wrong not in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.fixture
def client(runtime: Runtime) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(runtime))) as opened:
        yield opened


def test_files_are_served_for_ever(client: TestClient, shop: Shop, runtime: Runtime) -> None:
    fetch(runtime, shop.address)
    for file in runtime.package.files:
        for accepted in ("gzip, br", "identity"):
            response = client.get(
                f"/browser-runtime/1.2.3/{file.name}", headers={"Accept-Encoding": accepted}
            )
            assert response.status_code == 200
            assert response.content == CONTENT[file.name]
            assert response.headers["content-type"].partition(";")[0] == file.media_type
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert response.headers.get("content-encoding") == ("gzip" if "gzip" in accepted else None)
    assert {file.media_type for file in runtime.package.files} == {"text/javascript", "application/wasm"}
    assert client.get("/browser-runtime/1.2.3/README.md").status_code == 404


def test_without_files_it_says_how_to_add_them(client: TestClient) -> None:
    response = client.get("/browser-runtime/1.2.3/a.mjs")
    assert (response.status_code, response.text) == (404, HOW_TO_ADD)
    assert response.headers["cache-control"] == "no-store"
    assert "\n" not in HOW_TO_ADD


def test_a_changed_file_is_not_served(client: TestClient, shop: Shop, runtime: Runtime) -> None:
    fetch(runtime, shop.address)
    assert client.get("/browser-runtime/1.2.3/c.wasm").status_code == 200
    (runtime.folder / "c.wasm").write_bytes(b"\0ASM" * 1000)
    assert client.get("/browser-runtime/1.2.3/c.wasm").status_code == 404
    (runtime.folder / "c.wasm").write_bytes(CONTENT["c.wasm"])
    assert client.get("/browser-runtime/1.2.3/c.wasm").status_code == 200


def test_the_worker_is_always_fresh(client: TestClient) -> None:
    response = client.get(WORKER_PATH)
    assert response.headers["content-type"].partition(";")[0] == "text/javascript"
    assert response.headers["cache-control"] == "no-cache"
    assert "onmessage" in response.text


ARRAYS = [
    np.array([[0.5, -1.0], [math.nan, math.inf]], np.float32),
    np.array(1e-300),
    np.array([2**63 - 1, -(2**63)], np.int64),
    np.array([[[-5]]], np.int32),
    np.array([True, False, True]),
    np.zeros((0, 3), np.uint8),
]


def told(values: NDArray[Any], name: str = "y") -> dict[str, Any]:
    return BrowserInput.from_array(name, values).packed()


def said(*outputs: dict[str, Any], **other: object) -> dict[str, Any]:
    good = {
        "outputs": list(outputs),
        "load_ms": 250,
        "start_ms": 80.5,
        "session_ms": 2.5,
        "first_ms": 1.5,
        "timings_ms": [1, 3, 2],
        "calls": 4,
        "resolution_ms": 0.1,
        "threads": 1,
        "simd": True,
        "user_agent": "A browser",
    }
    return {**good, **other}


@pytest.mark.parametrize("values", ARRAYS, ids=lambda values: values.dtype.name)
def test_arrays_survive_the_way_there_and_back(values: NDArray[Any]) -> None:
    [output] = read_run(json.loads(json.dumps(said(told(values)))), ["y"]).outputs
    assert output.values.dtype == values.dtype
    assert output.values.shape == values.shape
    np.testing.assert_array_equal(output.values, values)
    with pytest.raises(ValueError, match="read-only"):
        output.values[...] = 0


def test_a_view_in_another_order_is_sent_as_it_reads() -> None:
    values = np.arange(6, dtype=">f4").reshape(2, 3).T
    [output] = read_run(said(told(values)), ["y"]).outputs
    np.testing.assert_array_equal(output.values, values)


def test_all_types_are_tried_here() -> None:
    assert {values.dtype.name for values in ARRAYS} == set(DTYPES)


def test_a_run_is_in_seconds() -> None:
    run = read_run(said(told(ARRAYS[0])), ["y"])
    assert (run.load_seconds, run.start_seconds, run.session_seconds) == (0.25, 0.0805, 0.0025)
    assert run.timings == (0.001, 0.003, 0.002)
    assert (run.median, run.first_seconds) == (0.002, 0.0015)
    assert (run.calls, run.threads, run.simd, run.user_agent) == (4, 1, True, "A browser")
    assert run.resolution == pytest.approx(1e-4)


def forged(**other: object) -> dict[str, Any]:
    return said({**told(np.zeros((2, 3), np.float32)), **other})


@pytest.mark.parametrize(
    ("sent", "part"),
    [
        (None, "sent nothing in place of a result"),
        (["a"], "sent a list in place of a result"),
        ({}, "sent nothing for the outputs, expected 1 of them"),
        ({"error": "no such operator\nat line 3"}, "did not run in this browser: no such operator at line 3"),
        ({"error": 3}, "sent 3 for its reason, expected text"),
        (said(), "0 outputs"),
        (said(told(ARRAYS[0]), told(ARRAYS[0])), "2 outputs"),
        (said(outputs=["text"]), "output `y`"),
        (said(told(ARRAYS[0], "z")), "output `y`"),
        (forged(dtype="object"), "'object' for the type of output `y`"),
        (forged(dtype=["float32"]), "a list for the type"),
        (forged(shape=[3, 3]), "24 bytes for the values of output `y`, expected float32 of shape [3, 3]"),
        (forged(shape=[-2, -3]), "sent -2 for a size"),
        (forged(shape=[2, 3.5]), "sent 3.5 for a size"),
        (forged(shape=[2, True]), "sent True for a size"),
        (forged(shape=[10**40]), "a huge number for a size"),
        (forged(shape=[0] + [2**22] * 5), "too many elements"),
        (forged(shape=[1] * 33), "expected at most 32 sizes"),
        (forged(shape="2,3"), "'2,3' for the shape"),
        (forged(data=[1.0] * 6), "a list for the values"),
        (forged(data="&" * 32), "expected base64"),
        (forged(data="ä" * 32), "expected base64"),
        (forged(data="A" * (2 * MAX_BYTES)), f"{2 * MAX_BYTES} characters for the values"),
        (forged(dtype="bool", shape=[3], data="AAEC"), "other bytes"),
    ]
    + [
        (said(told(ARRAYS[0]), **{name: wrong}), "The browser sent")
        for name, wrongs in {
            "timings_ms": ([], None, "1", [1.0] * 1001, [1, "2"], [math.nan], [-1], [True], [[1]]),
            "load_ms": (None, "5", -1, math.nan, math.inf, 1e30, 10**400, True, [1]),
            "calls": (0, 1.5, None, "1", 2**40),
            "threads": (0, -1, math.nan, math.inf, 1e9, False),
            "simd": (1, None, "yes"),
            "user_agent": (None, 1, ["a"]),
        }.items()
        for wrong in wrongs
    ],
)  # fmt: skip
def test_what_is_no_run_is_one_line(sent: object, part: str) -> None:
    with pytest.raises(BrowserError) as caught:
        read_run(sent, ["y"])
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_all_outputs_together_are_bounded() -> None:
    half = told(np.zeros(MAX_BYTES // 8 + 1, np.float32), "a")
    assert len(read_run(said(half), ["a"]).outputs) == 1
    with pytest.raises(BrowserError, match=r"for the values of output `b`, expected at most \d+ bytes"):
        read_run(said(half, {**half, "name": "b"}), ["a", "b"])


def test_what_the_browser_calls_itself_is_short_and_on_one_line() -> None:
    run = read_run(said(told(ARRAYS[0]), user_agent="a\x00\n" * 9999), ["y"])
    assert len(run.user_agent) == 300
    assert run.user_agent.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*DTYPES, "AAAA"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_a_forged_part_is_a_run_or_one_line(data: st.DataObject) -> None:
    sent = forged()
    name = data.draw(st.sampled_from(sorted(sent)))
    if name == "outputs":
        part = data.draw(st.sampled_from(["name", "dtype", "shape", "data"]))
        sent["outputs"][0][part] = data.draw(JSON)
    else:
        sent[name] = data.draw(JSON)
    ended = ended_run({"result": {"id": "1", **sent}}, "1", ["y"])
    assert ended is not None
    assert (ended.run is None) == bool(ended.error)
    assert ended.error.isprintable()
    assert len(ended.error) < 400
    if ended.run is not None:
        assert len(ended.run.output("y").tobytes()) <= MAX_BYTES
        assert all(math.isfinite(timing) for timing in ended.run.timings)


@given(JSON)
def test_anything_is_a_run_or_one_line(sent: object) -> None:
    with pytest.raises(BrowserError) as caught:
        read_run(sent, ["y"])
    assert str(caught.value).isprintable()


def test_inputs_must_fit() -> None:
    with pytest.raises(BrowserError, match=r"^Input `x` is float16: browsers here take float32, .*Cast it"):
        BrowserInput.from_array("x", np.zeros(3, np.float16))
    with pytest.raises(BrowserError, match=r"^Input `x` has 8 bytes: float32 of shape \[3\] has 12"):
        BrowserInput("x", "float32", (3,), bytes(8))


X = BrowserInput.from_array("x", np.ones((2, 2), np.float32))


@pytest.mark.parametrize(
    "address", ["https://elsewhere/a.onnx", "//elsewhere/a.onnx", "/\\elsewhere", "a.onnx"]
)
def test_a_model_comes_from_this_server(address: str) -> None:
    with pytest.raises(BrowserError, match="give a path on this server"):
        run_request(address, [X], ["y"], rounds=5)


def test_a_model_that_is_sent_is_bounded() -> None:
    with pytest.raises(BrowserError, match=r"^The model has 10\.0 MiB, at most 10 go with the page"):
        run_request(bytes(MAX_MODEL_BYTES + 1), [X], ["y"], rounds=5)


@pytest.mark.parametrize("rounds", [0, -1, 1001])
def test_rounds_are_bounded(rounds: int) -> None:
    with pytest.raises(BrowserError, match="1 to 1000 are possible"):
        run_request("/a.onnx", [X], ["y"], rounds=rounds)


def test_inputs_together_are_bounded() -> None:
    half = BrowserInput.from_array("x", np.zeros(MAX_BYTES // 2 + 1, np.uint8))
    with pytest.raises(BrowserError, match=r"The inputs have 4\.0 MiB, a browser gets at most 4"):
        run_request("/a.onnx", [half, half], ["y"], rounds=5)


def test_each_change_is_another_run() -> None:
    ask = functools.partial(run_request, rounds=5)
    other = BrowserInput.from_array("x", np.zeros((2, 2), np.float32))
    requests = [
        ask("/a.onnx", [X], ["y"]),
        ask("/b.onnx", [X], ["y"]),
        ask(b"/a.onnx", [X], ["y"]),
        ask("/a.onnx", [other], ["y"]),
        ask("/a.onnx", [X], ["z"]),
        ask("/a.onnx", [X], ["y"], turn=1),
        run_request("/a.onnx", [X], ["y"], rounds=6),
    ]
    assert len({request["id"] for request in requests}) == len(requests)
    assert ask("/a.onnx", [X], ["y"]) == requests[0]


def test_only_the_run_that_was_asked_for_counts() -> None:
    report = {"id": "new", **said(told(ARRAYS[0]))}
    for state in (None, {}, {"result": None}, {"result": {**report, "id": "old"}}, {"result": "new"}):
        assert ended_run(state, "new", ["y"]) is None
    ended = ended_run({"result": report}, "new", ["y"])
    assert ended is not None
    assert ended.run is not None
    assert ended.error == ""
    failed = ended_run({"result": {**report, "threads": "many"}}, "new", ["y"])
    assert failed is not None
    assert failed.run is None
    assert failed.error.startswith("The browser sent 'many' for the number of threads")


def run_of(**outputs: NDArray[Any]) -> BrowserRun:
    made = tuple(BrowserOutput(name, values) for name, values in outputs.items())
    return BrowserRun(made, 0, 0, 0, 0, (1.0,), 1, 0, 1, True, "")


@pytest.mark.parametrize(
    ("ours", "theirs", "absolute", "relative"),
    [
        ([1.0, 2.5], [1.0, 2.0], 0.5, 0.25),
        ([math.nan, math.inf, -math.inf], [math.nan, math.inf, -math.inf], 0, 0),
        ([math.nan], [1.0], math.inf, math.inf),
        ([1.0], [math.inf], math.inf, math.inf),
        ([1e-9], [0.0], 1e-9, math.inf),
        ([0.0], [0.0], 0, 0),
        ([], [], 0, 0),
        (2.0, 4.0, 2, 0.5),
    ],
)
def test_differences(ours: object, theirs: object, absolute: float, relative: float) -> None:
    [found] = compare(run_of(y=np.array(ours, float)), {"y": np.array(theirs, float)})
    assert (found.name, found.shapes_agree) == ("y", True)
    assert found.max_absolute == pytest.approx(absolute)
    assert found.max_relative == pytest.approx(relative)


def test_whole_numbers_are_compared_exactly() -> None:
    [found] = compare(run_of(y=np.array([2**60 + 1])), {"y": np.array([2**60])})
    assert found.max_absolute == 1


def test_truth_values_can_be_compared() -> None:
    [found] = compare(run_of(y=np.array([True, False])), {"y": np.array([True, True])})
    assert found.max_absolute == 1


def test_other_shapes_and_missing_outputs_are_said() -> None:
    one, other = compare(run_of(y=np.zeros((2, 1))), {"y": np.zeros((1, 2)), "z": np.zeros(3)})
    assert not one.shapes_agree
    assert (one.shape, one.expected_shape) == ((2, 1), (1, 2))
    assert math.isnan(one.max_absolute)
    assert (other.shape, other.shapes_agree) == (None, False)


def page(runtime: Runtime, address: str = "/a.onnx") -> AppTest:
    def script(runtime, address):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - runs elsewhere
        import numpy as np
        import streamlit as st

        from ui.browser_runtime.component import run_in_browser
        from ui.browser_runtime.tensors import BrowserInput

        one = BrowserInput.from_array("x", np.ones(3, np.float32))
        st.write(f"run: {run_in_browser(address, [one], ['y'], rounds=3, key='there', runtime=runtime)}")

    return AppTest.from_function(script, kwargs={"runtime": runtime, "address": address}).run()


def test_mounts_on_a_page(shop: Shop, runtime: Runtime) -> None:
    fetch(runtime, shop.address)
    shown = page(runtime)
    assert not shown.exception
    assert not shown.caption
    assert shown.markdown[0].value == "run: None"


def test_without_the_runtime_a_page_says_how_to_add_it(runtime: Runtime) -> None:
    shown = page(runtime)
    assert not shown.exception
    assert [caption.value for caption in shown.caption] == [HOW_TO_ADD]


def test_a_wrong_request_is_one_line_on_the_page(shop: Shop, runtime: Runtime) -> None:
    fetch(runtime, shop.address)
    shown = page(runtime, "https://elsewhere/a.onnx")
    assert not shown.exception
    assert "give a path on this server" in shown.get("html")[0].proto.body


def test_the_pins_are_whole() -> None:
    package = RUNTIME.package
    assert len(base64.b64decode(package.sha512)) == 64
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in package.files)
    assert RUNTIME.folder.name == package.version
