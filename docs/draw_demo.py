"""Draws docs/demo.svg, the picture in the README: what `tpcharness testbed demo` prints on a terminal."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 84

environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
demo = subprocess.run(
    [sys.executable, "-m", "tpcharness", "testbed", "demo"], env=environment, capture_output=True, text=True, check=True
)
console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
console.print(Text.from_ansi(demo.stdout))
picture = console.export_svg(title="make demo")
# rich asks a public server for its font; any monospaced one will do.
picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
Path(__file__).with_name("demo.svg").write_text(picture, encoding="utf-8")
