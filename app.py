"""What you run: the ASGI app around the dashboard. `streamlit run app.py` or `uvicorn app:app`."""

import asyncio
import gc
import importlib
import logging
import pkgutil
import sys
import threading
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NoReturn

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.pages_manager import PagesManager

import ui
from core import sandbox, settings
from core.secrets.declared import DeclaredKeyError, declared_keys
from core.secrets.log_filter import SecretFilter, known_values
from core.secrets.required import MissingKeyError, check_required
from core.secrets.source import SourceError, dotenv_source, process_source, streamlit_source
from core.settings import Mode, Settings
from ui import index_page, logs
from ui.browser_runtime.routes import routes as browser_runtime_routes
from ui.errors import on_script_error
from ui.gate import Gate
from ui.netron.shelf import the_shelf
from ui.netron.site import routes as netron_routes
from ui.options import hold_options, read_options
from ui.security import SecurityHeaders
from ui.uploads import UploadBounds
from ui.visit import forget_visits

_LOGGER: Final = logging.getLogger("app")

# What the labs import and what takes long: torch alone is a second.
_HEAVY: Final = (
    "torch", "core.gradients", "core.hooks.run", "plotly.graph_objects", "core.export.child", "onnxruntime"
)  # fmt: skip
# What some views need besides: 150 MB and seconds in which nobody else is answered. One person may never open
# them; of many, somebody will.
_HEAVY_HOSTED: Final = (
    "pandas", "pyarrow", "ui.benchmark.desk", "torch._dynamo", "ui.autograd.why",
    "ui.hooks.why", "ui.onnx.benchmark", "ui.onnx.upload", "core.secrets.leaks",
)  # fmt: skip


def _warm_up() -> None:
    """Import what is heavy, so that no visitor's first page waits for it."""
    mode = _settings.resolve_mode(st.get_option("server.address"))
    for name in (*_HEAVY, *(_HEAVY_HOSTED if mode is Mode.HOSTED else ())):
        try:
            importlib.import_module(name)
        except Exception:
            # The page that needs it will say so to its visitor; the others work.
            _LOGGER.exception("could not import %s ahead of time", name)
    if mode is Mode.HOSTED:
        try:
            _first_time_ahead()
        except Exception:
            # The first visitors' pages do it then.
            _LOGGER.exception("could not do everything ahead of time")
    # The modules stay as long as the process: no collection of garbage need look at them again.
    gc.collect()
    gc.freeze()
    # In a process of its own, and before anything is measured: no visitor waits for it on a click.
    sandbox.prepare()
    try:
        from core.export.plan import ExportPlan
        from ui.onnx.exports import export_ahead

        # The ONNX lab's worked example takes seconds to export: it is there when the first visitor comes.
        export_ahead(ExportPlan())
    except Exception:
        # The first visitor's page exports it then.
        _LOGGER.exception("could not export the worked example ahead of time")
    try:
        from ui.benchmark.desk import measure_ahead

        measure_ahead()
    except Exception:
        # The page says that nothing was measured yet.
        _LOGGER.exception("could not measure the worked example ahead of time")


def _first_time_ahead() -> None:
    """Do what takes memory the first time that it is done, which no visit gives back: 30 MB in all."""
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        importlib.import_module(module.name)
    from core.contracts import examine
    from core.gradients import compare
    from core.gradients.gallery import EXAMPLES
    from ui.benchmark.desk import the_desk

    worked = EXAMPLES[0]
    compare(worked.loss, worked.values, tuple(worked.values))
    examine("x = 1")
    the_desk().history.machines(None)


def _wind_up() -> None:
    """Record what is measured of a measurement that goes on, and end its processes."""
    try:
        from ui.benchmark.desk import the_desk

        the_desk().close()
        the_desk().history.close()
    except Exception:
        # The server ends all the same; what was recorded by then is kept.
        _LOGGER.exception("could not end the measurements")


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    # A page's result is sent by another thread than the one that goes on with the page; by default that one
    # would keep the interpreter for 5 ms at a time before the result leaves.
    sys.setswitchinterval(0.0005)
    # A daemon thread: the server answers at once, and stopping it does not wait for an import.
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    forgetting = asyncio.create_task(forget_visits(), name="forget visits")
    yield
    forgetting.cancel()
    await asyncio.to_thread(_wind_up)


def _refuse(error: Exception) -> NoReturn:
    """End the process: a setting or a secret is not as it must be."""
    sys.stderr.write(f"{error}\n")
    sys.exit(2)


def _begin(chosen: Settings) -> None:
    """What comes before the first request: the keys that must be there, the log, and Streamlit's options."""
    read_options()
    files = [Path(file) for file in st.get_option("secrets.files")]
    try:
        names = [key.name for key in declared_keys((*chosen.secret_keys, *chosen.required_keys))]
        sources = (
            process_source(names),
            dotenv_source(settings.ENV_FILE),
            streamlit_source(file for file in files if not file.is_dir()),
        )
        check_required(chosen.required_keys, sources)
        known = (*known_values(sources, chosen.secret_keys), *chosen.secret_values())
    except (SourceError, DeclaredKeyError, MissingKeyError) as error:
        _refuse(error)
    mode = chosen.resolve_mode(st.get_option("server.address"))
    logs.set_up(chosen.log_level, chosen.resolve_log_format(mode), SecretFilter(known))
    bounds = chosen.limits(mode)
    hold_options(mode, bounds)
    folder = (chosen.data_dir or settings.DATA_DIR) / sandbox.FOLDER
    sandbox.configure(folder=folder, at_once=bounds.max_sandbox_runs)
    _LOGGER.info("mode: %s", mode)


# PyTorch's own remarks on two cases that the hooks lab shows on purpose, and explains on the page.
for _remark in (
    "Full backward hook is firing when gradients are computed with respect to module outputs",
    "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors",
):
    warnings.filterwarnings("ignore", message=_remark)

try:
    _settings = settings.load()
except settings.SettingsError as _error:
    _refuse(_error)

# What st.navigation does when it first runs. A deep link that comes before that would otherwise find the
# files in pages/ by itself and show one of them without the frame.
PagesManager.uses_pages_directory = False

# Streamlit finds the app by reading this line. An absolute path: it can be served from any folder.
app = st.App(
    Path(__file__).with_name("dashboard.py"),
    routes=[
        *index_page.routes(["autograd", "hooks", "onnx", "pickles", "contracts", "secrets", "runs"]),
        *netron_routes(the_shelf()),
        *browser_runtime_routes(),
    ],
    lifespan=_lifespan,
    middleware=[
        Middleware(SecurityHeaders, frame_ancestors=_settings.frame_ancestors),
        Middleware(Gate, settings=_settings),
        Middleware(UploadBounds),
    ],
    on_script_error=on_script_error,
)

# Behind st.App, which tells Streamlit where its configuration is.
_begin(_settings)
