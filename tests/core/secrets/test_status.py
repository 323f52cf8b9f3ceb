"""The status of the declared keys: who wins, who loses, what is odd, and no value in it."""

import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.secrets.declared import DECLARED, declared_keys
from core.secrets.env_text import SAMPLE, read_env_text
from core.secrets.mask import DOTS, Masked
from core.secrets.source import Source, SourceKind, dotenv_source
from core.secrets.state import KeyState
from core.secrets.status import KeyStatus, Rung, status

CANARY = "canary" * 8
OPENAI = "sk-" + "proj-" + CANARY
ANTHROPIC = "sk-" + "ant-" + CANARY


def process(**values: str) -> Source:
    return Source(SourceKind.PROCESS, values)


def dotenv(**values: str | None) -> Source:
    return Source(SourceKind.DOTENV, values)


def of(name: str, *sources: Source, owner: bool = False) -> KeyStatus:
    return next(each for each in status(DECLARED, sources, owner=owner) if each.key.name == name)


def odd(value: str, name: str = "OPENAI_API_KEY") -> tuple[str, ...]:
    return of(name, process(**{name: value})).rungs[0].warnings


def test_the_first_source_that_has_the_name_wins() -> None:
    found = of("OPENAI_API_KEY", process(), dotenv(OPENAI_API_KEY=OPENAI), Source(SourceKind.STREAMLIT, {}))
    assert (found.state, found.winner, found.masked) == (
        KeyState.SET,
        SourceKind.DOTENV,
        Masked(DOTS, "40 to 79 characters"),
    )
    assert [(rung.source, rung.state, rung.same) for rung in found.rungs] == [
        (SourceKind.PROCESS, KeyState.NOT_SET, None),
        (SourceKind.DOTENV, KeyState.SET, None),
        (SourceKind.STREAMLIT, KeyState.NOT_SET, None),
    ]
    assert found.warnings == ()


def test_a_key_that_nobody_has_is_not_set() -> None:
    assert [(each.state, each.winner, each.masked, each.warnings) for each in status(DECLARED, [])] == [
        (KeyState.NOT_SET, None, None, ())
    ] * len(DECLARED)


def test_an_empty_value_wins_and_hides_the_one_below() -> None:
    found = of("HF_TOKEN", process(HF_TOKEN=""), dotenv(HF_TOKEN="hf_" + "aBcDefGhij" * 3 + "klmn"))
    assert (found.state, found.winner, found.masked) == (KeyState.EMPTY, SourceKind.PROCESS, None)
    assert found.warnings == ("An empty value in the process environment hides the one in .env.",)


@pytest.mark.parametrize(
    ("value", "state", "said"),
    [
        ("  ", KeyState.BLANK, "A blank value in the process environment hides the one in .env."),
        ("changeme", KeyState.PLACEHOLDER, "A placeholder in the process environment hides the one in .env."),
    ],
)
def test_a_blank_value_and_a_placeholder_hide_too(value: str, state: KeyState, said: str) -> None:
    found = of("OPENAI_API_KEY", process(OPENAI_API_KEY=value), dotenv(OPENAI_API_KEY=OPENAI))
    assert (found.state, found.warnings) == (state, (said,))


def test_same_and_different_values_are_told_apart() -> None:
    found = of(
        "OPENAI_API_KEY",
        process(OPENAI_API_KEY=OPENAI),
        dotenv(OPENAI_API_KEY=OPENAI),
        Source(SourceKind.STREAMLIT, {"OPENAI_API_KEY": f"{OPENAI}x"}),
    )
    assert [rung.same for rung in found.rungs] == [None, True, False]
    assert found.warnings == ("Another value is in st.secrets; the one in the process environment counts.",)


def test_two_sources_of_one_kind_are_two_rungs() -> None:
    found = of("OPENAI_API_KEY", dotenv(), dotenv(OPENAI_API_KEY=OPENAI))
    assert [rung.state for rung in found.rungs] == [KeyState.NOT_SET, KeyState.SET]
    assert found.winner is SourceKind.DOTENV


def test_a_name_without_equals_sets_nothing() -> None:
    found = of("OPENAI_API_KEY", dotenv(OPENAI_API_KEY=None), process(OPENAI_API_KEY=OPENAI))
    assert found.winner is SourceKind.PROCESS
    assert found.rungs[0].warnings == ("The name stands there without =, so python-dotenv sets nothing.",)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (OPENAI, ()),
        (
            "canary",
            ("It does not look like an OpenAI key: expected sk-proj-, sk-svcacct-, sk-admin- or sk-",),
        ),
        (ANTHROPIC, ("It looks like an Anthropic key (ANTHROPIC_API_KEY).",)),
        (f" {OPENAI}", ("It has whitespace around it",)),
        (f"{OPENAI}\n", ("It has whitespace around it",)),
        (f'"{OPENAI}"', ("It is surrounded by quotes",)),
        (f"“{OPENAI}”", ("It is surrounded by quotes",)),
        (f"{OPENAI}\u200b", ("It has a character that does not print or is not ASCII",)),
        (f"{OPENAI[:20]}\n{OPENAI[20:]}", ("It has a line break inside", "It does not look like")),
        (f"{OPENAI}é", ("It has a character that does not print or is not ASCII", "It does not look like")),
        (
            f"{OPENAI}\x07",
            ("It has a character that does not print or is not ASCII", "It does not look like"),
        ),
    ],
)
def test_what_is_odd_about_a_value_is_said(value: str, said: tuple[str, ...]) -> None:
    found = odd(value)
    assert len(found) == len(said)
    assert all(full.startswith(start) for full, start in zip(found, said, strict=True))


