"""A visitor without a browser: speaks Streamlit's own messages over its websocket, as a browser does."""

from __future__ import annotations

import asyncio
import http.client
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.Common_pb2 import FileUploaderState, FileURLs, FileURLsRequest, UploadedFileInfo
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PATIENCE_S: Final = 90.0
"""How long an answer may take."""
CANARY: Final = re.compile(rb"cnry[0-9a-f]{12}")
XSRF: Final = "_streamlit_xsrf"
_ALERT: Final = "role='alert'"
_MAX_MESSAGE: Final = 2**26
_BOUNDARY: Final = "----------soak"


def new_canary() -> str:
    """A word that nobody else writes, and that is a name in a formula and in a graph."""
    return f"cnry{secrets.token_hex(6)}"


@dataclass(frozen=True)
class Widget:
    """An input as it was sent.

    Attributes:
        id: what the server calls it.
        key: what the page calls it; "None" if it does not.
        kind: the name of its message, such as `number_input`; of containers `tabs`, `expander`, `popover`.
        fragment: of the page, that runs alone when it changes; empty for the whole page.
        element: the message; None for a container.
        choices: what can be chosen, where something can.
    """

    id: str
    key: str
    kind: str
    fragment: str
    element: Element | None = None
    choices: tuple[str, ...] = ()


@dataclass
class Heard:
    """What a visitor was sent that should not be, and how long answers took.

    Attributes:
        errors: elements that say that something failed, and answers that did not come.
        foreign: words of other visitors.
        troubles: lines that say what is wrong with an input: no error.
        seconds: page and time from asking to the end of the script's run.
        bytes: all that came.
    """

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seconds: list[tuple[str, float]] = field(default_factory=list)
    bytes: int = 0


