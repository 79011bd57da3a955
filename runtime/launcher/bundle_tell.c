/* What a bundle says: what is inside, whether it is whole, and why it couldn't be started. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "launch.h"
#include "util.h"

enum { FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127, MESSAGE_SIZE = 8192, PIECE = 64 << 10 };

static const char *const done[OP_COUNT] = OP_WHATS;

static const char user_namespaces[] = "nobody may make namespaces here but root: sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone (or its AppArmor twin) allow it; in a container give it CAP_SYS_ADMIN, CAP_NET_ADMIN and a filter that lets it";
static const char no_filters[] = "this kernel lacks seccomp filters: CONFIG_SECCOMP_FILTER";
static const char cgroup_hint[] = "run as root, or under 'systemd-run --user --scope -p Delegate=yes'; or leave the limit out";

static const struct {
	uint32_t code;
	int error;
	const char *hint;
} hints[] = {
	{ OP_CLONE, EPERM, user_namespaces },
	{ OP_MAP_IDS, EPERM, user_namespaces },
	{ OP_CLONE, ENOSPC, "the limit of namespaces is reached: raise the one of the sysctls user.max_*_namespaces that is 0 or used up" },
	{ OP_CLONE, EAGAIN, "the limit of processes is reached: ulimit -u, or pids.max of your cgroup" },
	{ OP_MOUNTS_PRIVATE, EACCES, user_namespaces },
	{ OP_MOUNTS_PRIVATE, EPERM, user_namespaces },
	{ OP_ROOT_ATTACH, ESTALE, "somebody has put another folder in its place: keep it where nobody else may do that" },
	{ OP_ROOT_UNPACK, EPERM, user_namespaces },
	{ OP_ROOT_UNPACK, ENOSPC, "its files are kept in memory, at most half of the machine's" },
	{ OP_ROOT_UNPACK, ENOMEM, "its files are kept in memory: the machine, or its cgroup, has too little" },
	{ OP_LOOPBACK_UP, EPERM, "in a container give it CAP_NET_ADMIN, too; or start it with --whit-network host" },
	{ OP_MOUNT_NEW, EPERM, "in a container its /proc has to be whole, with nothing mounted over parts of it (docker: --security-opt systempaths=unconfined)" },
	{ OP_CGROUP_CREATE, EACCES, cgroup_hint },
	{ OP_CGROUP_CREATE, EROFS, cgroup_hint },
	{ OP_CGROUP_WRITE, EINVAL, "the kernel doesn't take this value: is it within what the machine has?" },
	{ OP_CGROUP_WRITE, EACCES, cgroup_hint },
	{ OP_TREE_BIND, ENOENT, "create it first, or check its spelling: --whit-volume shows the program what is there" },
	{ OP_TREE_ATTACH, EROFS, "the image has no such place, and files that are kept by --whit-unpack stay as they are" },
	{ OP_TREE_ATTACH, EINVAL, "a file can only be mounted on a file, a folder only on a folder" },
	{ OP_SET_RLIMIT, EPERM, "a limit can't be raised above the caller's own hard limit: ulimit -H -a" },
	{ OP_CHANGE_DIRECTORY, ENOENT, "the image has no such directory: choose one by --whit-workdir" },
	{ OP_CHANGE_DIRECTORY, EACCES, "the container's user may not enter it: choose another by --whit-workdir" },
	{ OP_NEW_KEYRING, EPERM, "in a container it takes a filter that lets it (docker: --security-opt seccomp=unconfined)" },
	{ OP_SECCOMP, EINVAL, no_filters },
	{ OP_SECCOMP, ENOSYS, no_filters },
	{ OP_LANDLOCK, ENOSYS, "this kernel has no Landlock (Linux 5.13)" },
	{ OP_LANDLOCK, EOPNOTSUPP, "this kernel was started without Landlock: lsm=landlock,..." },
};

static const char kept_hint[] = "--whit-inspect tells what there is; and where --whit-unpack keeps it, nobody may have changed it, and noexec may not be mounted";

int bundle_complain(const char *hint, ...)
{
	char message[MESSAGE_SIZE] = "";
	size_t at = 0;
	const char *part;
	va_list parts;
	va_start(parts, hint);
	while ((part = va_arg(parts, const char *)))
		if (append(message, sizeof(message), &at, part))
			break;
	va_end(parts);
	complain(message, hint);
	return FAILED;
}

int bundle_damaged(int error, const char *what)
{
	static const char again[] = "fetch it again, as a whole and as it is; its own --whit-verify tells whether it has come";
	switch (error) {
	case -ENODATA:
		return bundle_complain(again, "this bundle is cut short: its end is missing", NULL);
	case -EFBIG:
		return bundle_complain(again, "this bundle is longer than it should be", NULL);
	case -EBADMSG:
	case -EINVAL:
		return bundle_complain(again, "this bundle is damaged: ", what, " isn't what it was", NULL);
	default:
		return bundle_complain("it takes /proc, and the right to read its own file", "can't read this bundle: ", strerror(-error), NULL);
	}
}

static const char *hint_for(const struct op *op, int error)
{
	/* It goes on with what that one has begun. */
	const uint32_t code = op->code == OP_ROOT_FILLED ? OP_ROOT_UNPACK : op->code;
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (hints[i].code == code && hints[i].error == error)
			return hints[i].hint;
	return NULL;
}

