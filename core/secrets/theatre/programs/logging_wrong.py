"""Logs a whole request, and its headers hold the key."""

import logging
import os

if __name__ == "__main__":
    logging.basicConfig(filename="app.log", level=logging.DEBUG, format="%(levelname)s %(message)s")
    headers = {"Accept": "application/json", "Authorization": f"Bearer {os.environ['API_KEY']}"}

    # Meant for one afternoon, but the file stays.
    logging.debug("GET /v1/models, headers: %s", headers)
