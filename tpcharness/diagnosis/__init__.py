"""What it all means: one exchange (reason, blame, alternatives), and a whole matrix of results (findings).

Pure: values in, values out; no socket, no clock, no event loop. Text patterns of implementations are data here.
It never renders anything: the truth about a failure is made in this room once, and only shown elsewhere.
Neighbours: `wire` parses what it is told, `probes` ask it about one copy, `assembly` and `export` about a matrix.
"""
