"""Where the lab looks: at a machine that is the visitor's own, at a pasted text, or at an example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit import config

from core.secrets import DeclaredKey, Source, dotenv_source, process_source, streamlit_source
from core.secrets.env_text import EnvProblem, EnvTextError, read_env_text
from core.secrets.sample import sample_sources
from core.secrets.source import SourceError, SourceKind, without_copies
from core.settings import ENV_FILE
from ui.limits import limits
from ui.secrets.inputs import PASTED, TEXT_KEY, THIS_MACHINE, is_local


@dataclass(frozen=True)
class Found:
    """What the lab looks at.

    Attributes:
        sources: the strongest first.
        troubles: why a source could not be read, a line each.
        problems: what in a pasted text will not do what it looks like.
    """

    sources: tuple[Source, ...]
    troubles: tuple[str, ...] = ()
    problems: tuple[EnvProblem, ...] = ()


def find_sources(keys: tuple[DeclaredKey, ...]) -> Found:
    """The sources that the visitor has chosen, read now."""
    chosen = st.session_state["from"]
    if chosen == PASTED:
        return _pasted(str(st.session_state.get(TEXT_KEY) or ""))
    if chosen == THIS_MACHINE and is_local():
        return _machine(keys)
    return Found(sample_sources())


def watched_files() -> tuple[Path, ...]:
    """The files that `This machine` reads."""
    return (ENV_FILE, *secrets_files())


def secrets_files() -> tuple[Path, ...]:
    """Streamlit's files of secrets, the weakest first."""
    return tuple(Path(path) for path in config.get_option("secrets.files"))


def _machine(keys: tuple[DeclaredKey, ...]) -> Found:
    sources = [process_source(key.name for key in keys)]
    troubles: list[str] = []
    read: tuple[Callable[[], Source], ...] = (
        lambda: dotenv_source(ENV_FILE),
        lambda: streamlit_source(secrets_files()),
    )
    for each in read:
        try:
            sources.append(each())
        except SourceError as error:
            troubles.append(str(error))
    if sources[-1].kind is SourceKind.STREAMLIT:
        sources[0] = without_copies(sources[0], sources[-1])
    return Found(tuple(sources), tuple(troubles))


def _pasted(text: str) -> Found:
    if not text.strip():
        return Found(())
    try:
        read = read_env_text(text, max_bytes=limits().max_text_characters)
    except EnvTextError as error:
        return Found((), (str(error),))
    return Found((read.source,), problems=read.problems)
