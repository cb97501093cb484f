"""What a storage holds: a namespace in memory, and contents in memory, on disk, or made up as they are read.

Speaks in the operating system's exceptions (FileNotFoundError, IsADirectoryError, OSError with ENOSPC...), because
that is what the words of storages come from. Paths are decoded and absolute, without a trailing slash ("/" is the
root). Nothing here blocks the event loop: disk and long sums go to threads.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

PIECE = 256 * 1024
_ZEROS = bytes(PIECE)
_SPARSE_BLOCK = 64 * 1024


class Content(Protocol):
    """The bytes of one file."""

    size: int

    async def append(self, data: bytes) -> None: ...
    def read(self, offset: int, length: int) -> bytes:
        """Bytes from offset, fewer only at the end. May block: call it by `read_piece`."""
        ...

    @property
    def blocks(self) -> bool:
        """Whether `read` waits for a disk."""
        ...

    def discard(self) -> None: ...


class MemoryContent:
    """Bytes in memory."""

    blocks = False

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)
        self.size = len(data)

    async def append(self, data: bytes) -> None:
        self._data += data
        self.size = len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset : offset + length])

    def discard(self) -> None:
        """Nothing to do: readers in flight keep what they read from."""


class DiskContent:
    """Bytes in a file of their own. A reader in flight sees FileNotFoundError once it is discarded."""

    blocks = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = 0

    async def append(self, data: bytes) -> None:
        await asyncio.to_thread(self._append, data)
        self.size += len(data)

    def _append(self, data: bytes) -> None:
        with self._path.open("ab") as stream:
            stream.write(data)

    def read(self, offset: int, length: int) -> bytes:
        if offset >= self.size:
            return b""
        with self._path.open("rb") as stream:
            return os.pread(stream.fileno(), min(length, self.size - offset), offset)

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)


class SparseContent:
    """Bytes that exist only while they are read: sources of any size for no memory. Every 64 KiB differ."""

    blocks = False

    def __init__(self, size: int) -> None:
        self.size = size

    async def append(self, data: bytes) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def read(self, offset: int, length: int) -> bytes:
        end = min(self.size, offset + length)
        first, last = offset // _SPARSE_BLOCK, -(-end // _SPARSE_BLOCK)
        data = b"".join(
            number.to_bytes(8, "big") + _ZEROS[: _SPARSE_BLOCK - 8] for number in range(first + 1, last + 1)
        )
        start = offset - first * _SPARSE_BLOCK
        return data[start : start + max(0, end - offset)]

    def discard(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class File:
    """One file. `complete` is False while it is being written; `sums` are raw digests by algorithm.

    `sums_asked` is for storages that compute a checksum only after somebody has asked for it.
    """

    content: Content
    modified: float
    complete: bool = True
    sums: dict[str, bytes] = field(default_factory=dict)
    sums_asked: bool = False

    @property
    def size(self) -> int:
        return self.content.size

    async def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from offset; none when the file has been removed from the disk meanwhile."""
        if not self.content.blocks:
            return self.content.read(offset, length)
        try:
            return await asyncio.to_thread(self.content.read, offset, length)
        except FileNotFoundError:
            return b""

    async def digest(self, algorithm: str) -> bytes:
        """The raw digest: adler32, crc32c or md5. Computed when first asked for, remembered while complete."""
        if algorithm in self.sums:
            return self.sums[algorithm]
        value = await asyncio.to_thread(_digest, self.content, algorithm)
        if self.complete:
            self.sums[algorithm] = value
        return value


@dataclass(slots=True)
class Directory:
    """One directory; its children are found by their paths."""

    modified: float


Node = File | Directory


