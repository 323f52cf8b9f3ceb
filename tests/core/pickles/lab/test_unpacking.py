import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Callable

import pytest

from core.pickles import Bounds, scan
from core.pickles.lab import unpacking
from core.pickles.lab.samples import sample
from core.pickles.lab.stretches import packed, unpacked
from core.pickles.lab.unpacking import MOST_BYTES, start, take_out

PLANTED = sample("planted").data


def deflated(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", "hello")
        archive.writestr("model/data.pkl", data)
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "zlib": zlib.compress, "bz2": bz2.compress, "xz": lzma.compress,
    "zip": deflated, "zip in gzip": lambda data: gzip.compress(deflated(data)),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKERS)
def test_what_is_taken_out_are_the_bytes_that_were_packed(name: str) -> None:
    data = PACKERS[name](PLANTED)
    (member,) = packed(scan(data))
    content = take_out(data, member.name)
    assert content == PLANTED
    stretch = unpacked(content, member)
    assert stretch is not None
    assert (stretch.offset, stretch.data, stretch.unpacked) == (0, PLANTED, True)


def test_an_unpacked_joblib_file_has_arrays_between_its_opcodes() -> None:
    data = sample("joblib").data
    (member,) = packed(scan(data))
    content = take_out(data, member.name)
    assert content is not None
    stretch = unpacked(content, member)
    assert stretch is not None
    assert stretch.arrays


def test_what_is_not_packed_is_not_taken_out() -> None:
    assert packed(scan(PLANTED)) == ()
    assert take_out(PLANTED, "") is None
    assert take_out(gzip.compress(PLANTED), "another") is None


def test_a_bomb_is_not_unpacked_beyond_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(pickle.dumps(bytes(2**20)))
    assert take_out(bomb, "content", Bounds(member_bytes=2**16)) is None
    monkeypatch.setattr(unpacking, "MOST_BYTES", 2**16)
    assert take_out(bomb, "content") is None
    assert MOST_BYTES == 2**24


def test_a_process_of_its_own_gives_the_same_and_leaves_nothing() -> None:
    going = start(deflated(PLANTED), "model/data.pkl")
    going.process.wait_until_over(60)
    assert going.process.error == ""
    assert going.content() == PLANTED
    going.discard()
    going.discard()
    assert not going.path.parent.exists()
    assert going.content() is None


def test_what_is_not_there_is_one_line() -> None:
    going = start(gzip.compress(PLANTED), "another")
    assert going.process.wait(60) == [{"error": "It is not there, or too large unpacked."}]
    assert going.content() is None
    going.discard()
