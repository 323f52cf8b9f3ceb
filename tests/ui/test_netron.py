"""Netron's shelf and site: bounded, secret, gone with the visit, and nothing left that calls home."""

import gc
import re
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st_
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient
from streamlit import config
from streamlit.testing.v1 import AppTest

from ui.netron import site
from ui.netron.shelf import MAX_BYTES_EACH, Model, Shelf, ShelfError, Shelved, file_name, the_shelf
from ui.netron.site import address, routes

ROOT = Path(__file__).parent.parent.parent


class Clock:
    """Goes when it is told to; lets go of what it has been given when it is read, if it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.dropped: list[Shelved] = []
        self.drops = False

    def __call__(self) -> float:
        if self.drops:
            self.dropped.clear()
        return self.now


def put(shelf: Shelf, count: int, owner: str = "one", size: int = 10) -> list[Shelved]:
    return [shelf.put(bytes([number]) * size, f"m{number}", owner) for number in range(count)]


def left(shelf: Shelf, handles: list[Shelved]) -> list[str]:
    """The names of the handles whose models are still there; asking for them counts as use."""
    return [handle.name for handle in handles if shelf.get(handle.token) is not None]


def client(shelf: Shelf) -> TestClient:
    return TestClient(Starlette(routes=routes(shelf)))


@pytest.fixture
def base_path() -> Iterator[str]:
    config.set_option("server.baseUrlPath", "/labs/")
    yield "/labs"
    config.set_option("server.baseUrlPath", "")


class TestShelf:
    def test_gives_what_was_put(self) -> None:
        shelf = Shelf()
        handle = shelf.put(b"abc", "mlp", "one")
        model = shelf.get(handle.token)
        assert model is not None
        assert (model.data, model.name, handle.name) == (b"abc", "mlp.onnx", "mlp.onnx")

    def test_the_longest_unused_makes_room(self) -> None:
        shelf = Shelf(models=3)
        handles = [shelf.put(b"x", f"m{number}", f"owner{number}") for number in range(3)]
        assert shelf.get(handles[0].token)
        handles += [shelf.put(b"x", "m3", "owner3")]
        assert left(shelf, handles) == ["m0.onnx", "m2.onnx", "m3.onnx"]

    def test_an_owner_makes_room_among_their_own(self) -> None:
        shelf = Shelf(models=10, models_each=2)
        others = put(shelf, 2, "other")
        mine = put(shelf, 5, "me")
        assert left(shelf, others) == ["m0.onnx", "m1.onnx"]
        assert left(shelf, mine) == ["m3.onnx", "m4.onnx"]

    def test_bytes_are_bounded_in_all(self) -> None:
        shelf = Shelf(size=35)
        handles = put(shelf, 5)
        assert left(shelf, handles) == ["m2.onnx", "m3.onnx", "m4.onnx"]
        handles.append(shelf.put(b"x" * 35, "whole", "one"))
        assert left(shelf, handles) == ["whole.onnx"]

    def test_a_model_that_is_too_large_is_refused_and_nothing_goes_for_it(self) -> None:
        shelf = Shelf(size_each=2 * 2**20)
        kept = put(shelf, 2)
        with pytest.raises(ShelfError) as caught:
            shelf.put(bytes(3 * 2**20), "big", "one")
        assert str(caught.value) == (
            "The model has 3 MiB and Netron is given 2 MiB at most: "
            "choose a smaller one, or open the file with Netron on your own machine."
        )
        assert left(shelf, kept) == ["m0.onnx", "m1.onnx"]

    def test_the_default_bounds(self) -> None:
        shelf = Shelf()
        handles = [shelf.put(b"x", "m", f"owner{number // 7}") for number in range(7 * 20)]
        assert len(shelf) == 64
        assert shelf.get(handles[-1].token)
        with pytest.raises(ShelfError):
            shelf.put(bytes(MAX_BYTES_EACH + 1), "big", "one")

    def test_what_nobody_asks_for_expires(self) -> None:
        clock = Clock()
        shelf = Shelf(idle_seconds=60, clock=clock)
        handles = put(shelf, 2)
        clock.now += 40
        assert shelf.get(handles[1].token)
        clock.now += 40
        assert left(shelf, handles) == ["m1.onnx"]
        clock.now += 61
        assert len(shelf) == 0

    def test_a_model_goes_when_its_handle_is_closed(self) -> None:
        shelf = Shelf()
        first, second = put(shelf, 2)
        first.close()
        first.close()
        assert left(shelf, [first, second]) == ["m1.onnx"]

    def test_a_model_goes_with_the_last_who_holds_its_handle(self) -> None:
        shelf = Shelf()
        state: dict[str, object] = {"handle": shelf.put(b"x", "m", "one")}
        state["itself"] = state
        gc.disable()
        try:
            del state
            assert len(shelf) == 1
        finally:
            gc.enable()
        gc.collect()
        assert len(shelf) == 0

    def test_garbage_collected_inside_the_shelf_neither_blocks_nor_breaks_it(self) -> None:
        clock = Clock()
        shelf = Shelf(clock=clock)
        clock.dropped.append(shelf.put(b"x", "m", "one"))
        sizes: list[int] = []
        # The clock is read while the shelf is locked: there the last handle goes.
        clock.drops = True
        thread = threading.Thread(target=lambda: sizes.extend([len(shelf), len(shelf)]), daemon=True)
        thread.start()
        thread.join(10)
        assert sizes == [1, 0]

    def test_two_shelves_know_nothing_of_each_other(self) -> None:
        one, other = Shelf(), Shelf()
        handle = one.put(b"x", "m", "same")
        assert other.get(handle.token) is None
        assert len(other) == 0

    def test_tokens_cannot_be_guessed(self) -> None:
        shelf = Shelf()
        handles = put(shelf, 50)
        tokens = {handle.token for handle in handles}
        assert len(tokens) == 50
        # 43 characters of 6 bits each: 256 bits of the system's randomness.
        assert all(re.fullmatch(r"[\w-]{43}", token, re.ASCII) for token in tokens)

    def test_the_server_has_one(self) -> None:
        found: list[Shelf] = []
        thread = threading.Thread(target=lambda: found.append(the_shelf()))
        thread.start()
        thread.join()
        assert found == [the_shelf()]


@given(st_.text(max_size=200))
def test_any_name_is_safe_in_an_address_and_a_header(name: str) -> None:
    assert re.fullmatch(r"[\w-]{1,60}\.onnx", file_name(name), re.ASCII)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("mlp.onnx", "mlp.onnx"),
        ("my model (2).onnx", "my-model-2.onnx"),
        ("../../etc/passwd", "etc-passwd.onnx"),
        ('a"\r\nSet-Cookie: b', "a-Set-Cookie-b.onnx"),
        ("модель", "model.onnx"),
    ],
)
def test_names(name: str, safe: str) -> None:
    assert file_name(name) == safe


class TestModels:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_a_model_is_served_whole_and_kept_by_nobody(self, method: str) -> None:
        shelf = Shelf()
        data = bytes(range(256)) * 10
        handle = shelf.put(data, "mlp", "one")
        # As Streamlit has it around every route. Weights are as long when they are packed.
        packing = [Middleware(GZipMiddleware)]
        browser = TestClient(Starlette(routes=routes(shelf), middleware=packing))
        response = browser.request(method, f"/netron/data/{handle.token}/{handle.name}?cb=1")
        assert response.status_code == 200
        assert response.content == (data if method == "GET" else b"")
        assert response.headers["content-length"] == "2560"
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-disposition"] == 'attachment; filename="mlp.onnx"'

    def test_an_unknown_token_is_one_plain_line(self) -> None:
        shelf = Shelf()
        handle = shelf.put(b"x", "mlp", "one")
        for token in ("x", handle.token[:-1], handle.token.swapcase()):
            response = client(shelf).get(f"/netron/data/{token}/mlp.onnx")
            assert response.status_code == 404
            assert response.headers["content-type"] == "text/plain; charset=utf-8"
            assert response.text == "This model is no longer here: run its page again to have it shown."
            assert response.headers["cache-control"] == "no-store"

    def test_a_site_serves_its_own_shelf(self) -> None:
        one, other = Shelf(), Shelf()
        handle = one.put(b"x", "m", "one")
        assert client(one).get(f"/netron/data/{handle.token}/m.onnx").status_code == 200
        assert client(other).get(f"/netron/data/{handle.token}/m.onnx").status_code == 404

    def test_only_reading(self) -> None:
        shelf = Shelf()
        handle = shelf.put(b"x", "m", "one")
        for path in (f"data/{handle.token}/m.onnx", "", "index.js"):
            for method in ("POST", "PUT", "DELETE"):
                response = client(shelf).request(method, f"/netron/{path}", content=b"y")
                assert response.status_code in {404, 405}
        model = shelf.get(handle.token)
        assert model is not None
        assert model.data == b"x"

    def test_the_address_leads_to_page_and_model_below_any_path(self, base_path: str) -> None:
        shelf = Shelf()
        handle = shelf.put(b"x", "m", "one")
        found = address(handle, "dark")
        assert found == f"{base_path}/netron/?url=data/{handle.token}/m.onnx&theme=dark"
        browser = client(shelf)
        assert browser.get(found).status_code == 200
        assert browser.get(f"{base_path}/netron/data/{handle.token}/m.onnx").content == b"x"
        assert browser.get("/netron/").status_code == 404

    @pytest.mark.parametrize("theme", [None, "", "system"])
    def test_without_a_theme_it_is_the_system_s(self, theme: str | None) -> None:
        handle = Shelf().put(b"x", "m", "one")
        assert address(handle, theme) == f"/netron/?url=data/{handle.token}/m.onnx"


class TestPage:
    def test_nothing_calls_home_asks_or_locks(self) -> None:
        response = client(Shelf()).get("/netron/")
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        metas = dict(re.findall(r'<meta name="(\w+)" content="([^"]*)">', response.text))
        assert metas["version"] == "0.0.0"
        assert metas["type"] == "Frame"
        assert "date" not in metas
        assert "javascript:" not in response.text
        assert "set-cookie" not in response.headers
        script = client(Shelf()).get("/netron/browser.js")
        assert script.headers["content-type"].startswith("text/javascript")
        for step in ("age()", "consent()", "telemetry()"):
            assert f"await {step}" not in script.text
        assert "await capabilities();" in script.text

    def test_it_has_no_script_of_its_own_in_it(self) -> None:
        text = client(Shelf()).get("/netron/").text
        assert re.findall(r"<script[^>]*>", text) == ['<script type="text/javascript" src="index.js">']
        assert not re.search(r"\son\w+=", text)

    def test_every_address_in_it_is_beside_it(self) -> None:
        text = client(Shelf()).get("/netron/").text
        fetched = re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"', text)
        assert "index.js" in fetched
        assert all(re.fullmatch(r"[\w-]+\.\w+", name) for name in fetched)
        assert all(client(Shelf()).get(f"/netron/{name}").status_code == 200 for name in fetched)

    @pytest.mark.parametrize("path", ["/netron/", "/netron/grapher.css"])
    @pytest.mark.parametrize(
        ("theme", "rule"),
        [
            ("dark", "@media all {"),
            ("light", "@media not all {"),
            ("", "@media (prefers-color-scheme: dark) {"),
            ("<script>", "@media (prefers-color-scheme: dark) {"),
        ],
    )
    def test_the_theme_is_the_page_s(self, path: str, theme: str, rule: str) -> None:
        text = client(Shelf()).get(path, params={"theme": theme}).text
        assert rule in text
        assert ("prefers-color-scheme" in text) is ("prefers" in rule)
        assert "<script>" not in text
        assert not re.search(r"\{(query|surfaces)\}", text)
        if path == "/netron/" and theme in {"dark", "light"}:
            assert f'href="grapher.css?theme={theme}"' in text

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_its_backgrounds_are_the_app_s(self, theme: str) -> None:
        settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
        colours = settings["theme"][theme]
        text = client(Shelf()).get("/netron/", params={"theme": theme}).text
        assert f".target {{ background-color: {colours['backgroundColor']}; }}" in text
        assert f".menu {{ background-color: {colours['secondaryBackgroundColor']}; }}" in text

    def test_another_wheel_is_noticed(self) -> None:
        known = '<meta name="version" content="9.3.3">\n<meta name="date" content="2026-10-23 19:50:08">\n'
        changes = site._PAGE_CHANGES[:2]
        assert site.change(known, changes) == '<meta name="version" content="0.0.0">\n'
        for other in ("", known * 2, known.replace("date", "built"), known.replace("9.3.3", "nightly")):
            with pytest.raises(RuntimeError, match="this version is not known"):
                site.change(other, changes)
        with pytest.raises(RuntimeError, match="this version of the wheel is not known"):
            site.themed("@media (prefers-contrast: more) {}", "dark")


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("index.js", "text/javascript"),
            ("onnx.js", "text/javascript"),
            ("onnx-metadata.json", "application/json"),
            ("favicon.ico", "image/"),
        ],
    )
    def test_what_the_browser_needs_is_there(self, name: str, kind: str) -> None:
        response = client(Shelf()).get(f"/netron/{name}")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(kind)
        assert response.headers["cache-control"] == "no-cache"
        known = {"If-None-Match": response.headers["etag"]}
        assert client(Shelf()).get(f"/netron/{name}", headers=known).status_code == 304

    def test_graphs_go_from_left_to_right(self) -> None:
        script = client(Shelf()).get("/netron/view.js").text
        assert "direction: 'horizontal'," in script
        assert "direction: 'vertical'," not in script

    def test_the_brackets_around_shapes_are_in_common_fonts(self) -> None:
        shipped = (site._folder() / "view.js").read_text(encoding="utf-8")
        served = client(Shelf()).get("/netron/view.js").text
        assert served.count(r"\u27e8") == shipped.count(r"\u3008") > 0
        assert served.count(r"\u27e9") == shipped.count(r"\u3009") > 0
        assert r"\u300" not in served

    def test_a_large_file_is_not_sent_anew_each_time(self) -> None:
        browser = client(Shelf())
        response = browser.get("/netron/onnx-metadata.json?cb=17", follow_redirects=False)
        assert response.is_redirect
        assert response.headers["location"] == "onnx-metadata.json"
        assert browser.get("/netron/onnx-metadata.json?cb=17").json()

    @pytest.mark.parametrize(
        "path",
        [
            "server.py",
            "__init__.py",
            "onnx.py",
            "__pycache__/server.cpython-311.pyc",
            "index.html",
            "nothing.js",
            "..%2Fnumpy%2Fversion.json",
            "%2e%2e/streamlit/static/index.js",
            "..%5Cindex.js",
            "%2Fetc%2Fpasswd",
            "index.js%00",
            "sub/index.js",
            "C:index.js",
        ],
    )
    def test_nothing_else_is(self, path: str) -> None:
        for query in ("", "?cb=1"):
            response = client(Shelf()).get(f"/netron/{path}{query}")
            assert response.status_code == 404
            assert response.text == "Not Found"

    @pytest.mark.parametrize("path", ["/elsewhere.example/index.js", "//elsewhere.example/index.js"])
    def test_nobody_is_sent_elsewhere(self, path: str) -> None:
        response = client(Shelf()).get(f"/netron/{path}?cb=1", follow_redirects=False)
        assert response.status_code == 404


def page_with_two_frames() -> None:
    import streamlit as st

    from ui.netron.frame import show

    show(st.session_state["data"], "my model", key="first", alt="the first")
    show(b"always the same", "other", key="second", alt="the second")


class TestFrame:
    def sources(self, page: AppTest) -> list[str]:
        assert not page.exception
        return [str(frame.proto.src) for frame in page.get("iframe")]

    def test_a_rerun_keeps_the_address_and_another_model_changes_it(self) -> None:
        page = AppTest.from_function(page_with_two_frames)
        page.session_state["data"] = b"one"
        first, second = self.sources(page.run())
        assert first != second
        found = re.fullmatch(r"/netron/\?url=data/([\w-]{43})/my-model\.onnx(&theme=\w+)?", first)
        assert found is not None
        assert self.sources(page.run()) == [first, second]
        page.session_state["data"] = b"two"
        changed, same = self.sources(page.run())
        assert changed != first
        assert same == second
        # A browser may be loading the last one still.
        assert the_shelf().get(found[1]) == Model(b"one", "my-model.onnx")
        page.session_state["data"] = b"three"
        page.run()
        assert the_shelf().get(found[1]) is None

    def test_a_model_that_made_room_is_put_again(self) -> None:
        page = AppTest.from_function(page_with_two_frames)
        page.session_state["data"] = b"one"
        before = self.sources(page.run())
        page.session_state["first:netron"].close()
        after = self.sources(page.run())
        assert after[0] != before[0]
        assert after[1] == before[1]

    def test_two_visits_have_addresses_of_their_own(self) -> None:
        pages = [AppTest.from_function(page_with_two_frames) for _ in range(2)]
        for page in pages:
            page.session_state["data"] = b"one"
        assert len({source for page in pages for source in self.sources(page.run())}) == 4

    def test_too_large_is_one_line_and_the_rest_goes_on(self) -> None:
        page = AppTest.from_function(page_with_two_frames)
        page.session_state["data"] = bytes(MAX_BYTES_EACH + 2**20)
        assert len(self.sources(page.run())) == 1
        said = [str(html.proto.body) for html in page.get("html")]
        assert len(said) == 1
        assert "The model has 65 MiB and Netron is given 64 MiB at most" in said[0]
