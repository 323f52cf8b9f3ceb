"""The house that every page stands in: headers, no outside requests, both themes, failures, settings."""

import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser
from websockets.exceptions import InvalidStatus

from tests.browser.protocol import visit
from tests.browser.server import ROOT, serve
from tests.browser.visitor import Visitor
from ui import security

# One of everything that the labs are made of.
EVERYTHING = '''
import numpy as np
import plotly.graph_objects as go
import streamlit as st

grid = np.add.outer(np.arange(9.0) ** 2, np.arange(9.0))
st.latex(r"\\frac{\\partial L}{\\partial w} = 2(wx + b - y)x")
st.plotly_chart(go.Figure(go.Contour(z=grid)), key="contour")
st.plotly_chart(go.Figure(go.Surface(z=grid)), key="surface")
st.dataframe({"a": [1, 2]})
st.number_input("w", value=0.5)
st.slider("s", 0.0, 1.0)
st.html("<style>html { font-size: 17px }</style><p style='color: red'>styled</p>")
st.iframe("<p>framed</p>", height=50)
st.iframe("/_stcore/health", height=50)
st.download_button("save", "data", "x.py")
st.code("import torch")
st.graphviz_chart("digraph { a -> b }")
component = st.components.v2.component(
    "probe", html="<p id='probe'></p>", css="#probe { color: red }",
    js="""export default function (component) {
        component.parentElement.querySelector("#probe").textContent = "component runs"
    }""",
)
component(key="probe")
if st.button("fail"):
    raise ValueError("bait: /etc/passwd")
'''


def copy_of_the_app(folder: Path, page: str) -> Path:
    """The app with another page in place of the dashboard; returns its script."""
    for name in ("core", "ui", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "app.py", folder)
    (folder / "dashboard.py").write_text(page)
    return folder / "app.py"


def headers(url: str) -> dict[str, str]:
    try:
        with urlopen(url) as response:
            found = response.headers
    except HTTPError as error:
        found = error.headers
        error.close()
    return {name.lower(): value for name, value in found.items()}


def test_every_kind_of_response_has_the_headers(app_url: str) -> None:
    with urlopen(app_url) as response:
        script = re.search(r'src="\./(static/js/[^"]+)"', response.read().decode())
    assert script is not None
    expected = {name.lower(): value for name, value in security.headers(("'self'",)).items()}
    for path in (
        "",
        script[1],
        "_stcore/health",
        "_stcore/host-config",
        "media/missing.png",
        "_stcore/missing",
    ):
        assert expected.items() <= headers(f"{app_url}/{path}").items(), path


def test_the_first_page_is_without_errors_and_outside_requests(visitor: Visitor) -> None:
    # The visitor's fixture asserts both at the end.
    assert visitor.open("/").ok
    assert any(url.startswith("ws://") for url in visitor.requests)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system(new_visitor: Callable[..., Visitor], scheme: str) -> None:
    visitor = new_visitor(color_scheme=scheme)
    visitor.open("/")
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"][scheme]
    style = (
        "element => { const style = getComputedStyle(element); return [style.backgroundColor, style.color] }"
    )
    shown = visitor.page.get_by_test_id("stApp").evaluate(style)
    expected = [theme["backgroundColor"], theme["textColor"]]
    assert shown == [f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:7], 16)})" for c in expected]


def test_the_policy_lets_everything_work_that_labs_are_made_of(browser: Browser, tmp_path: Path) -> None:
    script = copy_of_the_app(tmp_path / "app", EVERYTHING)
    with serve(tmp_path, script) as server:
        page = browser.new_page()
        visitor = Visitor(page, server.url)
        visitor.open("/")
        page.get_by_text("component runs").wait_for()
        page.locator(".katex").first.wait_for()
        page.locator(".js-plotly-plot .contour").first.wait_for()
        page.locator(".js-plotly-plot canvas").first.wait_for()
        page.get_by_test_id("stGraphVizChart").locator("svg").first.wait_for()
        page.get_by_test_id("stDataFrame").locator("canvas").first.wait_for()
        assert page.frame_locator("iframe").first.locator("p").inner_text() == "framed"
        assert visitor.errors == []
        assert visitor.outside() == []

        page.get_by_role("button", name="fail").click()
        alert = page.get_by_test_id("stAlert")
        alert.wait_for()
        visitor.wait()
        found = re.search(r"\b[0-9a-f]{8}\b", alert.inner_text())
        assert found is not None
        for secret in ("bait", "ValueError", "Traceback", str(tmp_path)):
            assert secret not in page.content()
        page.close()
        log = server.log.read_text()
        assert f"script error {found[0]}" in log
        assert "ValueError: bait: /etc/passwd" in log


