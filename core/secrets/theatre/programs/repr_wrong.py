"""Prints its settings at the start, and a dataclass shows every field."""

import os
from dataclasses import dataclass


@dataclass
class Settings:
    """What the app needs to run."""

    model: str
    api_key: str


if __name__ == "__main__":
    settings = Settings(model="small", api_key=os.environ["API_KEY"])
    print("starting with", settings)  # noqa: T201 - the leak that this act shows
