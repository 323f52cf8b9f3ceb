"""The app's own settings: typed, from the environment and `.env`."""

import ipaddress
import re
from contextlib import suppress
from dataclasses import fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.limits import BOUNDS, HOSTED, LOCAL, Limits

ENV_FILE: Final = Path(__file__).resolve().parent.parent / ".env"
DATA_DIR: Final = ENV_FILE.parent / "data"
PREFIX: Final = "UTH_"

# CSP's host-source: a scheme, a host that may start with a wildcard label, a port that may be a wildcard.
_HOST_SOURCE: Final = re.compile(r"https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:(\d{1,5}|\*))?", re.IGNORECASE)
_FRAME_ANCESTORS_EXPECTED: Final = (
    "'self', 'none' alone, or http(s)://host[:port] with an optional leading *. in the host, "
    "separated by spaces"
)
# A host as a name, an IPv4 address, or an IPv6 address in brackets.
_SCHEDULER: Final = re.compile(
    r"(tcp|tls)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):(\d{1,5})", re.IGNORECASE
)
_SCHEDULER_EXPECTED: Final = "tcp://host:port or tls://host:port, with a port from 1 to 65535"
# What stands between the database and what follows it is SQLAlchemy's to read.
_DATABASE: Final = re.compile(r"sqlite:///[^\r\n]+|postgresql://[^/\s]\S*")
_DATABASE_EXPECTED: Final = "sqlite:///file or postgresql://user:password@host:port/name"
# The hosts that the app answers under: names, addresses, and a wildcard for the first labels of a name.
_HOST_NAME: Final = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.IGNORECASE)
_HOSTS_EXPECTED: Final = (
    "host names without scheme and port, with an optional leading *. for their subdomains, "
    "separated by spaces"
)
# What RFC 6750 allows in a bearer token, and too much of it to be guessed.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{16,200}=*")
_TOKEN_EXPECTED: Final = "16 to 200 letters, digits and -._~+/ signs"  # noqa: S105 - what one looks like
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_VARIABLES_EXPECTED: Final = (
    "names of at most 100 environment variables, like OPENAI_API_KEY, separated by spaces"
)
_MOST_VARIABLES: Final = 100
_NAME_LENGTH: Final = 60
_SHOWN_LENGTH: Final = 80


class _Choice(StrEnum):
    """An enum that is read in any case: `info` is INFO."""

    @classmethod
    def _missing_(cls, value: object) -> "_Choice | None":
        wanted = str(value).lower()
        return next((choice for choice in cls if choice.lower() == wanted), None)


class Mode(_Choice):
    """Who can reach the app."""

    LOCAL = "local"
    HOSTED = "hosted"


