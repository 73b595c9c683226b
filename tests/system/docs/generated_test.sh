#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generated_test.sh LATCHKEY PAGE: the committed page equals the generated one. To renew it: latchkey doc PAGE > FILE
set -eu
case $2 in
reasons) file=docs/reason-codes.md ;;
policy) file=docs/policy-reference.md ;;
esac
"$1" doc "$2" | diff -u "$file" - || { echo "renew it: latchkey doc $2 > $file"; exit 1; }