static int is_kept(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->count; i++)
		if (plan->ops[i].code == OP_ROOT_UNPACK)
			return 0;
	return 1;
}

static int explain_exec(const struct plan *plan, const struct op *op, int error)
{
	const unsigned argument = op->code == OP_EXEC ? EXEC_path : op->code == OP_OPEN_PROGRAM ? OPEN_PROGRAM_path : FIND_PROGRAM_name;
	const char *path = op_text(plan, op, argument);
	switch (error) {
	case ENOENT:
		bundle_complain(is_kept(plan) ? kept_hint : "--whit-inspect tells what there is", "there is no ", path, " in the bundle, or not what it needs to start", NULL);
		return NOT_FOUND;
	case EACCES:
		bundle_complain(is_kept(plan) ? kept_hint : "its mode has to let it; and nothing is executed of what is mounted into a strict sandbox", path, " may not be executed by the container's user", NULL);
		return NOT_EXECUTABLE;
	default:
		bundle_complain(NULL, "can't execute ", path, ": ", strerror(error), NULL);
		return NOT_EXECUTABLE;
	}
}

static const char *subject(const struct plan *plan, const struct op *op)
{
	static const struct op_signature signatures[OP_COUNT] = OP_SIGNATURES;
	for (unsigned i = 0; i < MAX_ARGUMENTS; i++)
		if (signatures[op->code].kinds[i] == KIND_TEXT)
			return op_text(plan, op, i);
	return "";
}

int bundle_explain(const struct launch *launch)
{
	uint32_t index = launch->outcome ? launch->outcome->index : 0;
	int error = launch->outcome ? launch->outcome->error : ENOMEM;
	if (error == 0 || index >= launch->plan.count)
		return bundle_complain(NULL, "the container couldn't be started", NULL);
	const struct op *op = &launch->plan.ops[index];
	if (op->code == OP_EXEC || op->code == OP_FIND_PROGRAM || op->code == OP_OPEN_PROGRAM)
		return explain_exec(&launch->plan, op, error);
	if ((op->code == OP_ROOT_UNPACK || op->code == OP_ROOT_FILLED) && (error == EBADMSG || error == ENODATA))
		return bundle_damaged(-error, "a file in it");
	const char *hint = hint_for(op, error), *about = subject(&launch->plan, op);
	char why[MESSAGE_SIZE] = "it was to be done for this reason: ";
	size_t at = strlen(why);
	append(why, sizeof(why), &at, launch->plan.data + op->why);
	return bundle_complain(hint ? hint : why, "can't ", done[op->code] ? done[op->code] : "start", *about ? ": " : "", about, ": ", strerror(error), NULL);
}

