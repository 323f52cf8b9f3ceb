from dataclasses import replace

from core.sandbox.result import Limit, SandboxResult

DONE = SandboxResult("", "", 0, None, 1, 0.1)


def test_a_run_is_ok_only_if_it_came_to_a_good_end() -> None:
    assert DONE.ok
    assert not replace(DONE, exit_code=1).ok
    assert not replace(DONE, exit_code=None, limit=Limit.FUEL).ok
    assert not replace(DONE, exit_code=None, crash="It broke.").ok


def test_limits_are_called_what_the_arguments_are_called() -> None:
    assert [limit.value for limit in Limit] == ["fuel", "memory", "time", "output"]
