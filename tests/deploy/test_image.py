import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.deploy.image import USER, Container, run, wait_until_healthy

PAGES = ("", "autograd", "hooks", "onnx", "pickles", "contracts", "runs")


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    with run() as started:
        wait_until_healthy(started)
        yield started


def errors(container: Container) -> list[str]:
    """What the log has of errors; it is in JSON where an app is hosted."""
    lines = [line for line in container.log.read_text().splitlines() if line.startswith("{")]
    assert lines
    return [line for line in lines if json.loads(line)["level"] in {"ERROR", "CRITICAL"}]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_are_sent_serve_every_page(page: str, container: Container) -> None:
    with urlopen(f"http://127.0.0.1:{container.port}/{page}", timeout=30) as response:
        assert response.status == 200
        assert b"<script" in response.read()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_and_writes_nothing_beside_the_app(page: str, container: Container) -> None:
    before = files(container.app)
    asked = BackMsg()
    asked.rerun_script.page_name = page
    address = f"ws://127.0.0.1:{container.port}/_stcore/stream"
    elements = 0
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as visit:
        visit.send(asked.SerializeToString())
        answer = ForwardMsg()
        while answer.WhichOneof("type") != "script_finished":
            data = visit.recv(timeout=60)
            assert isinstance(data, bytes)
            answer.ParseFromString(data)
            if answer.WhichOneof("type") == "delta":
                elements += 1
                assert answer.delta.new_element.WhichOneof("type") != "exception"
    assert answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    assert elements > 5
    assert files(container.app) == before
    assert errors(container) == []


def test_its_program_cannot_be_changed_and_its_data_can(container: Container) -> None:
    for refused in ("new", "app.py", "core/new", "core/settings.py"):
        assert not container.may_write(container.app / refused)
    for allowed in (container.tmp / "new", container.data / "new"):
        assert container.may_write(allowed)


def test_it_is_hosted(container: Container) -> None:
    assert "hosted" in container.log.read_text()


def test_it_runs_as_the_images_user(container: Container) -> None:
    process = psutil.Process(container.process.pid)
    # Only root can choose; anyone else is already a user without rights.
    assert set(process.uids()) == {USER if os.geteuid() == 0 else os.geteuid()}


def test_the_first_process_is_the_server_itself(container: Container) -> None:
    connections = psutil.Process(container.process.pid).net_connections(kind="tcp")
    assert container.port in {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}


def test_sigterm_ends_it_in_order(container: Container) -> None:
    children = psutil.Process(container.process.pid).children(recursive=True)
    # The server winds up, and then ends of the signal, as its parent expects.
    assert container.stop() == -signal.SIGTERM
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert errors(container) == []
    assert container.health().returncode == 1
