"""Variables for secrets."""

import pytest

from core.secrets.leaks.detect import Found
from core.secrets.leaks.leak import Confidence
from core.secrets.leaks.naming import Names, as_variable
from tests.core.secrets.leaks.fakes import chance, draw


def found(value: str, env: str = "", variable: str = "") -> Found:
    return Found("rule", "title", Confidence.HIGH, "advice", env, "", 0, 0, 1, variable, value)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("API_KEY", "API_KEY"),
        ("apiKey", "API_KEY"),
        ("api-key", "API_KEY"),
        ("db.password", "DB_PASSWORD"),
        ("__token", "TOKEN"),
        ("2fa", "FA"),
        ("pwd", "PASSWORD"),
        ("path", "PATH_SECRET"),
        ("", ""),
        ("_", ""),
    ],
)
def test_a_name_as_a_variable(name: str, variable: str) -> None:
    assert as_variable(name) == variable


def test_the_same_secret_has_the_same_variable_and_another_another() -> None:
    names = Names()
    assert names.of(found("a", "OPENAI_API_KEY")) == "OPENAI_API_KEY"
    assert names.of(found("b", "OPENAI_API_KEY")) == "OPENAI_API_KEY_2"
    assert names.of(found("a", "HF_TOKEN", "x"), assigned=True) == "OPENAI_API_KEY"
    assert names.of(found("c", "OPENAI_API_KEY")) == "OPENAI_API_KEY_3"
    assert names.all() == ("OPENAI_API_KEY", "OPENAI_API_KEY_2", "OPENAI_API_KEY_3")


def test_a_variables_own_name_comes_before_the_providers_and_a_keywords_behind() -> None:
    assert Names().of(found("a", "OPENAI_API_KEY", "my_key"), assigned=True) == "MY_KEY"
    assert Names().of(found("a", "OPENAI_API_KEY", "api_key")) == "OPENAI_API_KEY"
    assert Names().of(found("a", "", "db_password")) == "DB_PASSWORD"


def test_a_secret_without_a_name_that_may_be_shown_has_a_number() -> None:
    names = Names()
    assert [names.of(found(value)) for value in ("a", "b", "a")] == ["SECRET_1", "SECRET_2", "SECRET_1"]
    assert Names().of(found("Ab9cd8ef7gh6", variable="ab9cd8ef7gh6"), assigned=True) == "SECRET_1"
    assert Names().of(found("x1" * 8, variable="k_" + draw(chance(1), 20)), assigned=True) == "SECRET_1"
    names.hide(["hunter2xyz"])
    assert names.of(found("c", variable="HUNTER2XYZ"), assigned=True) == "SECRET_3"


def test_names_show_no_value() -> None:
    names = Names()
    names.of(found("hunter2"))
    assert "hunter2" not in repr(names) + repr(found("hunter2"))
