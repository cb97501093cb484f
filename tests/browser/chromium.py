"""Headless Chromium with nothing in it but one page from a file, as a reader opens it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

# No network, no sandbox (tests run as root), no services of its own.
_SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--window-size=1280,900",
)

# Before anything of the page: whatever it does that it must not do is written down.
_WATCH = """
window.wrong = [];
addEventListener('error', (event) => wrong.push('error: ' + event.message));
addEventListener('securitypolicyviolation', (event) => wrong.push('policy: ' + event.violatedDirective));
"""


class Browser:
    """One Chromium. `open` starts afresh with another page; `script` evaluates in it."""

    def __init__(self, profile: Path) -> None:
        options = ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for switch in (*_SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"), keep_alive=False)
        self._command("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)

    def open(self, file: Path, fragment: str = "", *, theme: str = "light", width: int = 1280) -> None:
        """Loads the file; returns when it is drawn."""
        self.visit(f"{file.as_uri()}{fragment}", theme=theme, width=width)

    def visit(self, url: str, *, theme: str = "light", width: int = 1280) -> None:
        """The same for a page of a server."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self._command("Emulation.setEmulatedMedia", media="", features=features)
        self._command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.driver.get("about:blank")  # else a change of the fragment alone would not load anything
        self.driver.get(url)

    def open_without_script(self, file: Path) -> str:
        """Loads the file as a reader does who allows no script; what assistive technology would read there."""
        return self.visit_without_script(file.as_uri())

    def visit_without_script(self, url: str) -> str:
        """The same for a page of a server."""
        self._command("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.driver.get(url)
            nodes = self._command("Accessibility.getFullAXTree")["nodes"]
        finally:
            self._command("Emulation.setScriptExecutionDisabled", value=False)
        return " ".join(str(node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"])

    def script(self, code: str, *arguments: object) -> Any:
        return self.driver.execute_script(code, *arguments)

    def keys(self, *keys: str, control: bool = False) -> None:
        """Presses keys where the focus is."""
        actions = ActionChains(self.driver, duration=0)
        if control:
            actions.key_down("\ue009")
        actions.send_keys(*keys)
        if control:
            actions.key_up("\ue009")
        actions.perform()

    def choose(self, element: str, value: str) -> None:
        """Sets a control of the page as a reader would."""
        self.script(
            "const it = document.getElementById(arguments[0]); it.value = arguments[1];"
            "for (const name of ['input', 'change']) it.dispatchEvent(new Event(name, {bubbles: true}))",
            element,
            value,
        )

    def pdf(self) -> bytes:
        """The page as it prints."""
        printed = self._command("Page.printToPDF", preferCSSPageSize=True, generateTaggedPDF=False)
        return base64.b64decode(printed["data"])

    def picture(self, file: Path) -> None:
        """The whole page as a PNG, for people to look at."""
        size = self._command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 8000), "scale": 1}
        shot = self._command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def emulate(self, media: str) -> None:
        self._command("Emulation.setEmulatedMedia", media=media)

    def wrongs(self) -> list[str]:
        """Errors, violations of the policy, and everything that the console complained about."""
        return [*self.script("return window.wrong"), *(entry["message"] for entry in self.driver.get_log("browser"))]

    def requests(self) -> list[str]:
        """What the page asked for beside itself."""
        return list(self.script("return performance.getEntriesByType('resource').map((entry) => entry.name)"))

    def close(self) -> None:
        self.driver.quit()

    def _command(self, name: str, **arguments: object) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)
