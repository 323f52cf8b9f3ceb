"""Swap the part: a pipeline that relies on an interface, and parts that can be plugged into it.

Every text here is a piece of a program for the sandbox, which a visitor may change. The files are real and
ship with the app; `tests/core/contracts/make_readings.py` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

_DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Part:
    """Something that can be plugged into the pipeline.

    Attributes:
        name: its class's.
        source: the class, and the line `PART = …` that plugs it in.
        complete: whether it has every method of the interface as it stands.
    """

    name: str
    source: str
    complete: bool


@dataclass(frozen=True)
class Assembly:
    """An interface, the pipeline behind it, and what can be plugged in.

    Attributes:
        name: for the address.
        title: in a few words.
        interface: what the pipeline relies on.
        pipeline: what stays as it is, whatever is plugged in.
        parts: complete ones, and an incomplete one.
        files: what the program can read, by name.
        says: what is real about it and what is not.
    """

    name: str
    title: str
    interface: str
    pipeline: str
    parts: tuple[Part, ...]
    files: Mapping[str, bytes] = field(hash=False)
    says: str


def pieces(assembly: Assembly, part: Part) -> tuple[tuple[str, str], ...]:
    """The interface, the part and the pipeline, each with the comment that stands above it."""
    return (
        ("# The interface: what the pipeline relies on.", assembly.interface),
        ("# The part: swap it.", part.source),
        ("# The pipeline: the same for every part.", assembly.pipeline),
    )


def assemble(assembly: Assembly, part: Part) -> str:
    """The whole program: the interface, the part as it stands or as it was changed, and the pipeline.

    `core.contracts.place` says which line of it is which of theirs.
    """
    texts = (line for heading, text in pieces(assembly, part) for line in (heading, text.strip("\n"), "", ""))
    return "\n".join(texts).rstrip("\n") + "\n"


_CLIENT: Final = '''\
from abc import ABC, abstractmethod


class LLMClient(ABC):
    @abstractmethod
    def model_name(self) -> str:
        """Which model answers."""

    @abstractmethod
    def complete(self, prompt: str) -> str:
        """The model's answer to a prompt."""
'''

_TRIAGE: Final = """\
TICKETS = ["I want a refund", "I forgot my password", "The app crashes"]


def triage(client: LLMClient) -> None:
    print(f"Asking {client.model_name()}")
    for ticket in TICKETS:
        print(f"{ticket}: {client.complete('Which team helps? ' + ticket)}")


triage(PART())
"""

_HOSTED: Final = Part(
    name="HostedClient",
    source='''\
import json


class HostedClient(LLMClient):
    """Stands for a hosted API: real requests and responses, but fixed answers."""

    ANSWERS = {"refund": "billing", "password": "accounts", "crash": "engineering"}

    def model_name(self) -> str:
        return "hosted-model (an API; the answers are fixed text)"

    def complete(self, prompt: str) -> str:
        message = {"role": "user", "content": prompt}
        response = self.post(json.dumps({"model": "hosted-model", "messages": [message]}))
        return json.loads(response)["choices"][0]["message"]["content"]

    def post(self, body: str) -> str:
        """Where a real client sends the request. This one has no network."""
        prompt = json.loads(body)["messages"][0]["content"]
        found = [team for word, team in self.ANSWERS.items() if word in prompt]
        content = found[0] if found else "no fixed answer for this"
        return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]})


PART = HostedClient
''',
    complete=True,
)

_LOCAL: Final = Part(
    name="LocalClient",
    source='''\
class LocalClient(LLMClient):
    """Stands for a model on this machine: it gives word after word, but of fixed text."""

    ANSWERS = {"refund": "billing", "password": "accounts", "crash": "engineering"}

    def model_name(self) -> str:
        return "local-model (on this machine; the answers are fixed text)"

    def complete(self, prompt: str) -> str:
        return " ".join(self.generate(prompt))

    def generate(self, prompt: str):
        """Where a real model computes the next word."""
        found = [team for word, team in self.ANSWERS.items() if word in prompt]
        yield from found[0].split() if found else ["no", "fixed", "answer", "for", "this"]


