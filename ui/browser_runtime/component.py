"""A run of a model in the visitor's browser: the component that starts it, and what became of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from ui.browser_runtime.assets import HOW_TO_ADD, RUNTIME, Runtime, available
from ui.browser_runtime.outcome import MAX_ROUNDS, BrowserRun, read_run
from ui.browser_runtime.routes import WORKER_PATH
from ui.browser_runtime.tensors import MAX_BYTES, BrowserError, BrowserInput
from ui.messages import trouble

MAX_MODEL_BYTES: Final = 10 * 2**20
"""How large a model may be that is sent with the page; one that is served may be larger."""

_HERE: Final = Path(__file__).parent
_COMPONENT: Final = st.components.v2.component(
    "browser_run",
    html=(_HERE / "component.html").read_text(encoding="utf-8"),
    css=(_HERE / "component.css").read_text(encoding="utf-8"),
    js=(_HERE / "component.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Ended:
    """How a run ended: the run, or in one line why there is none."""

    id: str
    run: BrowserRun | None
    error: str = ""


def run_in_browser(
    model: str | bytes,
    inputs: Sequence[BrowserInput],
    outputs: Sequence[str],
    *,
    rounds: int,
    key: str,
    turn: int = 0,
    runtime: Runtime = RUNTIME,
) -> BrowserRun | None:
    """Runs a model in the visitor's browser, once for each new set of arguments, from when it is first shown.

    It shows how far the run is, and in one line why it failed or that the runtime is not on this server.

    Args:
        model: where on this server the file is, such as `/models/token.onnx`, or the file itself.
        inputs: all inputs of the model.
        outputs: the names of the outputs that are wanted.
        rounds: how many timings to take; fewer if they would take longer than 10 seconds.
        key: identifies it on its page.
        turn: another number runs the same again.
        runtime: the runtime's files.

    Returns:
        The run when it has ended well, else None.
    """
    if not available(runtime):
        st.caption(HOW_TO_ADD)
        return None
    try:
        request = run_request(model, inputs, outputs, rounds=rounds, turn=turn, runtime=runtime)
    except BrowserError as error:
        trouble(str(error))
        return None
    kept = f"{key}:ended"

    def heard() -> None:
        ended = ended_run(st.session_state.get(key), request["id"], outputs)
        if ended is not None:
            st.session_state[kept] = ended

    ended: Ended | None = st.session_state.get(kept)
    if ended is not None and ended.id != request["id"]:
        ended = None
    _COMPONENT(key=key, data=request if ended is None else ended_data(ended), on_result_change=heard)
    if ended is None:
        return None
    if ended.error:
        trouble(ended.error)
    return ended.run


def run_request(
    model: str | bytes,
    inputs: Sequence[BrowserInput],
    outputs: Sequence[str],
    *,
    rounds: int,
    turn: int = 0,
    runtime: Runtime = RUNTIME,
) -> dict[str, Any]:
    """What is sent to the browser for a run.

    Raises:
        BrowserError: one line for what no browser can run.
    """
    if isinstance(model, str) and (not model.startswith("/") or model.startswith(("//", "/\\"))):
        raise BrowserError(
            f"The model's address is {model[:60]!r}: give a path on this server, such as /a.onnx."
        )
    if isinstance(model, bytes) and len(model) > MAX_MODEL_BYTES:
        raise BrowserError(
            f"The model has {len(model) / 2**20:.1f} MiB, at most {MAX_MODEL_BYTES // 2**20} go with the "
            "page: give an address."
        )
    if not 1 <= rounds <= MAX_ROUNDS:
        raise BrowserError(f"A run of {rounds} rounds was asked for: 1 to {MAX_ROUNDS} are possible.")
    size = sum(len(each.data) for each in inputs)
    if size > MAX_BYTES:
        raise BrowserError(
            f"The inputs have {size / 2**20:.1f} MiB, a browser gets at most {MAX_BYTES // 2**20}: "
            "take a smaller batch."
        )
    script, module, wasm = runtime.package.files
    request = {
        "ended": "",
        "worker": WORKER_PATH,
        "runtime": {
            "prefix": runtime.prefix,
            "script": script.name,
            "module": module.name,
            "wasm": wasm.name,
            "wasm_size": wasm.size,
        },
        "model": {"url": model} if isinstance(model, str) else {"data": base64.b64encode(model).decode()},
        "inputs": [each.packed() for each in inputs],
        "outputs": list(outputs),
        "rounds": rounds,
        "max_bytes": MAX_BYTES,
    }
    text = json.dumps([request, turn])
    return {"id": hashlib.sha256(text.encode()).hexdigest()[:32], **request}


def ended_data(ended: Ended) -> dict[str, Any]:
    """What is sent to the browser when it has nothing more to do."""
    words = "Stopped." if ended.error else "Ran in this browser."
    return {"id": ended.id, "ended": words}


def ended_run(state: object, expected: str, outputs: Sequence[str]) -> Ended | None:
    """How the run of that id ended, if the component's state says so; what it sent may be anything."""
    said = state.get("result") if isinstance(state, Mapping) else None
    if not isinstance(said, Mapping) or said.get("id") != expected:
        return None
    try:
        return Ended(expected, read_run(said, outputs))
    except BrowserError as error:
        return Ended(expected, None, str(error))
