/*
 * The name servers of a domain, asked one by one: do they say the same?
 */
#ifndef CHECK_SERVERS_H
#define CHECK_SERVERS_H

#include "check/subject.h"

/* DNS-08. Only servers that answer are compared. */
void servers_check(struct subject *s);

#endif