PART = LocalClient
''',
    complete=True,
)

_NAMELESS: Final = Part(
    name="NamelessClient",
    source='''\
class NamelessClient(LLMClient):
    """Forgets model_name."""

    def complete(self, prompt: str) -> str:
        return "engineering"


PART = NamelessClient
''',
    complete=False,
)

_SOURCE: Final = '''\
from abc import ABC, abstractmethod
from collections.abc import Iterator


class ReadingSource(ABC):
    @abstractmethod
    def rows(self) -> Iterator[tuple[float, float]]:
        """One temperature in °C and power in kW after the other."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the file."""
'''

_FIT: Final = '''\
def fit(source: ReadingSource) -> None:
    """Fits power = w * temperature + b by least squares; never holds more than a row."""
    n = sum_x = sum_y = sum_xx = sum_xy = 0.0
    for x, y in source.rows():
        n, sum_x, sum_y = n + 1, sum_x + x, sum_y + y
        sum_xx, sum_xy = sum_xx + x * x, sum_xy + x * y
    source.close()
    w = (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x)
    b = (sum_y - w * sum_x) / n
    print(f"{n:.0f} rows: power = {w:.4f} * temperature + {b:.4f}")


fit(PART())
'''

_CSV: Final = Part(
    name="CsvSource",
    source='''\
import csv


class CsvSource(ReadingSource):
    """Reads readings.csv, a line at a time."""

    def __init__(self) -> None:
        self.file = open("readings.csv", encoding="utf-8", newline="")

    def rows(self) -> Iterator[tuple[float, float]]:
        for row in csv.DictReader(self.file):
            yield float(row["temperature"]), float(row["power"])

    def close(self) -> None:
        self.file.close()


PART = CsvSource
''',
    complete=True,
)

_DATABASE: Final = Part(
    name="DatabaseSource",
    source='''\
import sqlite3


class DatabaseSource(ReadingSource):
    """Streams from readings.sqlite, a few rows at a time."""

    def __init__(self) -> None:
        # Nobody writes to the file, so SQLite needs no lock.
        self.database = sqlite3.connect("file:readings.sqlite?immutable=1", uri=True)

    def rows(self) -> Iterator[tuple[float, float]]:
        query = "SELECT temperature, power FROM readings ORDER BY hour"
        cursor = self.database.execute(query)
        while batch := cursor.fetchmany(16):
            yield from batch

    def close(self) -> None:
        self.database.close()


PART = DatabaseSource
''',
    complete=True,
)

_OPEN_ENDED: Final = Part(
    name="OpenEndedSource",
    source='''\
class OpenEndedSource(ReadingSource):
    """Forgets close."""

    def rows(self) -> Iterator[tuple[float, float]]:
        yield from [(10.0, 5.1), (20.0, 10.1)]


PART = OpenEndedSource
''',
    complete=False,
)

ASSEMBLIES: Final[tuple[Assembly, ...]] = (
    Assembly(
        name="client",
        title="An LLM client: hosted API or local model",
        interface=_CLIENT,
        pipeline=_TRIAGE,
        parts=(_HOSTED, _LOCAL, _NAMELESS),
        files=MappingProxyType({}),
        says="Both clients answer from fixed text: no model runs, and nothing is sent anywhere.",
    ),
    Assembly(
        name="source",
        title="A data source: CSV file or database stream",
        interface=_SOURCE,
        pipeline=_FIT,
        parts=(_CSV, _DATABASE, _OPEN_ENDED),
        files=MappingProxyType(
            {name: (_DATA / name).read_bytes() for name in ("readings.csv", "readings.sqlite")}
        ),
        says="Both sources read real files that ship with the app: the same made-up readings of 48 hours, as "
        "CSV and as an SQLite database.",
    ),
)
"""The two examples, the part that is plugged in first before the others."""