class FileStore:
    """A namespace with contents.

    `on_disk` keeps contents in files of a fresh directory below it, which `close` removes. `capacity_bytes` is the
    size of the disk: writing beyond it fails with ENOSPC after the bytes that fit.
    """

    def __init__(self, *, on_disk: Path | None = None, capacity_bytes: int | None = None) -> None:
        self._nodes: dict[str, Node] = {"/": Directory(time.time())}
        self._directory = _fresh_directory(on_disk)
        self._blobs = 0
        self._used = 0
        self.capacity_bytes = capacity_bytes

    def find(self, path: str) -> Node | None:
        return self._nodes.get(path)

    def paths(self) -> tuple[str, ...]:
        """Every file's path, in the order in which they came."""
        return tuple(path for path, node in self._nodes.items() if isinstance(node, File))

    def children(self, path: str) -> Iterator[tuple[str, Node]]:
        """Path and node of everything directly inside a directory, in the order in which they came."""
        prefix = path.rstrip("/") + "/"
        for name, node in self._nodes.items():
            if name.startswith(prefix) and "/" not in name[len(prefix) :] and name != "/":
                yield name, node

    def has_parent(self, path: str) -> bool:
        return isinstance(self._nodes.get(parent(path)), Directory)

    def make_directory(self, path: str, *, parents: bool = False) -> None:
        """Raises FileExistsError, FileNotFoundError (no parent) or NotADirectoryError."""
        if path in self._nodes:
            raise FileExistsError(path)
        if parents:
            self.make_parents(path)
        self._check_parent(path)
        self._nodes[path] = Directory(time.time())

    def make_parents(self, path: str) -> None:
        """Makes every missing directory above the path."""
        above = parent(path)
        if above not in self._nodes:
            self.make_directory(above, parents=True)

    def add(self, path: str, content: Content | bytes) -> File:
        """Puts a whole file there with its parents, as a site's admin would: for seeds and tests."""
        self.make_parents(path)
        self._drop(path)
        file = File(MemoryContent(content) if isinstance(content, bytes) else content, time.time())
        self._nodes[path] = file
        self._used += 0 if isinstance(content, SparseContent) else file.size
        return file

    def create(self, path: str, *, in_place: bool, limit_bytes: int | None = None) -> FileWriter:
        """A writer for that path. In place, what was there is gone at once and readers see the file grow;
        otherwise it appears, and replaces, when the writer commits. No more than `limit_bytes` fit in it.

        Raises IsADirectoryError, FileNotFoundError or NotADirectoryError.
        """
        self._check_writable(path)
        file = File(self._new_content(), time.time(), complete=False, sums={"adler32": _adler_bytes(1)})
        if in_place:
            self._drop(path)
            self._nodes[path] = file
        return FileWriter(self, path, file, in_place=in_place, limit_bytes=limit_bytes)

    def remove(self, path: str) -> None:
        """Raises FileNotFoundError, or OSError with ENOTEMPTY for a directory that holds something."""
        node = self._nodes.get(path)
        if node is None or path == "/":
            raise FileNotFoundError(path)
        if isinstance(node, Directory) and next(self.children(path), None) is not None:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        self._drop(path)

    def move(self, source: str, destination: str) -> None:
        """Renames a file, replacing one. Raises FileNotFoundError, IsADirectoryError or NotADirectoryError."""
        node = self._nodes.get(source)
        if node is None:
            raise FileNotFoundError(source)
        if isinstance(node, Directory):
            raise IsADirectoryError(source)
        self._check_writable(destination)
        if source == destination:
            return
        self._drop(destination)
        self._nodes[destination] = self._nodes.pop(source)

    async def close(self) -> None:
        """Forgets everything, and removes the contents from the disk."""
        self._nodes = {"/": Directory(time.time())}
        if self._directory is not None:
            await asyncio.to_thread(shutil.rmtree, self._directory, True)

    def room(self, wanted: int) -> int:
        """How many of the wanted bytes fit; they are counted as used."""
        free = wanted if self.capacity_bytes is None else max(0, self.capacity_bytes - self._used)
        taken = min(wanted, free)
        self._used += taken
        return taken

    @property
    def full(self) -> bool:
        return self.capacity_bytes is not None and self._used >= self.capacity_bytes

    def publish(self, path: str, file: File) -> None:
        """Shows a file that was written out of sight. Raises as `create` does, for things have changed since."""
        self._check_writable(path)
        self._drop(path)
        self._nodes[path] = file

    def forget(self, path: str, file: File) -> None:
        """Takes back a file that was being written, and only that one."""
        if self._nodes.get(path) is file:
            del self._nodes[path]
        self._release(file)

    def _check_writable(self, path: str) -> None:
        if isinstance(self._nodes.get(path), Directory):
            raise IsADirectoryError(path)
        self._check_parent(path)

    def _check_parent(self, path: str) -> None:
        above = self._nodes.get(parent(path))
        if above is None:
            raise FileNotFoundError(parent(path))
        if isinstance(above, File):
            raise NotADirectoryError(parent(path))

    def _new_content(self) -> Content:
        if self._directory is None:
            return MemoryContent()
        self._blobs += 1
        return DiskContent(self._directory / f"{self._blobs:08d}")

    def _drop(self, path: str) -> None:
        node = self._nodes.pop(path, None)
        if isinstance(node, File):
            self._release(node)

    def _release(self, file: File) -> None:
        if not isinstance(file.content, SparseContent):
            self._used -= file.size
        file.content.discard()


