#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks each program's needed libraries and its own imported symbols against tests/lint/programs.txt.

usage: programs.py FOLDER-OF-PROGRAMS
"""
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(sys.argv[1])
TABLE = pathlib.Path(__file__).with_name("programs.txt")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check(program, libraries, forbidden):
    path = FOLDER / program
    needed = re.findall(r"\(NEEDED\).*\[(lib[^\]]*?)(?:-[0-9.]+)?\.so[^\]]*\]", run("readelf", "-d", path))
    symbols = {line.split()[-1].split("@")[0] for line in run("nm", "-D", "--undefined-only", path).splitlines()}
    bad = [f"{program}: needs {lib}" for lib in needed if not lib in libraries]
    return bad + [f"{program}: imports {s}" for s in forbidden if s in symbols]


def main():
    bad, seen = [], 0
    for line in TABLE.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        program, rest = line.split(":", 1)
        libraries, forbidden = (part.split() for part in rest.split("|"))
        bad += check(program, libraries, forbidden)
        seen += 1
    print("\n".join(bad) if bad else f"{seen} programs need and import only what tests/lint/programs.txt allows")
    return 1 if bad or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
