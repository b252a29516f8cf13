"""A headless Chromium over the DevTools protocol on a pipe; nothing but the standard library.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

# What tests of scripts take for "skipped".
NO_BROWSER = 77


def find():
    """The browser to ask: FEMPIPE_CHROMIUM, or what is on the path; None if there is none."""
    names = [os.environ.get("FEMPIPE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


def required():
    """As find(); without one the script ends with what its test takes for "skipped"."""
    chromium = find()
    if chromium is None:
        print("no chromium: run .ci/python, or set FEMPIPE_CHROMIUM")
        sys.exit(NO_BROWSER)
    return chromium


class Browser:
    """One page. Errors of its console and exceptions of its scripts gather in `errors`."""

    def __init__(self, chromium):
        self.profile = tempfile.mkdtemp(prefix="fempipe-chromium-")
        to_browser, self.out = os.pipe()
        self.incoming, from_browser = os.pipe()
        # The protocol wants file descriptors 3 and 4.
        def descriptors():
            a, b = os.dup(to_browser), os.dup(from_browser)
            os.dup2(a, 3)
            os.dup2(b, 4)

        command = [chromium, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
                   "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars", f"--user-data-dir={self.profile}",
                   "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=descriptors, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.number, self.session, self.errors, self.loaded = b"", 0, None, [], False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log"]:
            self.call(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.incoming], [], [], left)[0]:
                raise TimeoutError(f"no word from the browser within {seconds} s")
            data = os.read(self.incoming, 1 << 20)
            if not data:
                raise EOFError("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        self.note(message)
        return message

    def note(self, message):
        method, of = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = of["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and of["entry"]["level"] in ("error", "warning"):
            self.errors.append(of["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and of["type"] in ("error", "warning", "assert"):
            self.errors.append(str([a.get("value", a.get("description")) for a in of["args"]]))
        elif method == "Page.loadEventFired":
            self.loaded = True

    def call(self, method, seconds=120, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive(seconds)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=False)

    def open(self, path):
        """Loads a file from disk; returns the seconds until its load event."""
        self.loaded, start = False, time.monotonic()
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        while not self.loaded:
            self.receive(120)
        return time.monotonic() - start

    def ask(self, expression):
        """The value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def mouse(self, kind, x, y, clicks=1, held=False):
        button = "none" if kind == "mouseMoved" and not held else "left"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=clicks,
                  buttons=1 if held or kind == "mousePressed" else 0, pointerType="mouse")

    def middle(self, element):
        """Where the middle of an element lies once it is scrolled into sight."""
        return self.ask(f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center', behavior: 'instant'}});"
                        " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()")

    def click(self, element, clicks=1):
        x, y = self.middle(element)
        self.mouse("mouseMoved", x, y)
        for k in range(1, clicks + 1):
            self.mouse("mousePressed", x, y, k)
            self.mouse("mouseReleased", x, y, k)

    def drag(self, start, end):
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start)
        for t in (0.3, 0.6, 1.0):
            self.mouse("mouseMoved", *(a + t * (b - a) for a, b in zip(start, end)), held=True)
        self.mouse("mouseReleased", *end)

    def photograph(self, path, whole=False):
        extra = {"captureBeyondViewport": True} if whole else {}
        if whole:
            area = self.call("Page.getLayoutMetrics")["cssContentSize"]
            extra["clip"] = {"x": 0, "y": 0, "width": area["width"], "height": min(area["height"], 16000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", **extra)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
