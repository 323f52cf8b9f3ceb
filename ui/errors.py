"""What happens when a page's script fails: one line for the visitor, the whole for the log."""

import logging
import secrets

import streamlit as st

_LOGGER = logging.getLogger(__name__)


def on_script_error(error: Exception) -> bool:
    """Show the visitor one line with an id, and log the traceback with the same id.

    The exception's text stays in the log: it may quote a path, a setting or a visitor's input. The log's line
    has the id as `error_id` too, beside the visit and the number of its websocket.

    Returns:
        True, which tells Streamlit not to show a box of its own.
    """
    error_id = secrets.token_hex(4)
    _LOGGER.error("script error %s", error_id, exc_info=error, extra={"error_id": error_id})
    st.error(
        f"This page failed here. Reset its inputs or reload it; if you report it, give the id `{error_id}`."
    )
    return True
