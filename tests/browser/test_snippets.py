"""The JavaScript program, run in a real browser from a folder that a plain web server shows."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike, environ
from pathlib import Path
from shutil import copyfile
from threading import Thread

import pytest
from playwright.sync_api import Browser

from core.export.snippets import snippets
from tests.core.export.test_snippets import (
    TYPES,
    ZOO,
    assert_same,
    expected,
    exported,
    graph_of,
    identity,
    snippet,
)
from ui.browser_runtime.assets import RUNTIME
from ui.browser_runtime.fetch import FetchError, fetch, registry

pytestmark = pytest.mark.browser


MEDIA_TYPES = {Path(file.name).suffix: file.media_type for file in RUNTIME.package.files}


Run = Callable[[bytes, str, dict[str, int]], list[str]]


class Handler(SimpleHTTPRequestHandler):
    """Shows a folder, and calls JavaScript and WebAssembly by their names wherever the tests run."""

    def guess_type(self, path: str | PathLike[str]) -> str:
        return MEDIA_TYPES.get(Path(path).suffix) or super().guess_type(path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the method's own
        """Says nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runtime and an empty page."""
    try:
        fetch(RUNTIME, registry(environ))
    except FetchError as error:
        pytest.fail(str(error), pytrace=False)
    place = tmp_path_factory.mktemp("page")
    for file in RUNTIME.package.files:
        copyfile(RUNTIME.path(file), place / file.name)
    (place / "index.html").write_text("<!doctype html><title>A page</title><link rel=icon href=data:,>")
    return place


@pytest.fixture
def run(browser: Browser, folder: Path) -> Iterator[Run]:
    """Runs the program for a model under a file name with some sizes, and gives the lines that it printed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        page = browser.new_page()

        def lines(data: bytes, file_name: str, sizes: dict[str, int]) -> list[str]:
            program = snippet(snippets(graph_of(data), file_name, sizes), "JavaScript").code
            (folder / file_name).write_bytes(data)
            (folder / "run.mjs").write_text(program, encoding="utf-8")
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            page.evaluate("() => import('./run.mjs')")
            return said

        try:
            yield lines
        finally:
            page.close()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ZOO)
def test_a_model_of_the_zoo_gives_the_same_in_a_browser(run: Run, name: str) -> None:
    data = exported(name)
    assert_same(run(data, "model.onnx", {"batch": 3}), expected(data, 3))


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_of_element_gets_through_a_browser(run: Run, dtype: str) -> None:
    data = identity(dtype)
    assert_same(run(data, "model.onnx", {}), expected(data))


def test_a_file_with_an_odd_name_is_found(run: Run) -> None:
    data = identity("float")
    assert_same(run(data, "größe </script> \"'${1}#?&%41.onnx".replace("/", ""), {}), expected(data))
