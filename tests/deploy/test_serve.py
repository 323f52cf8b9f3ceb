import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.process import ROOT
from deploy import serve


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({}, 8501),
        ({"PORT": ""}, 8501),
        ({"PORT": "  "}, 8501),
        ({"PORT": "1"}, 1),
        ({"PORT": " 65535 "}, 65535),
    ],
)
def test_the_port_is_the_one_that_the_host_gives(environment: dict[str, str], port: int) -> None:
    assert serve.port(environment) == port


@pytest.mark.parametrize(
    "named", ["0", "65536", "-1", "8501.0", "8_501", "0x50", "٨٥٠١", "http", "8501; rm -rf /", "9" * 5000]
)
def test_anything_else_is_named_in_one_line(named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main({"PORT": named}) == 2
    said = capsys.readouterr().err
    assert said.startswith("PORT: got ")
    assert said.endswith(", expected a number from 1 to 65535\n")
    assert len(said) < 140


@given(st.integers(min_value=1, max_value=65535))
def test_every_port_can_be_named(number: int) -> None:
    assert serve.port({"PORT": str(number)}) == number


def test_the_command_serves_the_app_to_every_interface_unless_one_is_named() -> None:
    command = serve.command({"PORT": "80"})
    assert command[:5] == [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py")]
    options = dict(zip(command[5::2], command[6::2], strict=True))
    assert options == {"--server.address": serve.ADDRESS, "--server.port": "80", "--server.headless": "true"}
    assert "127.0.0.1" in serve.command({"ADDRESS": "127.0.0.1"})


def test_this_process_becomes_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[object] = []
    monkeypatch.setattr("os.chdir", became.append)
    monkeypatch.setattr("os.execve", lambda *arguments: became.extend(arguments))
    given_ = {"PORT": "8600", "PATH": "/bin"}
    serve.main(given_)
    assert became == [ROOT, sys.executable, serve.command(given_), given_]
