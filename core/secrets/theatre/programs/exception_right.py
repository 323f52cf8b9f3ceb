"""Checks the key first, with an error that names the variable and not its value."""

import os
from http.client import HTTPSConnection

if __name__ == "__main__":
    # As if it was read from a file, whose last character is a line break.
    api_key = os.environ["API_KEY"] + "\n"

    if api_key != api_key.strip():
        # The name tells what to repair, and the value would not.
        raise ValueError("API_KEY has a space or a line break at one end: take it out.")

    connection = HTTPSConnection("api.example.com")
    connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {api_key}"})
