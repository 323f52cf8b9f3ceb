"""Many programs at once: each has its own right answer, none is lost, and nobody is kept from running."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from core.sandbox.guest import Order
from core.sandbox.orders import FUEL, MAX_FUEL, MEMORY, OUTPUT, SECONDS
from core.sandbox.result import Limit, SandboxResult
from core.sandbox.service import Sandbox
from core.sandbox.turn import Run

Make = Callable[..., Sandbox]
RUNS = 200


def order(code: str, files: dict[str, bytes] | None = None, wall_seconds: float = SECONDS) -> Order:
    return Order(code.encode(), FUEL, MEMORY, wall_seconds, OUTPUT, files or {}, ())


def test_two_hundred_at_once_have_each_their_own_answer(sandbox: Make) -> None:
    made = sandbox(2)
    at_once = threading.Barrier(RUNS)

    def ask(number: int) -> SandboxResult:
        # Every tenth one fails, each in its own way and on its own line.
        code = "\n" * number + f"print({number} ** 2, open('number').read())\n"
        code += f"raise ValueError({number})" if number % 10 == 0 else ""
        asked = order(code, {"number": str(number).encode()})
        at_once.wait()
        return made.run(asked)

    with ThreadPoolExecutor(RUNS) as visitors:
        results = list(visitors.map(ask, range(RUNS)))
    assert [result.stdout for result in results] == [f"{n * n} {n}\n" for n in range(RUNS)]
    assert [result.exit_code for result in results] == [int(n % 10 == 0) for n in range(RUNS)]
    errors = [result.error for result in results if result.error is not None]
    assert [(error.message, error.line) for error in errors] == [(str(n), n + 2) for n in range(0, RUNS, 10)]
    assert (made.pool.places.at_work, made.pool.places.waiting) == (0, 0)


def test_a_flood_of_one_visitor_s_programs_does_not_starve_another(sandbox: Make) -> None:
    made = sandbox(2)
    flood: list[Run] = []
    refused = 0
    for _ in range(50):
        try:
            flood.append(
                made.start(Order(b"while True: pass", MAX_FUEL, MEMORY, 60.0, OUTPUT, {}, ()), "flood")
            )
        except ValueError:
            refused += 1
    assert (len(flood), refused) == (8, 42)
    for number in range(10):
        result = made.start(order(f"print({number})"), "other").wait(60)
        assert result is not None
        assert result.stdout == f"{number}\n"
    # The flood had one place, and it has it still.
    assert [run.position for run in flood] == list(range(8))
    for run in flood:
        run.stop()


def test_programs_that_hit_their_limits_do_not_spoil_the_others(sandbox: Make) -> None:
    made = sandbox(2)
    bombs = {
        "while True: pass": Limit.TIME,
        "x = [0] * 10**9": Limit.MEMORY,
        "while True: print('x' * 9999)": Limit.OUTPUT,
    }
    asked = [(bomb, limit) for bomb, limit in bombs.items() for _ in range(2)]
    runs = [made.start(Order(bomb.encode(), MAX_FUEL, MEMORY, 0.5, OUTPUT, {}, ())) for bomb, _ in asked]
    harmless = [made.start(order(f"print({number})")) for number in range(6)]
    ended = [run.wait(120) for run in runs]
    assert [result.limit if result else None for result in ended] == [limit for _, limit in asked]
    said = [run.wait(60) for run in harmless]
    assert [result.stdout if result else "" for result in said] == [f"{number}\n" for number in range(6)]
