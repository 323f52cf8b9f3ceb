"""Runs as files, and files with something changed in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.benchmark.history import ExchangeError, Run, read_json, write_json
from tests.core.benchmark.history import made


def read_back(run: Run) -> Run:
    return read_json(write_json(run))


def as_imported(run: Run, again: Run) -> Run:
    """What must come out of a file of the run: all but its number, its owner and who may see it."""
    return replace(run, id=again.id, owner="", shared=False, imported=True)


def changed(change: Callable[[Any], object], run: Run | None = None) -> bytes:
    """A file of a run with a change in it."""
    written = json.loads(write_json(run or made.run()))
    change(written)
    return json.dumps(written).encode()


def refusal(data: bytes) -> str:
    """Why a file is not read; empty if it is."""
    try:
        read_json(data)
    except ExchangeError as error:
        return str(error)
    return ""


def refused(data: bytes) -> str:
    with pytest.raises(ExchangeError) as caught:
        read_json(data)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 500
    assert caught.value.__context__ is None
    return text
