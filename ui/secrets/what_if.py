"""The What if? tab: the same `.env` on a laptop, in Docker, on AWS Lambda and on Cloud Run."""

from __future__ import annotations

from typing import Final

import streamlit as st

from core.secrets.deployments import Deployment, docker_env_file
from core.secrets.env_text import EnvProblem, EnvTextError
from core.secrets.resolution import Resolution, resolve
from ui.messages import remarks, trouble
from ui.secrets.inputs import DEPLOYMENTS
from ui.secrets.text import PREFIX, text_area

_ENV: Final = f"{PREFIX}:env"
_PROCESS: Final = f"{PREFIX}:process"
_DOCKER: Final = "docker"


def show_what_if(*, projector: bool) -> None:
    """Draws the tab."""
    titles = list(DEPLOYMENTS)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Where it runs",
            titles,
            default=titles[0],
            key="on",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
        )
        st.toggle(
            "load_dotenv(override=True)",
            key="override",
            bind="query-params",
            help="Then `.env` wins over the process environment",
        )
        st.toggle(
            "interpolate",
            value=True,
            key="interpolate",
            bind="query-params",
            help="`${NAME}` is expanded; `$NAME` never is",
        )
    deployment = DEPLOYMENTS.get(str(st.session_state.on), DEPLOYMENTS[titles[0]])
    st.markdown(f"**{deployment.title}**: {deployment.how}")
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        env_text, process = _editors(deployment, projector=projector)
    with right:
        _outcome(env_text, process)
    remarks(deployment.notes)


def _editors(deployment: Deployment, *, projector: bool) -> tuple[str, str]:
    """The two texts; each deployment begins with its own, and keeps what the visitor wrote."""
    height = 150 if projector else 190
    by_docker = deployment.name == _DOCKER
    env_text, start, read = "", deployment.process, ""
    if deployment.has_env_file or by_docker:
        label = "`.env`, which `docker run --env-file` reads" if by_docker else "`.env`, beside the program"
        key = f"{_ENV}:{deployment.name}"
        env_text = text_area(label, key=key, height=height, start=deployment.env_text)
    if by_docker:
        start = start.removesuffix(docker_env_file(deployment.env_text).process)
        read, env_text = _read_by_docker(env_text), ""
    process = text_area(
        "Variables by `-e`, which win over the file"
        if by_docker
        else "Process variables, one `NAME=value` per line",
        key=f"{_PROCESS}:{deployment.name}",
        height=height,
        start=start,
    )
    st.caption("Read here, kept in this visit alone, shown masked. Nothing is looked up on this server.")
    given = {line.partition("=")[0] for line in process.split("\n")}
    kept = [line for line in read.split("\n") if line.partition("=")[0] not in given]
    return env_text, "\n".join([process.rstrip("\n"), *kept])


def _read_by_docker(env_text: str) -> str:
    """The variables that Docker makes of an env file; what it refuses or takes as it stands is said."""
    try:
        read = docker_env_file(env_text)
    except EnvTextError as error:
        trouble(str(error))
        return ""
    if read.refused:
        trouble(" ".join(problem.said for problem in read.problems))
    else:
        _problems(read.problems)
    return read.process


def _outcome(env_text: str, process: str) -> None:
    try:
        found = resolve(
            env_text,
            process,
            override=bool(st.session_state.override),
            interpolate=bool(st.session_state.interpolate),
        )
    except EnvTextError as error:
        trouble(str(error))
        return
    _table(found)
    _problems(found.problems)


def _table(found: Resolution) -> None:
    st.markdown("**What the program gets**")
    st.dataframe(
        [
            {
                "name": row.name,
                "from": row.source,
                "hides the one in": row.loser,
                "value": row.masked.text,
                "why": row.note,
                "expands": ", ".join(row.expands),
                "length": row.masked.length,
                "lines": row.lines,
            }
            for row in found.rows
        ],
        hide_index=True,
        height="content" if len(found.rows) < 13 else 480,
        alt="Every variable that the program gets, where it comes from, without its value",
    )


def _problems(problems: tuple[EnvProblem, ...]) -> None:
    remarks(f"⚠ {f'Line {each.line}: ' if each.line else ''}{each.said}" for each in problems)
