"""Where a program gets its variables from: on a laptop, in Docker, on AWS Lambda, on Cloud Run.

The same `.env` text goes to each of them; what arrives in the program differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from core.secrets.env_text import EnvProblem, bounded, decode, shown_name
from core.secrets.resolution import MAX_TEXT, Resolution, resolve

MAX_DOCKER_LINE: Final = 2**16
"""How long a line of an env file may be, in bytes: the buffer of Docker's reader."""

# What Go's unicode.IsSpace takes for a space; Python's has four more.
_GO_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


@dataclass(frozen=True)
class Deployment:
    """One way to run the program, with an example to begin with.

    Attributes:
        name: for a URL.
        title: for people.
        how: in one sentence, how the variables get into the program.
        env_text: the developer's `.env` file; only where `has_env_file` does the program have it too.
        process: the variables that the program starts with, a `NAME=value` in each line.
        override: what the example's `load_dotenv(override=...)` says.
        notes: what to know there, a sentence each.
        has_env_file: whether there is a `.env` file beside the program.
    """

    name: str
    title: str
    how: str
    env_text: str
    process: str
    override: bool
    notes: tuple[str, ...]
    has_env_file: bool

    def resolve(self, *, interpolate: bool = True) -> Resolution:
        """What the example leaves in the environment of the program."""
        text = self.env_text if self.has_env_file else ""
        return resolve(text, self.process, override=self.override, interpolate=interpolate)


@dataclass(frozen=True)
class DockerEnv:
    """What `docker run --env-file` makes of a file.

    Attributes:
        process: the variables as text, a `NAME=value` in each line. It holds the values.
        problems: why Docker refuses the file, or what in it will not do what it looks like.
        refused: whether Docker starts nothing.
    """

    process: str = field(repr=False)
    problems: tuple[EnvProblem, ...]
    refused: bool


def docker_env_file(text: str) -> DockerEnv:
    """Reads an env file as the Docker command line does (its package `kvfile`).

    Spaces before a name go, lines that begin with `#` are comments; a value is all that stands behind the
    first `=`, with its quotes, its trailing spaces and its `${...}`; it ends with the line. A name alone
    takes the value that it has where `docker` is called: here it has none, so it is left out.

    Raises:
        EnvTextError: the text is too large, or is no text.
    """
    text = decode(text, MAX_TEXT, universal=False).removeprefix("\ufeff").removesuffix("\r")
    lines: dict[str, str] = {}
    problems: list[EnvProblem] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.lstrip(_GO_SPACES)  # noqa: PLW2901 - what Docker goes on with
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        refusal = _refusal(name, line)
        if refusal:
            return DockerEnv("", (EnvProblem(number, refusal),), refused=True)
        problems += [EnvProblem(number, said) for said in _said(name, value, lines, alone=not equals)]
        if equals:
            # Of two, what counts depends on the versions behind Docker: the visitor is told to write it once.
            lines.pop(name, None)
            lines[name] = line
    return DockerEnv("\n".join(lines.values()), bounded(problems), refused=False)


def _refusal(name: str, line: str) -> str:
    if len(line.encode()) >= MAX_DOCKER_LINE:
        return "Docker refuses the file: the line is longer than 64 KiB."
    if not name:
        return "Docker refuses the file: there is no name before the =."
    if " " in name or "\t" in name:
        return "Docker refuses the file: there is a space in the name, or between it and the =."
    return ""


def _said(name: str, value: str, lines: dict[str, str], *, alone: bool) -> list[str]:
    said = []
    if name in lines:
        said.append(f"{shown_name(name)} is there twice: here the later one counts; write it once.")
    if alone:
        said.append("A word without =: it is passed on only if it is set where docker is called.")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        said.append("Docker keeps the quotes as a part of the value.")
    elif value[:1] in {'"', "'"}:
        said.append("Docker knows no value of several lines: it ends here, with the quote in it.")
    if "${" in value:
        said.append("Docker does not expand ${...}.")
    if " #" in value:
        said.append("Docker knows no comment behind a value: it is a part of it.")
    return said


