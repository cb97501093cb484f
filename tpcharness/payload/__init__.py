"""The safety room: every file that we make at a storage is named, written down, checked and removed here.

Nothing is created before it stands in the ledger, and nothing is deleted that does not stand there or lies outside
our own directory. It does not copy and does not judge copies: that is `probes` above. It asks `tokens` for the
rights of each step and speaks through `net`.
"""