def test_the_articles_words_for_a_malformed_key() -> None:
    assert odd("canary", "ANTHROPIC_API_KEY") == (
        "It does not look like an Anthropic key: expected sk-ant- and 32 or more letters, digits, - and _.",
    )


def test_a_value_that_names_another_key_of_the_same_provider_is_told_apart() -> None:
    assert odd("AK" + "IA" + "CANARYCANARYCANA", "AWS_SECRET_ACCESS_KEY") == (
        "It looks like an AWS key's identifier (AWS_ACCESS_KEY_ID).",
    )


def test_a_path_that_is_json_is_malformed_and_its_lines_are_no_matter_to_a_url() -> None:
    assert "expected the path of a .json file" in odd('{"type": "x"}', "GOOGLE_APPLICATION_CREDENTIALS")[0]
    assert odd("postgresql://app:" + "pässword@db/x", "DATABASE_URL") == ()


def test_a_key_that_nothing_is_known_of_is_never_malformed() -> None:
    keys = declared_keys(["MY_KEY"])
    found = status(keys, [process(MY_KEY=ANTHROPIC)])[-1]
    assert (found.state, found.rungs[0].warnings) == (KeyState.SET, ())


def test_a_reference_is_said_where_the_file_would_be_expanded() -> None:
    found = of("OPENAI_API_KEY", dotenv(OPENAI_API_KEY="${OTHER}"))
    assert found.rungs[0].warnings == (
        "python-dotenv expands the ${...} in it when it loads the file; here it stays as it is.",
    )
    assert "It does not look like" in odd("${OTHER}")[0]


def test_the_owner_sees_the_end_of_a_known_token_and_nobody_else_does() -> None:
    source = process(OPENAI_API_KEY=f"{OPENAI}sl83k", AWS_SECRET_ACCESS_KEY="aB3/" * 10)
    tails = {
        each.key.name: each.masked.text for each in status(DECLARED, [source], owner=True) if each.masked
    }
    assert tails == {"OPENAI_API_KEY": f"{DOTS}...sl83k", "AWS_SECRET_ACCESS_KEY": DOTS}
    assert of("OPENAI_API_KEY", source).masked == Masked(DOTS, "40 to 79 characters")


def test_changes_in_the_file_show_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    states = []
    for text in ("", "OPENAI_API_KEY=\n", "OPENAI_API_KEY=your-key-here\n", f"OPENAI_API_KEY={OPENAI}\n"):
        path.write_text(text)
        states.append(of("OPENAI_API_KEY", process(), dotenv_source(path)).state)
    assert states == [KeyState.NOT_SET, KeyState.EMPTY, KeyState.PLACEHOLDER, KeyState.SET]


def test_the_sample_shows_every_state() -> None:
    found = {each.key.name: each for each in status(DECLARED, [read_env_text(SAMPLE).source])}
    assert {name: each.state.value for name, each in found.items()} == {
        "OPENAI_API_KEY": "set",
        "ANTHROPIC_API_KEY": "placeholder",
        "HF_TOKEN": "empty",
        "PINECONE_API_KEY": "blank",
        "AWS_ACCESS_KEY_ID": "set",
        "AWS_SECRET_ACCESS_KEY": "set",
        "GOOGLE_API_KEY": "set",
        "GOOGLE_APPLICATION_CREDENTIALS": "set",
        "GITHUB_TOKEN": "not set",
        "DATABASE_URL": "set",
    }
    warned = {name: len(each.rungs[0].warnings) for name, each in found.items() if each.rungs[0].warnings}
    assert warned == {"AWS_SECRET_ACCESS_KEY": 2, "GOOGLE_API_KEY": 1}
    assert set(KeyState) == {each.state for each in found.values()}


@given(
    values=st.lists(
        st.sampled_from(["plain", "spaces", "quotes", "lines", "known", "json"]), min_size=3, max_size=3
    ),
    name=st.sampled_from(
        ["OPENAI_API_KEY", "DATABASE_URL", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_ACCESS_KEY_ID"]
    ),
)
def test_no_value_is_in_the_status(values: list[str], name: str) -> None:
    sources, cores = [], []
    for kind, shape in zip(SourceKind, values, strict=True):
        core = secrets.token_hex(24)
        cores.append(core)
        wrapped = {
            "plain": core,
            "spaces": f" {core}\t",
            "quotes": f'"{core}"',
            "lines": f"{core}\n{core}",
            "known": "sk-" + f"proj-{core}",
            "json": f'{{"{core}": "{core}"}}',
        }[shape]
        sources.append(Source(kind, {name: wrapped}))
    said = repr(status(DECLARED, sources))
    for core in cores:
        assert not any(core[start : start + 6] in said for start in range(len(core) - 5))


def test_two_looks_at_the_same_values_are_equal() -> None:
    sources = [process(OPENAI_API_KEY=OPENAI), dotenv(OPENAI_API_KEY=ANTHROPIC)]
    assert status(DECLARED, sources) == status(DECLARED, sources)


def test_a_value_with_half_a_character_has_a_status() -> None:
    found = of("OPENAI_API_KEY", process(OPENAI_API_KEY="\udc80" * 9), dotenv(OPENAI_API_KEY="x"))
    assert isinstance(found.rungs[1], Rung)
    assert found.rungs[1].same is False
