/*
 * SPF for people and programs: the tree of records with what each branch costs, and a verdict with
 * the way to it. What strangers published is escaped.
 */
#ifndef CLI_PRINT_SPF_H
#define CLI_PRINT_SPF_H

#include "check/spf_check.h"
#include "check/spf_eval.h"

#include <stdio.h>

struct arena;
struct check_history;
struct json;

/* What became of a record, in words; NULL: it is there. */
const char *print_spf_state(enum spf_node_state state);

/* Both are for a domain that has a record. `h`: NULL, or how much mail came from each branch. */
void print_spf_tree(FILE *out, int indent, struct arena *a, const struct spf_outcome *o,
    const struct check_history *h);
/* Members of the object that is open. The terms are one list, each before those it leads to. */
void print_spf_tree_json(
    struct json *j, struct arena *a, const struct spf_outcome *o, const struct check_history *h);

/* The domain is the one that was checked. */
void print_spf_verdict(
    FILE *out, struct arena *a, const struct spf_question *q, const struct spf_verdict *v);
/* An object. */
void print_spf_verdict_json(
    struct json *j, struct arena *a, const struct spf_question *q, const struct spf_verdict *v);

#endif
