# What the end-to-end tests share. Each test is a shell script that sources this file and runs in a folder of its own.
#
#   MILL   the program under test (set by CMake)
#   HERE   tests/e2e of the source tree
set -eu
export PYTHONDONTWRITEBYTECODE=1

HERE=$(cd "$(dirname "$0")" && pwd)
DATA=$HERE/../data
: "${MILL:?the program under test}"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/dmarcmill-test.XXXXXX")
chmod 755 "$WORK"
passed=0
failed=0

# A test that has more to put away than this does adds its command to AT_EXIT: a trap of its own would lose the exit status.
AT_EXIT=
cleanup() {
  status=$?
  eval "$AT_EXIT"
  if command -v postgres_stop >/dev/null; then postgres_stop >/dev/null 2>&1 || true; fi
  if command -v citus_stop >/dev/null; then citus_stop >/dev/null 2>&1 || true; fi
  if command -v fake_dns_stop >/dev/null; then fake_dns_stop >/dev/null 2>&1 || true; fi
  if command -v knot_stop >/dev/null; then knot_stop >/dev/null 2>&1 || true; fi
  if command -v exim_stop >/dev/null; then exim_stop >/dev/null 2>&1 || true; fi
  if command -v dovecot_stop >/dev/null; then dovecot_stop >/dev/null 2>&1 || true; fi
  if command -v cyrus_stop >/dev/null; then cyrus_stop >/dev/null 2>&1 || true; fi
  jobs -p >"$WORK/jobs"
  while read -r _job; do kill "$_job" 2>/dev/null || true; done <"$WORK/jobs"
  rm -rf "$WORK"
  exit $status
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# check WHAT EXPECTED GOT
check() {
  if [ "$2" = "$3" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
  fi
}

# check_contains WHAT PART TEXT
check_contains() {
  case "$3" in
  *"$2"*) passed=$((passed + 1)) ;;
  *)
    failed=$((failed + 1))
    printf 'FAILED: %s\n  should contain: %s\n  got: %s\n' "$1" "$2" "$3"
    ;;
  esac
}

# The exit status of a command whose output is kept in $WORK/out and $WORK/err
status_of() {
  _s=0
  "$@" >"$WORK/out" 2>"$WORK/err" || _s=$?
  case $_s in
  0 | 64 | 65 | 69 | 75 | 77 | 78) ;;
  *) cat "$WORK/err" >&2 ;;
  esac
  echo $_s
}

# json FILE EXPRESSION: a value out of a JSON document (d), as Python sees it
json() {
  python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

finish() {
  echo "$passed passed, $failed failed"
  [ $failed = 0 ]
  exit
}
