/* Loads a seccomp filter for itself, then executes a program, or makes raw system calls.
 *
 *   under-filter FILTER exec PROGRAM [ARGUMENT…]     by the descriptor 9, as whit's launcher does
 *   under-filter FILTER call NUMBER[,ARGUMENT…] …    a line each: its errno, 0 if it succeeded
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { START = 9, ARGUMENTS = 6 };

static void call(char *text)
{
	long numbers[1 + ARGUMENTS] = { 0 };
	int count = 0;
	for (char *part = strtok(text, ","); part && count <= ARGUMENTS; part = strtok(NULL, ","))
		numbers[count++] = strtol(part, NULL, 0);
	long done = syscall(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]);
	printf("%d\n", done < 0 ? errno : 0);
	fflush(stdout);
}

int main(int count, char **words)
{
	static struct sock_filter code[BPF_MAXINSNS];
	if (count < 4)
		return 2;
	FILE *file = fopen(words[1], "re");
	if (!file)
		return 3;
	struct sock_fprog program = { .len = (unsigned short)fread(code, sizeof *code, BPF_MAXINSNS, file), .filter = code };
	fclose(file);
	int executes = strcmp(words[2], "exec") == 0;
	if (executes) {
		int opened = open(words[3], O_PATH | O_CLOEXEC);
		if (opened < 0 || dup3(opened, START, O_CLOEXEC) < 0)
			return 4;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return 5;
	if (executes) {
		syscall(SYS_execveat, START, "", words + 3, environ, AT_EMPTY_PATH);
		return 6;
	}
	for (int at = 3; at < count; at++)
		call(words[at]);
	return 0;
}
