/* A small HTTP service: it tells the time, and that it is well. One request after the other, each on a connection of its own. */

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 8080, PATIENCE_S = 5, MOST_HEAD = 8192 };

static volatile sig_atomic_t ending;

static void end(int number) {
    (void)number;
    ending = 1;
}

/* Until the head's empty line. Nonzero if there is one. */
static int read_head(int client, char *head) {
    size_t length = 0;
    while (length < MOST_HEAD - 1) {
        ssize_t got = read(client, head + length, MOST_HEAD - 1 - length);
        if (got <= 0) {
            return 0;
        }
        length += (size_t)got;
        head[length] = 0;
        if (strstr(head, "\r\n\r\n")) {
            return 1;
        }
    }
    return 0;
}

static void respond(int client, const char *status, const char *text) {
    char answer[512];
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          status, strlen(text), text);
    for (int sent = 0; sent < length;) {
        ssize_t now = write(client, answer + sent, (size_t)(length - sent));
        if (now <= 0) {
            return;
        }
        sent += (int)now;
    }
}

static void answer(int client) {
    char head[MOST_HEAD], text[128];
    if (!read_head(client, head)) {
        return;
    }
    if (!strncmp(head, "GET / ", 6)) {
        time_t now = time(NULL);
        struct tm utc;
        strftime(text, sizeof text, "hello from C, it is %Y-%m-%dT%H:%M:%SZ\n", gmtime_r(&now, &utc));
        respond(client, "200 OK", text);
    } else if (!strncmp(head, "GET /healthz ", 13)) {
        respond(client, "200 OK", "ok\n");
    } else if (strncmp(head, "GET ", 4)) {
        respond(client, "405 Method Not Allowed", "only GET\n");
    } else {
        respond(client, "404 Not Found", "not found\n");
    }
}

static int listening(int port) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
    struct sockaddr_in older = {.sin_family = AF_INET, .sin_port = address.sin6_port};
    int yes = 1, both = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (both >= 0) {
        setsockopt(both, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (!bind(both, (struct sockaddr *)&address, sizeof address) && !listen(both, SOMAXCONN)) {
            return both;
        }
        close(both);
    }
    /* A machine without IPv6. */
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(server, (struct sockaddr *)&older, sizeof older) || listen(server, SOMAXCONN)) {
        perror("listen");
        exit(1);
    }
    return server;
}

int main(void) {
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sigaction ended = {.sa_handler = end};
    const char *port = getenv("PORT");
    int server = listening(port ? atoi(port) : PORT);
    sigaction(SIGTERM, &ended, NULL);
    signal(SIGPIPE, SIG_IGN);
    fprintf(stderr, "listening on port %s\n", port ? port : "8080");
    while (!ending) {
        int client = accept(server, NULL, NULL);
        if (client < 0) {
            if (errno != EINTR) {
                perror("accept");
                sleep(1);
            }
            continue;
        }
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        answer(client);
        close(client);
    }
    return 0;
}
