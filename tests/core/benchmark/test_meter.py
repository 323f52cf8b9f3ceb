"""The foreign-CPU meter: real and made-up files of the kernel, and a real process that spins."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.benchmark.meter import (
    MOST_FOREIGN,
    Foreign,
    MachineTicks,
    Mark,
    Meter,
    ProcessTicks,
    parse_machine,
    parse_process,
)
from core.benchmark.rounds import BenchmarkError

TICKS = st.integers(0, 2**63)
ON_LINUX = sys.platform.startswith("linux")
SPIN = "import time\nprint('spins', flush=True)\nwhile time.perf_counter():\n    pass"


def machine_text(total: list[int], processors: int) -> str:
    line = " ".join(map(str, total))
    each = "".join(f"cpu{number} {line}\n" for number in range(processors))
    return f"cpu  {line}\n{each}intr 4 0 0\nctxt 99\nbtime 1\nprocesses 7\n"


def process_text(used: tuple[int, int], started: int, name: str = "python") -> str:
    user, system = used
    return f"7 ({name}) R 1 7 7 0 -1 4194304 102 0 0 0 {user} {system} 5 6 20 0 4 0 {started} 31 4 0\n"


class Proc:
    """A folder with the kernel's files in it, and the clock that goes with it."""

    def __init__(self, root: Path, processors: int = 2) -> None:
        self.root = root
        self.processors = processors
        self.seconds = 100.0
        self.busy = 5_000

    def write(self, *, busy: int = 0, seconds: float = 0.0) -> None:
        """So many more ticks, in user mode, and so many seconds later."""
        self.busy += busy
        self.seconds += seconds
        text = machine_text([self.busy, 0, 0, 9, 9, 0, 0, 0, 0, 0], self.processors)
        (self.root / "stat").write_text(text)

    def process(self, pid: int, used: tuple[int, int], started: int = 50) -> None:
        (self.root / str(pid)).mkdir(exist_ok=True)
        (self.root / str(pid) / "stat").write_text(process_text(used, started))

    def meter(self, *pids: int) -> Meter:
        return Meter(pids, proc=self.root, clock=lambda: self.seconds, ticks_per_second=100)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    made = Proc(tmp_path)
    made.write()
    return made


def marked(meter: Meter) -> Mark:
    found = meter.mark()
    assert found is not None
    return found


def shared(meter: Meter, first: Mark, last: Mark) -> Foreign:
    found = meter.between(first, last)
    assert found is not None
    return found


@given(st.lists(TICKS, min_size=4, max_size=12), st.integers(1, 130))
def test_busy_is_all_but_idle_and_waiting(total: list[int], processors: int) -> None:
    """Guests are in user and nice already: counted again, they would be twice."""
    found = parse_machine(machine_text(total, processors))
    assert found.busy == sum(total[:8]) - sum(total[3:5])
    assert found.processors == processors


def test_a_machine_by_hand() -> None:
    text = "cpu  100 20 30 4000 500 6 7 8 90 9\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\nintr 1\n"
    assert parse_machine(text) == MachineTicks(busy=171, processors=2)


@given(
    st.tuples(TICKS, TICKS),
    TICKS,
    st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]), max_size=15),
)
def test_a_process_may_call_itself_anything(used: tuple[int, int], started: int, name: str) -> None:
    assert parse_process(process_text(used, started, name)) == ProcessTicks(started, sum(used))


@pytest.mark.parametrize("name", ["a b", ") R 1 2 3 (", "((", "))", "tmux: server\n"])
def test_a_process_with_a_name_that_looks_like_more(name: str) -> None:
    assert parse_process(process_text((3, 4), 5, name)) == ProcessTicks(5, 7)


