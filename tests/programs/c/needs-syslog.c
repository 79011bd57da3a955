#include <syslog.h>

int main(void)
{
	syslog(LOG_INFO, "hi");
	return 0;
}
