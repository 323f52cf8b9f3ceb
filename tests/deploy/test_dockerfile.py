import ast
import re
import sys
from pathlib import PurePosixPath

import pytest

from core.process import ROOT
from core.settings import Mode, Settings
from deploy import health, lock, serve
from tests.deploy.dockerfile import parse
from tests.deploy.dockerignore import context

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
FILE = parse(TEXT)
LAST = FILE.last
KNOWN = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "ONBUILD",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", LAST.only("ENV").text))


def position(name: str, start: str) -> int:
    (found,) = [
        index
        for index, one in enumerate(LAST.instructions)
        if one.name == name and one.text.startswith(start)
    ]
    return found


def test_every_instruction_exists() -> None:
    assert {one.name for stage in FILE.stages for one in stage.instructions} <= KNOWN


def test_every_image_has_a_full_version_and_is_a_slim_one() -> None:
    for stage in FILE.stages:
        assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-[a-z]+", FILE.image(stage))


def test_it_runs_as_user_1000_who_owns_no_program() -> None:
    assert LAST.only("USER").text == "1000:1000"
    assert "useradd --uid 1000 " in LAST.all("RUN")[0].text
    after = LAST.instructions[position("USER", "1000") :]
    assert not {"RUN", "COPY", "ADD", "USER"} & {one.name for one in after[1:]}
    assert "--chown" not in TEXT


def test_commands_are_run_without_a_shell_so_that_signals_reach_the_server() -> None:
    assert LAST.only("ENTRYPOINT").exec_form() == ["tini", "--"]
    assert LAST.only("CMD").exec_form() == ["python", "-m", serve.__name__]
    options, _, command = LAST.only("HEALTHCHECK").text.partition("CMD ")
    assert parse(f"FROM a\nCMD {command}").last.only("CMD").exec_form() == ["python", "-m", health.__name__]
    assert {option.partition("=")[0] for option in options.split()} == {
        "--interval", "--timeout", "--start-period", "--retries",
    }  # fmt: skip


def test_there_is_no_compiler_in_it_and_none_is_needed() -> None:
    installed = [
        one.text for stage in FILE.stages for one in stage.all("RUN") if "apt-get install" in one.text
    ]
    assert len(installed) == 1
    (packages,) = re.findall(r"--no-install-recommends ([^&]*) &&", installed[0])
    assert packages.split() == ["tini=0.19.0-*", "git=1:2.*"]
    assert "rm -rf /var/lib/apt/lists/*" in installed[0]
    assert all(
        "--only-binary :all:" in line for line in TEXT.replace("\\\n", " ").splitlines() if "pip " in line
    )


def test_packages_are_installed_by_their_hashes() -> None:
    (install,) = [
        one.text
        for stage in FILE.stages
        for one in stage.all("RUN")
        if " install " in f"{one.text} " and "pip" in one.text
    ]
    assert "--require-hashes" in install
    assert "--requirement requirements-hosted.txt" in install
    assert '--extra-index-url "${TORCH_INDEX}"' in install
    assert FILE.stages[0].only("ARG").text == f"TORCH_INDEX={lock.TORCH_INDEX}"


def test_no_other_host_is_named() -> None:
    assert set(re.findall(r"https?://([^/\s\"]+)", TEXT)) == {"download.pytorch.org"}


def test_a_change_of_the_code_installs_nothing_anew() -> None:
    assert [one.text for one in FILE.stages[0].all("COPY")] == ["requirements-hosted.txt ./"]
    own = position("COPY", ". .")
    assert own > position("COPY", "--from=packages") > position("RUN", "apt-get")
    assert position("ARG", "REVISION") > own


def test_what_is_copied_exists_and_what_is_used_of_other_stages_too() -> None:
    names = {stage.name for stage in FILE.stages[:-1]}
    sent = set(context(ROOT))
    for one in (copy for stage in FILE.stages for copy in stage.all("COPY")):
        *sources, _ = one.words
        if sources[0].startswith("--from="):
            assert sources[0].removeprefix("--from=") in names
            continue
        for source in sources:
            whole = source.rstrip("/")
            assert whole == "." or any(
                path == whole or PurePosixPath(whole) in PurePosixPath(path).parents for path in sent
            )


def test_nothing_but_tmp_and_data_is_written_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment()
    assert given["PYTHONDONTWRITEBYTECODE"] == "1"
    assert given["HOME"] == "/tmp"  # noqa: S108 - of the container
    assert given["XDG_CACHE_HOME"].startswith("/tmp/")  # noqa: S108
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.mode is Mode.HOSTED
    assert settings.data_dir is not None
    assert LAST.only("VOLUME").exec_form() == [str(settings.data_dir)]
    assert f"--owner app --group app {settings.data_dir}" in LAST.all("RUN")[0].text


def test_the_port_is_the_one_that_is_exposed_served_and_asked() -> None:
    assert LAST.only("EXPOSE").text == environment()["PORT"] == str(serve.port(environment()))


def test_no_secret_is_built_in() -> None:
    given = [one.text for stage in FILE.stages for one in (*stage.all("ARG"), *stage.all("ENV"))]
    assert not re.search(r"(?i)password|secret|token|api_?key|credential", " ".join(given))


def test_the_parts_of_the_runtime_for_browsers_suffice_to_fetch_it() -> None:
    copied = [*sorted((ROOT / "ui/browser_runtime").glob("*.py")), ROOT / "ui/__init__.py"]
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in copied
    }
    todo, seen = ["ui", "ui.browser_runtime", "ui.browser_runtime.fetch"], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name.partition(".")[0] != "ui":
            assert name.partition(".")[0] in sys.stdlib_module_names
            continue
        assert name in modules
        path = ROOT.joinpath(*name.split("."))
        tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                todo.append(node.module)
            elif isinstance(node, ast.Import):
                todo.extend(alias.name for alias in node.names)
