# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""Chromium without a screen, driven over its DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time

from http_client import WebSocket
from processes import MORTAL
from qmp import DEADLINE

KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32}


def program():
    """Its path, or None."""
    return shutil.which("chromium")


class Browser:
    """A browser with one page.  Whatever it complains about is in PROBLEMS, and each address
    that it asks is in ADDRESSES."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="godwit-browser-")
        self.process = subprocess.Popen(
            [*MORTAL, program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-component-update", "--hide-scrollbars", "--remote-debugging-port=0",
             "--user-data-dir=" + self.directory, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.numbers = itertools.count(1)
        self.session, self.loaded = None, False
        self.problems, self.addresses = [], []
        self.websocket = WebSocket(*self.address())
        target, = [target["targetId"] for target in self.call("Target.getTargets")["targetInfos"]
                   if target["type"] == "page"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Network", "Log":
            self.call(domain + ".enable")
        return self

    def __exit__(self, *_):
        self.websocket.connection.socket.close()
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def address(self):
        """Where it can be driven, once it has said so."""
        path = os.path.join(self.directory, "DevToolsActivePort")
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"chromium ended with status {self.process.returncode}")
            try:
                with open(path, encoding="ascii") as file:
                    port, target = file.read().split("\n")[:2]
                return f"http://127.0.0.1:{port}/", target
            except (FileNotFoundError, ValueError):
                time.sleep(0.05)
        raise TimeoutError("chromium did not start")

    def call(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.websocket.send(message)
        while (answer := self.websocket.next()).get("id") != number:
            self.note(answer)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def note(self, event):
        what = event.get("params", {})
        if event["method"] == "Page.loadEventFired":
            self.loaded = True
        elif event["method"] == "Network.requestWillBeSent":
            self.addresses.append(what["request"]["url"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.problems.append(what["exceptionDetails"]["exception"].get("description"))
        elif event["method"] == "Log.entryAdded" and what["entry"]["level"] in ("warning", "error"):
            self.problems.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")

    def open(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        while not self.loaded:
            self.note(self.websocket.next())

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script):
        """Until the expression is true; its value."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if value := self.run(script):
                return value
            time.sleep(0.05)
        raise TimeoutError(f"{script} did not become true; the page says: " +
                           self.run("document.body.innerText"))

    def press(self, key):
        for kind in "keyDown", "keyUp":
            text = {"Enter": "\r", " ": " "}.get(key, "") if kind == "keyDown" else ""
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text,
                      code="Space" if key == " " else key, windowsVirtualKeyCode=KEYS[key])

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, selector):
        """Click as a mouse does: where the middle of it is, whatever lies over it."""
        place = self.run(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = element.getBoundingClientRect();
            return {{x: box.x + box.width / 2, y: box.y + box.height / 2}};
        }})()""")
        for kind in "mousePressed", "mouseReleased":
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def size(self, width, height, scale=1, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=mobile)

    def colors(self, scheme):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
