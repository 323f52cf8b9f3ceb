"""The secrets lab: what wins and why, what would leak, live, in both modes, and never a value on the page."""

import base64
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from streamlit import config

import ui.secrets.leaks
import ui.secrets.sources
from core.secrets.leaks import EXAMPLES
from core.secrets.mask import DOTS
from core.secrets.sample_repository import Sample
from tests.pages.visit import Visit, open_page
from ui.secrets.inputs import (
    ACTS,
    DEPLOYMENTS,
    EXAMPLE,
    LEAK_VIEWS,
    OWN_FOLDER,
    OWN_TEXT,
    PASTED,
    TABS,
    TEXT_KEY,
    THIS_MACHINE,
)

PAGE = "pages/secrets.py"
HERE = {"from": THIS_MACHINE}


def token() -> str:
    """A key as OpenAI issues them, of this run alone."""
    return "sk-" + "proj-" + secrets.token_hex(24)


def forms(value: str) -> list[bytes]:
    """A value as it could stand in what a page sends."""
    raw = value.encode()
    aligned = [base64.b64encode(b"." * shift + raw).decode()[4:-4].encode() for shift in range(3)]
    return [raw, quote(value, safe="").encode(), json.dumps(value)[1:-1].encode(), *aligned]


def is_in(value: str, visit: Visit) -> bool:
    """Whether a value is anywhere in what the page sends, or in its address."""
    sent = visit.everything() + repr(dict(visit.app.query_params)).encode()
    return any(form in sent for form in forms(value))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with what `This machine` reads; local mode."""
    monkeypatch.setenv("UTH_MODE", "local")
    monkeypatch.setattr(ui.secrets.sources, "ENV_FILE", tmp_path / ".env")
    monkeypatch.setattr(ui.secrets.leaks, "ENV_FILE", tmp_path / ".env")
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    yield tmp_path
    config.set_option("secrets.files", before)


def rows(visit: Visit) -> dict[str, tuple[str, ...]]:
    """The board's rows by the key: state, source, value, what is odd."""
    return {row[0]: row[1:] for row in visit.board()}


def every_view(visit: Visit) -> Iterator[str]:
    """Goes through all that the lab can show."""
    views: list[dict[str, str | bool]] = [{"tab": tab} for tab in TABS]
    views += [{"tab": TABS[1], "on": title} for title in DEPLOYMENTS]
    views += [{"tab": TABS[2], "leaks": view} for view in LEAK_VIEWS]
    views += [{"predict": True}, {"predict": False}]
    for view in views:
        visit.put(dict(view))
        yield repr(view)


def test_the_first_view_is_a_complete_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_MODE", "hosted")
    visit = open_page(PAGE)
    assert visit.troubles() == []
    found = rows(visit)
    assert found["OPENAI_API_KEY"][:2] == ("✓ set", "process")
    assert "Another value is in .env" in found["OPENAI_API_KEY"][3]
    assert found["ANTHROPIC_API_KEY"][0] == "✗ placeholder"
    assert found["HF_TOKEN"][0] == "✗ empty"
    assert found["GITHUB_TOKEN"][:2] == ("✓ set", "st.secrets")
    assert visit.verdict() == "✗ would fail at its first use"


