"""Sends the key as part of the address, and servers log addresses."""

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
        # Proxies, browsers and analytics keep addresses too.
        connection.request("GET", f"/v1/models?api_key={os.environ['API_KEY']}")
        print(connection.getresponse().status)  # noqa: T201 - a program's output