@given(st.text(max_size=300))
def test_any_other_text_is_one_line_of_error(text: str) -> None:
    for parse in (parse_machine, parse_process):
        with pytest.raises(BenchmarkError) as caught:
            parse(text)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text",
    ["cpu  1 2 3\ncpu0 1 2 3\n", "cpu  1 2 3 4\n", "cpu0 1 2 3 4\n", "cpu  1 2 x 4\ncpu0 1 2 3 4\n"],
)
def test_a_machine_with_something_missing(text: str) -> None:
    with pytest.raises(
        BenchmarkError, match=r"is no /proc/stat: expected a line `cpu` and one per processor"
    ):
        parse_machine(text)


def test_a_process_with_something_missing() -> None:
    with pytest.raises(
        BenchmarkError, match=r"^'7 \(python\) R 1 .* is no /proc/PID/stat: expected 22 fields"
    ):
        parse_process(process_text((1, 2), 3).replace(" 3 31 4 0", ""))


def test_what_is_not_ours_is_others(proc: Proc) -> None:
    proc.process(1, (100, 10))
    proc.process(2, (200, 20))
    meter = proc.meter(1, 2)
    first = marked(meter)
    proc.process(1, (130, 15))  # 35 ticks
    proc.process(2, (215, 20))  # 15 ticks
    proc.write(busy=80, seconds=1.0)
    found = shared(meter, first, marked(meter))
    # 80 less 50 of the 200 ticks that two processors have in a second.
    assert found.share == pytest.approx(0.15)
    # The variance is (2 + 2 processors + 2 * 2 processes) / 6 ticks squared.
    assert found.resolution == pytest.approx(2 * (8 / 6) ** 0.5 / 200)
    assert found.too_much


def test_a_stopped_process_adds_no_doubt(proc: Proc) -> None:
    proc.process(1, (100, 10))
    proc.process(2, (200, 20))
    meter = proc.meter(1, 2)
    first = marked(meter)
    proc.process(1, (110, 10))
    proc.write(busy=10, seconds=0.2)
    found = shared(meter, first, marked(meter))
    assert found.share == 0
    assert found.resolution == pytest.approx(2 * (6 / 6) ** 0.5 / 40)


def test_ticks_that_fell_to_the_other_side_are_no_negative_share(proc: Proc) -> None:
    proc.process(1, (0, 0))
    meter = proc.meter(1)
    first = marked(meter)
    proc.process(1, (22, 0))
    proc.write(busy=20, seconds=0.2)
    assert shared(meter, first, marked(meter)).share == 0


def test_a_process_that_is_another_of_the_same_number_counts_from_its_start(proc: Proc) -> None:
    proc.process(1, (900, 0), started=50)
    meter = proc.meter(1)
    first = marked(meter)
    proc.process(1, (30, 0), started=5_000)
    proc.write(busy=30, seconds=1.0)
    assert shared(meter, first, marked(meter)).share == 0


def test_a_process_that_comes_between_the_marks_is_ours(proc: Proc) -> None:
    meter = proc.meter(1)
    first = marked(meter)
    proc.process(1, (30, 0))
    proc.write(busy=30, seconds=1.0)
    assert shared(meter, first, marked(meter)).share == 0


def test_what_a_process_used_before_it_died_is_not_ours(proc: Proc) -> None:
    proc.process(1, (30, 0))
    meter = proc.meter(1)
    first = marked(meter)
    (proc.root / "1" / "stat").unlink()
    proc.write(busy=100, seconds=1.0)
    found = shared(meter, first, marked(meter))
    assert found.share == pytest.approx(0.5)
    assert found.too_much


def test_rounding_alone_rejects_no_round_however_short(proc: Proc) -> None:
    """In a round of a tenth of a second, one tick on the wrong side is a twentieth of two processors."""
    proc.process(1, (0, 0))
    meter = proc.meter(1)
    first = marked(meter)
    proc.process(1, (9, 0))
    proc.write(busy=11, seconds=0.1)
    found = shared(meter, first, marked(meter))
    assert found.share == pytest.approx(0.1)
    assert found.share > MOST_FOREIGN
    assert not found.too_much


