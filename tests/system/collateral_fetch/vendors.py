# SPDX-License-Identifier: Apache-2.0
"""
An HTTPS server that behaves like AMD's key service and Intel's provisioning service, with a CA of its own.

A site is a path prefix with its own answers: {path: [behaviour, ...]}. Each request of a path takes the next behaviour, and the
last one for ever. A behaviour is a function of the request's handler.
"""
import email.utils
import http.server
import pathlib
import ssl
import subprocess
import threading
import time
import urllib.parse


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


def make_ca(folder):
    """ca.pem; server.pem and server.key for the name localhost."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=test ca", cwd=folder)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.csr",
            "-subj", "/CN=localhost", cwd=folder)
    (pathlib.Path(folder) / "san").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san",
            "-out", "server.pem", cwd=folder)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "vendors"

    def do_GET(self):
        self.server.answer(self)

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", length=None, headers=()):
        """An answer; length: a Content-Length that may be wrong."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if length not in (None, len(body)):
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        make_ca(folder)
        self.ca = str(pathlib.Path(folder) / "ca.pem")
        self.sites, self.log, self.lock = {}, [], threading.Lock()
        self.stop = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # clients that go away are what is tested

    def url(self, site, host="localhost"):
        return f"https://{host}:{self.server_address[1]}/{site}"

    def answer(self, handler):
        site, _, path = handler.path[1:].partition("/")
        with self.lock:
            self.log.append((site, "/" + path, time.monotonic()))
            behaviours = self.sites.get(site, {}).get("/" + path, [status(404)])
            behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        behaviour(handler)

    def asked(self, site, path=None):
        """Times at which the site's path was asked for."""
        with self.lock:
            return [when for s, p, when in self.log if s == site and path in (None, p)]

    def close(self):
        self.stop.set()
        self.shutdown()
        self.server_close()


def ok(body, chain=None, header="TCB-Info-Issuer-Chain"):
    headers = [(header, urllib.parse.quote(chain))] if chain is not None else []
    return lambda h: h.reply(200, body, headers=headers)


def status(code, body=b"<html>no</html>", headers=()):
    return lambda h: h.reply(code, body, headers=headers)


def throttle(seconds, date=False):
    """429; Retry-After as seconds or as a date, reckoned when it is sent."""
    def answer(h):
        value = email.utils.formatdate(time.time() + seconds, usegmt=True) if date else str(seconds)
        h.reply(429, b"slow down", headers=[("Retry-After", value)])
    return answer


def hang(h):
    h.server.stop.wait(60)
    h.close_connection = True


def truncated(body, keep):
    """Content-Length promises all of it."""
    return lambda h: h.reply(200, body[:keep], length=len(body))


def short_length(body, length):
    """Content-Length cuts it."""
    return lambda h: h.reply(200, body, length=length)


def chunked(pieces, end):
    """Chunked; without an end the connection is cut in the middle."""
    def answer(h):
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        for piece in pieces:
            h.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            h.server.sent = getattr(h.server, "sent", 0) + len(piece)
        if end:
            h.wfile.write(b"0\r\n\r\n")
        h.close_connection = True
    return answer


def drip(body, pause, stalls_after=None):
    """Byte by byte; after some bytes nothing more."""
    def answer(h):
        h.send_response(200)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        for i in range(len(body)):
            h.wfile.write(body[i:i + 1])
            h.wfile.flush()
            if h.server.stop.wait(60 if i == stalls_after else pause):
                return
    return answer


def redirect(to):
    return lambda h: h.reply(302, headers=[("Location", to)])
