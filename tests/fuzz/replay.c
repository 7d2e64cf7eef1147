/* Runs a fuzz target over files and folders: a corpus, and every crash ever found, as an ordinary
 * test. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static unsigned replayed;

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;

    if (!f || fstat(fileno(f), &st) < 0 || st.st_size < 0) {
        perror(path);
        return 1;
    }
    size_t size = (size_t)st.st_size;
    unsigned char *bytes = malloc(size + 1);
    if (!bytes || fread(bytes, 1, size, f) != size) {
        perror(path);
        return 1;
    }
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    (void)fclose(f);
    replayed++;
    return 0;
}

static int replay_folder(const char *path)
{
    struct dirent **list;
    int bad = 0;
    int n = scandir(path, &list, NULL, alphasort);

    if (n < 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/%s", path, list[i]->d_name);
        if (list[i]->d_name[0] != '.')
            bad += replay_file(name);
        free(list[i]);
    }
    free(list);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;

    for (int i = 1; i < argc; i++)
        bad += replay_folder(argv[i]);
    printf("%u inputs replayed\n", replayed);
    return bad || replayed == 0;
}
