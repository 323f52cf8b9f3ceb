"""The process in which a member is taken out of a file. Its parent is `core.pickles.lab.unpacking`."""

from __future__ import annotations

import mmap
from pathlib import Path

from core.pickles.bounds import Bounds
from core.pickles.lab.unpacking import take_out
from core.process import Child


def main() -> None:
    """Writes the member that the parent names to the file that it names."""
    child = Child()
    request = child.request
    with Path(request["path"]).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        content = take_out(mapped, request["member"], Bounds(**request["bounds"]))
    if content is None:
        child.fail("It is not there, or too large unpacked.")
        return
    Path(request["out"]).write_bytes(content)
    child.emit({"unpacked": len(content)})


if __name__ == "__main__":
    main()
