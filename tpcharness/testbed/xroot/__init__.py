"""A root door for a storage of the testbed: the same files as behind its https door, third-party copies included.

It behaves as XRootD 5.5.3 does (reference xroot), and misbehaves as `faults` says. Frames are read and written here
by hand: nothing is shared with the client's `wire.xroot`, so that one mistake cannot hide in both ends.
"""
