"""The settings: defaults, sources, wrong values, and `.env.example`."""

import ipaddress
import itertools
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.limits import BOUNDS, HOSTED, LOCAL
from core.settings import ENV_FILE, PREFIX, LogFormat, LogLevel, Mode, Settings, SettingsError, load

EXAMPLE = ENV_FILE.with_name(".env.example")


def frame_ancestors(value: str) -> tuple[str, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UTH_FRAME_ANCESTORS", value)
        return load(env_file=None).frame_ancestors


def test_defaults() -> None:
    settings = load(env_file=None)
    assert (settings.mode, settings.frame_ancestors, settings.log_level) == (None, ("'self'",), LogLevel.INFO)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("UTH_MODE=local\nUTH_LOG_LEVEL=DEBUG\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("UTH_MODE", "hosted")
    assert load(file).mode is Mode.HOSTED
    assert load(file).log_level is LogLevel.DEBUG


def test_a_missing_file_is_no_error(tmp_path: Path) -> None:
    assert load(tmp_path / ".env") == load(env_file=None)


def test_the_file_is_the_one_beside_the_app() -> None:
    assert (ENV_FILE.parent / "app.py").is_file()
    assert ENV_FILE.name == ".env"


def test_an_empty_value_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.setenv(f"{PREFIX}{field.upper()}", "")
    assert load(env_file=None) == Settings()


@pytest.mark.parametrize("value", ["local", "LOCAL", "Local"])
def test_choices_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("UTH_MODE", value)
    assert load(env_file=None).mode is Mode.LOCAL


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(env_file=None).mode = Mode.LOCAL


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("UTH_MODE", "Hoste", "UTH_MODE: got 'Hoste', expected local or hosted"),
        ("UTH_LOG_LEVEL", "7", "UTH_LOG_LEVEL: got '7', expected one of DEBUG, INFO, WARNING, ERROR"),
        (
            "UTH_DASK_SCHEDULER",
            "http://a.example:8786",
            (
                "UTH_DASK_SCHEDULER: got 'http://a.example:8786', expected tcp://host:port or "
                "tls://host:port, with a port from 1 to 65535"
            ),
        ),
        (
            "UTH_MACHINE_NAME",
            " ",
            "UTH_MACHINE_NAME: got ' ', expected 1 to 60 printable characters",
        ),
        (
            "UTH_DATABASE_URL",
            "mysql://ada:hunter2@a.example/runs",
            (
                "UTH_DATABASE_URL: got a value that is not shown, expected sqlite:///file or "
                "postgresql://user:password@host:port/name"
            ),
        ),
        (
            "UTH_FRAME_ANCESTORS",
            "https://a.example; script-src *",
            (
                "UTH_FRAME_ANCESTORS: got 'https://a.example; script-src *', expected 'self', 'none' "
                "alone, or http(s)://host[:port] with an optional leading *. in the host, separated by spaces"
            ),
        ),
    ],
)
def test_a_wrong_value_is_refused_with_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load(env_file=None)
    assert str(caught.value) == message


def test_every_wrong_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MODE", "x")
    monkeypatch.setenv("UTH_LOG_LEVEL", "y")
    with pytest.raises(SettingsError, match=r"UTH_MODE: got 'x'.*; UTH_LOG_LEVEL: got 'y'"):
        load(env_file=None)


