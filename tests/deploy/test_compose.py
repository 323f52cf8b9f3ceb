import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from core.process import ROOT
from core.settings import Settings
from deploy import health
from tests.deploy.dockerfile import parse

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NAMES = sorted(SERVICES)
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def filled_in(text: str, **given: str) -> str:
    """With the values that Compose puts in for its variables."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if given.get(name):
            return given[name]
        if kind == "?":
            raise KeyError(f"{name}: {rest}")
        return rest or ""

    return _VARIABLE.sub(value, text)


def environment(service: str, **given: str) -> dict[str, str]:
    listed = SERVICES[service].get("environment", {})
    return {name: filled_in(str(value), **given) for name, value in listed.items()}


def mebibytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)([mg])", text)
    assert found
    return int(found[1]) * {"m": 1, "g": 1024}[found[2]]


def test_it_has_the_app_a_database_and_a_cluster() -> None:
    assert NAMES == ["app", "database", "scheduler", "worker"]


@pytest.mark.parametrize("name", NAMES)
def test_a_service_can_change_nothing_and_gain_nothing(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "env_file"} & set(service)
    assert any(place.startswith("/tmp:") for place in service["tmpfs"])  # noqa: S108 - of the container
    # No folder of the host's, and so no socket of Docker's.
    assert all(volume.partition(":")[0] in COMPOSE["volumes"] for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_bounds(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert float(filled_in(str(limits["cpus"]))) > 0
    assert limits["pids"] > 0
    in_memory = [re.search(r"size=(\d+[mg])", place) for place in SERVICES[name]["tmpfs"]]
    assert mebibytes(limits["memory"]) > sum(mebibytes(found[1]) for found in in_memory if found)
    assert None not in in_memory


@pytest.mark.parametrize("name", NAMES)
def test_a_service_is_watched_and_started_again(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    if name == "app":
        assert parse((ROOT / "Dockerfile").read_text(encoding="utf-8")).last.all("HEALTHCHECK")
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
    for other, how in service.get("depends_on", {}).items():
        assert other in SERVICES
        assert how == {"condition": "service_healthy"}


@pytest.mark.parametrize(("name", "option"), [("scheduler", "--port"), ("worker", "--worker-port")])
def test_the_cluster_is_asked_at_the_port_that_it_serves(name: str, option: str) -> None:
    command, test = SERVICES[name]["command"], SERVICES[name]["healthcheck"]["test"]
    assert test == ["CMD", "python", "-m", health.__name__, "tcp", command[command.index(option) + 1]]


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_dask_knows_the_commands(name: str) -> None:
    from distributed.cli import dask_scheduler, dask_worker

    program = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[name]
    head, arguments = SERVICES[name]["command"][:4], SERVICES[name]["command"][4:]
    assert head == ["python", "-m", "dask", name]
    # Raises for an option or a value that it does not know.
    program.make_context(name, list(arguments))


def test_only_the_app_has_a_port_and_only_for_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["app"]
    (port,) = published["app"]
    assert filled_in(port) == "127.0.0.1:8501:8501"


def test_only_the_app_is_on_a_network_that_leads_out() -> None:
    outside = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert [name for name in NAMES if outside & set(SERVICES[name]["networks"])] == ["app"]


def test_a_worker_reaches_no_database() -> None:
    for name in ("scheduler", "worker"):
        assert not set(SERVICES[name]["networks"]) & set(SERVICES["database"]["networks"])
        assert not any("PASSWORD" in str(one) or "DATABASE" in str(one) for one in SERVICES[name].items())


def test_images_have_full_versions() -> None:
    assert SERVICES["app"]["build"]["context"] == "."
    own = {SERVICES[name]["image"] for name in ("app", "scheduler", "worker")}
    assert own == {"under-the-hood"}
    assert re.fullmatch(r"postgres:\d+\.\d+-[a-z]+", SERVICES["database"]["image"])


def test_no_password_is_in_the_file_and_without_one_nothing_starts() -> None:
    assert environment("database", POSTGRES_PASSWORD="a1")["POSTGRES_PASSWORD"] == "a1"
    for name in ("app", "database"):
        with pytest.raises(KeyError, match=r"POSTGRES_PASSWORD: set it in \.env"):
            environment(name)


def test_the_apps_variables_are_settings_with_right_values(monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment("app", POSTGRES_PASSWORD="a1")
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    own = {name.removeprefix("UTH_").lower() for name in given if name.startswith("UTH_")}
    assert own <= set(Settings.model_fields)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://uth:a1@database:5432/uth"
    assert settings.dask_scheduler == "tcp://scheduler:8786"
    # An empty variable is the default.
    assert settings.frame_ancestors == Settings.model_fields["frame_ancestors"].default


def test_every_setting_can_be_given() -> None:
    elsewhere = {
        "UTH_MODE": "the image sets it",
        "UTH_DATA_DIR": "the image sets it",
        "UTH_MACHINE_NAME": "of the machine that measures, the worker",
        "UTH_REQUIRED_KEYS": "the keys themselves would have to be given too",
    }
    offered = re.findall(r"^(UTH_\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(offered) - set(elsewhere) <= set(environment("app", POSTGRES_PASSWORD="a1"))
    assert "UTH_MACHINE_NAME" in environment("worker")


def test_the_images_arguments_are_those_of_the_dockerfile() -> None:
    stages = parse((ROOT / "Dockerfile").read_text(encoding="utf-8")).stages
    defaults = dict(one.text.partition("=")[::2] for stage in stages for one in stage.all("ARG"))
    given = {name: filled_in(value) for name, value in SERVICES["app"]["build"]["args"].items()}
    assert given.items() <= defaults.items()
