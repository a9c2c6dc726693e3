#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: The godwit authors
"""The dashboard in a browser, beside real migrations.  Run by `./run test --all`."""

import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

# pylint: disable=wrong-import-position
import browser
from browser import Browser
from moves import prove_arrived, prove_runs_at, wait_completed
from qmp import DEADLINE
from tap import Skip, Tests, check, need_http, same
from vmm import Lab as AnyLab

UUID = "7f8ba2b0-6a3c-4d5e-8f01-23456789abcd"
TOKEN = "0123456789abcdef-of-a-test"


class Lab(AnyLab):
    """One guest on the software host, and where its VMMs serve HTTP."""

    def __init__(self):
        super().__init__("soft", "64M", workload="ws=8M,rate=2000")

    def serve(self, *options, http="127.0.0.1:0"):
        vmm = self.source("--http", http, *options)
        return vmm, vmm.wait_said("http at").rsplit(" ", 1)[1]

    def serve_another(self):
        vmm = self.vmm("another", "--http", "127.0.0.1:0", "--paused")
        return vmm, vmm.wait_said("http at").rsplit(" ", 1)[1]

    def waiting(self, transport="tcp"):
        destination = self.destination("destination", "--paused")
        return destination, destination.listen(self.address(transport))


def status(page, wanted):
    page.wait(f"document.body.dataset.status === {json.dumps(wanted)}")


def text(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).innerText")


def shows(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).checkVisibility()")


def opened(page, url):
    page.open(url)
    page.wait("document.body.dataset.link === 'live'")


def fill(page, selector, value):
    page.run(f"document.querySelector({json.dumps(selector)}).select()")
    page.type(value)


def prove_clean(page, url):
    """It asked nobody but its server, and broke none of its own rules."""
    check(page.addresses, "nothing was asked")
    foreign = [address for address in page.addresses
               if not address.startswith((url, "about:", "data:"))]
    same((foreign, page.problems), ([], []), "foreign addresses and problems")


def started():
    """Migrate by keyboard alone, from the address to the end."""
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        destination, uri = lab.waiting()
        opened(page, url)
        same(text(page, "#status"), "No migration yet", "status")
        page.run("document.querySelector('#uri').focus()")
        page.type(uri)
        page.press("Enter")
        check(uri in text(page, "#ask-text"), text(page, "#ask"))
        same(page.run("document.activeElement.innerText"), "Migrate", "what Enter does")
        page.press("Enter")
        status(page, "completed")
        wait_completed(source, destination)
        page.wait("document.querySelector('#percent').innerText === '100 %'")
        info = source.info()
        same(text(page, "#status"), "Completed", "status")
        same(text(page, "#phase"), "the guest is at the destination", "phase")
        same(page.run("document.querySelectorAll('#rounds tr').length"), len(info["x-rounds"]),
             "rows of rounds")
        same(page.run("document.querySelectorAll('#links li').length"), info["x-links"], "links")
        same(page.run("[...document.querySelectorAll('#blackout span')].map((part) => "
                      "Number(part.style.flexGrow))"), list(info["blackout"].values()), "blackout")
        check(not shows(page, "#start") and not shows(page, "#do-cancel"), "buttons are left")
        prove_clean(page, url)
        prove_arrived(source, destination)


def cancelled():
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        destination, uri = lab.waiting()
        opened(page, url)
        fill(page, "#uri", uri)
        fill(page, "#max-bandwidth", "1.5M")
        page.click("#do-start")
        page.click("#ask-yes")
        status(page, "active")
        same(source.execute("query-migrate-parameters")["max-bandwidth"], 3 << 19, "the limit")
        # The answer that does no harm has the focus, and Escape is that one.
        page.click("#do-cancel")
        same(page.run("document.activeElement.id"), "ask-no", "focus")
        page.press("Escape")
        page.wait("!document.querySelector('#ask').open")
        same(source.info()["status"], "active", "status after Escape")
        same(page.run("document.activeElement.id"), "do-cancel", "focus after Escape")
        page.press("Enter")
        page.wait("document.querySelector('#ask').open")
        page.click("#ask-yes")
        status(page, "cancelled")
        source.wait_status("cancelled")
        page.wait("document.querySelector('#start').checkVisibility()")
        check("cancelled" in text(page, "#log"), text(page, "#log"))
        prove_clean(page, url)
        prove_runs_at(source, destination)


