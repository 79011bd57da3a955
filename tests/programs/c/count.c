/* Counts real-time signals, which queue where others merge; at SIGTERM the count is its exit status. */
#include <signal.h>
#include <stdio.h>

int main(void)
{
	int count = 0, number;
	sigset_t waited;
	sigemptyset(&waited);
	sigaddset(&waited, SIGRTMAX);
	sigaddset(&waited, SIGTERM);
	sigprocmask(SIG_BLOCK, &waited, NULL);
	puts("ready");
	fflush(stdout);
	while ((number = sigwaitinfo(&waited, NULL)) != SIGTERM)
		count += number == SIGRTMAX;
	return count;
}
