"""Sends a key that came with a line break, and the error quotes the whole header."""

import os
from http.client import HTTPSConnection

if __name__ == "__main__":
    # As if it was read from a file, whose last character is a line break.
    api_key = os.environ["API_KEY"] + "\n"

    connection = HTTPSConnection("api.example.com")
    # Python refuses the header before it sends anything.
    connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {api_key}"})
