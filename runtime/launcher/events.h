/* What happens to containers, for `whit events` (docs/engine.md, Events). */
#ifndef WHIT_EVENTS_H
#define WHIT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

enum { EVENT_MORE_SIZE = 256 };

/* Record what happens to the container whose folder is open, with attributes that belong to it: "" or event_attribute's. The action
   stands as JSON has it. What can't be written is lost. */
void event_record(int folder, const char *action, const char *more);
void event_record_number(int folder, const char *action, const char *name, uint64_t number);

/* Add one, of words that need no escape in JSON. 0, or -ENAMETOOLONG. */
int event_attribute(char *more, size_t *at, const char *name, const char *value);

/* A further process of a container's (`whit exec`), by its plan: it was started, or tried to be; it has ended. */
struct launch;
void further_began(struct launch *launch);
void further_ended(const struct launch *launch, int code);

#endif
