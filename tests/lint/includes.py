#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each folder includes only what tests/lint/folders.txt lets it: the link rules, read off the sources.

usage: includes.py [root of the tree]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
PARTS = ("proto/", "policy/", "keystore/", "broker/", "tests/")
LIBRARIES = ("openssl", "nghttp2", "event2", "protobuf-c", "lmdb", "libfyaml", "seccomp", "p11-kit", "jansson", "curl", "tss2", "linux")
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def rules():
    table = {}
    for line in (ROOT / "tests/lint/folders.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            folder, rest = line.split(":", 1)
            own, libraries = rest.split("|")
            table[folder] = (own.split(), libraries.split())
    return table


def owner(path, table):
    hits = [folder for folder in table if path.startswith(folder + "/")]
    return max(hits, key=len) if hits else None


def violation(include, own, libraries):
    if include.startswith(PARTS):
        return not any(include == p or include.startswith(p.rstrip("/") + "/") for p in own)
    if include.endswith(".pb-c.h"):
        return "protobuf-c" not in libraries
    for library in LIBRARIES:
        if include.startswith(library):
            return library not in libraries
    return False


def main():
    table, bad, seen = rules(), [], 0
    for path in sorted(ROOT.glob("*/**/*.[ch]")):
        name = path.relative_to(ROOT).as_posix()
        folder = owner(name, table)
        if folder is None:
            continue
        seen += 1
        own, libraries = table[folder]
        bad += [f"{name}: includes {i}, which {folder} may not use" for i in INCLUDE.findall(path.read_text())
                if violation(i, own, libraries)]
    print("\n".join(bad) if bad else f"{seen} files keep the rules of tests/lint/folders.txt")
    return 1 if bad or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
