"""Saves its settings, and pickle keeps also what print hides."""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass
class Settings:
    """What the app needs to run."""

    model: str
    api_key: SecretStr


if __name__ == "__main__":
    settings = Settings("small", SecretStr(os.environ["API_KEY"]))
    # Stars here, but the bytes in the file are plain.
    print(settings)  # noqa: T201 - a program's output
    Path("settings.pkl").write_bytes(pickle.dumps(settings))
