"""Local receivers of alerts that fail as they are told: a webhook over HTTP, and an SMTP server with or without TLS."""

import base64
import json
import socketserver
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook:
    """Answers with the statuses it is given, then 200; keeps every body it got."""

    def __init__(self, *statuses, path="T00/B00/X"):
        self.statuses, self.got = list(statuses), []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(json.loads(body))
                self.send_response_only(receiver.statuses.pop(0) if receiver.statuses else 200)
                said = f"you called {self.path}".encode()
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/{path}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


class Smtp:
    """Takes mail after refusing it with the replies it is given; knows one password; STARTTLS with a context."""

    def __init__(self, *replies, knows="", tls=None):
        self.replies, self.knows, self.tls = list(replies), knows, tls
        self.got, self.logins, self.encrypted = [], [], []
        receiver = self

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def handle_error(self, request, client_address):
                """A client that does not trust the certificate hangs up."""

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    receiver.converse(self)
                finally:
                    self.connection.close()

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def converse(self, handler):
        stream, encrypted = handler.connection.makefile("rwb", buffering=0), False
        stream.write(b"220 ready\r\n")
        while line := stream.readline().strip():
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                offer = b"250-STARTTLS\r\n" if self.tls and not encrypted else b""
                stream.write(b"250-hello\r\n" + offer + b"250 AUTH PLAIN\r\n")
            elif verb == b"STARTTLS" and self.tls:
                stream.write(b"220 go\r\n")
                handler.connection = self.tls.wrap_socket(handler.connection, server_side=True)
                stream, encrypted = handler.connection.makefile("rwb", buffering=0), True
            elif verb == b"AUTH":
                self.logins.append(base64.b64decode(line.split()[2]).decode().split("\0")[1:])
                good = self.logins[-1][1] == self.knows
                stream.write(b"235 welcome\r\n" if good else b"535 wrong: " + line.split()[2] + b"\r\n")
            elif verb == b"DATA":
                stream.write(b"354 go\r\n")
                body = b""
                while (part := stream.readline()) != b".\r\n":
                    body += part
                reply = self.replies.pop(0) if self.replies else None
                if reply is None:
                    self.got.append(message_from_bytes(body, policy=policy.default))
                    self.encrypted.append(encrypted)
                stream.write(reply or b"250 taken\r\n")
            elif verb == b"QUIT":
                stream.write(b"221 bye\r\n")
                return
            else:
                stream.write(b"250 OK\r\n" if verb in (b"MAIL", b"RCPT", b"RSET") else b"502 what?\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
