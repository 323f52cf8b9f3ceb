"""A visitor's own file: scanned in a process of its own, and kept for this visit alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from core import wire
from core.pickles import Bounds, ScanReport
from core.pickles.lab import unpacking
from core.pickles.lab.stretches import unpacked
from core.pickles.lab.unpacking import Unpacking
from core.pickles.member import Member
from core.pickles.report import failed
from core.pickles.worker import Scan, start
from core.process import ProcessError
from ui.job import Job, current_job, stop_job, wait_for
from ui.limits import limits
from ui.messages import trouble
from ui.pickles.allow import forget_allowance
from ui.pickles.judges import stop_judges
from ui.pickles.program import forget_programs, to_unpack
from ui.pickles.rehearsal import stop_rehearsal
from ui.pickles.subject import Subject, key_of
from ui.places import my_place
from ui.visit import at_end

KEY: Final = "pickles:upload"
THEIRS: Final = Bounds(
    bytes=2**30, members=5_000, opcodes=5_000_000, memo=1_000_000, values=2_000_000, expansion=2**28,
    member_bytes=2**27, seconds=20.0,
)  # fmt: skip
"""What the scan of a visitor's file may take."""
TITLE: Final = "Your file"
MEMORY_BYTES: Final = 2**30
_STOPPED: Final = f"{KEY}:stopped"
_SUBJECT: Final = f"{KEY}:subject"
_SCAN: Final = f"{KEY}:scan"
_INSIDE: Final = f"{KEY}:inside"
_UNPACKED: Final = f"{KEY}:unpacked"


@dataclass(frozen=True)
class Chosen:
    """A file that the visitor gave.

    Attributes:
        name: what it is called.
        data: its bytes.
        about: tells this upload from every other of the visit.
    """

    name: str
    data: bytes
    about: str


def choose_file() -> Chosen | None:
    """Draws the place for a file; None if there is none."""
    most = limits().max_upload_mb
    given = st.file_uploader(
        "A model file", key="pickles:file", max_upload_size=most,
        help=f"Any kind, up to {most} MB. It is read and never loaded, and forgotten when you leave",
    )  # fmt: skip
    if given is None:
        forget_file()
        return None
    return Chosen(given.name, given.getvalue(), f"{given.file_id} {given.name}")


def forget_file() -> None:
    """Ends what goes on with the visit's file, and keeps nothing of it."""
    stop_job(KEY)
    _discard()
    _end_unpacking()
    st.session_state.pop(_STOPPED, None)
    if st.session_state.pop(_SUBJECT, None) is not None:
        forget_programs()
        forget_allowance()
        stop_judges()
        stop_rehearsal()


def scanned(file: Chosen) -> Subject | None:
    """What is known of a file; None while it is being scanned, and then it draws how far it is."""
    kept: Subject | None = st.session_state.get(_SUBJECT)
    if kept is not None and kept.key == key_of(file.data, file.name):
        return _with_unpacked(kept)
    job = current_job(KEY, file.about)
    if job is None and st.session_state.get(_STOPPED) == file.about:
        _again("Stopped.")
        return None
    job = job or _begin(file)
    if job is None:
        return None
    if job.listen():
        wait_for(KEY, "Reading the file in a process of its own", on_stop=lambda: _remember_stopped(file))
        return None
    report = _report(job, file)
    _discard()
    stop_job(KEY)
    found = Subject(key_of(file.data, file.name), TITLE, file.name, file.data, "", report, own=True)
    st.session_state[_SUBJECT] = found
    _begin_unpacking(found)
    return _with_unpacked(found)


def _begin_unpacking(subject: Subject) -> None:
    """Has the pickle that the verdict comes from unpacked if it is compressed, so that it can be followed."""
    _end_unpacking()
    member = to_unpack(subject.report, subject.data)
    if member is None:
        return
    try:
        going = unpacking.start(subject.data, member.name, bounds=THEIRS, place=my_place())
    except (ProcessError, OSError):
        # Then there is no tape, which says so; the verdict needs none.
        return
    st.session_state[_UNPACKED] = (going, member)
    at_end(_INSIDE, going.discard)
    st.session_state[_INSIDE] = Job(subject.key, going.process)


def _with_unpacked(subject: Subject) -> Subject | None:
    """The file with its pickle unpacked; None while that goes on, and then it draws how far it is."""
    kept: tuple[Unpacking, Member] | None = st.session_state.get(_UNPACKED)
    job = current_job(_INSIDE, subject.key)
    if kept is None or job is None:
        return subject
    if job.listen():
        wait_for(_INSIDE, "Unpacking the pickle in it, in a process of its own", on_stop=_end_unpacking)
        return None
    going, member = kept
    content = going.content() if any("unpacked" in line for line in job.lines) else None
    _end_unpacking()
    stretch = None if content is None else unpacked(content, member)
    found = st.session_state[_SUBJECT] = replace(subject, unpacked=stretch)
    return found


def _end_unpacking() -> None:
    """Ends the unpacking, and removes what it was given and has written."""
    stop_job(_INSIDE)
    kept: tuple[Unpacking, Member] | None = st.session_state.pop(_UNPACKED, None)
    if kept is not None:
        kept[0].discard()
        at_end(_INSIDE, _nothing)


def _begin(file: Chosen) -> Job | None:
    _discard()
    st.session_state.pop(_STOPPED, None)
    try:
        scan = start(file.data, file.name, bounds=THEIRS, memory_bytes=MEMORY_BYTES, place=my_place())
    except (ProcessError, OSError) as error:
        _again(str(error) if isinstance(error, ProcessError) else "The server has no room for the file now.")
        return None
    st.session_state[_SCAN] = scan
    at_end(KEY, scan.discard)
    job = st.session_state[KEY] = Job(file.about, scan.process)
    return job


def _report(job: Job, file: Chosen) -> ScanReport:
    """What the scan has answered; whatever ended it without an answer is a could-not-read."""
    for line in job.lines:
        if "report" in line:
            try:
                return wire.read(ScanReport, line["report"])
            except ValueError:
                break
        if "error" in line:
            return failed(file.name, len(file.data), str(line["error"]))
    why = job.process.error or "The scan ended without a report."
    return failed(file.name, len(file.data), why)


def _again(said: str) -> None:
    trouble(said)
    st.button("Scan it", key=f"{KEY}:again", icon=":material/play_arrow:", on_click=forget_file)


def _remember_stopped(file: Chosen) -> None:
    _discard()
    st.session_state[_STOPPED] = file.about


def _discard() -> None:
    """Removes what the worker was given to read."""
    scan: Scan | None = st.session_state.pop(_SCAN, None)
    if scan is not None:
        scan.discard()
        at_end(KEY, _nothing)


def _nothing() -> None:
    """Nothing is left to be removed when the visit ends."""
