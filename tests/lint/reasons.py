#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each reason of proto/base/reasons/*.def is given by the code, and asserted by a test.

usage: reasons.py [root of the tree]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
CODE = ("proto", "policy", "keystore", "broker")
# Given by the code, asserted by no test: why. A row that a test asserts after all must leave this table.
UNASSERTED = {
    "CRYPTO": "only a library that is broken gives it",
    "SNP_ASK_UNTRUSTED": "wants an unknown intermediate under AMD's own ARK, which AMD alone could sign",
    "CHANGE_BUSY": "two changes in the same moment; the client waits and sends again",
    "COLLECTOR_MISSING": "wants a machine without collectors; in the build folder they lie beside latchkey-fetch",
    "BROKER_PROTOCOL": "a broker that answers what no broker of ours does",
}
ROW = re.compile(r'^LK_REASON\((\w+), "(\w+)"', re.M)
STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/', re.S)  # a pattern in a string may hold "/*"


def words(folders, endings):
    """Every identifier in the files of these folders, comments left out."""
    found = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in endings and not name.startswith(("proto/base/reasons/", "tests/lint/")):
                found.update(re.findall(r"\w+", STRING_OR_COMMENT.sub(r"\1", path.read_text(errors="replace"))))
    return found


def main():
    code, tests = words(CODE, {".c", ".h", ".def"}), words(["tests"], {".c", ".h", ".py", ".sh", ".go", ".js"})
    bad, seen = [], 0
    for table in sorted((ROOT / "proto/base/reasons").glob("*.def")):
        for code_id, name in ROW.findall(table.read_text()):
            seen += 1
            if not {code_id, "LK_R_" + code_id} & code:
                bad.append(f"{table.name}: {code_id} is given nowhere")
            asserted = bool({code_id, "LK_R_" + code_id, name} & tests)
            if asserted == (code_id in UNASSERTED):
                bad.append(f"{table.name}: {code_id} is asserted in " + ("a test: UNASSERTED is wrong" if asserted else "no test"))
    print("\n".join(bad) if bad else f"{seen} reasons are given by the code and asserted by tests")
    return 1 if bad or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
