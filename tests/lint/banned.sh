#!/bin/sh
# Calls that have a safer relative, and output where nothing may print.
fail=0
if grep -rnE '\b(strcpy|strcat|sprintf|vsprintf|strncpy|strtok|atoi|atol|gets|system|popen|alloca|setjmp|longjmp)\(' \
  base parse ingest store report check send cli --include='*.[ch]'; then
  echo "banned calls, see above"
  fail=1
fi
if grep -rnE '\b(printf|puts|perror)\(|fprintf\(stderr' base parse ingest store check send --include='*.c' | grep -v '^base/arena.c:'; then
  echo "only cli/ prints"
  fail=1
fi
exit $fail
