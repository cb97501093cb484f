"""The exit codes: public, frozen, the same for every command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with; `sentence` says what it means, `advice` what to do next."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    OUR_SIDE = 4
    NOTHING_TO_DO = 5
    CUT_SHORT = 6
    INTERNAL = 70
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def sentence(self) -> str:
        return _TABLE[self][0]

    @property
    def advice(self) -> str:
        return _TABLE[self][1]


class Terminated(BaseException):
    """SIGTERM came. Like KeyboardInterrupt, nobody but the door of the command line may catch it for good."""


_TABLE = {
    ExitCode.OK: ("Everything asked for passed.", "Nothing to do."),
    ExitCode.FAILED: (
        (
            "Something failed by --fail-on; by default any failure, any link skipped for a down endpoint, "
            "any endpoint without a usable token while others have one."
        ),
        "Read the findings; `tpcharness explain REASON` says who has to act.",
    ),
    ExitCode.USAGE: (
        "The command line is not right, or it names an endpoint or variant that does not exist.",
        "Read the message: it names the nearest word; --help lists all.",
    ),
    ExitCode.CONFIG: ("The configuration is invalid.", "Run `tpcharness config check`: it names every line to mend."),
    ExitCode.OUR_SIDE: (
        "Our side cannot work at all: no token for anybody, or no network.",
        "Check the token sources and this machine's network; the storages are not to blame.",
    ),
    ExitCode.NOTHING_TO_DO: ("The filters left nothing to do.", "Look at --plan: it says what was left out and why."),
    ExitCode.CUT_SHORT: (
        "Cut short by the deadline or --max-failures; partial results were written.",
        "Raise the limit if you want the rest.",
    ),
    ExitCode.INTERNAL: ("Internal error: a bug of ours.", "Send us the report that the message names."),
    ExitCode.INTERRUPTED: (
        "Interrupted, after cleaning up and writing what there is.",
        "Run again; `tpcharness clean` removes what could not be removed.",
    ),
    ExitCode.TERMINATED: (
        "Terminated by SIGTERM, after cleaning up and writing what there is.",
        "Run again; `tpcharness clean` removes what could not be removed.",
    ),
}
