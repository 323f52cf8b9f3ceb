"""Makes the files of the data source example: the same 48 made-up readings as CSV and as an SQLite database.

`python -m tests.core.contracts.make_readings` writes them into the app; a test compares what lies there.
"""

import csv
import io
import sqlite3
from pathlib import Path
from typing import NamedTuple

from core.contracts import swap

DATA = Path(swap.__file__).parent / "data"
HOURS = 48
# Where an SQLite file says which library wrote it last, and what is put there, so that every library makes
# the same bytes.
VERSION_AT = slice(96, 100)
VERSION = (3_040_000).to_bytes(4, "big")


class Reading(NamedTuple):
    """One hour: a temperature in °C and a power in kW."""

    hour: int
    temperature: float
    power: float


def readings() -> list[Reading]:
    """power = 0.5 * temperature + 0.1, with noise of at most 0.5 kW from a small congruential generator."""
    state, made = 1, []
    for hour in range(HOURS):
        tenths = 80 + 15 * abs(12 - hour % 24) + 7 * (hour % 5)
        state = (1103515245 * state + 12345) % 2**31
        hundredths = 5 * tenths + 10 + state // 2**16 % 101 - 50
        made.append(Reading(hour, tenths / 10, hundredths / 100))
    return made


def csv_file() -> bytes:
    """The readings as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Reading._fields)
    writer.writerows(readings())
    return text.getvalue().encode()


def sqlite_file() -> bytes:
    """The readings as an SQLite database, without anything that depends on the library or the clock."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA page_size = 512")
    connection.execute("CREATE TABLE readings (hour INTEGER PRIMARY KEY, temperature REAL, power REAL)")
    connection.executemany("INSERT INTO readings VALUES (?, ?, ?)", readings())
    connection.commit()
    data = bytearray(connection.serialize())
    connection.close()
    data[VERSION_AT] = VERSION
    return bytes(data)


if __name__ == "__main__":
    (DATA / "readings.csv").write_bytes(csv_file())
    (DATA / "readings.sqlite").write_bytes(sqlite_file())
