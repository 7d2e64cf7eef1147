#include "cli/geo.h"

#include "base/arena.h"
#include "base/text.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct geo_file {
    MMDB_s db;
};

enum {
    TEXT_MAX = 400
};

/* libmaxminddb 1.7 ends the process on some damaged files, so a child opens it first. */
static bool survives(const char *path)
{
    int status = 0;
    pid_t child = fork();

    if (child < 0)
        return false;
    if (child == 0) {
        MMDB_s db;
        (void)close(STDERR_FILENO);
        _exit(MMDB_open(path, MMDB_MODE_MMAP, &db) == MMDB_SUCCESS ? 0 : 1);
    }
    while (waitpid(child, &status, 0) < 0)
        continue;
    return WIFEXITED(status);
}

int geo_open(const char *path, struct geo_file **out, struct err *e)
{
    struct geo_file *f = mem_alloc(sizeof *f);
    int got =
        survives(path) ? MMDB_open(path, MMDB_MODE_MMAP, &f->db) : MMDB_INVALID_METADATA_ERROR;

    if (got != MMDB_SUCCESS) {
        free(f);
        return err_set(e, ERR_CONFIG, "geo-file", "%s: %s", path, MMDB_strerror(got));
    }
    *out = f;
    return 0;
}

void geo_close(struct geo_file *f)
{
    if (!f)
        return;
    MMDB_close(&f->db);
    free(f);
}

static MMDB_lookup_result_s look_up(const struct geo_file *f, const struct addr *ip)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr *a = (const struct sockaddr *)&v4;
    int ignored;

    memcpy(&v4.sin_addr, ip->bytes, sizeof v4.sin_addr);
    memcpy(&v6.sin6_addr, ip->bytes, sizeof v6.sin6_addr);
    if (ip->len == 16)
        a = (const struct sockaddr *)&v6;
    return MMDB_lookup_sockaddr(&f->db, a, &ignored);
}

bool geo_network(
    const struct geo_file *f, const struct addr *ip, int64_t *number, char *name, size_t size)
{
    char text[TEXT_MAX];
    MMDB_entry_data_s data;
    MMDB_lookup_result_s found;

    if (ip->len == 0)
        return false;
    found = look_up(f, ip);
    if (!found.found_entry)
        return false;
    if (MMDB_get_value(&found.entry, &data, "autonomous_system_number", NULL) != MMDB_SUCCESS ||
        !data.has_data || data.type != MMDB_DATA_TYPE_UINT32)
        return false;
    *number = data.uint32;
    *text = '\0';
    if (MMDB_get_value(&found.entry, &data, "autonomous_system_organization", NULL) ==
            MMDB_SUCCESS &&
        data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING) {
        size_t len = data.data_size < sizeof text ? data.data_size : sizeof text - 1;
        memcpy(text, data.utf8_string, len);
        text[len] = '\0';
    }
    text_safe_into(name, size, text);
    return true;
}

bool geo_country(const struct geo_file *f, const struct addr *ip, char code[GEO_COUNTRY_MAX])
{
    MMDB_entry_data_s data;
    MMDB_lookup_result_s found;

    if (ip->len == 0)
        return false;
    found = look_up(f, ip);
    if (!found.found_entry ||
        MMDB_get_value(&found.entry, &data, "country", "iso_code", NULL) != MMDB_SUCCESS ||
        !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (data.utf8_string[i] < 'A' || data.utf8_string[i] > 'Z')
            return false;
        code[i] = data.utf8_string[i];
    }
    code[2] = '\0';
    return true;
}
