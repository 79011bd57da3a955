/* Two processes fill a bundle's root: the second one gives the large files their contents while this one goes on; where there are many
   small ones, it takes its share of them first. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bundle_fill.h"
#include "util.h"

/* A process costs as much as that many small files, or bytes. */
enum { MANY = 96, MUCH = 1 << 20 };

/* What both processes see: the first entry that nobody has taken. */
struct shared {
	atomic_uint next;
};

static int share_small(struct filling *filling, struct shared *shared)
{
	const uint32_t count = filling->bundle->head->entry_count;
	int error = 0;
	for (uint32_t first; !error && (first = atomic_fetch_add(&shared->next, FILL_BATCH)) < count;)
		error = filling_batch(filling, first);
	return error;
}

static int alone(struct filling *filling, struct shared *shared)
{
	int error = share_small(filling, shared);
	return error ? error : filling_large(filling);
}

/* It exits with its errno. `told` is closed once there is no small file left for it. */
_Noreturn static void run_second(struct filling *filling, struct shared *shared, const int *told)
{
	int error = filling->small_count < MANY ? 0 : share_small(filling, shared);
	close_fd(told);
	_exit(-(error ? error : filling_large(filling)));
}

static void wait_until_closed(int told)
{
	char byte;
	while (read(told, &byte, 1) < 0 && errno == EINTR)
		;
}

static int together(struct filling *filling, struct shared *shared, pid_t *filler)
{
	int told[2];
	if (pipe2(told, O_CLOEXEC) < 0)
		return -errno;
	pid_t child = fork();
	if (child == 0)
		run_second(filling, shared, &told[1]);
	close(told[1]);
	/* Where there may be no further process, one does it all. */
	int error = child < 0 ? alone(filling, shared) : share_small(filling, shared);
	if (child > 0)
		wait_until_closed(told[0]);
	close(told[0]);
	*filler = child > 0 ? child : 0;
	return error;
}

static int is_worth_it(const struct filling *filling)
{
	cpu_set_t processors;
	if (!(filling->how & FILL_TOGETHER) || (filling->large_size < MUCH && filling->small_count < MANY))
		return 0;
	return sched_getaffinity(0, sizeof(processors), &processors) == 0 && CPU_COUNT(&processors) > 1;
}

int filling_contents(struct filling *filling, pid_t *filler)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*filler = 0;
	if (shared == MAP_FAILED)
		return -errno;
	int error = is_worth_it(filling) ? together(filling, shared, filler) : alone(filling, shared);
	munmap(shared, sizeof(*shared));
	return error;
}

int bundle_filled(pid_t filler)
{
	int status = wait_for(filler);
	if (status < 0)
		return status;
	/* Nothing but a want of memory ends it by a signal. */
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOMEM;
}
