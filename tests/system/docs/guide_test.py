#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""guide_test.py LATCHKEY: the policies and records that docs/policy.md and the pages of the families show compile."""
import pathlib
import re
import subprocess
import sys
import tempfile

docs = pathlib.Path(__file__).parents[3] / "docs"
HEAD = "schema: latchkey-policy/1\npolicy: example\nreleases: [example/key]\n"


def documents(page):
    """Its whole documents, and what it shows under `accept` made whole; digests are shown cut: "3f5a..."."""
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S):
        block = re.sub(r'"(sha256:|)([0-9a-f]+)\.\.\."', lambda m: f'"{m[1]}{(m[2] * 64)[:64]}"', block)
        if block.startswith(("schema:", "accept:")):
            yield block if block.startswith("schema:") else HEAD + block


shown = {page: list(documents(page)) for page in (docs / "policy.md", *sorted(docs.glob("evidence-*.md")))}
failed = not all(shown.values())
for block in sum(shown.values(), []):
    kind = "reference" if "latchkey-reference/1" in block else "policy"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(block)
        file.flush()
        done = subprocess.run([sys.argv[1], kind, "check", file.name], capture_output=True, text=True)
    print(done.stdout + (block + done.stderr if done.returncode else ""), end="")
    failed |= done.returncode != 0
sys.exit(failed)
