"""Saves its settings without the key: whoever loads them has their own."""

import os
import pickle
from pathlib import Path
from typing import Any

from pydantic import SecretStr


class Settings:
    """What the app needs to run."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.api_key = SecretStr(os.environ["API_KEY"])

    def __reduce__(self) -> tuple[Any, ...]:
        """How pickle makes it again: from the model alone, and that reader's environment."""
        return Settings, (self.model,)


if __name__ == "__main__":
    Path("settings.pkl").write_bytes(pickle.dumps(Settings("small")))