def test_a_file_that_is_not_text_is_refused_with_one_line(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"UTH_MODE=\xff\xfe")
    with pytest.raises(
        SettingsError, match=r"^\S+\.env: got bytes that are not UTF-8, expected a text file$"
    ):
        load(file)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_wrong_mode_gives_one_short_line(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UTH_MODE", value)
        try:
            mode = load(env_file=None).mode
        except SettingsError as error:
            message = str(error)
            assert message.startswith("UTH_MODE: got ")
            assert message.isprintable()
            assert len(message) < 200
        else:
            assert mode is not None
            assert mode == value.lower()


@pytest.mark.parametrize(
    ("value", "sources"),
    [
        ("self", ("'self'",)),
        ("'none'", ("'none'",)),
        ("'self'  https://school.example", ("'self'", "https://school.example")),
        (
            "https://*.school.example:8443 http://localhost:*",
            ("https://*.school.example:8443", "http://localhost:*"),
        ),
    ],
)
def test_frame_ancestors(value: str, sources: tuple[str, ...]) -> None:
    assert frame_ancestors(value) == sources


@pytest.mark.parametrize(
    "value",
    [
        " ",
        "*",
        "https:",
        "https://",
        "school.example",
        "javascript:alert(1)",
        "data:",
        "https://a.example/path",
        "https://a.*.example",
        "https://a.example,https://b.example",
        "https://a.example\thttps://b.example",
        "https://a.example\r\nSet-Cookie: x=1",
        "'self'\n",
        "'none' 'self'",
        "'unsafe-inline'",
    ],
)
def test_what_is_no_frame_ancestor_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^UTH_FRAME_ANCESTORS: got "):
        frame_ancestors(value)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_whatever_comes_no_second_directive_or_header_gets_through(value: str) -> None:
    try:
        sources = frame_ancestors(value)
    except SettingsError:
        return
    assert not re.search(r"[;,\s*]", " ".join(sources).replace(" ", "").replace("//*.", "").replace(":*", ""))


@pytest.mark.parametrize(
    "address",
    [
        "tcp://127.0.0.1:8786",
        "tls://scheduler.school.example:1",
        "tcp://dask:65535",
        "TCP://[::1]:8786",
        "tcp://[fe80::1:2]:8786",
    ],
)
def test_a_scheduler_is_a_scheme_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("UTH_DASK_SCHEDULER", address)
    assert load(env_file=None).dask_scheduler == address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8786",
        "tcp://127.0.0.1",
        "tcp://:8786",
        "tcp://host:0",
        "tcp://host:65536",
        "tcp://host:8786/",
        "tcp://ada@host:8786",
        "tcp://host:8786\n",
        "tcp://a b:8786",
        "tcp://::1:8786",
        "inproc://host:1",
        "ucx://host:8786",
    ],
)
def test_what_is_no_scheduler_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("UTH_DASK_SCHEDULER", address)
    with pytest.raises(
        SettingsError, match=r"^UTH_DASK_SCHEDULER: got '[^\n]+, expected tcp://host:port or tls"
    ):
        load(env_file=None)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////var/lib/runs.db", "sqlite:///runs.db", "postgresql://ada:hunter2@127.0.0.1:5432/runs"],
)
def test_a_database_is_known_to_the_app_and_shown_to_nobody(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("UTH_DATABASE_URL", url)
    settings = load(env_file=None)
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert url not in shown
        assert "hunter2" not in shown


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_no_part_of_a_wrong_database_url_is_in_the_error(secret: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UTH_DATABASE_URL", f"oracle://ada:{secret}@host/runs")
        with pytest.raises(SettingsError) as caught:
            load(env_file=None)
    error: BaseException | None = caught.value
    assert str(error) == (
        "UTH_DATABASE_URL: got a value that is not shown, expected sqlite:///file or "
        "postgresql://user:password@host:port/name"
    )
    while error is not None:
        assert "oracle" not in str(error)
        assert "oracle" not in repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("name", ["a\tb", "x" * 61])
def test_a_machine_has_a_name_that_fits_in_a_table(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("UTH_MACHINE_NAME", name)
    with pytest.raises(SettingsError, match=r"^UTH_MACHINE_NAME: got '.+, expected 1 to 60 printable"):
        load(env_file=None)


def test_a_machine_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MACHINE_NAME", " rack 3, left ")
    assert load(env_file=None).machine_name == "rack 3, left"


@pytest.mark.parametrize(
    ("address", "mode"),
    [
        ("127.0.0.1", Mode.LOCAL),
        ("127.8.8.8", Mode.LOCAL),
        ("::1", Mode.LOCAL),
        ("[::1]", Mode.LOCAL),
        ("localhost", Mode.LOCAL),
        (None, Mode.HOSTED),
        ("", Mode.HOSTED),
        ("0.0.0.0", Mode.HOSTED),  # noqa: S104 - the case in question
        ("::", Mode.HOSTED),
        ("192.168.1.10", Mode.HOSTED),
        ("localhost.evil.example", Mode.HOSTED),
        ("unix:///run/app.sock", Mode.HOSTED),
    ],
)
def test_the_mode_follows_the_address(address: str | None, mode: Mode) -> None:
    assert load(env_file=None).resolve_mode(address) is mode


@given(st.ip_addresses())
def test_only_a_loopback_address_is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    expected = Mode.LOCAL if address.is_loopback else Mode.HOSTED
    assert Settings(_env_file=None).resolve_mode(str(address)) is expected  # type: ignore[call-arg]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("address", [None, "127.0.0.1", "0.0.0.0"])  # noqa: S104 - the case in question
def test_a_mode_that_was_set_wins_over_the_address(
    monkeypatch: pytest.MonkeyPatch, mode: Mode, address: str | None
) -> None:
    monkeypatch.setenv("UTH_MODE", mode.value)
    assert load(env_file=None).resolve_mode(address) is mode


def test_every_field_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_example_names_exactly_the_variables_that_are_read() -> None:
    assert set(dotenv_values(EXAMPLE)) == {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}


def test_the_example_holds_the_defaults() -> None:
    assert load(EXAMPLE) == load(env_file=None)
    empty = {name for name, value in dotenv_values(EXAMPLE).items() if not value}
    assert empty == {
        f"{PREFIX}{name.upper()}"
        for name, field in Settings.model_fields.items()
        if field.default in {None, ()}
    }


def test_every_variable_in_the_example_has_a_comment_above() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if line.startswith(PREFIX):
            assert above.startswith("# "), line


def setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Settings:
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    return load(env_file=None)


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("school.example", ("school.example",)),
        ("School.Example  *.lab.school.example school.example", ("school.example", "*.lab.school.example")),
        ("localhost 10.0.0.1 [::1] my_host", ("localhost", "10.0.0.1", "[::1]", "my_host")),
    ],
)
def test_allowed_hosts(monkeypatch: pytest.MonkeyPatch, value: str, hosts: tuple[str, ...]) -> None:
    assert setting(monkeypatch, "ALLOWED_HOSTS", value).allowed_hosts == hosts


@pytest.mark.parametrize(
    "value",
    [
        " ",
        "*",
        "*.",
        "a.*.example",
        "https://a.example",
        "a.example:8501",
        "a.example/",
        "a.example,b.example",
        "a.example\tb.example",
        ".a.example",
        "a..example",
        "a.example\n",
        "::1",
    ],
)
def test_what_is_no_host_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^UTH_ALLOWED_HOSTS: got '.*', expected host names without scheme"
    ):
        setting(monkeypatch, "ALLOWED_HOSTS", value)