def held():
    with Lab() as lab, Browser() as page:
        source, url = lab.serve("--uuid", UUID)
        destination, uri = lab.waiting("unix")
        opened(page, url)
        fill(page, "#uri", uri)
        page.click("#hold")
        page.click("#do-start")
        page.click("#ask-yes")
        status(page, "pre-switchover")
        same(text(page, "#guest"), "guest is paused to switch over", "the guest")
        page.wait(f"document.querySelector('#place').innerText.endsWith('{UUID}')")
        page.click("#do-continue")
        page.click("#ask-yes")
        status(page, "completed")
        wait_completed(source, destination)
        prove_clean(page, url)
        prove_arrived(source, destination)


def unknown():
    """Nobody knows who has the guest: the page says what to do first, and offers nothing else."""
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        destination, uri = lab.waiting()
        opened(page, url)
        source.migrate(uri + "|fault:at=COMMIT,kind=stall")
        source.wait_held("COMMIT")
        destination.kill()
        status(page, "failed")
        same(text(page, "#status"), "Outcome unknown", "status")
        same(text(page, "#guest"), "guest is stopped here", "the guest")
        check("x-migrate-resolve" in text(page, "#night"), text(page, "#night"))
        check(source.info()["error-desc"] in text(page, "#error"), text(page, "#error"))
        check(not any(shows(page, one) for one in ("#start", "#bar", "#do-cancel")),
              "there is more than what to do")
        for width in 360, 1280:
            page.size(width, 800, mobile=width < 500)
            page.run(DRAWN)
            same((page.run(FAINT), page.run(OUTSIDE)), ([], []), f"texts, {width} wide")
        source.execute("x-migrate-resolve", {"run": "here"})
        page.wait("document.querySelector('#status').innerText === 'Failed'")
        same(text(page, "#phase"), "the guest continues here", "who has it")
        check(not shows(page, "#night") and shows(page, "#start"), "it is decided")
        prove_clean(page, url)
        prove_runs_at(source)


def receives():
    """The destination's page, while a guest comes, when it does not, and when it has come."""
    with Lab() as lab, Browser() as page:
        source = lab.source()
        destination = lab.vmm("destination", "--incoming", "defer", "--paused", "--http",
                              "127.0.0.1:0")
        opened(page, destination.wait_said("http at").rsplit(" ", 1)[1])
        same((text(page, "#status"), text(page, "#guest")),
             ("Waiting for a guest", "no guest here yet"), "before")
        source.parameters(max_bandwidth=1 << 20)
        source.migrate(destination.listen(lab.address("tcp")))
        status(page, "active")
        same(text(page, "#status"), "Receiving a guest", "while")
        source.execute("migrate_cancel")
        source.wait_status("cancelled")
        destination.wait_status("failed")
        status(page, "failed")
        check("still at the source" in text(page, "#phase"), text(page, "#phase"))
        check(not shows(page, "#start") and not shows(page, "#bar"), "it has no guest to migrate")
        source.parameters(max_bandwidth=0)
        source.migrate(destination.listen(lab.address("tcp")))
        status(page, "completed")
        wait_completed(source, destination)
        same(text(page, "#phase"), "the guest has arrived here", "who has it")
        prove_arrived(source, destination)


def paused():
    """A failed attempt leaves a guest that was paused, which is said of it."""
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        opened(page, url)
        source.execute("stop")
        source.migrate("unix:" + lab.path("nowhere"))
        status(page, "failed")
        same((text(page, "#phase"), shows(page, "#bar")),
             ("the guest is here, and is paused", False), "who has it, and how far it came")
        source.execute("cont")
        page.wait("document.querySelector('#phase').innerText === 'the guest continues here'")
        prove_runs_at(source)


