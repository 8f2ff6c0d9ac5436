"""Outside services on loopback that do whatever a test wants of them, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket, bytes], None]
"""Answers one request, given what was asked."""


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A response; `length` is said instead of the true one."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(*responses: bytes) -> Serve:
    """Answers the first request with the first response, and so on; the last one stays."""
    left = list(responses)

    def serve(client: socket.socket, request: bytes) -> None:
        client.sendall(left.pop(0) if len(left) > 1 else left[0])

    return serve


class Outside:
    """A service at `port` of this machine, which answers each request with `serve`; with `tls` it speaks TLS."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.serve, self.tls, self.host = serve, tls, host
        self.accepted = 0
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        """What clients of TLS asked for (SNI)."""
        self.over = threading.Event()
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.names.append(name)

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.listener = socket.create_server((self.host, 0), family=family, backlog=64)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http{'s' if self.tls else ''}://{self.host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client = self.tls.wrap_socket(client, server_side=True) if self.tls else client
            while request := _request(client):
                self.requests.append(request)
                self.serve(client, request)
        client.close()


def _request(client: socket.socket) -> bytes:
    """The next whole request; nothing when the client has gone."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = client.recv(65536)
        if not piece:
            return b""
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


class Authority:
    """Makes certificates; `file` is what believes in them."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.key = directory, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of tests")])
        self.certificate = self._signed("An authority of tests", self.key, [], days=10)
        self.file = str(self._write("authority.pem", self.certificate))

    def server(self, *names: str, days: int = 10, self_signed: bool = False) -> ssl.SSLContext:
        """What a server needs to be `names` until `days` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(names[0], key, names, days=days, signer=key if self_signed else None)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._write(f"{id(key)}.pem", certificate)
        file.write_bytes(file.read_bytes() + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(self, name: str, key: Any, names: Iterable[str], *, days: int, signer: Any = None) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        end = datetime.now(UTC) + timedelta(days=days)
        known = [_general(one) for one in names]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer else self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - timedelta(days=20))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=not known, path_length=None), critical=True)
        )
        if known:
            builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
        return builder.sign(signer or self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.directory / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Resolver:
    """Stands in for the system's: `answers` are given one after the other, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str] | Exception) -> None:
        self.answers, self.asked = list(answers), 0
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked += 1
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        return [_entry(address, port) for address in given]


def _entry(address: str, port: int) -> tuple[Any, ...]:
    if ":" in address:
        return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)
