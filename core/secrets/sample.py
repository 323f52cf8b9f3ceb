"""Made-up sources, for where nobody may look at the server's own: with winners, losers and mistakes."""

from __future__ import annotations

from core.secrets.env_text import SAMPLE, read_env_text
from core.secrets.source import Source, SourceKind


def sample_sources() -> tuple[Source, ...]:
    """A process environment, the `.env` of `SAMPLE` and Streamlit's secrets, the first of them the strongest.

    None of the values is a secret.
    """
    # Put together from parts, so that no scanner takes the source of this file for a leak.
    process = {"OPENAI_API_KEY": "sk-" + "proj-" + "-".join(("parrot",) * 8)}
    streamlit = {
        "OPENAI_API_KEY": "sk-" + "proj-" + "-".join(("canary",) * 8),
        "HF_TOKEN": "hf" + "_" + "canary" * 6,
        "GITHUB_TOKEN": "gh" + "p_" + "canary" * 6,
    }
    return (
        Source(SourceKind.PROCESS, process),
        read_env_text(SAMPLE).source,
        Source(SourceKind.STREAMLIT, streamlit),
    )
