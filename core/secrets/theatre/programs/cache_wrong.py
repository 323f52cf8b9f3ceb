"""Keeps answers in a file, each under the arguments of the call: the key is one of them."""

import json
import os
from pathlib import Path

CACHE = Path("cache.json")


def ask(question: str, api_key: str) -> str:
    """Stands for the service, which wants a key."""
    return f"An answer to: {question}" if api_key else "No key, no answer."


def cached(question: str, api_key: str) -> str:
    """The answer, from the file if it was asked before."""
    saved: dict[str, str] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    # All arguments name the entry, as in functools.lru_cache and many caches on disk.
    entry = repr((question, api_key))
    saved.setdefault(entry, ask(question, api_key))
    CACHE.write_text(json.dumps(saved))
    return saved[entry]


if __name__ == "__main__":
    print(cached("What is a tensor?", os.environ["API_KEY"]))  # noqa: T201 - a program's output
