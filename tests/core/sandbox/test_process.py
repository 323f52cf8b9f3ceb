import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sandbox.abi import Errno
from core.sandbox.process import (
    CLOCK_ENDS_NS,
    CLOCK_STARTS_NS,
    MAX_DESCRIPTORS,
    MAX_RANDOM,
    Chance,
    Clock,
    Descriptor,
    Descriptors,
    Output,
    OutputFull,
    Stream,
)
from core.sandbox.wasi_files import FileError, Folder


@given(limit=st.integers(0, 50), parts=st.lists(st.tuples(st.booleans(), st.binary(max_size=20))))
def test_output_keeps_exactly_what_fits_of_both_streams_together(
    limit: int, parts: list[tuple[bool, bytes]]
) -> None:
    output = Output(limit)
    out, err, full = b"", b"", False
    for to_stdout, data in parts:
        kept = data[: limit - len(out) - len(err)]
        out, err = (out + kept, err) if to_stdout else (out, err + kept)
        try:
            output.write(Stream.STDOUT if to_stdout else Stream.STDERR, data)
        except OutputFull:
            full = True
            break
    assert (bytes(output.stdout), bytes(output.stderr)) == (out, err)
    assert full == (sum(len(data) for _, data in parts) > limit)
    assert output.room == limit - len(out) - len(err)


def test_the_clock_starts_on_a_fixed_date_and_passes_with_fuel() -> None:
    fuel = [0]
    clock = Clock(lambda: fuel[0])
    assert clock.realtime() == CLOCK_STARTS_NS
    fuel[0] = 5_000
    assert (clock.processor(), clock.monotonic()) == (5_000, 5_000)
    assert clock.realtime() == CLOCK_STARTS_NS + 5_000


@given(st.lists(st.integers(-(2**65), 2**65)))
def test_time_never_goes_back_and_never_overflows(sleeps: list[int]) -> None:
    clock = Clock(lambda: 7)
    before = clock.monotonic()
    for nanoseconds in sleeps:
        clock.sleep(nanoseconds)
        assert before <= clock.monotonic() <= CLOCK_ENDS_NS
        before = clock.monotonic()
        assert clock.realtime() < 2**63
        assert clock.processor() == 7


def test_sleeping_is_not_computing() -> None:
    clock = Clock(lambda: 3)
    clock.sleep(10**9)
    assert (clock.monotonic(), clock.processor()) == (10**9 + 3, 3)


def test_random_bytes_run_out() -> None:
    chance = Chance()
    assert len(chance.take(MAX_RANDOM - 1)) == MAX_RANDOM - 1
    assert len(chance.take(1)) == 1
    with pytest.raises(FileError) as failed:
        chance.take(1)
    assert failed.value.errno is Errno.IO
    assert chance.take(0) == b""


def test_two_runs_get_different_random_bytes() -> None:
    assert Chance().take(16) != Chance().take(16)


def test_descriptors_get_the_lowest_number_and_are_bounded() -> None:
    descriptors = Descriptors(Folder(1))
    numbers = [descriptors.add(Descriptor(Folder(2))) for _ in range(MAX_DESCRIPTORS - 4)]
    assert numbers == list(range(4, MAX_DESCRIPTORS))
    with pytest.raises(FileError) as failed:
        descriptors.add(Descriptor(Folder(2)))
    assert failed.value.errno is Errno.MFILE
    descriptors.close(9)
    assert descriptors.add(Descriptor(Folder(2))) == 9


@pytest.mark.parametrize("number", [-1, 4, 5, 4096, 2**32 - 1])
def test_what_is_not_open_is_bad(number: int) -> None:
    descriptors = Descriptors(Folder(1))
    with pytest.raises(FileError) as failed:
        descriptors[number]
    assert failed.value.errno is Errno.BADF
    with pytest.raises(FileError):
        descriptors.close(number)


def test_closed_streams_stay_closed() -> None:
    descriptors = Descriptors(Folder(1))
    descriptors.close(1)
    with pytest.raises(FileError):
        descriptors[1]