def hostile_texts():
    """The page shows the text of a peer or an address, and never runs it."""
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        opened(page, url)
        mark = "<img src=x onerror=document.title=1><b>bold</b>"
        fill(page, "#uri", f"unix:/nowhere/{mark}")
        page.click("#do-start")
        check(mark in text(page, "#ask-text"), "the question does not have it")
        page.click("#ask-yes")
        status(page, "failed")
        page.wait(f"document.querySelector('#error').innerText.includes({json.dumps(mark)})")
        check(mark in text(page, "#log"), text(page, "#log"))
        same(page.run("document.querySelectorAll('#hero img, #hero b, #log img, #log b, '"
                      " + '#ask img, #ask b').length"), 0,
             "elements that came from a text")
        # Refused at once: said in a dialog, and kept.
        fill(page, "#uri", "no-such-transport:x")
        page.click("#do-start")
        page.click("#ask-yes")
        page.wait("document.querySelector('#ask-title').innerText.includes('did not work')")
        page.click("#ask-yes")
        check("no-such-transport" in text(page, "#log"), text(page, "#log"))
        prove_runs_at(source)


def token():
    with Lab() as lab, Browser() as page:
        path = lab.path("token")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TOKEN)
        _, url = lab.serve("--http-token", path)
        page.open(url)
        page.wait("document.querySelector('#token').open")
        page.press("Escape")
        page.press("Escape")
        for given in "wrong" * 5, TOKEN:
            page.wait("document.querySelector('#token').open")
            page.run("document.querySelector('#token-text').focus()")
            page.type(given)
            page.press("Enter")
            if given != TOKEN:
                page.wait("document.querySelector('#token-wrong').checkVisibility()")
        page.wait("document.body.dataset.link === 'live'")
        opened(page, url)  # asked once a session
        same(page.run("[location.href, document.cookie, localStorage.length]"), [url, "", 0],
             "where a token should not be")
        check(not any(TOKEN in address for address in page.addresses), "the token is in an address")


def policy():
    """The page's own rules hold for what would be smuggled in."""
    with Lab() as lab, Browser() as page:
        _, url = lab.serve()
        other, elsewhere = lab.serve_another()
        opened(page, url)
        page.run("window.broken = []; document.addEventListener('securitypolicyviolation', "
                 "(event) => broken.push(event.effectiveDirective))")
        page.run("document.body.insertAdjacentHTML('beforeend', "
                 "'<img src=x onerror=document.title=1><p style=color:red>x</p>')")
        page.run("fetch(" + json.dumps(elsewhere + "qmp") + ", {method: 'POST', headers: "
                 "{'Content-Type': 'application/json'}, body: '{\"execute\": \"quit\"}'})"
                 ".catch(() => 0)")
        page.wait("['script-src-attr', 'style-src-attr', 'connect-src'].every((rule) => "
                  "broken.includes(rule))")
        # And a page of another site cannot reach the server, nor frame it.
        page.open("data:text/html,<iframe id=frame></iframe>")
        page.run("document.querySelector('#frame').src = " + json.dumps(url))
        for kind in "application/json", "text/plain":
            refused = page.run(f"fetch('{url}qmp', {{method: 'POST', headers: {{'Content-Type': "
                               f"'{kind}'}}, body: '{{\"execute\": \"quit\"}}'}})"
                               ".then(() => 'answered', () => 'refused')")
            same(refused, "refused", kind)
        address = json.dumps(url.replace("http:", "ws:") + "events")
        same(page.run(f"new Promise((done) => {{ const socket = new WebSocket({address}); "
                      "socket.onopen = () => done('open'); "
                      "socket.onerror = () => done('refused'); })"), "refused", "WebSocket")
        check(not other.wait_end(0), "it was ended")


def lost():
    """The server goes and comes back: said, and taken up again."""
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        opened(page, url)
        source.freeze()
        page.wait("document.body.dataset.link === 'lost'")
        check("no connection" in text(page, "#live"), text(page, "#live"))
        source.thaw()
        page.wait("document.body.dataset.link === 'live'")
        check("is lost" in text(page, "#log"), text(page, "#log"))


# Texts that have less contrast with what is behind them than WCAG AA asks for.
FAINT = """(() => {
  const light = (color) => color.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color.startsWith("rgba(0, 0, 0, 0") ? behind(element.parentElement) : color;
  };
  const contrast = (element) => {
    const pair = [light(getComputedStyle(element).color), light(behind(element))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  return [...document.querySelectorAll("h1, h2, h3, dt, dd, p, button, label, li, output, th, td")]
    .filter((element) => element.checkVisibility() && element.innerText.trim())
    .filter((element) => contrast(element) < 4.5)
    .map((element) => element.outerHTML.slice(0, 80));
})()"""