def test_the_same_share_over_a_longer_time_is_beyond_doubt(proc: Proc) -> None:
    proc.process(1, (0, 0))
    meter = proc.meter(1)
    first = marked(meter)
    proc.process(1, (900, 0))
    proc.write(busy=1_100, seconds=10.0)
    assert shared(meter, first, marked(meter)).too_much


def test_a_hog_on_one_of_two_processors_is_seen_in_the_shortest_round(proc: Proc) -> None:
    proc.process(1, (0, 0))
    meter = proc.meter(1)
    first = marked(meter)
    proc.process(1, (10, 0))
    proc.write(busy=20, seconds=0.1)
    assert shared(meter, first, marked(meter)).too_much


def test_the_limit_is_6_percent() -> None:
    assert MOST_FOREIGN == 0.06
    assert not Foreign(0.07, 0.011).too_much
    assert Foreign(0.07, 0.009).too_much


def test_marks_in_the_wrong_order(proc: Proc) -> None:
    meter = proc.meter()
    first = marked(meter)
    proc.write(seconds=1.0)
    with pytest.raises(BenchmarkError, match=r"^The marks are -1 s apart: give the earlier first, then the"):
        meter.between(marked(meter), first)


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_told_plainly(monkeypatch: pytest.MonkeyPatch, proc: Proc, system: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    meter = proc.meter()
    assert meter.mark() is None
    assert meter.between(meter.mark(), meter.mark()) is None
    assert meter.reason == (
        "How much of the processor others use can be read on Linux only: no round was rejected for it here."
    )


@pytest.mark.parametrize("text", [None, "", machine_text([0] * 10, 2)])
def test_a_sandbox_that_counts_nothing_says_so(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "stat").write_text(text)
    meter = Meter([], proc=tmp_path)
    assert meter.mark() is None
    assert meter.reason.startswith("This system does not count what others use of the processor")


def without(mark: Mark, pid: int) -> Mark:
    """The same moment as someone sees it to whom this process is not his."""
    return replace(mark, own={number: ticks for number, ticks in mark.own.items() if number != pid})


@contextmanager
def spinning() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that keeps one processor busy."""
    with subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE) as hog:
        try:
            assert hog.stdout is not None
            assert hog.stdout.readline().strip() == b"spins"
            yield hog
        finally:
            hog.kill()


if ON_LINUX:  # elsewhere there are no such files, and the tests above hold

    def test_this_machines_files() -> None:
        machine = parse_machine(Path("/proc/stat").read_text(encoding="ascii"))
        assert machine.busy > 0
        assert machine.processors >= 1
        before = time.process_time()
        mine = parse_process(Path("/proc/self/stat").read_text(encoding="utf-8"))
        # Each of the two counters is rounded down.
        assert -2 <= mine.used - before * os.sysconf("SC_CLK_TCK") <= 2
        assert mine.started > 0

    def test_a_process_that_spins_is_seen_and_is_not_others_if_it_is_ours() -> None:
        tick = 1 / os.sysconf("SC_CLK_TCK")
        with spinning() as hog:
            meter = Meter([os.getpid(), hog.pid])
            first = last = marked(meter)
            end = time.monotonic() + 20
            while (used := last.own[hog.pid].used - first.own[hog.pid].used) * tick < 0.3:
                assert time.monotonic() < end
                time.sleep(0.05)
                last = marked(meter)
        ours = shared(meter, first, last)
        stranger = shared(meter, without(first, hog.pid), without(last, hog.pid))
        # Seconds on one processor: others may be at work too, and hold the hog up.
        capacity = (last.seconds - first.seconds) * last.machine.processors
        assert stranger.share * capacity > 0.25
        assert (stranger.share - ours.share) * capacity == pytest.approx(used * tick, abs=0.08)
        # Where it has at most eight processors to hide among, it is beyond doubt too.
        assert stranger.too_much or stranger.share < 2 * MOST_FOREIGN

    def test_a_process_that_has_ended_is_in_no_mark() -> None:
        with spinning() as hog:
            meter = Meter([hog.pid])
            assert hog.pid in marked(meter).own
        assert hog.pid not in marked(meter).own
