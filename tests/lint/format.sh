#!/bin/sh
# The code is formatted as .clang-format says.
exec clang-format-14 --dry-run -Werror $(git ls-files '*.c' '*.h')
