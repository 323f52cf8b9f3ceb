"""A visit without a browser: Streamlit's messages over the websocket, as they are sent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 60


class Visit:
    """A visit; `headers` are those of the answer that opened it."""

    def __init__(self, connection: ClientConnection, query: str) -> None:
        self._connection = connection
        self._query = query
        self.elements: list[Element] = []
        assert connection.response is not None
        self.headers: Mapping[str, str] = connection.response.headers

    def run(self, **texts: str) -> str:
        """Runs the page with these texts in the text inputs of these keys; the words that it shows."""
        message = BackMsg()
        message.rerun_script.query_string = self._query
        for key, text in texts.items():
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id, widget.string_value = self._widget(key), text
        self._connection.send(message.SerializeToString())
        self.elements = []
        words: list[str] = []
        while True:
            got = self._connection.recv(PATIENCE_S)
            assert isinstance(got, bytes)
            forward = ForwardMsg.FromString(got)
            if forward.WhichOneof("type") == "script_finished":
                return "\n".join(filter(None, words))
            if forward.delta.WhichOneof("type") == "new_element":
                element = forward.delta.new_element
                self.elements.append(element)
                said = (element.alert, element.markdown, element.text)
                words += [each.body for each in said if each.body] + [element.exception.message]

    def send(self, data: bytes) -> None:
        """Sends whatever bytes."""
        self._connection.send(data)

    def _widget(self, key: str) -> str:
        ids = (element.text_input.id for element in self.elements)
        return next(str(name) for name in ids if name.endswith(f"-{key}"))


@contextmanager
def visit(url: str, query: str = "", headers: Mapping[str, str] | None = None) -> Iterator[Visit]:
    """Visits the page at `url`, with `headers` on top of a browser's."""
    address = f"ws://{urlsplit(url).netloc}/_stcore/stream{'?' if query else ''}{query}"
    with connect(
        address, additional_headers=dict(headers or {}), open_timeout=PATIENCE_S, max_size=None
    ) as open_:
        yield Visit(open_, query)
