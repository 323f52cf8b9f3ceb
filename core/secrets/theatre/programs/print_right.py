"""Starts an app, and says whether the key is there: more was never needed."""

import os

if __name__ == "__main__":
    api_key = os.environ.get("API_KEY", "")

    # Set or not: no part of the value.
    print("API_KEY is", "set" if api_key.strip() else "not set")  # noqa: T201 - a program's output

    print("ready")  # noqa: T201 - a program's output
