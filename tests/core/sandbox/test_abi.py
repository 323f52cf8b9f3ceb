"""The guest's own C library is the witness for numbers, and the specification's table for sizes."""

import json
import struct

import pytest

from core.sandbox import abi
from core.sandbox.abi import Errno, Rights
from core.sandbox.guest import Guest
from tests.core.sandbox.doubles import order


def test_errors_have_the_numbers_that_the_interpreter_knows_them_by(guest: Guest) -> None:
    result = guest.run(order("import errno\nprint({n[1:]: v for v, n in errno.errorcode.items()})"))
    known = json.loads(result.stdout.replace("'", '"'))
    ours = {errno.name: errno.value for errno in Errno if errno is not Errno.SUCCESS}
    assert set(ours) - set(known) <= {"NOTCAPABLE"}
    assert {name: known[name] for name in ours if name in known} == {
        name: value for name, value in ours.items() if name in known
    }


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        (abi.IOVEC, 8),
        (abi.FDSTAT, 24),
        (abi.FILESTAT, 64),
        (abi.PRESTAT, 8),
        (abi.DIRENT, 24),
        (abi.SUBSCRIPTION, 48),
        (abi.EVENT, 32),
    ],
)
def test_layouts_have_the_sizes_of_the_specification(layout: struct.Struct, size: int) -> None:
    assert layout.size == size


def test_fields_stand_where_the_specification_has_them() -> None:
    filestat = abi.FILESTAT.pack(1, 2, 3, 4, 5, 6, 7, 8)
    assert [filestat[offset] for offset in (0, 8, 16, 24, 32, 40, 48, 56)] == [1, 2, 3, 4, 5, 6, 7, 8]
    fdstat = abi.FDSTAT.pack(1, 2, 3, 4)
    assert [fdstat[offset] for offset in (0, 2, 8, 16)] == [1, 2, 3, 4]
    dirent = abi.DIRENT.pack(1, 2, 3, 4)
    assert [dirent[offset] for offset in (0, 8, 16, 20)] == [1, 2, 3, 4]
    event = abi.EVENT.pack(1, 2, 3, 4, 5)
    assert [event[offset] for offset in (0, 8, 10, 16, 24)] == [1, 2, 3, 4, 5]
    clock = bytes([1, *[0] * 7, 2, *[0] * 7, 3, *[0] * 7, 4, *[0] * 7, 5, *[0] * 7, 6, *[0] * 7])
    assert abi.SUBSCRIPTION.unpack(clock) == (1, 2, 3, 4, 5, 6)


def test_rights_are_the_thirty_bits_of_the_specification() -> None:
    assert sum(Rights) == 2**30 - 1
    assert Rights.FD_WRITE == 1 << 6
    assert Rights.PATH_OPEN == 1 << 13
    assert Rights.FD_READDIR == 1 << 14
    assert Rights.POLL_FD_READWRITE == 1 << 27
