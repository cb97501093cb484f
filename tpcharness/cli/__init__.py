"""The command line: one file per command, `main` in front of them, `options` and `terminal` shared by them.

Commands parse words, call `assembly` or a lower room, and choose an exit code (`exits`); they decide nothing else.
stdout is the result only; stderr is progress, warnings and errors. Heavy imports stay inside the commands.
Nobody imports this room; it is the only one that may start the testbed.
"""
