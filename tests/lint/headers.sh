#!/bin/sh
# Every header compiles alone.
fail=0
for h in base/*.h parse/*.h ingest/*.h store/*.h report/*.h check/*.h send/*.h cli/*.h; do
  ${CC:-gcc} -std=c17 -D_GNU_SOURCE -I. -fsyntax-only -Wall -Wextra -x c "$h" || fail=1
done
exit $fail
