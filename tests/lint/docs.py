#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what README.md and docs/ name: files of the tree, log events and reason codes that are there; that each page is linked from
README.md; and that a man page names each option that a program takes.

usage: docs.py [root of the tree]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.*"))]
FILE = re.compile(r"\b((?:proto|keystore|broker|tests|deploy|cmake|docs)/[\w./-]*\w)")
EVENT = re.compile(r"event=([\w.-]*\w)")
CODE = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`")
OPTION = re.compile(r'\{"([a-z][a-z0-9-]+)", (?:required|no|optional)_argument')


def sources():
    folders = ("proto", "policy", "keystore", "broker", "tests")
    return "\n".join(path.read_text(errors="replace") for folder in folders for path in (ROOT / folder).rglob("*")
                     if path.suffix in (".c", ".h", ".def", ".py"))


def flaws(page, source):
    text = page.read_text()
    yield from (f"no file {name}" for name in FILE.findall(text) if not list(ROOT.glob(name + "*")))
    yield from (f"no event {name}" for name in EVENT.findall(text) if f'"{name}"' not in source)
    yield from (f"no word {name}" for name in CODE.findall(text) if name not in source)


def unlinked():
    readme = (ROOT / "README.md").read_text()
    return [f"README.md: no link to {page.name}" for page in sorted((ROOT / "docs").glob("*.md")) if f"docs/{page.name}" not in readme]


def unnamed():
    manual = "".join(page.read_text().replace("\\-", "-") for page in (ROOT / "docs/man").iterdir())
    for source in sorted((ROOT / "broker").rglob("*.[ch]")):
        yield from (f"{source.relative_to(ROOT)}: no man page names --{name}" for name in OPTION.findall(source.read_text())
                    if f"--{name}" not in manual and f"Fl -{name}" not in manual)


def main():
    source = sources()
    bad = [f"{page.relative_to(ROOT)}: {flaw}" for page in PAGES for flaw in flaws(page, source)] + unlinked() + list(unnamed())
    print("\n".join(bad) if bad else f"{len(PAGES)} pages name what is there")
    return 1 if bad or len(PAGES) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