class FileWriter:
    """Writes one file from its beginning to its end. Exactly one of `commit`, `abandon` and `keep` ends it."""

    def __init__(
        self, store: FileStore, path: str, file: File, *, in_place: bool, limit_bytes: int | None = None
    ) -> None:
        self._limit = limit_bytes
        self._store = store
        self._path = path
        self._in_place = in_place
        self._adler = 1
        self.file = file

    async def write(self, data: bytes) -> None:
        """Appends. Raises OSError with ENOSPC when the disk is full, after writing what fits."""
        wanted = len(data) if self._limit is None else max(0, min(len(data), self._limit - self.file.size))
        fitting = self._store.room(wanted)
        taken = data[:fitting]
        await self.file.content.append(taken)
        self._adler = zlib.adler32(taken, self._adler)
        self.file.sums["adler32"] = _adler_bytes(self._adler)
        self.file.modified = time.time()
        if fitting < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def commit(self) -> None:
        """The file is whole now, and everybody sees it."""
        self.file.complete = True
        if not self._in_place:
            self._store.publish(self._path, self.file)

    def keep(self) -> None:
        """Ends without success as storages without clean-up do: what was written in place stays as debris."""
        if self._in_place:
            self.file.complete = True
        else:
            self.abandon()

    def abandon(self) -> None:
        """Ends without success and leaves nothing."""
        self._store.forget(self._path, self.file)


def parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def crc32c(data: bytes, value: int = 0) -> int:
    """CRC-32C (Castagnoli, RFC 3720 appendix B.4), continuing from `value`."""
    value ^= 0xFFFFFFFF
    for byte in data:
        value = _CRC32C_TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def _digest(content: Content, algorithm: str) -> bytes:
    """Reads everything: for a thread."""
    pieces = (content.read(offset, PIECE) for offset in range(0, content.size, PIECE))
    if algorithm == "md5":
        md5 = hashlib.md5(usedforsecurity=False)
        for piece in pieces:
            md5.update(piece)
        return md5.digest()
    step, value = (zlib.adler32, 1) if algorithm == "adler32" else (crc32c, 0)
    for piece in pieces:
        value = step(piece, value)
    return value.to_bytes(4, "big")


def _adler_bytes(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _fresh_directory(on_disk: Path | None) -> Path | None:
    if on_disk is None:
        return None
    on_disk.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="storage-", dir=on_disk))


def _crc32c_row(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


_CRC32C_TABLE = tuple(_crc32c_row(byte) for byte in range(256))