# Lists the elements that stick out of the page, or of their parent.
OUTSIDE = """(() => {
  const overflows = (element) => element.scrollWidth > element.clientWidth + 1 &&
    getComputedStyle(element).display !== "inline" && element.clientWidth > 0 &&
    getComputedStyle(element).overflowX === "visible";
  return [...document.querySelectorAll("main *")]
    .filter((element) => element.checkVisibility() && !element.closest(".scroll, #links"))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 || overflows(element))
    .map((element) => element.outerHTML.slice(0, 80));
})()"""

# Waits until the page has followed a change of size.
DRAWN = """(async () => {
  for (let i = 0; i < 4; i++) await new Promise((done) => requestAnimationFrame(done));
})()"""


def looks():
    """Every text can be read in both colours, nothing sticks out, fingers find the buttons."""
    with Lab() as lab, Browser() as page:
        source, url = lab.serve()
        destination, uri = lab.waiting("multi-tcp")
        source.parameters(max_bandwidth=4 << 20, multifd_channels=2)
        opened(page, url)
        for part in "before", "while", "after":
            if part == "while":
                source.migrate(uri)
                status(page, "active")
                page.wait("document.querySelectorAll('#links li').length === 2")
            elif part == "after":
                source.parameters(max_bandwidth=0)
                status(page, "completed")
                page.wait("document.querySelector('#blackout').checkVisibility()")
            for width, height in (360, 640), (768, 1024), (1280, 800), (1920, 1080), (3840, 2160):
                page.size(width, height, mobile=width < 500)
                for scheme in "light", "dark":
                    page.colors(scheme)
                    page.run(DRAWN)
                    where = f"{part}, {width}, {scheme}"
                    same(page.run(FAINT), [], f"{where}: hard to read")
                    same(page.run(OUTSIDE), [], f"{where}: sticks out")
                    same(page.run("document.documentElement.scrollWidth <= innerWidth"), True,
                         f"{where}: fits")
            same(page.run("[...document.querySelectorAll('button, input:not([type=checkbox])')]"
                          ".filter((one) => one.checkVisibility() && one.offsetHeight < 44)"
                          ".map((one) => one.id)"), [], "too small for a finger")
        wait_completed(source, destination)


def keyboard():
    """Tab goes everywhere, what has the focus is seen, and all inputs have a name."""
    with Lab() as lab, Browser() as page:
        _, url = lab.serve()
        opened(page, url)
        wanted = page.run("[...document.querySelectorAll('button, input')].filter((one) => "
                          "one.checkVisibility()).map((one) => one.id)")
        check(len(wanted) >= 6, f"{wanted}")
        seen = []
        for _ in range(len(wanted) + 4):
            page.press("Tab")
            seen.append(page.run("document.activeElement.id"))
            if seen[-1]:
                same(page.run("getComputedStyle(document.activeElement).outlineStyle"), "solid",
                     f"outline of {seen[-1]}")
        same([name for name in wanted if name not in seen], [], "not reached by Tab")
        same(page.run("[...document.querySelectorAll('input')].filter((one) => "
                      "!one.labels.length).length"), 0, "inputs without a label")
        for selector in "#status", "#live", "#log", "#error":
            role, live = page.run(f"(({{role, ariaLive}}) => [role, ariaLive])"
                                  f"(document.querySelector('{selector}'))")
            check(role in ("status", "log", "alert") or live == "polite",
                  f"{selector} is not announced")


def main():
    tests = Tests()
    for case in (started, cancelled, held, unknown, receives, paused, hostile_texts, token, policy,
                 lost, looks, keyboard):
        tests.add("dashboard " + case.__name__.replace("_", "-"), needing(case))
    return tests.run()


def needing(case):
    def run():
        need_http()
        if "GODWIT_TEST_ALL" not in os.environ:
            raise Skip("skipped: only with --all")
        if not browser.program():
            raise Skip("skipped: no chromium")
        case()
    return run


if __name__ == "__main__":
    sys.exit(main())
