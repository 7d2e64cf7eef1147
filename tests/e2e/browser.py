#!/usr/bin/env python3
"""browser.py [--pictures FOLDER] FILE.html...: opens reports in headless Chromium and prints what is wrong, a line each; nothing if all is well.

At phone and desktop width, in both colour schemes, and on paper: no request but for the file itself, no message on the console, no errors, no
horizontal overflow, text with enough contrast to its ground. With --pictures these are kept in a folder, and the PDFs.

Chromium is talked to through its debugging pipe: JSON that ends with NUL, in at descriptor 3, out at descriptor 4.
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
from pathlib import Path

SECONDS = 60  # for one report
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-extensions --disable-dev-shm-usage --hide-scrollbars --remote-debugging-pipe"
).split()
WIDTHS = ((390, 844), (1280, 900))

# What is too wide, and what stands out too little from its ground (WCAG 1.4.3: 4.5, for large text 3).
MEASURE = r"""
(() => {
  const faults = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) faults.push("the page is " + document.documentElement.scrollWidth + " wide");
  for (const e of document.querySelectorAll("body *")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > width + 1 && !e.closest("thead")) faults.push("<" + e.tagName + "> ends at " + Math.round(box.right));
  }
  const parts = c => (c.match(/[\d.]+/g) || []).map(Number);
  const over = (a, b) => { const t = a.length > 3 ? a[3] : 1; return [0, 1, 2].map(i => a[i] * t + b[i] * (1 - t)); };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { const list = []; for (let p = e; p; p = p.parentElement) list.push(parts(getComputedStyle(p).backgroundColor));
    return list.reverse().reduce((below, c) => c.length > 3 && c[3] === 0 ? below : over(c, below), [255, 255, 255]); };
  const seen = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest("svg")) continue;
    const style = getComputedStyle(e), g = ground(e), ink = over(parts(style.color), g);
    const [a, b] = [light(ink), light(g)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
    const key = style.color + g;
    if (ratio < (parseFloat(style.fontSize) >= 19 ? 3 : 4.5) && !seen.has(key)) faults.push("contrast " + ratio.toFixed(2) + " in <" + e.tagName + " class=" + e.className + ">");
    seen.add(key);
  }
  if (document.querySelectorAll("script, link, iframe, object, embed, form, [style]").length) faults.push("there are elements that do not belong there");
  return JSON.stringify(faults.slice(0, 10));
})()
"""


class Browser:
    def __init__(self):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not program:
            sys.exit("there is no Chromium: install it (scripts/packages test)")
        self.home = tempfile.mkdtemp()
        to_read, self.to = os.pipe()
        self.back, from_write = os.pipe()
        command = 'exec "$@" 3<&%d 4>&%d' % (to_read, from_write)
        self.process = subprocess.Popen(
            ["bash", "-c", command, "bash", program, *OPTIONS, "--user-data-dir=" + self.home],
            pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.home})
        os.close(to_read)
        os.close(from_write)
        self.deadline = time.monotonic() + SECONDS
        self.buffer = b""
        self.number = 0
        self.events = []

    def message(self):
        while b"\0" not in self.buffer:
            if not select.select([self.back], [], [], max(0, self.deadline - time.monotonic()))[0]:
                raise TimeoutError("Chromium does not answer")
            more = os.read(self.back, 1 << 20)
            if not more:
                raise EOFError("Chromium ended")
            self.buffer += more
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, session=None, **params):
        self.number += 1
        question = {"id": self.number, "method": method, "params": params}
        if session:
            question["sessionId"] = session
        os.write(self.to, json.dumps(question).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError("%s: %s" % (method, answer["error"]))
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, name):
        while not any(e.get("method") == name for e in self.events):
            self.events.append(self.message())

    def close(self):
        try:
            self.ask("Browser.close")
        except (OSError, EOFError, TimeoutError):
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def faults_of_events(events, url):
    for e in events:
        method, params = e.get("method"), e.get("params", {})
        if method == "Network.requestWillBeSent":
            asked = params["request"]["url"]
            if asked != url and not asked.startswith("data:"):
                yield "request for " + asked
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            yield "console: " + json.dumps(params)[:300]


def look(browser, session, url, size, scheme, folder, name):
    width, height = size
    call = lambda method, **p: browser.ask(method, session, **p)
    browser.events.clear()
    call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
    call("Emulation.setEmulatedMedia", media="screen", features=[{"name": "prefers-color-scheme", "value": scheme}])
    call("Page.navigate", url=url)
    browser.wait_for("Page.loadEventFired")
    answer = call("Runtime.evaluate", expression=MEASURE, returnByValue=True)["result"]
    if "value" not in answer:
        raise RuntimeError(json.dumps(answer))
    faults = json.loads(answer["value"]) + list(faults_of_events(browser.events, url))
    if folder:
        picture = call("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        (folder / ("%s-%d-%s.png" % (name, width, scheme))).write_bytes(base64.b64decode(picture["data"]))
    return ["%d wide, %s: %s" % (width, scheme, f) for f in faults]


def on_paper(browser, session, folder, name):
    browser.ask("Emulation.clearDeviceMetricsOverride", session)
    browser.ask("Emulation.setEmulatedMedia", session, media="", features=[])
    pdf = base64.b64decode(browser.ask("Page.printToPDF", session, printBackground=False, preferCSSPageSize=True)["data"])
    if folder:
        (folder / (name + ".pdf")).write_bytes(pdf)
    a4 = b"/MediaBox [0 0 594.95996 841.91998]" in pdf or b"/MediaBox [0 0 595" in pdf
    return [] if pdf.startswith(b"%PDF-") and a4 else ["on paper: not A4"]


def look_at(browser, path, folder):
    browser.deadline = time.monotonic() + SECONDS
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Network", "Runtime", "Log"):
        browser.ask(domain + ".enable", session)
    name = "%s-%s" % (path.parent.name, path.stem)
    faults = []
    for size in WIDTHS:
        for scheme in ("light", "dark"):
            faults += look(browser, session, path.as_uri(), size, scheme, folder, name)
    faults += on_paper(browser, session, folder, name)
    browser.ask("Target.closeTarget", targetId=target)
    return ["%s: %s" % (path.name, f) for f in faults]


def main():
    arguments = sys.argv[1:]
    folder = None
    if arguments[0] == "--pictures":
        folder = Path(arguments[1])
        arguments = arguments[2:]
    browser = Browser()
    try:
        for path in arguments:
            for fault in look_at(browser, Path(path).resolve(), folder):
                print(fault)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
