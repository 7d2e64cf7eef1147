/*
 * `check spf`: what a receiver makes of a mail from one address.
 */
#ifndef CLI_CHECK_SPF_H
#define CLI_CHECK_SPF_H

#include "base/err.h"

/* argv[0] is "spf". As struct command's run; 75 when the DNS did not answer. */
int check_spf_run(int argc, char **argv, struct err *e);

#endif
