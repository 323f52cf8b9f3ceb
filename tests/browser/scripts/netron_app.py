"""A server with Netron and one page, as app.py is one with all labs."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from ui import index_page
from ui.netron.shelf import the_shelf
from ui.netron.site import routes
from ui.security import SecurityHeaders

app = st.App(
    Path(__file__).with_name("netron_script.py"),
    routes=[*index_page.routes([]), *routes(the_shelf())],
    middleware=[Middleware(SecurityHeaders, frame_ancestors=("'self'",))],
)
