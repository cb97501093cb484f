"""The xroot protocol (root://, roots://), without I/O: frames, the session from hello to login, requests, answers.

Layouts are those of XProtocol 5.2 and were seen on XRootD 5.5.3 and 6.1 (xroot 2 to 11). Not here: sockets (`net`),
what an error means for a copy (`diagnosis`), the order of a copy's steps (`probes`). The testbed writes its own frames.
"""
