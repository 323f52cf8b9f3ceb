"""The page that starts the app: Streamlit's own with one script, served for every address of a page."""

import ast
import base64
import hashlib
import re
from pathlib import Path

import pytest
import streamlit.file_util
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ui.index_page import index_page, routes
from ui.security import content_security_policy

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=routes(["autograd"])))


def test_it_is_streamlit_s_page_and_one_script() -> None:
    original = Path(streamlit.file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    page = index_page()
    script = re.search(r"\n    <script>window\.__streamlit = .*</script>", page)
    assert script is not None
    assert page.replace(script[0], "", 1) == original
    assert page.count("window.__streamlit = ") == 1
    # Before any other script, which would read it.
    assert page.index("window.__streamlit = ") < page.index("<script", page.index("</script>"))
    assert page.index("<head>") < page.index("window.__streamlit = ") < page.index("src=")


@pytest.mark.parametrize("path", ["/", "/autograd", "/?w=1", "/autograd?w=1&loss=%3Cscript%3E"])
def test_every_page_s_address_serves_it(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.text == index_page()
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["/autograd/", "/autograd/x", "/nope"])
def test_other_addresses_are_left_to_streamlit(client: TestClient, path: str) -> None:
    assert client.get(path, follow_redirects=False).status_code != 200


def test_every_page_of_the_dashboard_has_a_route() -> None:
    def texts(file: str, name: str) -> list[str]:
        calls = [
            node for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.Call)
        ]
        return [
            constant.value
            for call in calls
            if isinstance(call.func, ast.Attribute) and call.func.attr == name
            for source in (
                call.args if name == "routes" else [k.value for k in call.keywords if k.arg == "url_path"]
            )
            for constant in ast.walk(source)
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
        ]

    assert texts("dashboard.py", "Page") == [
        "autograd",
        "hooks",
        "onnx",
        "pickles",
        "contracts",
        "secrets",
        "runs",
    ]
    assert texts("app.py", "routes") == texts("dashboard.py", "Page")


def test_the_policy_allows_its_inline_scripts_and_no_other() -> None:
    policy = content_security_policy(("'self'",))
    scripts = re.findall(r"<script>(.*?)</script>", index_page(), re.DOTALL)
    assert scripts
    hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