int bundle_inspect(const struct bundle *bundle, int as_json)
{
	const struct bundle_head *head = bundle->head;
	uint64_t at = as_json ? head->document_at : head->page_at, size = as_json ? head->document_size : head->page_size, sum;
	char piece[PIECE];
	int error = bundle_sum_part(bundle, at, size, &sum);
	if (error || sum != (as_json ? head->document_sum : head->page_sum))
		return bundle_damaged(error ? error : -EBADMSG, "what it says of itself");
	for (uint64_t shown = 0; shown < size && !error; shown += sizeof(piece)) {
		size_t length = size - shown < sizeof(piece) ? (size_t)(size - shown) : sizeof(piece);
		error = bundle_read(bundle->fd, piece, length, at + shown);
		error = error ? error : write_all(STDOUT_FILENO, piece, length);
	}
	return error ? bundle_complain(NULL, "can't write what it says of itself: ", strerror(-error), NULL) : 0;
}

int bundle_verify(const struct bundle *bundle)
{
	const struct bundle_head *head = bundle->head;
	uint64_t sum;
	int error = bundle_sum_launcher(bundle, &sum);
	if (error || sum != bundle->mark.launcher_sum)
		return bundle_damaged(error ? error : -EBADMSG, "the launcher");
	for (uint32_t i = 0; i < head->entry_count; i++) {
		const struct bundle_entry *entry = &bundle->entries[i];
		if (!S_ISREG(entry->mode) || entry->target)
			continue;
		error = bundle_sum_part(bundle, entry->at, entry->size, &sum);
		if (error || sum != entry->sum)
			return bundle_damaged(error ? error : -EBADMSG, bundle_text(bundle, entry->path));
	}
	error = bundle_sum_part(bundle, head->page_at, head->page_size, &sum);
	if (error || sum != head->page_sum)
		return bundle_damaged(error ? error : -EBADMSG, "what it says of itself");
	error = bundle_sum_part(bundle, head->document_at, head->document_size, &sum);
	if (error || sum != head->document_sum)
		return bundle_damaged(error ? error : -EBADMSG, "what it says of itself");
	static const char whole[] = "It is whole.\n";
	return write_all(STDOUT_FILENO, whole, strlen(whole)) ? FAILED : 0;
}

int bundle_help(void)
{
	static const char text[] =
		"This is a program with all that it needs, confined by whit. Its words are its own, but for these before them:\n"
		"\n"
		"  --whit-memory SIZE         at most this much memory: 64m, 1.5g        WHIT_MEMORY\n"
		"  --whit-cpus NUMBER         at most this much CPU time: 0.5, 2         WHIT_CPUS\n"
		"  --whit-pids-limit NUMBER   at most so many processes, or max          WHIT_PIDS_LIMIT\n"
		"  --whit-network none|host   nothing but loopback, or the host's        WHIT_NETWORK\n"
		"  --whit-volume SRC:DST[:ro] show it a file or folder of the host       WHIT_VOLUME, one a line\n"
		"  --whit-env NAME[=VALUE]    set a variable, or pass on your own        WHIT_ENV, one a line\n"
		"  --whit-workdir DIRECTORY   start in this directory                    WHIT_WORKDIR\n"
		"  --whit-writable            let it change its own files, in memory     WHIT_WRITABLE=1\n"
		"  --whit-unpack FOLDER       keep its files there, for quicker starts;  WHIT_UNPACK\n"
		"                             or in your own: cache, runtime; or none\n"
		"  --whit-inspect [--whit-json]  show what is inside, and start nothing\n"
		"  --whit-verify              tell whether the bundle is whole, and start nothing\n"
		"  --whit-help                show this\n"
		"\n"
		"What follows is the program's; a -- behind these is dropped.\n";
	return write_all(STDOUT_FILENO, text, strlen(text)) ? FAILED : 0;
}
