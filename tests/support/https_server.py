"""https_server CERTIFICATE KEY - a small HTTPS server on 127.0.0.1, for test_https.

Prints its port, and then, each on a line, all that ever reaches it: "refused" for a connection whose
handshake has failed, "linked" for another, "METHOD PATH" for a request. /redirect/PORT sends the
client to that port by plain HTTP; everything else answers the body that came.
"""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


def say(text):
    print(text, flush=True)


class Server(HTTPServer):
    def get_request(self):
        try:
            link, address = super().get_request()  # with the handshake
        except OSError:
            say("refused")
            raise
        say("linked")
        return link, address


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        say(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        first, last = self.path.rsplit("/", 1)
        self.send_response(302 if first == "/redirect" else 200)
        if first == "/redirect":
            self.send_header("Location", f"http://127.0.0.1:{last}/echo")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # what some clients make of a redirected POST

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = Server(("127.0.0.1", 0), Answer)
server.socket = context.wrap_socket(server.socket, server_side=True)
say(server.server_port)
server.serve_forever()