class Visitor:
    """One visit over a websocket of its own: `async with Visitor(url) as visitor`.

    Attributes:
        canary: a word that this visitor alone writes.
        heard: what was noticed.
        widgets: the page's inputs, by their keys; those without one by their ids.
        page: the path of the page, without the slash.
        pages: what the server calls the pages, by their paths.
        session: what the server calls the visit; given to come back to one.
    """

    def __init__(self, url: str, canary: str = "", heard: Heard | None = None, session: str = "") -> None:
        self.canary = canary or new_canary()
        self.heard = heard or Heard()
        self.widgets: dict[str, Widget] = {}
        self.page = ""
        self._url = url.rstrip("/")
        self._cookies: dict[str, str] = {}
        self._socket: ClientConnection | None = None
        self.pages: dict[str, str] = {}
        self._hash = ""
        self._query = ""
        self.session = session
        self._texts: list[str] = []
        self._values: dict[str, WidgetState] = {}
        self._seen: set[str] = set()
        self._tabs: dict[tuple[int, ...], tuple[str, list[str]]] = {}
        self._whole = False
        self._asked_whole = False
        self._finished = asyncio.Event()
        self._urls: asyncio.Queue[FileURLs] = asyncio.Queue()
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Visitor:
        """Open the page as a browser does: its text, the cookies, the websocket, the first run."""
        for path in ("/", "/_stcore/health"):
            await asyncio.to_thread(self._get, path)
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        # A browser that comes back names the visit that it had.
        spoken = ["streamlit", *(["none", self.session] if self.session else [])]
        self._socket = await connect(
            f"{self._url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol(each) for each in spoken],
            additional_headers={"Cookie": cookie},
            max_size=_MAX_MESSAGE,
            open_timeout=PATIENCE_S,
        )
        self._listener = asyncio.create_task(self._listen(self._socket))
        await self._ask()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Go without a word, as one who closes the tab."""
        self._stop_timers()
        if self._socket is not None:
            await self._socket.close()
        if self._listener is not None:
            self._listener.cancel()
            with suppress(asyncio.CancelledError):
                await self._listener

    @property
    def text(self) -> str:
        """The plain texts of the page."""
        return " ".join(self._texts)

    async def go(self, page: str, query: str = "") -> None:
        """Go to a page by the menu; `query` as in the address."""
        self.page = page
        self._hash = self.pages.get(page, "")
        if not self._hash:
            self.heard.errors.append(f"there is no page /{page}")
            return
        self._query = query
        self._values.clear()
        await self._ask()

    async def set(self, key: str, value: str | float | bool | Sequence[str]) -> bool:
        """Change an input of the page; False if there is none of that key."""
        widget = self.widgets.get(key)
        if widget is None:
            return False
        self._values[widget.id] = _state(widget, value)
        await self._ask(fragment=widget.fragment)
        return True

    async def press(self, key: str) -> bool:
        """Press a button; False if there is none of that key."""
        widget = self.widgets.get(key)
        if widget is None or widget.kind != "button":
            return False
        await self._ask(WidgetState(id=widget.id, trigger_value=True), fragment=widget.fragment)
        return True

    async def upload(self, key: str, name: str, data: bytes) -> bool:
        """Give a file to a place for one; False if there is none of that key."""
        widget = self.widgets.get(key)
        if widget is None or widget.kind != "file_uploader":
            return False
        asked = FileURLsRequest(request_id=secrets.token_hex(8), file_names=[name], session_id=self.session)
        await self._send(BackMsg(file_urls_request=asked))
        urls = await asyncio.wait_for(self._urls.get(), PATIENCE_S)
        status = await asyncio.to_thread(self._put, urls.upload_url, name, data)
        if status >= 300:
            self.heard.troubles.append(f"an upload was answered with {status}")
            return False
        info = UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls)
        self._values[widget.id] = WidgetState(
            id=widget.id, file_uploader_state_value=FileUploaderState(uploaded_file_info=[info])
        )
        await self._ask(fragment=widget.fragment)
        return True

    async def _ask(self, *pressed: WidgetState, fragment: str = "") -> None:
        """Ask for a run of the page and wait for its end."""
        self._finished.clear()
        self._asked_whole = not fragment
        start = time.perf_counter()
        await self._rerun(*pressed, fragment=fragment)
        try:
            await asyncio.wait_for(self._finished.wait(), PATIENCE_S)
        except TimeoutError:
            self.heard.errors.append(f"/{self.page}: no answer within {PATIENCE_S:g} s")
        else:
            if not fragment:
                self.heard.seconds.append((self.page, time.perf_counter() - start))

    async def _rerun(self, *pressed: WidgetState, fragment: str = "", auto: bool = False) -> None:
        about = ContextInfo(
            timezone="Europe/Vienna", timezone_offset=-60, locale="en-US", is_embedded=False,
            url=f"{self._url}/{self.page}", color_scheme="light",
        )  # fmt: skip
        state = ClientState(
            query_string=self._query,
            widget_states=WidgetStates(widgets=[*self._values.values(), *pressed]),
            page_script_hash=self._hash,
            fragment_id=fragment,
            is_auto_rerun=auto,
            context_info=about,
        )
        await self._send(BackMsg(rerun_script=state))

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None
        try:
            await self._socket.send(message.SerializeToString())
        except ConnectionClosed as error:
            self.heard.errors.append(f"/{self.page}: the server closed the connection: {error}")

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                self.heard.bytes += len(data)
                self._look_for_others(data)
                self._hear(ForwardMsg.FromString(data))
        except ConnectionClosed as error:
            self.heard.errors.append(f"/{self.page}: the connection was lost: {error}")
        finally:
            # Nobody waits for what cannot come.
            self._finished.set()

    def _look_for_others(self, data: bytes) -> None:
        for word in set(CANARY.findall(data)):
            if word.decode() != self.canary:
                self.heard.foreign.append(f"/{self.page}: {word.decode()}")

    def _hear(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._begin(message)
            case "delta":
                self._draw(message.delta, tuple(message.metadata.delta_path))
            case "navigation":
                self.pages = {
                    page.url_pathname if not page.is_default else "": page.page_script_hash
                    for page in message.navigation.app_pages
                }
                self._hash = self._hash or message.navigation.page_script_hash
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "auto_rerun":
                every = message.auto_rerun
                self._set_timer(every.fragment_id, every.interval)
            case "stop_auto_rerun":
                for name in message.stop_auto_rerun.fragment_ids:
                    self._stop_timer(name)
            case "file_urls_response":
                for urls in message.file_urls_response.file_urls:
                    self._urls.put_nowait(urls)
            case "session_event" if (
                message.session_event.WhichOneof("type") == "script_compilation_exception"
            ):
                self.heard.errors.append(f"/{self.page}: the script could not be read")
            case "script_finished":
                self._end(message.script_finished)

    def _begin(self, message: ForwardMsg) -> None:
        new = message.new_session
        self.session = new.initialize.session_id or self.session
        if not message.metadata.run.fragment_ids:
            self._whole = True
            self._seen = set()
            self._texts = []
            self._tabs = {}
            self._stop_timers()

    def _end(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.heard.errors.append(f"/{self.page}: the script could not be read")
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if self._whole:
            self.widgets = {key: each for key, each in self.widgets.items() if key in self._seen}
            gone = self._values.keys() - {each.id for each in self.widgets.values()}
            for name in gone:
                del self._values[name]
        # While a whole run is waited for, the end of a part that ran by the clock is not it.
        if self._whole or not self._asked_whole:
            self._asked_whole = False
            self._finished.set()
        self._whole = False

    def _draw(self, delta: Delta, path: tuple[int, ...]) -> None:
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            self._draw_block(delta.add_block, path, delta.fragment_id)
        elif kind == "new_element":
            self._draw_element(delta.new_element, delta.fragment_id)

    def _draw_element(self, element: Element, fragment: str) -> None:
        kind = element.WhichOneof("type") or ""
        if kind == "exception":
            self.heard.errors.append(f"/{self.page}: {element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            self.heard.errors.append(f"/{self.page}: {element.alert.body}")
        elif kind == "html" and _ALERT in element.html.body:
            said = re.sub(r"<[^>]*>", " ", element.html.body)
            self.heard.troubles.append(" ".join(said.split())[:200])
        elif kind == "text":
            self._texts.append(element.text.body)
        message = getattr(element, kind, None)
        name = str(getattr(message, "id", ""))
        if not name.startswith("$$ID"):
            return
        options = getattr(message, "options", ())
        choices = tuple(str(getattr(each, "content", each)) for each in options)
        if getattr(message, "set_value", False):
            # The server has the say now.
            self._values.pop(name, None)
        if not getattr(message, "disabled", False):
            self._know(Widget(name, _key(name), kind, fragment, element, choices))

    def _draw_block(self, block: Block, path: tuple[int, ...], fragment: str) -> None:
        match block.WhichOneof("type"):
            case "tab_container" if block.tab_container.id:
                self._tabs[path] = (block.tab_container.id, [])
            case "tab" if path[:-1] in self._tabs:
                name, labels = self._tabs[path[:-1]]
                labels.append(block.tab.label)
                self._know(Widget(name, _key(name), "tabs", fragment, None, tuple(labels)))
            case "expandable" if block.expandable.id:
                name = block.expandable.id
                self._know(Widget(name, _key(name), "expander", fragment))
            case "popover" if block.popover.id:
                name = block.popover.id
                self._know(Widget(name, _key(name), "popover", fragment))

    def _know(self, widget: Widget) -> None:
        key = widget.key if widget.key != "None" else widget.id
        self.widgets[key] = widget
        self._seen.add(key)

    def _set_timer(self, fragment: str, seconds: float) -> None:
        async def poll() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self._rerun(fragment=fragment, auto=True)

        self._stop_timer(fragment)
        self._timers[fragment] = asyncio.create_task(poll())

    def _stop_timer(self, fragment: str) -> None:
        timer = self._timers.pop(fragment, None)
        if timer is not None:
            timer.cancel()

    def _stop_timers(self) -> None:
        for name in list(self._timers):
            self._stop_timer(name)

    def _get(self, path: str) -> None:
        connection = self._connection()
        try:
            connection.request("GET", path, headers=self._header())
            response = connection.getresponse()
            self._look_for_others(response.read())
            for name, value in response.getheaders():
                if name.lower() == "set-cookie":
                    self._cookies |= _cookies(value)
        finally:
            connection.close()

    def _put(self, path: str, name: str, data: bytes) -> int:
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = self._header() | {
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            "X-Xsrftoken": self._cookies.get(XSRF, ""),
        }
        connection = self._connection()
        try:
            connection.request("PUT", path, body=body, headers=headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=PATIENCE_S)

    def _header(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": cookie} if cookie else {}


def _cookies(header: str) -> dict[str, str]:
    name, _, value = header.partition(";")[0].partition("=")
    plain = SimpleCookie(header)
    return {name.strip(): plain[name.strip()].value if name.strip() in plain else value}


def _key(name: str) -> str:
    """The page's own key in what the server calls an input: `$$ID-hash-key`."""
    return name.split("-", 2)[-1]


def _state(widget: Widget, value: str | float | bool | Sequence[str]) -> WidgetState:
    state = WidgetState(id=widget.id)
    match widget.kind:
        case "number_input":
            state.double_value = float(value)  # type: ignore[arg-type]
        case "slider":
            state.double_array_value.data.append(float(value))  # type: ignore[arg-type]
        case "checkbox" | "expander" | "popover":
            state.bool_value = bool(value)
        case "button_group" | "multiselect":
            values = [value] if isinstance(value, str) else list(value)  # type: ignore[arg-type]
            state.string_array_value.data.extend(values)
        case _:
            state.string_value = str(value)
    return state
