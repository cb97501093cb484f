"""Outputs: the terminal's matrix, tables and stories, JSON documents and JSON lines, and their schema.

Renders what `results` remembers and `diagnosis` has found; judges nothing and measures nothing. Everything that
a server said is hostile here and goes through `clean_text` (terminal) or the JSON encoder before anybody sees it.
Neighbours: `results` and `model` below, `assembly` and `cli` above; `engine` beside it is never imported.
"""
