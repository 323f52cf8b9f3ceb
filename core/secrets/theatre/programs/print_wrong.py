"""Starts an app, with a line for debugging that nobody took out."""

import os

if __name__ == "__main__":
    api_key = os.environ["API_KEY"]

    # It ends in the log of every run, and logs are read by many.
    print("key:", api_key)  # noqa: T201 - the leak that this act shows

    print("ready")  # noqa: T201 - a program's output
