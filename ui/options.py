"""Streamlit's options that the app relies on, whatever the command line or the environment says."""

from __future__ import annotations

import logging
from typing import Final

from streamlit import config
from streamlit.config_option import ConfigOption

from core.limits import Limits
from core.settings import Mode

_LOG: Final = logging.getLogger(__name__)

# What a visitor from outside must not see, reach or do.
_HOSTED: Final = (
    ("client.showErrorDetails", "none"),
    ("client.showErrorLinks", False),
    ("client.toolbarMode", "viewer"),
    ("global.developmentMode", False),
    ("global.e2eTest", False),
    ("server.enableAgentApi", False),
    ("server.enableCORS", True),
    ("server.enableStaticServing", False),
    ("server.enableXsrfProtection", True),
    ("server.fileWatcherType", "none"),
    ("server.scriptHealthCheckEnabled", False),
)


def read_options() -> None:
    """Reads the app's `.streamlit/config.toml`, which a server that was started in another folder has not.

    Call it behind `st.App`, which tells Streamlit where the app is.
    """
    # The file has it for certain, and `streamlit run` has read that file.
    if config.get_where_defined("browser.gatherUsageStats") == ConfigOption.DEFAULT_DEFINITION:
        # That changes the server's options, and it would tell to restart; the server has not begun.
        logging.disable(logging.WARNING)
        try:
            config.get_config_options(force_reparse=True)
        finally:
            logging.disable(logging.NOTSET)


def hold_options(mode: Mode, limits: Limits) -> None:
    """Sets what the app relies on; in hosted mode the log says which options were set otherwise.

    Call it before the app serves: Streamlit reads some of them once, when it does.

    Args:
        mode: who can reach the app.
        limits: in force; they bound uploads.
    """
    for name, value in _HOSTED if mode is Mode.HOSTED else ():
        if config.get_option(name) != value:
            _LOG.warning("%s is set to %s, as the app is hosted", name, value)
            config.set_option(name, value)
    # What prints exceptions to stdout, past the log.
    config.set_option("logger.enableRich", value=False)
    config.set_option("server.maxUploadSize", limits.max_upload_mb)
