"""The app around the page: the runtime's files, a shelf of models, and the real security headers."""

import os
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ui.browser_runtime.routes import routes
from ui.security import SecurityHeaders

app = st.App(
    Path(__file__).with_name("browser_runtime_script.py"),
    routes=[*routes(), Mount("/models", StaticFiles(directory=os.environ["MODELS"]))],
    middleware=[Middleware(SecurityHeaders, frame_ancestors=("'self'",))],
)
