"""Prints its settings at the start, without the field that is secret."""

import os
from dataclasses import dataclass, field


@dataclass
class Settings:
    """What the app needs to run."""

    model: str
    # One word, and no print, log or debugger shows it with the rest.
    api_key: str = field(repr=False)


if __name__ == "__main__":
    settings = Settings(model="small", api_key=os.environ["API_KEY"])
    print("starting with", settings)  # noqa: T201 - a program's output