# Put together from parts, so that no scanner takes the source of this file for a leak.
_NEW_KEY: Final = "sk-" + "proj-" + "-".join(("canary",) * 8)
_OLD_KEY: Final = "sk-" + "proj-" + "-".join(("parrot",) * 8)
_ENV: Final = f"""\
# Beside the app on the developer's machine; git ignores it.
OPENAI_API_KEY="{_NEW_KEY}"
DB_USER=app
DB_PASSWORD='canary-1'
DATABASE_URL=postgresql://${{DB_USER}}:${{DB_PASSWORD}}@${{DB_HOST:-localhost}}:5432/app
GREETING="Hello,\\nworld"
"""
_LAPTOP: Final = f"""\
PATH=/usr/local/bin:/usr/bin:/bin
HOME=/home/ada
OPENAI_API_KEY={_OLD_KEY}
"""
_CONTAINER: Final = """\
PATH=/usr/local/bin:/usr/bin:/bin
HOSTNAME=3f2a9c71b0de
HOME=/home/app
"""
_LAMBDA: Final = f"""\
LAMBDA_TASK_ROOT=/var/task
AWS_REGION=eu-central-1
AWS_LAMBDA_FUNCTION_NAME=summarize
AWS_ACCESS_KEY_ID={"AS" + "IA" + "CANARY" * 2 + "CANA"}
AWS_SECRET_ACCESS_KEY={"/canary" * 5 + "/cana"}
AWS_SESSION_TOKEN={"canary/" * 12}
TZ=:UTC
OPENAI_API_KEY={_NEW_KEY}
DB_HOST=db.internal.example
"""
_CLOUD_RUN: Final = f"""\
PORT=8080
K_SERVICE=summarize
K_REVISION=summarize-00007-x2b
K_CONFIGURATION=summarize
OPENAI_API_KEY={_NEW_KEY}
DB_HOST=db.internal.example
"""


def deployments() -> tuple[Deployment, ...]:
    """The four ways, from the nearest to the farthest."""
    return (
        Deployment(
            name="laptop",
            title="Laptop",
            how="The shell that starts the program passes its exported variables on; load_dotenv() adds what"
            " the .env file beside the app has.",
            env_text=_ENV,
            process=_LAPTOP,
            override=False,
            notes=(
                (
                    "override=False: a variable that the shell exports wins, even when it is empty. A key "
                    "from an old line in ~/.bashrc hides the new one in .env."
                ),
                "A program started from the desktop or by cron does not have the shell's variables.",
                (
                    "load_dotenv() without a path looks for .env from the calling file's folder upwards: "
                    "give it the path."
                ),
            ),
            has_env_file=True,
        ),
        Deployment(
            name="docker",
            title="Docker",
            how="docker run --env-file .env reads the file itself and starts the program with what it found;"
            " the image has no .env.",
            env_text=_ENV,
            process=f"{_CONTAINER}{docker_env_file(_ENV).process}",
            override=False,
            notes=(
                (
                    "Docker's reader takes a line as it stands: quotes stay in the value, ${...} is not "
                    "expanded, a value ends with its line."
                ),
                (
                    "Docker Compose reads the same file in another way: it takes quotes off, and expands "
                    "${...} outside of single quotes."
                ),
                (
                    "List .env in .dockerignore: a COPY . . would put it into a layer of the image, where "
                    "deleting it later does not remove it."
                ),
                (
                    "docker inspect shows every variable to whoever may use Docker on that machine; a "
                    "build's ENV and ARG stay in the image. For keys there are mounted secret files "
                    "(/run/secrets)."
                ),
            ),
            has_env_file=False,
        ),
        Deployment(
            name="lambda",
            title="AWS Lambda",
            how="The function's configuration has the variables; the runtime sets further ones before your"
            " code starts.",
            env_text=_ENV,
            process=_LAMBDA,
            override=False,
            notes=(
                (
                    "A .env is there only if somebody packed it into the deployment package: then "
                    "everybody who may download the package has the keys."
                ),
                (
                    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN are the execution "
                    "role's, temporary and reserved: you cannot set your own there. A packed .env would "
                    "replace them with override=True."
                ),
                "All variables of a function together have at most 4 KB; names begin with a letter.",
                "The code lies in /var/task, which cannot be written to; /tmp can.",
                (
                    "AWS advises Secrets Manager for keys: whoever may read the function's configuration "
                    "reads its variables."
                ),
            ),
            has_env_file=False,
        ),
        Deployment(
            name="cloud-run",
            title="Cloud Run",
            how="The service's revision has the variables, some of them from Secret Manager; the platform"
            " sets PORT and the K_ names.",
            env_text=_ENV,
            process=_CLOUD_RUN,
            override=False,
            notes=(
                (
                    "PORT is reserved: the program listens on it, and a PORT in .env would lead it astray "
                    "with override=True."
                ),
                (
                    "A secret as a variable is read when an instance starts: pin its version. As a "
                    "mounted file it is read anew each time, so a rotated one arrives without a restart."
                ),
                (
                    "A secret that was made with echo ends in a line break, which becomes a part of the "
                    "key: use printf."
                ),
                (
                    "Plain variables show to everybody who may view the service; a changed one is a new "
                    "revision."
                ),
                "Google's own libraries need no key file there: the service has an account of its own.",
            ),
            has_env_file=False,
        ),
    )
