"""Which keys are set, where they come from and what would leak them, without showing one.

A value leaves no function of this package that looks at it: what is given out is masked.
"""

from core.secrets.declared import DECLARED, DeclaredKey, DeclaredKeyError, SecretKind, declared_keys
from core.secrets.deployments import Deployment, DockerEnv, deployments, docker_env_file
from core.secrets.env_text import SAMPLE, EnvProblem, EnvText, EnvTextError, read_env_text
from core.secrets.leaks import Leak, find_leaks
from core.secrets.mask import Masked, mask
from core.secrets.required import MissingKeyError, check_required, require
from core.secrets.resolution import Resolution, Resolved, resolve
from core.secrets.source import (
    Source,
    SourceError,
    SourceKind,
    dotenv_source,
    process_source,
    streamlit_source,
)
from core.secrets.state import KeyState, classify
from core.secrets.status import KeyStatus, Rung, status

__all__ = [
    "DECLARED",
    "SAMPLE",
    "DeclaredKey",
    "DeclaredKeyError",
    "Deployment",
    "DockerEnv",
    "EnvProblem",
    "EnvText",
    "EnvTextError",
    "KeyState",
    "KeyStatus",
    "Leak",
    "Masked",
    "MissingKeyError",
    "Resolution",
    "Resolved",
    "Rung",
    "SecretKind",
    "Source",
    "SourceError",
    "SourceKind",
    "check_required",
    "classify",
    "declared_keys",
    "deployments",
    "docker_env_file",
    "dotenv_source",
    "find_leaks",
    "mask",
    "process_source",
    "read_env_text",
    "require",
    "resolve",
    "status",
    "streamlit_source",
]
