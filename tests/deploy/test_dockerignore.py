import subprocess
from pathlib import Path

import pytest

from core.process import ROOT
from tests.deploy.dockerignore import context, ignored, patterns

RULES = patterns((ROOT / ".dockerignore").read_text(encoding="utf-8"))
# What the app is made of; everything else in the repository is about it.
INSIDE = (
    "core/",
    "ui/",
    "pages/",
    "app.py",
    "dashboard.py",
    ".streamlit/config.toml",
    "requirements-hosted.txt",
)
LAUNCHER = ("deploy/__init__.py", "deploy/serve.py", "deploy/health.py")


def tracked() -> list[str]:
    # With what is new and not ignored: it will be tracked.
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if (ROOT / path).is_file()]


def test_all_of_the_app_goes_in() -> None:
    needed = [
        path for path in tracked() if path.startswith(INSIDE) and not Path(path).name.startswith(".env")
    ]
    assert len(needed) > 300
    assert not [path for path in (*needed, *LAUNCHER) if ignored(path, RULES)]


def test_nothing_that_is_tracked_goes_in_besides() -> None:
    sent = {path for path in tracked() if not ignored(path, RULES)}
    others = {path for path in sent if not path.startswith(INSIDE)}
    assert all(path == "LICENSE" or (path.startswith("deploy/") and path.endswith(".py")) for path in others)
    assert others >= set(LAUNCHER)


def test_nothing_goes_in_that_is_not_tracked() -> None:
    # Caches, environments, data, and files that an editor or a person left behind.
    assert set(context(ROOT)) <= set(tracked())


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.local",
        ".env.example",
        "core/.env",
        "ui/netron/.env.production",
        ".streamlit/secrets.toml",
        "core/secrets.toml",
        "server.key",
        "ui/server.pem",
        ".git/config",
        ".venv/bin/python",
        "data/runs.sqlite",
        "core/__pycache__/process.cpython-311.pyc",
        "core/process.pyc",
        "tests/conftest.py",
        "bench/known.py",
        "deploy/README.md",
        "deploy/huggingface/README.md",
        "docker-compose.yml",
        ".npmrc",
        "id_rsa",
        "core/debug.log",
    ],
)
def test_secrets_and_everything_else_stay_out(path: str) -> None:
    assert ignored(path, RULES)


@pytest.mark.parametrize(
    ("rules", "path", "out"),
    [
        # From the documentation of the format.
        ("*/temp*", "somedir/temporary.txt", True),
        ("*/temp*", "somedir/temp/inside.txt", True),
        ("*/temp*", "somedir/subdir/temporary.txt", False),
        ("*/*/temp*", "somedir/subdir/temporary.txt", True),
        ("temp?", "tempa", True),
        ("temp?", "tempab", False),
        ("**/*.go", "a/b/c.go", True),
        ("**/*.go", "c.go", True),
        ("*.md\n!README.md", "README.md", False),
        ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
        ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", False),
        ("*\n!folder/one.txt", "folder/one.txt", False),
        ("*\n!folder/one.txt", "folder/two.txt", True),
        ("/foo/bar", "foo/bar", True),
        ("# a comment", "# a comment", False),
    ],
)
def test_the_rules_are_read_as_docker_reads_them(rules: str, path: str, out: bool) -> None:
    assert ignored(path, patterns(rules)) is out
