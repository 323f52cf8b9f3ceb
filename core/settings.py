"""The app's own settings: typed, from the environment and `.env`."""

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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


class SettingsError(ValueError):
    """A setting has a wrong value. The message is one line: the variable, what came, what was expected."""


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
        description="The folder where finished measurements are kept; by default `DATA_DIR`.",
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

    def resolve_mode(self, address: str | None) -> Mode:
        """The mode in force: the one that was set, or else the one that the bind address implies.

        No address means that the server binds to every interface.
        """
        if self.mode is not None:
            return self.mode
        return Mode.LOCAL if address is not None and _is_loopback(address) else Mode.HOSTED


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
}
_SECRET: Final = frozenset({"database_url"})


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