def test_what_is_heavy_is_imported_before_a_page_asks(browser: Browser, tmp_path: Path) -> None:
    page = """
import sys
import streamlit as st

@st.fragment(run_every=0.2)
def show():
    st.write("warm" if "torch" in sys.modules else "cold")

show()
"""
    with serve(tmp_path, copy_of_the_app(tmp_path / "app", page)) as server, browser.new_page() as tab:
        Visitor(tab, server.url).open("/")
        tab.get_by_text("warm").wait_for()


def test_a_library_that_cannot_be_imported_stops_no_page(browser: Browser, tmp_path: Path) -> None:
    script = copy_of_the_app(tmp_path / "app", "import streamlit as st\nst.write('still here')")
    shutil.rmtree(script.parent / "core/gradients")
    with serve(tmp_path, script) as server, browser.new_page() as tab:
        Visitor(tab, server.url).open("/")
        tab.get_by_text("still here").wait_for()
        deadline = time.monotonic() + 30  # torch comes first
        while "could not import core.gradients ahead of time" not in server.log.read_text():
            assert time.monotonic() < deadline, server.log.read_text()
            time.sleep(0.1)


def test_a_wrong_setting_is_refused_at_start_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", "0"]
    environment = {"HOME": str(tmp_path), "PATH": "", "UTH_MODE": "hoste"}
    refused = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr == "UTH_MODE: got 'hoste', expected local or hosted\n"


@pytest.mark.parametrize(
    ("mode", "expected"), [({"UTH_MODE": ""}, "local"), ({"UTH_MODE": "hosted"}, "hosted")]
)
def test_the_log_tells_the_mode(tmp_path: Path, mode: dict[str, str], expected: str) -> None:
    with serve(tmp_path, copy_of_the_app(tmp_path / "app", "import streamlit"), mode) as server:
        assert f"mode: {expected}" in server.log.read_text()


def test_a_hosted_app_shows_no_details_whatever_the_environment_says(tmp_path: Path) -> None:
    page = """
import streamlit as st

st.text(f"{st.get_option('client.showErrorDetails')} {st.get_option('client.toolbarMode')}")

def broken(_text):
    raise RuntimeError("bait: of the handler")

# What the app shows instead of Streamlit's box fails as well.
st.error = broken
raise ValueError("bait: of the page")
"""
    loose = {
        "UTH_MODE": "hosted",
        "UTH_MAX_UPLOAD_MB": "3",
        "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full",
        "STREAMLIT_CLIENT_TOOLBAR_MODE": "developer",
    }
    script = copy_of_the_app(tmp_path / "app", page)
    with serve(tmp_path, script, loose) as server, visit(server.url) as open_:
        shown = open_.run()
        (box,) = [each.exception for each in open_.elements if each.HasField("exception")]
    assert shown.splitlines()[0] == "none viewer"
    assert "bait" not in str(box)
    assert not box.stack_trace
    log = server.log.read_text()
    assert "client.showErrorDetails is set to none, as the app is hosted" in log
    assert "ValueError: bait: of the page" in log
    assert "RuntimeError: bait: of the handler" in log


def test_a_hosted_app_answers_under_its_hosts_and_gives_metrics_to_who_has_the_token(tmp_path: Path) -> None:
    token = "t0ken-" * 4
    chosen = {"UTH_MODE": "hosted", "UTH_ALLOWED_HOSTS": "school.example", "UTH_METRICS_TOKEN": token}

    def ask(path: str, **more: str) -> tuple[int, str, dict[str, str]]:
        try:
            with urlopen(Request(f"{server.url}/{path}", headers=more)) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except HTTPError as error:
            with error:
                return error.code, error.read().decode(), dict(error.headers)

    with serve(tmp_path, copy_of_the_app(tmp_path / "app", "import streamlit"), chosen) as server:
        assert ask("_stcore/health")[:2] == (200, "ok")
        status, said, found = ask("")
        assert (status, said.count("\n")) == (400, 0)
        expected = {name.lower(): value for name, value in security.headers(("'self'",)).items()}
        assert expected.items() <= {name.lower(): value for name, value in found.items()}.items()
        assert ask("", Host="school.example:8501")[0] == 200
        with pytest.raises(InvalidStatus, match="403"), visit(server.url):
            pass
        metrics = "_stcore/metrics"
        assert ask(metrics, Host="school.example")[:2] == (404, "Not Found")
        status, said, _ = ask(metrics, Host="school.example", Authorization=f"Bearer {token}")
        assert status == 200
        assert "active_sessions" in said
        assert said.endswith("# EOF\n")
    assert token not in server.log.read_text()


def test_without_a_required_key_the_app_does_not_start_and_says_which(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", "0"]
    environment = {
        "HOME": str(tmp_path),
        "PATH": "",
        "UTH_REQUIRED_KEYS": "UTH_TEST_A UTH_TEST_B",
        "UTH_TEST_B": "b",
    }
    refused = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("UTH_TEST_A is not set: ")
    assert "UTH_TEST_B" not in refused.stderr
