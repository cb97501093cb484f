"""What a gfal2 worker runs: reads one job a line from stdin, copies, and writes what happens as lines of JSON.

A script of its own, not a module: standard library and gfal2 only, for any Python from 3.6 on. It ends when its
stdin does, and with the process that started it. Tokens come by the pipe and are struck out of all that it writes.
"""

import sys

if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # our own directory: its modules are not for this Python

import ctypes
import json
import os
import resource
import signal
import warnings
from typing import Any

import gfal2

MAX_TEXT = 4000
_PR_SET_PDEATHSIG = 1


class Channel:
    """The one way back. gfal2's libraries may write what they like to stdout: that goes to stderr from now on."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="ascii")
        self._secrets = []  # type: list[str]
        os.dup2(2, 1)

    def hide(self, secrets: "list[str]") -> None:
        """These are never written from here on."""
        self._secrets = secrets

    def say(self, event: str, **fields: object) -> None:
        """Writes one line; texts without secrets, and not longer than is good to read."""
        clean = {name: self._clean(value) if isinstance(value, str) else value for name, value in fields.items()}
        self._out.write(json.dumps(dict(clean, event=event)) + "\n")
        self._out.flush()

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "<token>")
        return text.replace("\0", "")[:MAX_TEXT]


def main() -> None:
    """Serves jobs until stdin ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would keep the tokens
    warnings.simplefilter("ignore")
    channel = Channel()
    channel.say("ready", version=gfal2.get_version())
    for line in sys.stdin:
        _serve(json.loads(line), channel)


def _serve(job: "dict[str, Any]", channel: Channel) -> None:
    channel.hide(list(job["tokens"].values()))
    context = gfal2.creat_context()
    try:
        _set_options(context, job["options"])
        context.set_user_agent(*job["agent"])
        for key, value in job["client_info"]:
            context.add_client_info(key, value)
        source, destination = [_admit(context, job, job[role]) for role in ("source", "destination")]
        parameters = _parameters(context, job, channel)
        channel.say("started")
        context.filecopy(parameters, source, destination)
    except gfal2.GError as error:
        channel.say("ended", code=error.code, text=error.message)
    else:
        channel.say("ended", code=0, text="")
    finally:
        context.free()


def _set_options(context: Any, options: "list[Any]") -> None:
    setters = {bool: context.set_opt_boolean, int: context.set_opt_integer, str: context.set_opt_string}
    for group, key, value in options:
        setters[type(value)](group, key, value)


def _admit(context: Any, job: "dict[str, Any]", url: str) -> str:
    """The URL as gfal2 wants it, its token in its place.

    The plug-in for http looks a token up by the URL, query and all (2.21.3); that for xroot knows none (the same), so
    that there it stands in the URL as XRootD's servers read it.
    """
    token = job["tokens"].get(url)
    if not token:
        return url
    if job["token_in_url"]:
        return "{}{}authz=Bearer%20{}".format(url, "&" if "?" in url else "?", token)
    context.cred_set(url, context.cred_new("BEARER", token))
    return url


def _parameters(context: Any, job: "dict[str, Any]", channel: Channel) -> Any:
    """Strict: gfal2 copies and does nothing else; what is verified and removed is not its matter."""
    parameters = context.transfer_parameters()
    parameters.timeout = job["timeout_seconds"]
    parameters.strict_copy = True
    parameters.overwrite = False
    parameters.create_parent = False
    parameters.local_transfers = False
    parameters.proxy_delegation = job["delegate"]
    parameters.event_callback = lambda event: channel.say("stage", name=str(event.stage), text=str(event.description))
    parameters.monitor_callback = lambda *facts: channel.say("progress", bytes=int(facts[4]))
    return parameters


if __name__ == "__main__":
    main()
