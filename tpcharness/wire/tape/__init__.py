"""Documents of the WLCG Tape REST API, version 1: discovery, stage, poll, cancel, release, archiveinfo.

Bytes in, values out; what a server does otherwise than the specification says stands in `deviations`, and what cannot
be understood raises WireError. Nothing is sent here, and what an answer means for somebody is `diagnosis`.
"""
