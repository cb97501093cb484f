"""A third-party copy by the official Python bindings, as a program: `python official_bindings.py SOURCE DESTINATION`.

A process of its own, because XrdCl reads its settings when it is loaded, and ends with threads of its own. It answers
like xrdcp: exit code 0 for a copy that is there, else 1 and the words that XrdCl has for it.
"""

from __future__ import annotations

import sys
from typing import Any

from XRootD.client.copyprocess import CopyProcess


def copy(source: str, destination: str) -> str:
    """Empty for a copy that succeeded, else why there is none."""
    process: Any = CopyProcess()  # type: ignore[no-untyped-call]
    process.add_job(source, destination, thirdparty="only")
    status = process.prepare()
    if not status.ok:
        return str(status.message)
    status, results = process.run()
    statuses = [status, *(result["status"] for result in results)]
    return "\n".join(str(each.message) for each in statuses if not each.ok)


if __name__ == "__main__":
    why_not = copy(*sys.argv[1:])
    print(why_not)
    sys.exit(bool(why_not))
