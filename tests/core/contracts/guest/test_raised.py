"""Exceptions are told in a few words, whatever they are."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from core.contracts.guest.raised import Stop, place_of, stops, told


class Unspeakable(Exception):  # noqa: N818 - as a visitor may call it
    def __str__(self) -> str:
        raise ValueError("no text")


def test_an_exception_is_told_by_class_and_text() -> None:
    assert told(ValueError("a\n b")) == "ValueError: a b"
    assert told(KeyError()) == "KeyError"
    assert told(Unspeakable()) == "Unspeakable: its text cannot be had"
    assert len(told(ValueError("x" * 10_000))) < 250


def test_an_exception_of_another_file_has_no_place() -> None:
    try:
        raise ValueError
    except ValueError as error:
        found = place_of(error)
    assert found is None


def test_the_last_places_of_the_visitor_s_program_are_told_the_innermost_first(
    tmp_path: Path,
) -> None:
    source = "def f(n):\n    'é'; 1 / n\n    return f\n\ndef g(): f(0)\ng()\n"
    (tmp_path / "contract.py").write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("contract", tmp_path / "contract.py")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ZeroDivisionError) as raised:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert stops(raised.value, source) == [Stop(2, 10, "    'é'; 1 / n"), Stop(5, 10, "def g(): f(0)")]


def test_an_exception_that_passed_no_line_of_the_visitor_s_has_no_stops() -> None:
    assert stops(ValueError("x"), "a\nb") == []


def test_the_place_is_the_last_line_of_the_visitor_s_file(tmp_path: Path) -> None:
    (tmp_path / "contract.py").write_text("import json\n\ndef f():\n    json.loads('[')\n", encoding="utf-8")
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(Path.cwd())!r}]\n"
        "import contract\nfrom core.contracts.guest.raised import told\n"
        "try: contract.f()\nexcept ValueError as error: print(told(error))\n"
    )
    found = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("JSONDecodeError: ")
    assert found.stdout.endswith("(line 4)\n")
