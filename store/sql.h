/*
 * Every SQL text of the store. The same text runs on SQLite and on PostgreSQL (schema/README.md has
 * the rules), and a test prepares all of them on both. What each does stands at its text in sql.c.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

extern const char sql_take_ids[];
extern const char sql_owners_version[];
extern const char sql_owners_change[];
extern const char sql_owners_hold[];
extern const char sql_owners[];
extern const char sql_clients[];
extern const char sql_client_ids[];
extern const char sql_client_find[];
extern const char sql_client_name[];
extern const char sql_client_insert[];
extern const char sql_setting[];
extern const char sql_setting_insert[];
extern const char sql_client_delete[];
extern const char sql_domains[];
extern const char sql_domain_assign[];
extern const char sql_domain_remove[];
extern const char sql_domains_release[];
extern const char sql_stored_domains[];
extern const char sql_move_reports[];
extern const char sql_move_auth_sets[];
extern const char sql_move_auth_results[];
extern const char sql_move_records[];
extern const char sql_move_failures[];
extern const char sql_move_tls[];
extern const char sql_move_tls_failures[];
extern const char sql_drop_reports[];
extern const char sql_drop_failures[];
extern const char sql_drop_tls[];
extern const char sql_move_chunks[];
extern const char sql_drop_chunks[];
extern const char sql_move_payloads[];
extern const char sql_drop_payloads[];
extern const char sql_drop_auth_sets[];
extern const char sql_insert_report[];
extern const char sql_finish_report[];
extern const char sql_find_report[];
extern const char sql_rename_report[];
extern const char sql_count_report[];
extern const char sql_remove_report[];
extern const char sql_insert_failure[];
extern const char sql_find_failure[];
extern const char sql_insert_tls[];
extern const char sql_find_tls[];
extern const char sql_insert_auth_set[];
extern const char sql_message_by_hash[];
extern const char sql_message_by_key[];
extern const char sql_message_by_id[];
extern const char sql_reject_replaced[];
extern const char sql_rejects[];
extern const char sql_reject_payload[];
extern const char sql_payload_chunk[];
extern const char sql_reject_settle[];
extern const char sql_reject_report[];
extern const char sql_report_accept[];
extern const char sql_message_settle[];
extern const char sql_report_whole[];
extern const char sql_failure_whole[];
extern const char sql_tls_whole[];
extern const char sql_report_records[];
extern const char sql_tls_failures[];
extern const char sql_remove_failure[];
extern const char sql_remove_tls[];
extern const char sql_payload[];
extern const char sql_reject_origin[];
extern const char sql_payload_rejects[];
extern const char sql_payload_close[];
extern const char sql_kept_payloads[];
extern const char sql_kept_items[];
extern const char sql_kept_rejects[];
extern const char sql_lease_take[];
extern const char sql_lease_holder[];
extern const char sql_lease_renew[];
extern const char sql_lease_release[];
extern const char sql_mailbox_polled[];
extern const char sql_mailboxes[];
extern const char sql_delivery[];
extern const char sql_delivery_begin[];
extern const char sql_delivery_settle[];
extern const char sql_deliveries[];
extern const char sql_deliveries_forget[];
extern const char sql_reports[];
extern const char sql_reports_with_partial[];
extern const char sql_sources[];
extern const char sql_days[];
extern const char sql_failures[];
extern const char sql_tls[];
extern const char sql_first_day_of_reports[];
extern const char sql_first_day_of_failures[];
extern const char sql_first_day_of_tls[];
extern const char sql_export_records[];
extern const char sql_host[];
extern const char sql_host_put[];
extern const char sql_sender_domain[];
extern const char sql_sender_domain_put[];
extern const char sql_hosts_due[];
extern const char sql_domains_due[];
extern const char sql_verify_reports[];
extern const char sql_verify_orphan_records[];
extern const char sql_verify_missing_auth[];
extern const char sql_verify_missing_payload[];
extern const char sql_verify_missing_chunks[];
extern const char sql_verify_stray_chunks[];
extern const char sql_verify_clients[];
extern const char sql_verify_ledger[];
extern const char sql_verify_rejects[];

extern const char *const sql_all[]; /* ends with NULL */

#endif
