"""Keeps answers in a file, each under its question: the key is no argument."""

import json
import os
from pathlib import Path

CACHE = Path("cache.json")


def ask(question: str, api_key: str) -> str:
    """Stands for the service, which wants a key."""
    return f"An answer to: {question}" if api_key else "No key, no answer."


def cached(question: str) -> str:
    """The answer, from the file if it was asked before."""
    saved: dict[str, str] = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    if question not in saved:
        # The key is fetched where it is used, so no cache can see it.
        saved[question] = ask(question, os.environ["API_KEY"])
        CACHE.write_text(json.dumps(saved))
    return saved[question]


if __name__ == "__main__":
    print(cached("What is a tensor?"))  # noqa: T201 - a program's output
