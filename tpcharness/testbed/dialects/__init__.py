"""How each implementation speaks HTTP: one file per dialect, data and a few methods, no I/O.

`dialect` holds the vocabulary (causes, replies) and what dialects have in common, `catalogue` finds one by name.
Not here: what a storage does, and when; that is `storage`, `webdav` and `transfer`, which ask a dialect for words.
Every byte is as recorded (tests/recordings) or cites the reference row or server source that it was read from.
"""
