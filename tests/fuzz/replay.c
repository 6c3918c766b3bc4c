/* Runs a fuzz target over every file of the folders named, in TAP. Each input
 * lies in its own allocation, so that a sanitizer sees a read past its end. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fseek(file, 0, SEEK_END);
    const long len = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc((size_t)len);
    if (len > 0 && (bytes == NULL || fread(bytes, (size_t)len, 1, file) != 1)) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, (size_t)len);
    free(bytes);
}

int
main(int argc, char **argv)
{
    int ntests = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        const int n = scandir(argv[i], &entries, NULL, alphasort);
        if (n < 0) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        for (int k = 0; k < n; k++) {
            char path[4096];
            snprintf(path, sizeof(path), "%s/%s", argv[i], entries[k]->d_name);
            if (entries[k]->d_name[0] != '.') {
                replay(path);
                printf("ok %d - %s\n", ++ntests, entries[k]->d_name);
            }
            free(entries[k]);
        }
        free(entries);
    }
    printf("1..%d\n", ntests);
    return ntests > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
