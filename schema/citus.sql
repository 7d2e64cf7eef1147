-- Optional: spreads the tables over the nodes of a Citus cluster (PostgreSQL with the extension citus). docs/scaling.md says when and how.
--
-- To be run once, by the owner of the tables, on the coordinator: after `dmarcmill store migrate` and citus_add_node(), on empty tables or full ones.
--
--   psql -v ON_ERROR_STOP=1 -f schema/citus.sql URL
--
-- Everything of a client lies on one node: all its tables are distributed by client_id, side by side. What every node needs, and little is written to, is
-- copied to all of them. The ledger, the rejects, leases and counters stay on the coordinator: a mail may belong to several clients, or to none.
BEGIN;

-- Else the first reference table would make local Citus tables of its neighbours, which then cannot be distributed any more.
SET LOCAL citus.enable_local_reference_table_foreign_keys = off;
-- One connection to each node: allowed after reference tables were touched.
SET LOCAL citus.multi_shard_modify_mode = 'sequential';

SELECT create_reference_table('client');
SELECT create_reference_table('domain_owner');
SELECT create_reference_table('host');
SELECT create_reference_table('sender_domain');

SELECT create_distributed_table('report', 'client_id', shard_count => 32);
SELECT create_distributed_table('record', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('auth_set', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('auth_result', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('failure_report', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('tls_policy', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('tls_failure', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('payload', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('payload_chunk', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('delivery', 'client_id', colocate_with => 'report');
SELECT create_distributed_table('domain_check', 'client_id', colocate_with => 'report');

COMMIT;
