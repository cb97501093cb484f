"""Images and containers without a container engine: what buildah makes, run as an engine would run it.

buildah's own `run` cannot make the root read-only, so a daemon runs in namespaces of `unshare`, with the user,
environment and words that the image itself names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BASE = "localhost/tpcharness-base:bookworm"

_SECONDS = 800.0


def finished(*words: str | Path, environ: Mapping[str, str] | None = None) -> str:
    """A command's stdout; fails the test with all that it said when it does not end with 0."""
    needed = str(words[0])
    assert shutil.which(needed), f"no {needed} here: see packaging/debian-packages.txt"
    ended = subprocess.run(
        list(map(str, words)),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env={**os.environ, **(environ or {})},
        cwd=ROOT,
    )
    assert ended.returncode == 0, f"{' '.join(map(str, words))}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@dataclass(frozen=True, slots=True)
class Images:
    """A storage of images of its own, in a folder that only root may use."""

    folder: Path

    def build(self) -> str:
        """The product's image, and the base below it when it is not there yet. The image's name."""
        return finished(ROOT / "packaging/build-image", "--storage", self.folder).strip()

    def settings(self, image: str) -> dict[str, Any]:
        """What the image says about how it is run."""
        document = json.loads(self.buildah("inspect", "--type", "image", image))
        config = document["Docker"]["config"]
        assert isinstance(config, dict)
        return config

    @contextmanager
    def container(self, image: str) -> Iterator[Container]:
        """A container of the image, not running anything; gone at the end."""
        name = self.buildah("from", "--pull-never", image).strip()
        try:
            root = Path(self.buildah("mount", name).strip())
            yield Container(self, name, root, self.settings(image))
            self.buildah("umount", name)
        finally:
            self.buildah("rm", name)

    def buildah(self, *words: str) -> str:
        """A command of buildah on this storage; its stdout."""
        places = ("--root", self.folder / "images", "--runroot", self.folder / "run", "--storage-driver", "vfs")
        return finished("buildah", *places, *words, environ={"BUILDAH_ISOLATION": "chroot"})


@dataclass(frozen=True, slots=True)
class Container:
    """Files of an image, seen at `root`, and how the image wants to be run."""

    images: Images
    name: str
    root: Path
    settings: dict[str, Any]

    def run(self, *words: str, user: str = "root") -> str:
        """A command in it, with the network of this machine; its stdout."""
        return self.images.buildah("run", "--user", user, self.name, "--", *words)

    def read_only(self, words: Sequence[str], mounts: Mapping[Path, str]) -> list[str]:
        """The command that runs `words` in it as the image's user, with no rights, on a root that nobody can write.

        `mounts` are folders of this machine and where they appear. Only the volumes and /tmp can be written to, and
        they begin empty. All ends with the process that starts it.
        """
        user, _, group = self.settings["User"].partition(":")
        owner = f"uid={user},gid={group},mode=0700"
        # Into the mount that lies over the folder now; engines make the file with this machine's names, too.
        steps = ["touch etc/hosts", "mount --bind . .", f"cd {self.root}", "mount -o remount,bind,ro ."]
        steps += ["mount -t proc proc proc", "mount --rbind /dev dev", "mount --bind /etc/hosts etc/hosts"]
        steps += ["mount -t tmpfs -o mode=1777 tmpfs tmp"]
        steps += [f"mount -t tmpfs -o {owner} tmpfs .{volume}" for volume in self.settings["Volumes"]]
        steps += [f"mount --bind {folder} .{place}" for folder, place in mounts.items()]
        rights = f"--reuid={user} --regid={group} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all"
        # Each of these becomes the next one, so a signal to the command is one to the words.
        enter = f'chroot . setpriv {rights} --pdeathsig=KILL env --ignore-environment "$@"'
        script = " && ".join([f"cd {self.root}", *steps, f"exec {enter}"])
        return ["unshare", "--mount", "sh", "-c", script, "sh", *self.settings["Env"], *words]
