/* The settings of a supervisor, out of a file that has been checked as a plan is. */
#include <errno.h>
#include <signal.h>

#include "engine.h"

enum { MAX_SECONDS = 1 << 30 };

/* Nanoseconds that no addition to a clock can overflow. */
static int64_t span(const struct op *op, unsigned argument)
{
	uint64_t value = op_number(op, argument);
	const uint64_t most = (uint64_t)MAX_SECONDS * (uint64_t)SECOND_NS;
	return (int64_t)(value < most ? value : most);
}

static int read_probing(struct settings *settings, const struct plan *plan, const struct op *op)
{
	(void)plan;
	settings->interval = span(op, KEEP_PROBING_interval);
	settings->timeout = span(op, KEEP_PROBING_timeout);
	settings->start_period = span(op, KEEP_PROBING_start);
	settings->start_interval = span(op, KEEP_PROBING_start_interval);
	settings->retries = op_number(op, KEEP_PROBING_retries);
	return 0;
}

static int read_probe(struct settings *settings, const struct plan *plan, const struct op *op)
{
	if (op->code == OP_PROBE_EXEC) {
		settings->probe = PROBE_BY_EXEC;
		settings->probe_words = op_list(plan, op, PROBE_EXEC_arguments);
		return settings->probe_words && settings->probe_words[0] ? 0 : -EINVAL;
	}
	int is_http = op->code == OP_PROBE_HTTP;
	uint64_t port = op_number(op, is_http ? (unsigned)PROBE_HTTP_port : (unsigned)PROBE_TCP_port);
	settings->probe = is_http ? PROBE_BY_HTTP : PROBE_BY_TCP;
	settings->probe_address = op_text(plan, op, is_http ? (unsigned)PROBE_HTTP_address : (unsigned)PROBE_TCP_address);
	settings->probe_path = is_http ? op_text(plan, op, PROBE_HTTP_path) : "";
	settings->probe_port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX ? 0 : -EINVAL;
}

static int read_stopping(struct settings *settings, const struct plan *plan, const struct op *op)
{
	(void)plan;
	uint64_t number = op_number(op, KEEP_STOPPING_signal), seconds = op_number(op, KEEP_STOPPING_seconds);
	settings->stop_signal = (int)number;
	settings->stop_seconds = seconds > MAX_SECONDS ? -1 : (int64_t)seconds;
	return number > 0 && number < (uint64_t)NSIG ? 0 : -EINVAL;
}

static int read_container(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->records = op_text(plan, op, KEEP_CONTAINER_records);
	settings->id = op_text(plan, op, KEEP_CONTAINER_id);
	return 0;
}

static int read_image(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->image_lock = op_text(plan, op, KEEP_IMAGE_lock);
	return 0;
}

static int read_root(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->root = op_text(plan, op, KEEP_ROOT_target);
	settings->root_options = op_list(plan, op, KEEP_ROOT_options);
	return *settings->root && settings->root_options ? 0 : -EINVAL;
}

static int read_secrets(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->secrets = op_text(plan, op, KEEP_SECRETS_target);
	return *settings->secrets ? 0 : -EINVAL;
}

static int read_network(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->network = op_text(plan, op, KEEP_NETWORK_path);
	return 0;
}

static int read_parameters(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->parameters = op_list(plan, op, KEEP_PARAMETERS_files);
	settings->parameter_values = op_list(plan, op, KEEP_PARAMETERS_values);
	return settings->parameters && settings->parameter_values ? 0 : -EINVAL;
}

static int read_streams(struct settings *settings, const struct plan *plan, const struct op *op)
{
	(void)plan;
	settings->has_input = op_number(op, KEEP_STREAMS_input) != 0;
	settings->has_terminal = op_number(op, KEEP_STREAMS_terminal) != 0;
	return 0;
}

static int read_log(struct settings *settings, const struct plan *plan, const struct op *op)
{
	(void)plan;
	settings->has_log = 1;
	settings->log_size = op_number(op, KEEP_LOG_size);
	settings->log_files = op_number(op, KEEP_LOG_files);
	return 0;
}

static int read_running(struct settings *settings, const struct plan *plan, const struct op *op)
{
	(void)plan;
	settings->policy = (enum policy)op_number(op, KEEP_RUNNING_policy);
	settings->most_restarts = op_number(op, KEEP_RUNNING_most);
	return op_number(op, KEEP_RUNNING_policy) <= POLICY_ALWAYS ? 0 : -EINVAL;
}

static int read_afterwards(struct settings *settings, const struct plan *plan, const struct op *op)
{
	(void)plan;
	settings->has_afterwards = 1;
	settings->gives_back_first = op_number(op, KEEP_AFTERWARDS_before) != 0;
	return 0;
}

/* Triples of 32 bits: inside, outside, how many. */
static int is_map(size_t length)
{
	return length > 0 && length % (3 * sizeof(uint32_t)) == 0;
}

static int read_users(struct settings *settings, const struct plan *plan, const struct op *op)
{
	settings->has_users = 1;
	settings->newuidmap = op_text(plan, op, KEEP_USERS_newuidmap);
	settings->newgidmap = op_text(plan, op, KEEP_USERS_newgidmap);
	settings->uids = op_bytes(plan, op, KEEP_USERS_uids, &settings->uids_length);
	settings->gids = op_bytes(plan, op, KEEP_USERS_gids, &settings->gids_length);
	return is_map(settings->uids_length) && is_map(settings->gids_length) && !*settings->newuidmap == !*settings->newgidmap ? 0 : -EINVAL;
}

typedef int read_function(struct settings *settings, const struct plan *plan, const struct op *op);

static read_function *const readers[OP_COUNT] = {
	[OP_KEEP_CONTAINER] = read_container,
	[OP_KEEP_IMAGE] = read_image,
	[OP_KEEP_ROOT] = read_root,
	[OP_KEEP_USERS] = read_users,
	[OP_KEEP_SECRETS] = read_secrets,
	[OP_KEEP_NETWORK] = read_network,
	[OP_KEEP_PARAMETERS] = read_parameters,
	[OP_KEEP_STREAMS] = read_streams,
	[OP_KEEP_LOG] = read_log,
	[OP_KEEP_RUNNING] = read_running,
	[OP_KEEP_STOPPING] = read_stopping,
	[OP_KEEP_PROBING] = read_probing,
	[OP_PROBE_EXEC] = read_probe,
	[OP_PROBE_TCP] = read_probe,
	[OP_PROBE_HTTP] = read_probe,
	[OP_KEEP_AFTERWARDS] = read_afterwards,
};

int settings_read(struct settings *settings, const struct plan *plan)
{
	*settings = (struct settings){ .stop_signal = SIGTERM, .stop_seconds = 10, .interval = 30 * SECOND_NS, .timeout = 30 * SECOND_NS, .retries = 3 };
	for (uint32_t i = 0; i < plan->count; i++)
		if (!readers[plan->ops[i].code] || readers[plan->ops[i].code](settings, plan, &plan->ops[i]))
			return -EINVAL;
	return settings->records && settings->id && settings->interval > 0 && settings->timeout > 0 ? 0 : -EINVAL;
}