def test_a_change_of_any_source_shows_at_the_next_look(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    visit = open_page(PAGE, HERE)
    assert rows(visit)["OPENAI_API_KEY"][0] == "· not set"
    (home / ".env").write_text(f"OPENAI_API_KEY={token()}\n")
    assert rows(visit.run())["OPENAI_API_KEY"][:2] == ("✓ set", ".env")
    (home / "secrets.toml").write_text(f'OPENAI_API_KEY = "{token()}"\n')
    assert "Another value is in st.secrets" in rows(visit.run())["OPENAI_API_KEY"][3]
    monkeypatch.setenv("OPENAI_API_KEY", token())
    assert rows(visit.run())["OPENAI_API_KEY"][1] == "process"
    (home / ".env").unlink()
    (home / "secrets.toml").unlink()
    monkeypatch.delenv("OPENAI_API_KEY")
    assert rows(visit.run())["OPENAI_API_KEY"][0] == "· not set"


def test_the_ladder_says_same_or_different(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = token()
    monkeypatch.setenv("OPENAI_API_KEY", key)
    (home / ".env").write_text(f"OPENAI_API_KEY={key}\n")
    (home / "secrets.toml").write_text(f'OPENAI_API_KEY = "{token()}"\n')
    visit = open_page(PAGE, HERE | {"key": "OPENAI_API_KEY"})
    (ladder, *_) = visit.tables()
    assert [(row[""], row["source"], row["beside the winner"]) for row in ladder] == [
        ("◆ wins", "process environment", ""),
        ("", ".env", "= same"),
        ("", "st.secrets", "≠ different"),
    ]


def test_a_missing_key_is_named_as_an_app_would_at_its_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    visit = open_page(PAGE, HERE | {"key": "OPENAI_API_KEY"})
    (line,) = visit.troubles()
    assert line.startswith("OPENAI_API_KEY is not set")


def test_no_planted_value_reaches_the_page(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canaries = [token() for _ in range(4)]
    monkeypatch.setenv("OPENAI_API_KEY", canaries[0])
    monkeypatch.setenv("SOME_OTHER_SECRET", canaries[1])
    (home / ".env").write_text(f"ANTHROPIC_API_KEY='{canaries[2]}'\nnot a line {canaries[2]}\n")
    (home / "secrets.toml").write_text(f'HF_TOKEN = "{canaries[3]}"\n[table]\nkey = "{canaries[3]}"\n')
    visit = open_page(PAGE, HERE)
    for view in every_view(visit):
        for canary in canaries:
            assert not is_in(canary, visit), view


def test_the_end_of_a_token_shows_only_where_the_app_is_the_owners(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = token()
    monkeypatch.setenv("OPENAI_API_KEY", key)
    visit = open_page(PAGE, HERE)
    assert f">{DOTS}</code>" in rows(visit)["OPENAI_API_KEY"][2]
    visit.put({"ends": True})
    assert f"{DOTS}...{key[-5:]}" in rows(visit)["OPENAI_API_KEY"][2]
    assert not is_in(key[:-5], visit)
    monkeypatch.setenv("UTH_MODE", "hosted")
    hosted = open_page(PAGE, {"ends": "true"})
    assert f"...{key[-5:]}" not in hosted.text()


def test_a_hosted_lab_neither_reads_nor_names_the_servers_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = token()
    monkeypatch.setenv("OPENAI_API_KEY", key)
    (home / ".env").write_text(f"ANTHROPIC_API_KEY={token()}\n")

    def never(*_: object) -> None:
        raise AssertionError("the server's own sources were read")

    for name in ("process_source", "dotenv_source", "streamlit_source"):
        monkeypatch.setattr(ui.secrets.sources, name, never)
    monkeypatch.setattr(ui.secrets.leaks, "examine", never)
    monkeypatch.setenv("UTH_MODE", "hosted")
    for query in (
        {},
        {"from": THIS_MACHINE},
        {"repository": OWN_FOLDER, "tab": TABS[2], "leaks": LEAK_VIEWS[1]},
    ):
        visit = open_page(PAGE, query)
        assert visit.get("from") == EXAMPLE
        assert not is_in(key, visit)
        for view in every_view(visit):
            assert not is_in(key, visit), view


@pytest.mark.parametrize("mode", ["local", "hosted"])
def test_a_pasted_text_is_read_masked_and_in_no_address(
    mode: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UTH_MODE", mode)
    key = token()
    visit = open_page(PAGE, {"from": PASTED})
    visit.put({TEXT_KEY: f"OPENAI_API_KEY={key}\nHF_TOKEN=\nX=${{PATH}}\nBROKEN='{key}\n"})
    found = rows(visit)
    assert found["OPENAI_API_KEY"][:2] == ("✓ set", ".env")
    assert found["HF_TOKEN"][0] == "✗ empty"
    assert key not in repr(dict(visit.app.query_params))
    # The text area alone sends the text back to the browser that it came from.
    without_input = visit.everything().replace(visit.app.text_area[0].proto.SerializeToString(), b"")
    assert not any(form in without_input for form in forms(key))
    problems = [row["what"] for table in visit.tables() for row in table if "line" in row]
    assert any("quote" in str(said) for said in problems)


@pytest.mark.parametrize(
    ("text", "said"),
    [("A=1\0", "NUL"), ("X=1\n" * 400_000, "larger"), ("\n".join(f"K{n}=1" for n in range(5_000)), "names")],
)
def test_a_text_that_cannot_be_read_is_one_line(
    text: str, said: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = open_page(PAGE, {"from": PASTED, "tab": TABS[1]}).put({TEXT_KEY: text})
    (line,) = visit.troubles()
    assert said in line
    assert "\n" not in line
    # Nothing is known of a text that cannot be read, least of all that a key is not set.
    assert visit.board() == []
    assert visit.numbers() == {}


def test_before_anything_is_pasted_nothing_is_said_of_any_key(home: Path) -> None:
    visit = open_page(PAGE, {"from": PASTED, "tab": TABS[0]})
    assert (visit.board(), visit.troubles(), visit.verdicts()) == ([], [], [])


def test_a_reference_is_no_mistake(home: Path) -> None:
    text = "OPENAI_API_KEY=${OPENAI_API_KEY_DEV}\nDATABASE_URL=postgresql://${U}:${P}@db.example.com/x\n"
    visit = open_page(PAGE, {"from": PASTED}).put({TEXT_KEY: text})
    assert visit.verdict() == "✓ all that is set can be used"
    assert {rows(visit)[name][0] for name in ("OPENAI_API_KEY", "DATABASE_URL")} == {"✓ set"}


def test_what_only_looks_wrong_is_not_said_to_fail(home: Path) -> None:
    visit = open_page(PAGE, {"from": PASTED}).put({TEXT_KEY: "HF_TOKEN=not-as-they-issue-them\n"})
    assert visit.verdict() == "✗ may well fail"


def test_on_a_projector_the_hidden_board_does_not_tell_which_keys_are_set(home: Path) -> None:
    query = {"from": PASTED, "projector": "true", "predict": "true"}
    visit = open_page(PAGE, query).put({TEXT_KEY: "GITHUB_TOKEN=x\nDATABASE_URL=y\n"})
    assert visit.board()[0][0] == "OPENAI_API_KEY"


def test_of_a_file_and_a_flag_docker_takes_the_flag(home: Path) -> None:
    visit = open_page(PAGE, {"tab": TABS[1], "on": "Docker"})
    visit.put(
        {"secrets:text:env:docker": "A=from-the-file\nB=1\n", "secrets:text:process:docker": "A=flag\n"}
    )
    (table, *_) = [table for table in visit.tables() if table and "hides the one in" in table[0]]
    assert [(row["name"], row["length"]) for row in table] == [
        ("A", "1 to 7 characters"),
        ("B", "1 to 7 characters"),
    ]


def test_a_reset_forgets_every_text(home: Path) -> None:
    visit = open_page(PAGE, {"from": PASTED}).put({TEXT_KEY: "HF_TOKEN=abc"})
    visit.app.button(key="secrets:reset").click()
    visit.run().put({"from": PASTED})
    assert not visit.get(TEXT_KEY)


def test_the_same_file_on_four_platforms(home: Path) -> None:
    visit = open_page(PAGE, {"tab": TABS[1]})
    seen = {}
    for title in DEPLOYMENTS:
        visit.put({"on": title})
        assert visit.troubles() == []
        (table, *_) = [table for table in visit.tables() if table and "hides the one in" in table[0]]
        seen[title] = {str(row["name"]): str(row["from"]) for row in table}
    assert len({repr(each) for each in seen.values()}) > 2
    visit.put({"on": next(iter(DEPLOYMENTS)), "override": False})
    before = visit.tables()
    assert visit.put({"override": True}).tables() != before


def test_variables_of_the_server_are_never_looked_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = token()
    monkeypatch.setenv("UTH_CANARY", canary)
    name = next(iter(DEPLOYMENTS.values())).name
    visit = open_page(PAGE, {"tab": TABS[1]})
    visit.put(
        {f"secrets:text:env:{name}": "A=${UTH_CANARY}\nB=${PATH}\n", f"secrets:text:process:{name}": ""}
    )
    assert not is_in(canary, visit)
    (table, *_) = [table for table in visit.tables() if table and "hides the one in" in table[0]]
    assert {row["length"] for row in table} == {"empty"}


def test_leaks_in_an_example_are_found_and_fixed(home: Path) -> None:
    for example in EXAMPLES:
        visit = open_page(PAGE, {"tab": TABS[2], "scanned": example.title})
        assert visit.troubles() == []
        assert visit.verdicts()[-1] in {"✗ would leak", "✓ nothing that these rules know"}


def test_a_visitors_code_is_scanned_and_only_the_masks_are_shown(home: Path) -> None:
    key = token()
    text_key = "secrets:text:scanned"
    visit = open_page(PAGE, {"tab": TABS[2], "scanned": OWN_TEXT})
    visit.put({text_key: f'client = OpenAI(api_key="{key}")\n'})
    assert visit.verdicts()[-1] == "✗ would leak"
    sent = visit.everything().replace(visit.app.text_area(key=text_key).proto.SerializeToString(), b"")
    assert not any(form in sent for form in forms(key))
    assert 'os.getenv("OPENAI_API_KEY")' in visit.text()
    visit.put({text_key: '{"cells": ', "secrets:language": "notebook"})
    (line,) = visit.troubles()
    assert "JSON" in line


def test_git_answers_for_every_sample_and_for_the_own_folder_only_at_home(home: Path) -> None:
    (home / ".env").write_text("HF_TOKEN=x\n")
    visit = open_page(PAGE, {"tab": TABS[2], "leaks": LEAK_VIEWS[1]})
    assert visit.get("repository") == OWN_FOLDER
    for sample in Sample:
        visit.put({"repository": sample.value})
        assert visit.troubles() == []
        assert visit.tables()[-1]


@pytest.mark.parametrize("title", list(ACTS))
def test_a_canary_gets_out_the_wrong_way_and_not_the_right_way(title: str, home: Path) -> None:
    visit = open_page(PAGE, {"tab": TABS[3], "act": title})
    assert visit.troubles() == []
    said = [each.value for each in visit.app.markdown]
    assert "**The wrong way**: ✗ the canary is out" in said
    assert "**The right way**: ✓ the canary is nowhere in it" in said


def test_a_play_is_kept_until_another_is_asked_for(home: Path) -> None:
    visit = open_page(PAGE, {"tab": TABS[3]})
    first = visit.get("secrets:played")
    assert visit.run().get("secrets:played") is first
    visit.app.button(key="secrets:again").click()
    assert visit.run().get("secrets:played") is not first


def test_predict_first_hides_the_board_until_both_are_guessed(home: Path) -> None:
    visit = open_page(PAGE, {"from": EXAMPLE, "predict": "true"})
    assert {cell for row in visit.board() for cell in row[1:]} == {"?"}
    assert "Another value" not in visit.text()
    places = [each for each in visit.app.text_input if str(each.key).startswith("guess:")]
    places[0].set_value("process")
    places[1].set_value("12345678")
    visit.run()
    assert visit.said() == ["✓ The first that has the name wins: process environment."]
    places = [each for each in visit.app.text_input if str(each.key).startswith("guess:")]
    places[1].set_value("0")
    visit.run()
    assert len(visit.said()) == 2
    assert rows(visit)["GITHUB_TOKEN"][0] == "✓ set"


def test_what_is_taken_away_holds_no_value(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = token()
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    visit = open_page(PAGE, HERE | {"tab": TABS[4]})
    labels = [each.proto.label for each in visit.app.get("download_button")]
    assert labels == ["check_keys.py", ".env.example", "report.md"]
    assert not is_in(canary, visit)


def test_a_link_with_a_choice_that_is_none_says_so(home: Path) -> None:
    visit = open_page(PAGE, {"key": "NOT_DECLARED", "on": "Mainframe"})
    (notice,) = visit.notices()
    assert "key=NOT_DECLARED" in notice


def test_further_keys_are_declared_by_a_setting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTH_SECRET_KEYS", "MY_SERVICE_TOKEN")
    monkeypatch.setenv("MY_SERVICE_TOKEN", token())
    assert rows(open_page(PAGE, HERE))["MY_SERVICE_TOKEN"][1] == "process"
