"""A gfal2 that does what it is told: a real module in a real worker process, scripted by the source's URL.

The path of the source is the script: `/hang`, `/abort`, or `/gate/NAME`, which waits for a file of that name in the
folder where the interpreter lies. A file `script` there is the script of every copy. Nothing is copied.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

MODULE = """
import atexit, os, resource, signal, sys, time
FOLDER = {folder!r}
class GError(Exception):
    def __init__(self, message, code):
        Exception.__init__(self, message)
        self.message, self.code = message, code
class Event:
    def __init__(self, stage, description):
        self.stage, self.description = stage, description
class Parameters:
    event_callback = monitor_callback = None
def get_version():
    return "0.0-scripted"
def write(fd, data):
    try:
        os.write(fd, data)
    except OSError:
        pass
class Context:
    def __init__(self):
        self.options, self.credentials, self.info = [], dict(), []
    def _set(self, group, key, value):
        self.options.append((group, key, value))
    set_opt_boolean = set_opt_integer = set_opt_string = _set
    def set_user_agent(self, name, version):
        self.agent = name + "/" + version
        if name == "hangs":
            time.sleep(60)
    def add_client_info(self, key, value):
        self.info.append((key, value))
    def cred_new(self, kind, value):
        return (kind, value)
    def cred_set(self, url, credential):
        self.credentials[url] = credential
    def transfer_parameters(self):
        return Parameters()
    def free(self):
        pass
    def filecopy(self, parameters, source, destination):
        script = source.partition("?")[0].split("/")[3:]
        if os.path.exists(os.path.join(FOLDER, "script")):
            with open(os.path.join(FOLDER, "script")) as file:
                script = file.read().split("/")
        with open(os.path.join(FOLDER, "calls"), "a") as calls:
            calls.write("{{}} {{}}\\n".format(os.getpid(), script[0]))
        getattr(self, "do_" + script[0])(parameters, source, destination, script[1:])
        return 0
    def do_copy(self, parameters, source, destination, rest):
        parameters.event_callback(Event("TRANSFER:TYPE", "3rd pull"))
        parameters.monitor_callback(source, destination, 0, 0, 512, 1)
        parameters.monitor_callback(source, destination, 0, 0, 1024, 2)
    def do_gate(self, parameters, source, destination, rest):
        while not os.path.exists(os.path.join(FOLDER, rest[0])):
            time.sleep(0.01)
    def do_way(self, parameters, source, destination, rest):
        parameters.event_callback(Event("TRANSFER:TYPE", rest[0]))
    def do_stand(self, parameters, source, destination, rest):
        while True:
            parameters.monitor_callback(source, destination, 0, 0, int(rest[0]), 1)
            time.sleep(0.02)
    def do_fall(self, parameters, source, destination, rest):
        parameters.monitor_callback(source, destination, 0, 0, 1, 1)
        time.sleep(60)
    def do_hang(self, parameters, source, destination, rest):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)
    def do_linger(self, parameters, source, destination, rest):
        atexit.register(time.sleep, 60)
    def do_abort(self, parameters, source, destination, rest):
        write(2, b"terminate called after throwing an instance\\n")
        os.abort()
    def do_exit(self, parameters, source, destination, rest):
        os._exit(7)
    def do_fail(self, parameters, source, destination, rest):
        raise GError("TRANSFER ERROR: " + source + " " + repr(self.credentials), int(rest[0]))
    def do_tell(self, parameters, source, destination, rest):
        authorities = sorted(os.listdir(os.environ["X509_CERT_DIR"])) if "X509_CERT_DIR" in os.environ else []
        core = "core", resource.getrlimit(resource.RLIMIT_CORE)
        environment = sorted(os.environ), authorities, core
        told = (self.options, self.agent, self.info, environment, destination, parameters.overwrite)
        raise GError(repr(told), 5)
    def do_garbage(self, parameters, source, destination, rest):
        for fd in range(3, 16):
            write(fd, b"\\x00\\xffnot a message\\n")
        time.sleep(60)
    def do_endless(self, parameters, source, destination, rest):
        block = b"x" * 65536
        while True:
            for fd in range(3, 16):
                write(fd, block)
    def do_chatter(self, parameters, source, destination, rest):
        while True:
            parameters.monitor_callback(source, destination, 0, 0, 1, 1)
    def do_noise(self, parameters, source, destination, rest):
        for _ in range(200):
            print("x" * 4096, flush=True)
            write(2, b"y" * 4096)
def creat_context():
    return Context()
"""


def make_interpreter(folder: Path) -> str:
    """A Python, under a name of its own, that has this gfal2; whatever it notes is in `folder`."""
    modules = folder / "modules"
    modules.mkdir()
    (modules / "gfal2.py").write_text(MODULE.format(folder=str(folder)))
    program = folder / "python-with-gfal2"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(modules))} exec {shlex.quote(sys.executable)} "$@"\n')
    program.chmod(0o755)
    return str(program)


def rehearse(folder: Path, script: str) -> None:
    """What every copy does from now on, wherever it comes from."""
    (folder / "script").write_text(script)


def calls(folder: Path) -> list[tuple[int, str]]:
    """Which process was asked to do what, in the order of time."""
    file = folder / "calls"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(pid), script) for pid, _, script in (line.partition(" ") for line in lines)]
