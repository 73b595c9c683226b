#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guide_test.py LATCHKEY: the documents that docs/policy.md shows compile."""
import pathlib
import re
import subprocess
import sys
import tempfile

guide = pathlib.Path(__file__).parents[3] / "docs/policy.md"
blocks = re.findall(r"```yaml\n(.*?)```", guide.read_text(), re.S)
failed = len(blocks) < 3
for block in blocks:
    kind = "reference" if "latchkey-reference/1" in block else "policy"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(block)
        file.flush()
        done = subprocess.run([sys.argv[1], kind, "check", file.name], capture_output=True, text=True)
    print(done.stdout + (done.stderr if done.returncode else ""), end="")
    failed |= done.returncode != 0
sys.exit(failed)
