"""What the lab looks at: a file of its own, one that was built, or the visitor's; each with its scan."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from core.pickles import Bounds, ScanReport, scan
from core.pickles.lab import samples
from core.pickles.lab.payloads import PayloadKind, build
from core.pickles.lab.stretches import Stretch
from ui.pickles.inputs import (
    BUILT,
    CONTAINER_TITLES,
    OWN_FILE,
    PAIR,
    PAYLOAD_TITLES,
    SAMPLES,
    WHICH,
)
from ui.pickles.text import payload_text

OURS: Final = Bounds(bytes=2**20, opcodes=100_000, values=200_000, memo=100_000, seconds=5.0)
"""What the scan of a file of the lab's own may take: those are small, and are scanned as one looks."""
MODEL: Final = "simple_mlp"
PLANTED: Final = "planted"


@dataclass(frozen=True)
class Subject:
    """A file and what was found in it.

    Attributes:
        key: tells its content from every other.
        title: what it is called on the page.
        name: of the file.
        data: its bytes.
        says: what it is and what to look at; empty for a visitor's own.
        report: of the scan.
        own: whether it is the visitor's.
        unpacked: the pickle that its verdict comes from, where that is compressed in the file; else None.
    """

    key: str
    title: str
    name: str
    data: bytes
    says: str
    report: ScanReport
    own: bool = False
    unpacked: Stretch | None = None


def key_of(data: bytes, name: str) -> str:
    """What tells a file from every other."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass") + b"\0" + data).hexdigest()[:24]


@st.cache_resource(show_spinner=False, max_entries=64)
def our_sample(name: str) -> Subject:
    """A sample, scanned once for all visitors: it is the same for each, and nobody changes it."""
    made = samples.sample(name)
    report = scan(made.data, made.file_name, OURS)
    return Subject(
        key_of(made.data, made.file_name), made.title, made.file_name, made.data, made.says, report
    )


def pair() -> tuple[Subject, Subject]:
    """What the first view shows: the article's model, and the planted command."""
    return (
        replace(our_sample(MODEL), title=WHICH[1]),
        replace(our_sample(PLANTED), title=WHICH[0]),
    )


def built() -> Subject:
    """What the visitor's choices make.

    Raises:
        PayloadError: if the text does not fit.
    """
    kind, container = chosen_payload(), CONTAINER_TITLES[_chosen("container", tuple(CONTAINER_TITLES))]
    made = build(kind.payload, container.container, payload_text(kind))
    last: Subject | None = st.session_state.get("pickles:built")
    key = key_of(made.data, made.file_name)
    if last is None or last.key != key:
        title = f"{kind.title}: {container.title}"
        report = scan(made.data, made.file_name, OURS)
        last = Subject(key, title, made.file_name, made.data, made.says, report)
        st.session_state["pickles:built"] = last
    return last


def chosen_payload() -> PayloadKind:
    """The payload of the file that the visitor builds."""
    return PAYLOAD_TITLES[_chosen("payload", tuple(PAYLOAD_TITLES))]


def chosen() -> tuple[Subject, ...]:
    """What is on the stage, if it is no file of the visitor's: two files for the first view, else one.

    Raises:
        PayloadError: if what is to be built cannot be.
    """
    file = str(st.session_state["file"])
    if file == BUILT:
        return (built(),)
    if file in SAMPLES:
        return (our_sample(SAMPLES[file]),)
    return () if file == OWN_FILE else pair()


def examined(subjects: tuple[Subject, ...]) -> Subject | None:
    """The one that the tabs are about; None if there is none."""
    if len(subjects) > 1 and st.session_state["file"] == PAIR:
        return next((each for each in subjects if each.title == st.session_state["which"]), subjects[-1])
    return subjects[0] if subjects else None


def _chosen(key: str, titles: tuple[str, ...]) -> str:
    value = str(st.session_state[key])
    return value if value in titles else titles[0]
