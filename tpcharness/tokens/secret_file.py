"""Reading a small file that holds a secret, off the event loop."""

from __future__ import annotations

import asyncio
import os
import stat

# WLCG bearer token discovery: white space as C99 has it is no part of a token. str.strip() takes more.
WHITE_SPACE = " \f\n\r\t\v"
MAX_BYTES = 64 * 1024


async def read_secret_file(path: str) -> str:
    """The file's text without white space at its ends; re-read at every call, since others renew such files.

    Bytes that are no UTF-8 become U+FFFD, which no token may hold. Raises OSError when there is no such regular
    file, it may not be read, or it is larger than `MAX_BYTES`.
    """
    return (await asyncio.to_thread(_read, path)).decode("utf-8", "replace").strip(WHITE_SPACE)


def _read(path: str) -> bytes:
    # Not blocking: opening a named pipe would hold the thread until somebody writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as stream:  # noqa: PTH123 - a descriptor, not a path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise OSError(f"{path} is larger than {MAX_BYTES} bytes")
    return data
