/* Makes every call that a trace watches, raw, each with a path that is named after it: "/NAME", or "NAME" relative to "/". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct how {
	uint64_t flags, mode, resolve;
};

static void by_directory(int root)
{
	struct how how = { O_RDONLY, 0, 0 };
	struct how creates = { O_WRONLY | O_CREAT, 0600, 0 };
	char space[4096];
	syscall(SYS_openat, root, "openat", O_RDONLY);
	syscall(SYS_openat, AT_FDCWD, "/tmp/openat-creates", O_WRONLY | O_CREAT, 0600);
	syscall(SYS_openat2, root, "openat2", &how, sizeof(how));
	syscall(SYS_openat2, root, "tmp/openat2-creates", &creates, sizeof(creates));
	syscall(SYS_newfstatat, root, "newfstatat", space, 0);
	syscall(SYS_newfstatat, root, "", space, AT_EMPTY_PATH);
	syscall(SYS_statx, root, "statx", 0, 0xfffu, space);
	syscall(SYS_faccessat, root, "faccessat", R_OK);
	syscall(439, root, "faccessat2", R_OK, 0);
	syscall(SYS_readlinkat, root, "readlinkat", space, sizeof(space));
	syscall(SYS_mkdirat, root, "mkdirat", 0700);
	syscall(SYS_mknodat, root, "mknodat", S_IFREG | 0600, 0);
	syscall(SYS_symlinkat, "target", root, "symlinkat");
	syscall(SYS_linkat, root, "linkat-from", root, "linkat-to", 0);
	syscall(SYS_renameat2, root, "renameat2-from", root, "renameat2-to", 0);
	syscall(SYS_unlinkat, root, "unlinkat", 0);
	syscall(SYS_fchmodat, root, "fchmodat", 0600);
	syscall(SYS_fchownat, root, "fchownat", 0, 0, 0);
	syscall(SYS_utimensat, root, "utimensat", NULL, 0);
	syscall(SYS_utimensat, root, NULL, NULL, 0);
}

#ifdef SYS_open
static void by_name(void)
{
	char space[4096];
	syscall(SYS_open, "/open", O_RDONLY);
	syscall(SYS_creat, "/tmp/creat", 0600);
	syscall(SYS_stat, "/stat", space);
	syscall(SYS_lstat, "/lstat", space);
	syscall(SYS_access, "/access", R_OK);
	syscall(SYS_readlink, "/readlink", space, sizeof(space));
	syscall(SYS_mkdir, "/mkdir", 0700);
	syscall(SYS_mknod, "/mknod", S_IFREG | 0600, 0);
	syscall(SYS_symlink, "target", "/symlink");
	syscall(SYS_link, "/link-from", "/link-to");
	syscall(SYS_rename, "/rename-from", "/rename-to");
	syscall(SYS_renameat, AT_FDCWD, "/renameat-from", AT_FDCWD, "/renameat-to");
	syscall(SYS_unlink, "/unlink");
	syscall(SYS_rmdir, "/rmdir");
	syscall(SYS_chmod, "/chmod", 0600);
	syscall(SYS_chown, "/chown", 0, 0);
	syscall(SYS_lchown, "/lchown", 0, 0);
	syscall(SYS_utime, "/utime", NULL);
	syscall(SYS_utimes, "/utimes", NULL);
	syscall(SYS_futimesat, AT_FDCWD, "/futimesat", NULL);
}
#endif

static void sockets(void)
{
	struct sockaddr_in4_or_6 {
		union {
			struct sockaddr_in four;
			struct sockaddr_in6 six;
			struct sockaddr_un local;
		};
	} address;
	memset(&address, 0, sizeof(address));
	address.four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	bind(server, (struct sockaddr *)&address.four, sizeof(address.four));
	listen(server, 1);
	connect(client, (struct sockaddr *)&address.four, sizeof(address.four));
	address.four.sin_port = htons(53);
	sendto(socket(AF_INET, SOCK_DGRAM, 0), "?", 1, 0, (struct sockaddr *)&address.four, sizeof(address.four));
	sendto(client, "?", 1, MSG_NOSIGNAL, NULL, 0);
	memset(&address, 0, sizeof(address));
	address.six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(5353) };
	bind(socket(AF_INET6, SOCK_DGRAM, 0), (struct sockaddr *)&address.six, sizeof(address.six));
	memset(&address, 0, sizeof(address));
	address.local.sun_family = AF_UNIX;
	strcpy(address.local.sun_path, "/connect");
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address.local, sizeof(address.local));
}

int main(void)
{
	char *const words[] = { (char *)"program", (char *)"word", (char *)"unseen", NULL };
	char *const none[] = { NULL };
	char space[4096];
	int root = open("/", O_RDONLY | O_DIRECTORY);
	by_directory(root);
#ifdef SYS_open
	by_name();
#endif
	syscall(SYS_statfs, "/statfs", space);
	syscall(SYS_getxattr, "/getxattr", "user.x", space, sizeof(space));
	syscall(SYS_lgetxattr, "/lgetxattr", "user.x", space, sizeof(space));
	syscall(SYS_listxattr, "/listxattr", space, sizeof(space));
	syscall(SYS_llistxattr, "/llistxattr", space, sizeof(space));
	syscall(SYS_setxattr, "/setxattr", "user.x", "", 0, 0);
	syscall(SYS_lsetxattr, "/lsetxattr", "user.x", "", 0, 0);
	syscall(SYS_removexattr, "/removexattr", "user.x");
	syscall(SYS_lremovexattr, "/lremovexattr", "user.x");
	syscall(SYS_truncate, "/truncate", 0);
	syscall(SYS_inotify_add_watch, syscall(SYS_inotify_init1, 0), "/inotify", 1);
	syscall(SYS_chdir, "/chdir");
	sockets();
	syscall(SYS_execve, "/execve", words, none);
	syscall(SYS_execveat, root, "execveat", words, none, 0);
	return 0;
}
