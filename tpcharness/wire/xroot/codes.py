"""The protocol's numbers: requests, answers, flags and errors (xroot 2, 3, 5, 6, 16)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

DEFAULT_PORT = 1094
CLIENT_VERSION = 0x520
HANDLE_BYTES = 4


class Ask(IntEnum):
    """What a request asks for; only those that we send."""

    AUTH = 3000
    QUERY = 3001
    CLOSE = 3003
    PROTOCOL = 3006
    LOGIN = 3007
    MKDIR = 3008
    OPEN = 3010
    PING = 3011
    READ = 3013
    RM = 3014
    SYNC = 3016
    STAT = 3017
    WRITE = 3019
    PREPARE = 3021
    READV = 3025
    TRUNCATE = 3028
    SIGVER = 3029


class Status(IntEnum):
    """What kind of answer a frame is."""

    OK = 0
    OKSOFAR = 4000
    ATTN = 4001
    AUTHMORE = 4002
    ERROR = 4003
    REDIRECT = 4004
    WAIT = 4005
    WAITRESP = 4006


ATTN_MESSAGE = 5002
ATTN_ANSWER = 5008


class Query(IntEnum):
    """What a query asks for."""

    PREPARE = 2
    CHECKSUM = 3
    SPACE = 5
    CONFIG = 7
    OPAQUE_HANDLE = 64


class OpenFlag(IntFlag):
    """How a file is opened. MKPATH counts only together with NEW or DELETE."""

    DELETE = 0x0002
    NEW = 0x0008
    READ = 0x0010
    UPDATE = 0x0020
    REFRESH = 0x0080
    MKPATH = 0x0100
    RETSTAT = 0x0400
    POSC = 0x1000


class ServerFlag(IntFlag):
    """What a server says of itself in its protocol answer."""

    IS_SERVER = 0x1
    IS_MANAGER = 0x2
    IS_CACHE = 0x80
    IS_PROXY = 0x200
    TLS_LOGIN = 0x04000000
    TLS_TPC = 0x10000000
    GOTO_TLS = 0x40000000
    HAVE_TLS = 0x80000000


class StatFlag(IntFlag):
    """What a file is. OFFLINE: on tape only. BACKUP: there is a copy on tape."""

    EXECUTABLE = 1
    DIRECTORY = 2
    OTHER = 4
    OFFLINE = 8
    READABLE = 16
    WRITABLE = 32
    POSC_PENDING = 64
    BACKUP = 128


class PrepareFlag(IntFlag):
    """What is done with the files of a prepare request; EVICT stands in another field than the rest."""

    CANCEL = 1
    STAGE = 8
    EVICT = 0x10000


class ErrorNumber(IntEnum):
    """Why a server refused; what is not in the table is a number that we do not know yet."""

    ARG_INVALID = 3000
    ARG_MISSING = 3001
    ARG_TOO_LONG = 3002
    FILE_LOCKED = 3003
    FILE_NOT_OPEN = 3004
    FS_ERROR = 3005
    INVALID_REQUEST = 3006
    IO_ERROR = 3007
    NO_MEMORY = 3008
    NO_SPACE = 3009
    NOT_AUTHORIZED = 3010
    NOT_FOUND = 3011
    SERVER_ERROR = 3012
    UNSUPPORTED = 3013
    NO_SERVER = 3014
    NOT_FILE = 3015
    IS_DIRECTORY = 3016
    CANCELLED = 3017
    IT_EXISTS = 3018
    CHECKSUM_ERROR = 3019
    IN_PROGRESS = 3020
    OVER_QUOTA = 3021
    SIGNATURE_ERROR = 3022
    DECRYPT_ERROR = 3023
    OVERLOADED = 3024
    READ_ONLY = 3025
    BAD_PAYLOAD = 3026
    ATTRIBUTE_NOT_FOUND = 3027
    TLS_REQUIRED = 3028
    NO_REPLICAS = 3029
    AUTH_FAILED = 3030
    IMPOSSIBLE = 3031
    CONFLICT = 3032
    TOO_MANY_ERRORS = 3033
    REQUEST_TIMED_OUT = 3034
    TIMER_EXPIRED = 3035
