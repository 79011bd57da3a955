"""Debian's Chromium without a window, spoken to by the DevTools protocol over two pipes.

It has no network: every name is nowhere, and what a page asks for is told. https://chromedevtools.github.io/devtools-protocol
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WAIT = 90.0
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)
_COMPLAINTS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


@dataclass(slots=True)
class Page:
    """One page. ``complaints`` are what its console and its errors said, ``requests`` the addresses that it asked for."""

    to: int
    back: int
    session: str = ""
    number: int = 0
    rest: bytes = b""
    complaints: list[Any] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    loaded: bool = False

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command's result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self.number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _WAIT
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.back], [], [], max(end - time.monotonic(), 0))
            assert ready, "Chromium says nothing"
            piece = os.read(self.back, 1 << 20)
            assert piece, "Chromium ended"
            self.rest += piece
        line, self.rest = self.rest.split(b"\0", 1)
        told: dict[str, Any] = json.loads(line)
        method = told.get("method")
        if method in _COMPLAINTS:
            self.complaints.append(told["params"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded = True
        return told

    def show(self, path: Path, width: int, height: int, *, dark: bool = False, scripts: bool = True) -> None:
        """Load a file at a size; without ``scripts`` none of its own is run."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.loaded = False
        self.ask("Page.navigate", url=path.absolute().as_uri())
        while not self.loaded:
            self._next()
        if scripts:
            self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is, once its promise is kept."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """A key, down and up; ``code`` is its virtual key code."""
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
        if key == "Enter":
            self.ask("Input.dispatchKeyEvent", type="char", key=key, text="\r")

    def picture(self, target: Path, *, whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        target.write_bytes(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """A browser with a page for the block; what it keeps is in ``folder``."""
    program = find_peer("chromium")
    assert program is not None
    to_it, ours = os.pipe()
    theirs, from_it = os.pipe()
    # DevTools reads descriptor 3 and writes 4: bash puts them there, so that nothing here has to be overwritten.
    words = ["bash", "-c", 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"', str(to_it), str(from_it), str(program), *_OPTIONS]
    process = subprocess.Popen(
        [*words, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        pass_fds=(to_it, from_it),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(to_it)
    os.close(from_it)
    try:
        page = Page(ours, theirs)
        targets = page.ask("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        page.session = page.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        yield page
    finally:
        os.close(ours)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
        os.close(theirs)
        shutil.rmtree(folder / "profile", ignore_errors=True)
