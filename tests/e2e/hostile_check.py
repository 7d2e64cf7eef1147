#!/usr/bin/env python3
"""hostile_check.py FOLDER TAME: reports made of hostile_reports.py, and of the same with --tame. Prints what is wrong, a line each."""
import csv
import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "rect", "line", "img"}
ELEMENTS = {"html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "article", "figure", "figcaption", "div", "h1", "h2", "h3",
            "p", "ul", "ol", "li", "dl", "dt", "dd", "a", "strong", "span", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "g", "rect", "line", "text",
            "desc"}
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "role", "data-label", "viewbox", "aria-labelledby", "x", "y",
              "x1", "x2", "y1", "y2", "width", "height"}
# controls, what ends a line elsewhere, and what turns the direction of text around
UNSAFE = re.compile("[\x00-\x09\x0b\x0d-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff]")
faults = []


def fault(path, *words):
    faults.append("%s: %s" % (path, " ".join(str(w) for w in words)))


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.path, self.open, self.structure, self.text = path, [], [], []

    def handle_starttag(self, tag, attributes):
        self.structure.append((tag, tuple(k for k, _ in attributes), dict(attributes).get("class")))
        if tag not in ELEMENTS:
            fault(self.path, "element", tag)
        for k, v in attributes:
            if k not in ATTRIBUTES:
                fault(self.path, "attribute", k, "of", tag)
            if k == "href" and not re.fullmatch(r"#[a-z0-9]+", v):
                fault(self.path, "link to", v)
        if tag not in VOID:
            self.open.append(tag)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            fault(self.path, "</%s> closes something else" % tag)

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        fault(self.path, "a comment", data[:40])

    def handle_pi(self, data):
        fault(self.path, "an instruction", data[:40])


def page(path, raw):
    p = Page(path)
    p.feed(raw)
    p.close()
    if p.open:
        fault(path, "not closed:", p.open)
    return p


def check_html(path, raw, tame_raw):
    hostile, tame = page(path, raw), page(path, tame_raw)
    text = "".join(hostile.text)
    if path.parent.name == "acme" and "<script>alert(" not in text:
        fault(path, "the names are not shown at all")
    if hostile.structure != tame.structure:
        n = next((i for i, (a, b) in enumerate(zip(hostile.structure, tame.structure)) if a != b), min(len(hostile.structure), len(tame.structure)))
        fault(path, "another structure than with tame names, from", n, hostile.structure[n - 2 : n + 3], tame.structure[n - 2 : n + 3])


def check_csv(path, raw):
    rows = list(csv.reader(io.StringIO(raw, newline=""), strict=True))
    for row in rows:
        if len(row) != len(rows[0]):
            fault(path, "a row of", len(row), "cells")
        for cell in row:
            if cell[:1] in tuple("=+-@\t\r") and not re.fullmatch(r"[+-]?[0-9.]+", cell):
                fault(path, "a formula:", cell[:60])


for path in sorted(Path(sys.argv[1]).glob("*/*")):
    raw = path.read_bytes().decode("utf-8", errors="strict")
    tame_path = Path(sys.argv[2]) / path.relative_to(sys.argv[1])
    shown = raw.replace("\r\n", "\n") if path.suffix == ".csv" else raw
    bad = UNSAFE.search(shown.replace("\f", ""))
    if bad:
        fault(path, "U+%04X in" % ord(bad.group()), repr(shown[max(0, bad.start() - 40) : bad.start() + 20]))
    if path.suffix == ".txt":
        for line in raw.splitlines():
            if len(line) > 80:
                fault(path, "a line of", len(line), "columns:", line[:90])
    elif path.suffix == ".csv":
        check_csv(path, raw)
    elif path.suffix == ".json":
        json.loads(raw)
    elif path.suffix == ".html":
        if len(raw) > 2_000_000:
            fault(path, "is", len(raw), "bytes long")
        if tame_path.exists():
            check_html(path, raw, tame_path.read_text(encoding="utf-8"))
        else:
            page(path, raw)
print("\n".join(faults), end="\n" if faults else "")
