# backend.sh: sourced after lib.sh with BACKEND = sqlite | postgresql | citus; gives every test a way to get a fresh, empty store.
. "$HERE/postgres.sh"

case "$BACKEND" in
sqlite) ;;
postgresql) postgres_start "$WORK/pg" ;;
citus)
  . "$HERE/citus.sh"
  citus_start "$WORK/pg"
  ;;
*)
  echo "backend must be sqlite, postgresql or citus" >&2
  exit 64
  ;;
esac

# fresh_store NAME: sets STORE to the URL of a store that does not hold anything yet
fresh_store() {
  if [ "$BACKEND" = sqlite ]; then
    STORE=sqlite:$WORK/$1.db
  elif [ "$BACKEND" = citus ]; then
    STORE=$(citus_createdb "$1")
  else
    STORE=$(postgres_createdb "$1")
  fi
}
