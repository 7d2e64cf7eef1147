#!/bin/sh
# What a Citus cluster asks of the tables, looked at in a plain PostgreSQL: schema/citus.sql itself says which table goes where, its functions only note it.
BACKEND=postgresql
. "$(dirname "$0")/lib.sh"
. "$HERE/backend.sh"

fresh_store t_distributable
"$MILL" --store "$STORE" store migrate >/dev/null
sql() { psql -qXAt -v ON_ERROR_STOP=1 "$STORE" "$@"; }

sql <<'EOF2'
CREATE SCHEMA noted;
CREATE TABLE noted.place (oid oid PRIMARY KEY, kind text NOT NULL);
CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS 'INSERT INTO noted.place VALUES ($1, ''reference'')';
CREATE FUNCTION create_distributed_table(regclass, text, shard_count int DEFAULT 0, colocate_with text DEFAULT '') RETURNS void LANGUAGE sql
    AS 'INSERT INTO noted.place VALUES ($1, ''by '' || $2)';
EOF2
sql -f "$HERE/../../schema/citus.sql" >/dev/null

cat >"$WORK/problems.sql" <<'EOF2'
WITH place AS (SELECT c.oid, c.relname, coalesce(p.kind, 'coordinator') AS kind
                 FROM pg_class c LEFT JOIN noted.place p USING (oid)
                WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace),
     key AS (SELECT p.*, a.attnum, a.atttypid, a.attnotnull
               FROM place p LEFT JOIN pg_attribute a ON a.attrelid = p.oid AND a.attname = 'client_id' AND NOT a.attisdropped)
SELECT relname || ' has a client_id, and schema/citus.sql does not name it' FROM key WHERE kind = 'coordinator' AND attnum IS NOT NULL
UNION ALL
SELECT relname || ' has no client_id that is bigint and NOT NULL' FROM key
 WHERE kind = 'by client_id' AND (attnum IS NULL OR atttypid <> 'bigint'::regtype OR NOT attnotnull)
UNION ALL
SELECT relname || ' has no primary key' FROM place
 WHERE kind <> 'coordinator' AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = place.oid AND i.indisprimary)
UNION ALL
SELECT i.indexrelid::regclass || ' is unique without client_id' FROM key JOIN pg_index i ON i.indrelid = key.oid
 WHERE kind = 'by client_id' AND i.indisunique AND NOT key.attnum = ANY (i.indkey::int2[])
UNION ALL
SELECT f.conname || ' joins two tables by client_id, but not client_id with client_id'
  FROM pg_constraint f JOIN key one ON one.oid = f.conrelid JOIN key other ON other.oid = f.confrelid
 WHERE one.kind = 'by client_id' AND other.kind = 'by client_id'
   AND NOT EXISTS (SELECT 1 FROM generate_subscripts(f.conkey, 1) n WHERE f.conkey[n] = one.attnum AND f.confkey[n] = other.attnum)
UNION ALL
SELECT f.conname || ' leads from ' || one.kind || ' to ' || other.kind
  FROM pg_constraint f JOIN place one ON one.oid = f.conrelid JOIN place other ON other.oid = f.confrelid
 WHERE (one.kind <> 'by client_id' AND other.kind = 'by client_id') OR (one.kind <> 'coordinator' AND other.kind = 'coordinator')
UNION ALL
SELECT p.relname || ' has a trigger or a rule' FROM place p
 WHERE kind <> 'coordinator' AND (EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = p.oid AND NOT t.tgisinternal)
                                  OR EXISTS (SELECT 1 FROM pg_rewrite r WHERE r.ev_class = p.oid))
UNION ALL
SELECT p.relname || ' numbers its rows with a sequence' FROM place p JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0
 WHERE kind <> 'coordinator' AND (a.attidentity <> '' OR EXISTS (SELECT 1 FROM pg_attrdef d WHERE d.adrelid = p.oid AND d.adnum = a.attnum
                                                                     AND pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval%'))
 ORDER BY 1;
EOF2
check "tables were placed" 15 "$(sql -c 'SELECT count(*) FROM noted.place')"
check "nothing stands in the way" "" "$(sql -f "$WORK/problems.sql")"

# each question finds what it asks for
check "all of it is found" "beside has a client_id, and schema/citus.sql does not name it
delivery has a trigger or a rule
host_ledger leads from reference to coordinator
odd has no client_id that is bigint and NOT NULL
record_other joins two tables by client_id, but not client_id with client_id
reject_report leads from coordinator to by client_id
report_uid_alone is unique without client_id
tls_failure has no primary key
tls_policy numbers its rows with a sequence" "$(sql <<EOF2
BEGIN;
CREATE TABLE beside (client_id bigint);
CREATE RULE loud AS ON UPDATE TO delivery DO NOTHING;
ALTER TABLE host ADD COLUMN ledger bigint CONSTRAINT host_ledger REFERENCES message;
CREATE TABLE odd (client_id int PRIMARY KEY);
INSERT INTO noted.place VALUES ('odd'::regclass, 'by client_id');
ALTER TABLE report ADD CONSTRAINT report_uid_alone UNIQUE (report_id);
ALTER TABLE record ADD CONSTRAINT record_other FOREIGN KEY (report_id) REFERENCES report (report_id);
ALTER TABLE reject ADD CONSTRAINT reject_report FOREIGN KEY (report_id) REFERENCES report (report_id);
ALTER TABLE tls_failure DROP CONSTRAINT tls_failure_pkey;
CREATE SEQUENCE numbers;
ALTER TABLE tls_policy ALTER COLUMN tls_id SET DEFAULT nextval('numbers');
\i $WORK/problems.sql
ROLLBACK;
EOF2
)"
finish
