"""`tpcharness health`: the check for containers and monitors: is the daemon there, and does its schedule run?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode

if TYPE_CHECKING:
    from http.client import HTTPConnection

DEFAULT_URL = "http://127.0.0.1:10919"
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
@click.argument("url", default=DEFAULT_URL, metavar="[URL]")
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

    URL is where its pages are, http://127.0.0.1:10919 unless told otherwise. No password is needed.
    """
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise click.UsageError(f'"{url}" is no address of a daemon; write it like {DEFAULT_URL}')
    try:
        port = parts.port
    except ValueError as error:
        raise click.UsageError(f'"{url}": {error}') from error
    connection = _connection(parts.scheme, parts.hostname, port, timeout_seconds, ca_path)
    try:
        connection.request("GET", parts.path.rstrip("/") + PATH)
        answer = connection.getresponse()
        text = answer.read(_LONGEST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"unhealthy: {url} does not answer: {error}", err=True)
        return ExitCode.FAILED
    finally:
        connection.close()
    word = "".join(c if c.isprintable() else " " for c in text).strip()
    if answer.status != http.client.OK:
        click.echo(f"unhealthy: {answer.status} {word}", err=True)
        return ExitCode.FAILED
    click.echo(word or "healthy")
    return ExitCode.OK
