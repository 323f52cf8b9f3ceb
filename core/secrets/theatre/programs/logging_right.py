"""Logs a request by what is known to be harmless: the names of its headers."""

import logging
import os

if __name__ == "__main__":
    logging.basicConfig(filename="app.log", level=logging.DEBUG, format="%(levelname)s %(message)s")
    headers = {"Accept": "application/json", "Authorization": f"Bearer {os.environ['API_KEY']}"}

    # Pick what to log; do not log all and hope.
    logging.debug("GET /v1/models, headers: %s", ", ".join(headers))
