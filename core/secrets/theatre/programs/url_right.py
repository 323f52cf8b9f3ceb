"""Sends the key in a header, which servers do not log."""

import os
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from threading import Thread


class Service(BaseHTTPRequestHandler):
    """Stands for the service; send_response writes its access log."""

    def do_GET(self) -> None:
        """Answers with nothing."""
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    with TCPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.handle_request).start()
        connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=5)
        # The address is the same for everybody.
        headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}
        connection.request("GET", "/v1/models", headers=headers)
        print(connection.getresponse().status)  # noqa: T201 - a program's output
