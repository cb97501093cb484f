"""`tpcharness health`: the check for containers and monitors: is the daemon there, and does its schedule run?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode

if TYPE_CHECKING:
    from http.client import HTTPConnection
    from urllib.parse import SplitResult

DEFAULT_URL = "http://127.0.0.1:10919"
VARIABLE = "TPCHARNESS_HEALTH_URL"
PATH = "/-/healthy"

_LONGEST = 300


def _connection(
    scheme: str, host: str, port: int | None, timeout_seconds: float, ca_path: str | None
) -> HTTPConnection:
    import ssl
    from http.client import HTTPConnection, HTTPSConnection

    if scheme == "http":
        return HTTPConnection(host, port, timeout=timeout_seconds)
    return HTTPSConnection(host, port, timeout=timeout_seconds, context=ssl.create_default_context(cafile=ca_path))


@click.command("health")
@click.argument("url", default=DEFAULT_URL, envvar=VARIABLE, metavar="[URL]")
@click.option(
    "--timeout",
    "timeout_seconds",
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="How long to wait for an answer.",
)
@click.option("--ca-path", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="CA file for https.")
def command(*, url: str, timeout_seconds: float, ca_path: str | None) -> ExitCode:
    """Ask the daemon at URL whether it is well: exit code 0 if it is, 1 if not.

    URL is where its pages are: $TPCHARNESS_HEALTH_URL, else http://127.0.0.1:10919. No password is needed.
    """
    import http.client

    parts, port = _address(url)
    connection = _connection(parts.scheme, parts.hostname or "", port, timeout_seconds, ca_path)
    try:
        connection.request("GET", parts.path.rstrip("/") + PATH)
        answer = connection.getresponse()
        text = answer.read(_LONGEST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"unhealthy: {url} does not answer: {_why(error, parts, port, timeout_seconds)}", err=True)
        return ExitCode.FAILED
    finally:
        connection.close()
    word = "".join(c if c.isprintable() else " " for c in text).strip()
    if answer.status != http.client.OK:
        click.echo(f"unhealthy: {answer.status} {word}", err=True)
        return ExitCode.FAILED
    click.echo(word or "healthy")
    return ExitCode.OK


def _address(url: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL; http is what is meant where none is said. Ends with a usage error for anything else."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise click.UsageError(f'"{url}": {error}') from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.UsageError(f'"{url}" is no address of a daemon; write it like {DEFAULT_URL}')
    if port is None and "://" not in url:
        raise click.UsageError(f'"{url}" names no port; write it like {DEFAULT_URL}')
    return parts, port


def _why(error: Exception, parts: SplitResult, port: int | None, timeout_seconds: float) -> str:
    """What went wrong, and what to do about it."""
    import http.client
    import ssl

    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is the daemon running there?"
    if isinstance(error, TimeoutError):
        return f"nothing came within {timeout_seconds:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        told = error.verify_message
        return (
            f"its certificate is not accepted: {told}; URL must have a name that stands in it, --ca-path its authority"
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        return "this port speaks no TLS: write http:// in place of https://"
    if isinstance(error, http.client.BadStatusLine | ConnectionResetError) and parts.scheme == "http":
        if _speaks_tls(parts.hostname or "", port or http.client.HTTP_PORT, timeout_seconds):
            return "this port speaks TLS: write https:// in place of http://"
        return f"what it says is not HTTP ({error})"
    return str(error)


_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


def _speaks_tls(host: str, port: int, timeout_seconds: float) -> bool:
    """Whether a handshake begins there. Nothing is sent by it, so no certificate is looked at."""
    import socket
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return True
    except OSError:
        return False
