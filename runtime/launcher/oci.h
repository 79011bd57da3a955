/* whit-oci: the launcher as an OCI runtime, with runc's command line.

   state, start, kill, delete   done here, from small records that create leaves in the container's folder
   create, run                  done here where a plan for a container of the same form is kept: oci_kept.c
   _launch MODE …               how Python has a container or a process created: oci_launch()
   anything else                python: the same arguments

   A container's folder ROOT/ID holds: state.json (what `state` prints, but for pid and status), process ("PID START-TIME BOOT-ID"),
   cgroups (a line "CONTROLLER:FOLDER" each), start (the gate, while it is closed), plan, outcome (what the child tells), config.json;
   poststart and poststop, if there are such hooks. plan is written first and removed last: by it a folder is known as a container's. */
#ifndef WHIT_OCI_H
#define WHIT_OCI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { OCI_PATH_SIZE = 4096, OCI_TEXT_SIZE = 1024 };

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };

struct oci_call {
	char **argv;
	const char *self, *log, *log_format;
	char root[OCI_PATH_SIZE];
	const char *container;
	int directory, root_directory;
	/* Options were given that only Python knows what to do with. */
	int unusual;
};

/* The whole program under its other name. Returns the exit code. */
int oci_main(int argc, char **argv, const char *self);

/* _launch MODE FOLDER PID-FILE PLAN LOG LOG-FORMAT: execute the plan; MODE is create, run, run-detached, exec or exec-detached. */
int oci_launch(char **argv, const char *self);

/* The same for a plan that is loaded already; `words` as oci_launch's arguments. */
struct launch;
int oci_execute(struct launch *launch, char **words);

/* whit exec by a cached plan. The exit code, or -1 for Python: nothing has been done then. */
int oci_exec_cached(struct launch *launch);

/* create or run by a kept plan. The exit code, or -1 for Python. */
int oci_create(struct oci_call *call, const char *verb, char **words);

/* Whether a container may be called so. */
int oci_is_name(const char *text);

/* Whether there is such a form of a log, and it can be written. Python says what is wrong (runtime/oci/log.py). */
int oci_has_log(const struct oci_call *call);

/* Add a warning to the log; it is written as JSON has it, quotation marks and all. */
void oci_warn(const struct oci_call *call, const char *quoted);

/* Stay with a child in the foreground until it ends, its terminal and signals passed on. Returns its exit code. */
int oci_attend(struct launch *launch);

/* Leave a process of our own behind that reads a terminal to its end: without it the program would be hung up. */
void oci_hold_terminal(int master);

/* Print and log one error; returns the exit code of failure. `parts` are put together. */
int oci_fail(const struct oci_call *call, const char *const *parts);

enum { BOOT_ID_SIZE = 64 };

/* What this boot of the machine is called (random(4), boot_id). 0 or -errno. */
int boot_id(char *text, size_t size);

/* The container's first process: 0, or -ENOENT when there is no record yet. One of another boot was started at no time. */
int oci_process(int directory, pid_t *pid, uint64_t *started);

/* Whether it is the one that the record tells of, and no zombie. */
int oci_lives(pid_t pid, uint64_t started);

/* When a process was started, in clock ticks since boot (proc_pid_stat(5), field 22), and its state. 0 or -errno. */
int process_times(pid_t pid, uint64_t *started, char *state);

/* Whether the process whose folder in /proc is open was started then, and is no zombie. The folder is that of one process for
   ever: another one that gets the same number has another. */
int process_lives_in(int folder, uint64_t started);

enum oci_status oci_status(int directory, pid_t *pid, uint64_t *started);
const char *oci_status_name(enum oci_status status);

/* Write a file of the folder whole or not at all. 0 or -errno. */
int oci_write(int directory, const char *path, const char *text);

/* Signal every process of the container's cgroups, once. 0 or -errno. */
int oci_signal_all(int directory, int number);

/* Let a paused container's processes run again, so that a SIGKILL reaches them. */
void oci_thaw(int directory);

/* Freeze the container's processes and wait until they are, or thaw them. 0, -EALREADY when they were frozen before, or -errno. */
int oci_freeze(int directory, int freeze);

/* End whatever is left in the container's cgroups and remove them. 0 or -errno. */
int oci_remove_cgroups(int directory);

/* Where systemd made the container's cgroup (record "scope"): have Python tell it that this is over. `folder` is the container's. */
void oci_leave_scope(int directory, const char *self, const char *folder);

/* Whether it is a container's folder: OCI_NO_FOLDER if anything else is in it, OCI_REMNANT if a creation or a removal was killed
   before or after all records but the mark. */
enum oci_folder { OCI_NO_FOLDER, OCI_REMNANT, OCI_FOLDER };
enum oci_folder oci_folder_kind(int directory);

/* Remove the container's folder with all that is in it. 0 or -errno. */
int oci_remove_folder(int root, const char *container, int directory);

/* The verbs; `words` are what follows the verb and its container's name is found. Each returns the exit code, or -1 for Python. */
int oci_state(struct oci_call *call, char **words);
int oci_start(struct oci_call *call, char **words);
int oci_kill(struct oci_call *call, char **words);
int oci_delete(struct oci_call *call, char **words);

#endif
