"""A body of performance markers, read to its end."""

from __future__ import annotations

from tpcharness.wire.markers import Marker, MarkerStream


class Reading:
    """All that a stream says of one body."""

    def __init__(self, *pieces: bytes, max_line_bytes: int = 8192) -> None:
        self.stream = MarkerStream(max_line_bytes)
        events = [event for piece in pieces for event in self.stream.feed(piece)]
        self.markers = [event for event in events if isinstance(event, Marker)]
        self.terminal = self.stream.finish()

    @property
    def everything(self) -> tuple[object, ...]:
        stream = self.stream
        return (*self.markers, self.terminal, stream.junk, stream.junk_lines, stream.overlong, stream.marker_count)
