"""Who looks on: a random number in a cookie, which tells one browser from another and nothing else."""

from __future__ import annotations

import re
import secrets
from typing import Final

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "uth_visitor"
_SECONDS: Final = 365 * 24 * 3600
_BYTES: Final = 24
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")


def visitor() -> str:
    """The visitor's number: the same in all tabs of a browser, or of this visit where it has no cookie."""
    cookie = str(st.context.cookies.get(COOKIE, ""))
    if _TOKEN.fullmatch(cookie):
        return cookie
    token: str = st.session_state.setdefault("visitor", secrets.token_urlsafe(_BYTES))
    return token


def give_number(request: Request, response: Response) -> None:
    """Gives a browser its number with a page, unless it has one."""
    if _TOKEN.fullmatch(request.cookies.get(COOKIE, "")):
        return
    response.set_cookie(
        COOKIE,
        secrets.token_urlsafe(_BYTES),
        max_age=_SECONDS,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
