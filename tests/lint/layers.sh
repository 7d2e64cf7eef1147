#!/bin/sh
# Which folder may include which: the data flows left to right, and nothing reaches back.
fail=0
allow() {
  dir=$1
  shift
  ok=" $dir $* "
  for hit in $(grep -rnoE '^#include "[a-z0-9]+/' "$dir" --include='*.[ch]' | tr -d ' '); do
    to=${hit##*\"}
    to=${to%/}
    case "$ok" in
    *" $to "*) ;;
    *)
      echo "${hit%%:#*}: $dir/ must not include $to/"
      fail=1
      ;;
    esac
  done
}
allow base
allow parse base
allow ingest base parse
allow store base parse
allow report base parse store
allow check base
allow send base
allow cli base parse ingest store report check send

# Each library is seen by one or two files, and by no header of ours.
only() {
  pattern=$1
  shift
  for f in $(grep -rlE "^#include <($pattern)" base parse ingest store report check send cli --include='*.[ch]'); do
    case " $* " in
    *" $f "*) ;;
    *)
      echo "$f: must not include <$pattern>: that is for $*"
      fail=1
      ;;
    esac
  done
}
only 'gnutls/' base/blob.c ingest/imap_stream.c check/certificate.c check/dkim_key.c
only 'ares' check/dns.c check/dns_channel.c check/dns_message.c
only 'curl/' ingest/token.c check/fetch.c send/smtp.c send/webhook.c
only 'libpsl|idn2' base/domain.c
only 'glib' base/zone.c base/lookup.c
only 'libxml/' parse/aggregate.c
only 'jansson' parse/tlsrpt.c ingest/token.c
only 'gmime/' ingest/mail.c send/message.c
only 'archive' ingest/unpack.c
only 'zlib' check/certificate.c ingest/unpack.c store/payload.c
only 'libetpan/' ingest/imap_session.c ingest/imap_stream.c
only 'sqlite3' store/db_sqlite.c
only 'libpq-fe' store/db_postgres.c
only 'xxhash' store/digest.c base/lookup.c
only 'confuse' cli/config.c
only 'maxminddb' cli/geo.c
exit $fail
