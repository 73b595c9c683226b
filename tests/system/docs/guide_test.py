#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guide_test.py LATCHKEY: the whole documents that docs/policy.md and the pages of the families show compile."""
import pathlib
import re
import subprocess
import sys
import tempfile

docs = pathlib.Path(__file__).parents[3] / "docs"
blocks = []
for page in (docs / "policy.md", *sorted(docs.glob("evidence-*.md"))):
    blocks += [b for b in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S) if b.startswith("schema:")]
failed = len(blocks) < 4
for block in blocks:
    kind = "reference" if "latchkey-reference/1" in block else "policy"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(block)
        file.flush()
        done = subprocess.run([sys.argv[1], kind, "check", file.name], capture_output=True, text=True)
    print(done.stdout + (done.stderr if done.returncode else ""), end="")
    failed |= done.returncode != 0
sys.exit(failed)
