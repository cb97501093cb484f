"""Doors of the former grid beside a storage of the testbed, gsiftp and SRM: shut, until somebody gives them a manner.

How such ports behave is data (`manners`), each with what the audit must find and with its source; `door` is the port,
`conduct` switches it while it runs. Greetings and SOAP are written here by hand: nothing is shared with the client's
`wire.legacy`, so that one mistake cannot hide in both ends. They copy nothing, and nobody can log in.
"""
