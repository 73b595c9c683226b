#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in the place of latchkey-token: a module that is writing its files when the keeper ends."""
import pathlib
import sys
import time

HERE = pathlib.Path(sys.argv[0]).resolve().parent
time.sleep(1)
(HERE / "token-wrote").touch()
