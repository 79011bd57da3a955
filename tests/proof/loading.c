/* Loads filters, one after the other, and executes a program under all of them: loading DESCRIPTOR FILTER… -- PROGRAM ARGUMENT…
 *
 * Each FILTER is a file with the kernel's own instructions (struct sock_filter). The program is opened at DESCRIPTOR and executed by it,
 * which is all that the last filter has to let pass. Standard streams, folder and environment are the caller's. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/seccomp.h and linux/filter.h, which not every C library has. */
enum { MODE_FILTER = 2 };
struct program {
    unsigned short length;
    uint64_t *code;
};

enum { MOST = 4096, FAILED = 125 };

static void fail(const char *what) {
    (void)fprintf(stderr, "loading: %s: %s\n", what, strerror(errno));
    exit(FAILED);
}

static void load(const char *path) {
    static uint64_t code[MOST];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, code, sizeof code);
    if (size <= 0) fail(path);
    (void)close(file);
    struct program program = {.length = (unsigned short)((size_t)size / sizeof *code), .code = code};
    if (prctl(PR_SET_SECCOMP, MODE_FILTER, &program, 0, 0)) fail("prctl");
}

int main(int count, char **words) {
    int index = 2;
    while (index < count && strcmp(words[index], "--") != 0) index++;
    if (count < 2 || index + 1 >= count) return FAILED;
    int wanted = atoi(words[1]);
    int program = open(words[index + 1], O_PATH | O_CLOEXEC);
    if (program < 0 || dup3(program, wanted, O_CLOEXEC) < 0) fail(words[index + 1]);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("prctl");
    for (int each = 2; each < index; each++) load(words[each]);
    (void)syscall(SYS_execveat, wanted, "", words + index + 1, environ, AT_EMPTY_PATH);
    fail(words[index + 1]);
}
