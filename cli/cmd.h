/*
 * The commands. A command is one file cmd_NAME.c with one struct command, and one line in the table
 * of commands.c; its help texts come from here.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include "base/err.h"

struct config;
struct store;

/* The global options, and what was made of them. */
struct app {
    const char *config_path; /* --config; NULL: the usual places */
    const char *store_url;   /* --store; NULL: as configured */
    int verbosity;           /* -q: -1, else how many -v */
    struct config *config;   /* read before any command runs */
};

struct command {
    const char *name;
    const char *usage;   /* what follows "dmarcmill ", one form per line */
    const char *summary; /* one line */
    const char *help;    /* the options and whatever else should be known */
    /*
     * argv[0] is the command's name. 0: done; below zero: an error class, *e says what; above zero:
     * an exit status whose reasons were printed already.
     */
    int (*run)(struct app *app, int argc, char **argv, struct err *e);
};

extern const struct command cmd_parse;
extern const struct command cmd_ingest;
extern const struct command cmd_poll;
extern const struct command cmd_report;
extern const struct command cmd_query;
extern const struct command cmd_export;
extern const struct command cmd_check;
extern const struct command cmd_setup;
extern const struct command cmd_enrich;
extern const struct command cmd_policy;
extern const struct command cmd_client;
extern const struct command cmd_domain;
extern const struct command cmd_rejects;
extern const struct command cmd_reparse;
extern const struct command cmd_status;
extern const struct command cmd_doctor;
extern const struct command cmd_store;

/* Runs the program; returns its exit status. */
int commands_main(int argc, char **argv);

/* Opens the store of --store, of the configuration, or the default one. */
int app_open_store(struct app *app, struct store **out, struct err *e) ERR_CHECKED;
/* The same for the commands that take reports in: it gives the clients of the configuration their
 * domains first. Who only reads changes nothing. */
int app_open_store_with_clients(struct app *app, struct store **out, struct err *e) ERR_CHECKED;
/* ERR_USAGE when the store has no such client, with a hint if the configuration has. */
int app_find_client(
    const struct app *app, struct store *s, const char *name, struct err *e) ERR_CHECKED;

#endif