@pytest.mark.parametrize("name", ["SECRET_KEYS", "REQUIRED_KEYS"])
def test_names_of_keys(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings = setting(monkeypatch, name, "MY_KEY  _b2 MY_KEY")
    assert getattr(settings, name.lower()) == ("MY_KEY", "_b2")


@pytest.mark.parametrize("name", ["SECRET_KEYS", "REQUIRED_KEYS"])
@pytest.mark.parametrize(
    "value", [" ", "MY-KEY", "MY_KEY,OTHER", "2KEY", "K" * 101, "MY_KEY=hunter2", "A\nB", "É"]
)
def test_what_is_no_name_of_a_key_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        setting(monkeypatch, name, value)
    assert str(caught.value) == (
        f"UTH_{name}: got a value that is not shown, expected names of at most 100 environment variables, "
        "like OPENAI_API_KEY, separated by spaces"
    )


def test_a_hundred_names_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"KEY_{number}" for number in range(101)]
    assert len(setting(monkeypatch, "SECRET_KEYS", " ".join(names[:100])).secret_keys) == 100
    with pytest.raises(SettingsError):
        setting(monkeypatch, "SECRET_KEYS", " ".join(names))


@pytest.mark.parametrize("token", ["a" * 16, "aZ09-._~+/" * 2 + "==", "x" * 200])
def test_a_token_for_metrics_is_known_to_the_app_and_shown_to_nobody(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    settings = setting(monkeypatch, "METRICS_TOKEN", token)
    assert settings.metrics_token is not None
    assert settings.metrics_token.get_secret_value() == token
    assert token not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    "token", ["short", "a" * 15, "a" * 201, "with a space in it", "ümlaut-" * 3, "a=" * 10]
)
def test_no_other_token_is_taken_and_none_is_shown(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        setting(monkeypatch, "METRICS_TOKEN", token)
    assert str(caught.value) == (
        "UTH_METRICS_TOKEN: got a value that is not shown, "
        "expected 16 to 200 letters, digits and -._~+/ signs"
    )


@pytest.mark.parametrize(
    ("value", "local", "hosted"),
    [
        ("", LogFormat.TEXT, LogFormat.JSON),
        ("JSON", LogFormat.JSON, LogFormat.JSON),
        ("text",) + (LogFormat.TEXT,) * 2,
    ],
)
def test_the_format_of_the_log(
    monkeypatch: pytest.MonkeyPatch, value: str, local: LogFormat, hosted: LogFormat
) -> None:
    settings = setting(monkeypatch, "LOG_FORMAT", value)
    assert (settings.resolve_log_format(Mode.LOCAL), settings.resolve_log_format(Mode.HOSTED)) == (
        local,
        hosted,
    )


def test_without_settings_the_mode_decides_on_the_limits() -> None:
    settings = load(env_file=None)
    assert settings.limits(Mode.LOCAL) == LOCAL
    assert settings.limits(Mode.HOSTED) == HOSTED


@pytest.mark.parametrize("name", BOUNDS)
def test_each_limit_can_be_set_within_its_bounds_and_changes_no_other(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    least, most = BOUNDS[name]
    for value in (least, most):
        settings = setting(monkeypatch, name.upper(), str(value))
        for mode, own in ((Mode.LOCAL, LOCAL), (Mode.HOSTED, HOSTED)):
            assert asdict(settings.limits(mode)) == {**asdict(own), name: value}
    for wrong in (str(least - 1), str(most + 1), "many", "1.5", "-1", "1e3", "0x10"):
        with pytest.raises(SettingsError) as caught:
            setting(monkeypatch, name.upper(), wrong)
        said = f"UTH_{name.upper()}: got '{wrong}', expected a whole number from {least} to {most}"
        assert str(caught.value) == said


def test_the_secrets_among_the_settings_are_given_to_the_filter_of_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "postgresql://ada:hunter%402@db.example/runs"
    monkeypatch.setenv("UTH_DATABASE_URL", url)
    token = "t0ken" * 5
    assert setting(monkeypatch, "METRICS_TOKEN", token).secret_values() == (
        url,
        token,
        "hunter%402",
        "hunter@2",
    )
    monkeypatch.setenv("UTH_DATABASE_URL", "postgresql://[odd")
    assert load(env_file=None).secret_values() == ("postgresql://[odd", token)


def test_the_example_states_the_limits_that_hold_without_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        name = line.removeprefix(PREFIX).removesuffix("=").lower()
        if name in BOUNDS:
            hosted, local = (str(asdict(limits)[name]) for limits in (HOSTED, LOCAL))
            assert re.search(rf"Empty: {hosted}\b", above), name
            assert hosted == local or re.search(rf", {local} when local\.$", above), name