class LogLevel(_Choice):
    """How much the server logs."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(_Choice):
    """What a line of the log looks like."""

    TEXT = "text"
    JSON = "json"


class SettingsError(ValueError):
    """A setting has a wrong value. The message is one line: the variable, what came, what was expected."""


def _limit(name: str, description: str) -> Any:  # noqa: ANN401 - as pydantic's own Field
    """A field of `Limits` that may be set; if it is not, the mode decides."""
    least, most = BOUNDS[name]
    return Field(default=None, ge=least, le=most, description=description)


class Settings(BaseSettings):
    """Every variable that the app reads, as `UTH_` and the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    mode: Mode | None = Field(
        default=None,
        description="Who may reach the app; by default decided by the address that the server binds to.",
    )
    # NoDecode: the sources come separated by spaces, not as the JSON list that pydantic-settings would read.
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("'self'",),
        description="The CSP sources of the pages that may show the app in a frame.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="How much the server logs.")
    data_dir: Path | None = Field(
        default=None,
        description="The folder where measurements and the compiled sandbox are kept; by default `DATA_DIR`.",
    )
    measure_at_start: bool = Field(
        default=True,
        description="Whether the worked example is measured after the start, where that was never done.",
    )
    dask_scheduler: str | None = Field(
        default=None,
        description="The Dask scheduler of the cluster that measures; by default this machine does.",
    )
    machine_name: str | None = Field(
        default=None,
        description="What this machine is called where it measures for a cluster; by default its host name.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="The database that keeps the runs; by default a file of the app's own.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="The host names that the app answers under; by default any.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="The bearer token for the server's metrics; by default only local mode gives them.",
    )
    log_format: LogFormat | None = Field(
        default=None,
        description="What a line of the log looks like; by default JSON if hosted, and text if local.",
    )
    secret_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names of further secrets, beside the usual ones: the secrets lab asks for them.",
    )
    required_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Names of the secrets without which the app does not start.",
    )
    max_jobs_per_visitor: int | None = _limit(
        "max_jobs_per_visitor", "How many benchmark jobs of one visitor wait or run."
    )
    max_jobs: int | None = _limit("max_jobs", "How many benchmark jobs wait, of all visitors.")
    max_processes: int | None = _limit("max_processes", "How many worker processes run at once.")
    max_exports_per_visitor: int | None = _limit(
        "max_exports_per_visitor", "How many exports and examined uploads one visit keeps."
    )
    max_models_per_visitor: int | None = _limit(
        "max_models_per_visitor", "How many models Netron shows, of one visit."
    )
    max_models: int | None = _limit("max_models", "How many models Netron shows, of all visits.")
    max_model_bytes: int | None = _limit("max_model_bytes", "Bytes of all models that Netron shows.")
    max_capture_bytes: int | None = _limit(
        "max_capture_bytes", "Bytes of the tensors that one run with hooks may copy."
    )
    max_sandbox_runs: int | None = _limit(
        "max_sandbox_runs", "How many programs of visitors and lessons run at once."
    )
    max_upload_mb: int | None = _limit("max_upload_mb", "MiB of one uploaded file.")
    max_text_characters: int | None = _limit(
        "max_text_characters", "Characters of one text that a visitor gives."
    )

    @field_validator("frame_ancestors", mode="before")
    @classmethod
    def _sources(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # Only spaces separate: a tab or a line break has no business in a header.
        sources = tuple(_source(word) for word in value.split(" ") if word)
        if not sources or ("'none'" in sources and len(sources) > 1):
            raise ValueError(_FRAME_ANCESTORS_EXPECTED)
        return sources

    @field_validator("dask_scheduler")
    @classmethod
    def _scheduler(cls, value: str | None) -> str | None:
        if value is None:
            return None
        found = _SCHEDULER.fullmatch(value)
        if found is None or not 1 <= int(found[4]) <= 65535:
            raise ValueError(_SCHEDULER_EXPECTED)
        return value

    @field_validator("machine_name")
    @classmethod
    def _machine(cls, value: str | None) -> str | None:
        if value is not None and not (value.strip() and value.isprintable() and len(value) <= _NAME_LENGTH):
            raise ValueError(_EXPECTED["machine_name"])
        return None if value is None else value.strip()

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _DATABASE.fullmatch(value.get_secret_value()) is None:
            raise ValueError(_DATABASE_EXPECTED)
        return value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        words = [word.lower() for word in value.split(" ") if word]
        if not words or any(_HOST_NAME.fullmatch(word) is None for word in words):
            raise ValueError(_HOSTS_EXPECTED)
        return tuple(dict.fromkeys(words))

    @field_validator("secret_keys", "required_keys", mode="before")
    @classmethod
    def _variables(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = tuple(dict.fromkeys(word for word in value.split(" ") if word))
        if not 1 <= len(names) <= _MOST_VARIABLES or any(_VARIABLE.fullmatch(name) is None for name in names):
            raise ValueError(_VARIABLES_EXPECTED)
        return names

    @field_validator("metrics_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _TOKEN.fullmatch(value.get_secret_value()) is None:
            raise ValueError(_TOKEN_EXPECTED)
        return value

    def resolve_mode(self, address: str | None) -> Mode:
        """The mode in force: the one that was set, or else the one that the bind address implies.

        No address means that the server binds to every interface.
        """
        if self.mode is not None:
            return self.mode
        return Mode.LOCAL if address is not None and _is_loopback(address) else Mode.HOSTED

    def resolve_log_format(self, mode: Mode) -> LogFormat:
        """The format in force: the one that was set, or else JSON for a machine to read if hosted."""
        if self.log_format is not None:
            return self.log_format
        return LogFormat.JSON if mode is Mode.HOSTED else LogFormat.TEXT

    def limits(self, mode: Mode) -> Limits:
        """The limits in force: those that were set, and the mode's own for the others."""
        given = {each.name: getattr(self, each.name) for each in fields(Limits)}
        own = HOSTED if mode is Mode.HOSTED else LOCAL
        return replace(own, **{name: value for name, value in given.items() if value is not None})

    def secret_values(self) -> tuple[str, ...]:
        """The settings that are secrets, and the password in the database's URL: for a log's filter only."""
        found = [getattr(self, name) for name in type(self).model_fields]
        values = [value.get_secret_value() for value in found if isinstance(value, SecretStr)]
        if self.database_url is not None:
            # What SQLAlchemy reads otherwise is still redacted as the whole that it is.
            with suppress(ValueError):
                password = urlsplit(self.database_url.get_secret_value()).password or ""
                values += [password, unquote(password)]
        return tuple(dict.fromkeys(value for value in values if value))


def load(env_file: Path | None = ENV_FILE) -> Settings:
    """The settings from the environment and, below it, `env_file`.

    Raises:
        SettingsError: a value is wrong, or the file is not text.
    """
    try:
        # _env_file is a parameter that pydantic-settings adds and its mypy plugin alone would see.
        return Settings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(detail) for detail in error.errors())) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{env_file}: got bytes that are not UTF-8, expected a text file") from None


def _explain(detail: ErrorDetails) -> str:
    """One line for one of pydantic's error details: the variable, what came, what was expected."""
    name = str(detail["loc"][0])
    if name in _SECRET:
        return f"{PREFIX}{name.upper()}: got a value that is not shown, expected {_EXPECTED[name]}"
    came = repr(detail["input"])
    if len(came) > _SHOWN_LENGTH:
        came = f"{came[:_SHOWN_LENGTH]}... ({len(came)} characters)"
    return f"{PREFIX}{name.upper()}: got {came}, expected {_EXPECTED[name]}"


_EXPECTED: Final = {
    "mode": " or ".join(Mode),
    "frame_ancestors": _FRAME_ANCESTORS_EXPECTED,
    "log_level": f"one of {', '.join(LogLevel)}",
    "data_dir": "the path of a folder",
    "measure_at_start": "true or false",
    "dask_scheduler": _SCHEDULER_EXPECTED,
    "machine_name": f"1 to {_NAME_LENGTH} printable characters",
    "database_url": _DATABASE_EXPECTED,
    "allowed_hosts": _HOSTS_EXPECTED,
    "metrics_token": _TOKEN_EXPECTED,
    "log_format": " or ".join(LogFormat),
    "secret_keys": _VARIABLES_EXPECTED,
    "required_keys": _VARIABLES_EXPECTED,
    **{name: f"a whole number from {least} to {most}" for name, (least, most) in BOUNDS.items()},
}
# Whoever mistakes a name for its value has put a secret there.
_SECRET: Final = frozenset({"database_url", "metrics_token", "secret_keys", "required_keys"})


def _source(word: str) -> str:
    """One source of `frame-ancestors`, with the quotes that CSP's keywords need.

    Dotenv takes quotes off, so `self` is accepted for `'self'`.
    """
    keyword = word.strip("'").lower()
    if keyword in {"self", "none"}:
        return f"'{keyword}'"
    if _HOST_SOURCE.fullmatch(word) is None:
        raise ValueError(_FRAME_ANCESTORS_EXPECTED)
    return word


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:  # a host name or a Unix socket behind a proxy: reachable by others
        return False
