"""The protocols that storages speak, without I/O: bytes and header texts in, values out, and requests as values.

No socket, no loop, no clock, no logger; every input is hostile, every memory is bounded.
Not here: what an answer *means* (`diagnosis`) and how it travels (`net`). Below is `model` alone.
The testbed has writers of its own and imports nothing from here, so that one mistake cannot hide in both ends.
"""
