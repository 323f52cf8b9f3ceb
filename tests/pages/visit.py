"""A visit without a browser: opens a page by its link, runs it, and reads everything that it sends."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element, Node

DASHBOARD = Path(__file__).parent.parent.parent / "dashboard.py"

# The first run of a process imports torch.
_PATIENCE_S = 60

Value = str | float | bool | list[str]


@dataclass(frozen=True)
class Visit:
    """One visitor on one page. `run` after a change; each run must be without an exception."""

    app: AppTest

    def run(self) -> "Visit":
        """Run the script, as a browser does after a change."""
        self.app.run()
        assert [error.value for error in self.app.exception] == []
        return self

    def set(self, **values: Value | None) -> "Visit":
        """Set inputs by their keys and run; a key that is no Python name goes in `put`."""
        return self.put(values)

    def put(self, values: Mapping[str, Value | None]) -> "Visit":
        """Set inputs by their keys and run."""
        for key, value in values.items():
            self.app.session_state[key] = value
        return self.run()

    def get(self, key: str) -> object:
        """An input's value."""
        return self.app.session_state[key]

    def numbers(self) -> dict[str, str]:
        """The large numbers of the page, by the line above each."""
        found = re.findall(
            r"<div class='what'>([^<]*)</div><div class='value[^']*'>([^<]*)</div>", "".join(self._html())
        )
        return {unescape(what).split("\xa0")[0].strip(): unescape(value) for what, value in found}

    def gradients(self) -> dict[str, float]:
        """The large numbers by the variable."""
        return {
            what.removeprefix("∂L/∂"): float(value)
            for what, value in self.numbers().items()
            if what.startswith("∂L/∂")
        }

    def verdict(self) -> str:
        """The verdict's line."""
        (found,) = re.findall(
            r"<div class='uth-verdict.*?<div class='what'>(.*?)</div>", "".join(self._html())
        )
        return unescape(str(found))

    def verdicts(self) -> list[str]:
        """The lines of all verdicts and reasons, from top to bottom."""
        found = re.findall(
            r"<div class='uth-verdict[^>]*><div class='what'>(.*?)</div>", "".join(self._html())
        )
        return [unescape(line) for line in found]

    def board(self) -> list[tuple[str, ...]]:
        """The rows of the table of hooks: where, kind and action, usually, in this run."""
        rows = re.findall(r"<tr><td>.*?</tr>", "".join(self._html()))
        return [tuple(map(unescape, re.findall(r"<td[^>]*>(.*?)</td>", row))) for row in rows]

    def lanes(self) -> dict[str, list[str]]:
        """The way through the model: what stands on each lane, by the code that it is of."""
        found = re.findall(
            r"<div class='lane'><code>(.*?)</code><div class='way'>(.*?)</div>", "".join(self._html())
        )
        return {
            unescape(code): [unescape(text) for text in re.findall(r">([^<>]+)</span>", way)]
            for code, way in found
        }

    def hover_titles(self) -> list[str]:
        """What appears under the mouse in the page's own HTML."""
        found = re.findall(r"title='([^']*)'", "".join(self._html()))
        return [unescape(title) for title in found if title]

    def captions(self) -> str:
        """The small print."""
        return "\n".join(caption.value for caption in self.app.caption)

    def said(self) -> list[str]:
        """What the page says about the guesses, one line per guess."""
        return [
            unescape(line) for line in re.findall(r"<div class='said'>(.*?)</div>", "".join(self._html()))
        ]

    def troubles(self) -> list[str]:
        """The lines that say what cannot be computed, without the excerpts with a caret."""
        boxes = [html for html in self._html() if "role='alert'" in html]
        return [unescape(re.sub(r"<pre>.*?</pre>|<[^>]*>", "", html, flags=re.DOTALL)) for html in boxes]

    def excerpt(self) -> str:
        """The visitor's text with a caret below the place."""
        (found,) = re.findall(r"<pre>(.*?)</pre>", "".join(self._html()), re.DOTALL)
        return unescape(str(found))

    def notices(self) -> list[str]:
        """What the page says about its link."""
        return [warning.value for warning in self.app.warning]

    def latex(self) -> list[str]:
        """The formulas in display."""
        return [formula.value for formula in self.app.latex]

    def tables(self) -> list[list[dict[str, object]]]:
        """The tables, as rows."""
        return [frame.value.to_dict("records") for frame in self.app.dataframe]

    def components(self, name: str) -> list[Any]:
        """The v2 components of a name, as sent."""
        return [
            element.proto
            for element in self.app.get("bidi_component")
            if element.proto.component_name == name
        ]

    def everything(self) -> bytes:
        """All that the page sends to the browser: nothing that it hides may be in it.

        The messages as they are, and the data of components and charts once more without `\\u2212` for `−`.
        """
        messages = [element.proto for element in _elements(self.app._tree)]
        sent = [message.SerializeToString() for message in messages]
        texts = [getattr(message, name, "") for message in messages for name in ("json", "spec")]
        # A graph's spec is Graphviz's, not JSON.
        written = [text for text in texts if text.startswith(("{", "["))]
        decoded = [json.dumps(json.loads(text), ensure_ascii=False).encode() for text in written]
        return b"\n".join(sent + decoded)

    def text(self) -> str:
        """The same, as text."""
        return self.everything().decode(errors="ignore")

    def _html(self) -> list[str]:
        return [element.value for element in self.app.html]


def open_page(path: str, query: Mapping[str, str | list[str]] | None = None) -> Visit:
    """Open a page of the app by a link.

    Args:
        path: the page's file, such as `pages/autograd.py`.
        query: the parameters of the link.
    """
    visit = Visit(AppTest.from_file(DASHBOARD, default_timeout=_PATIENCE_S)).run()
    visit.app.switch_page(path)
    for key, value in (query or {}).items():
        visit.app.query_params[key] = value
    return visit.run()


def _elements(node: Node) -> Iterator[Element]:
    if isinstance(node, Element):
        yield node
    elif isinstance(node, Block):
        for child in node.children.values():
            yield from _elements(child)
