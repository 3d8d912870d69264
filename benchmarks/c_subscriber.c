/* The least that a subscriber at QoS 1 can do: find each PUBLISH in what arrived, count it, acknowledge all of it at once.
 *
 *     c_subscriber FILTER PORT MESSAGES      says "ready" once it is subscribed, then {"seconds": ...} from the first byte on
 *
 * MQTT 3.1.1 (OASIS), sections 2.2.3, 3.1, 3.3, 3.4 and 3.8. One thread, blocking; 1 where the broker refuses or hangs up.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, SMALLEST_PACKET = 2, PUBACK = 4 };

static unsigned char arrived[ROOM], answers[ROOM / SMALLEST_PACKET * PUBACK];

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what) {
    fprintf(stderr, "c_subscriber: %s\n", what);
    exit(1);
}

static void send_all(int sock, const unsigned char *bytes, size_t left) {
    while (left) {
        ssize_t sent = send(sock, bytes, left, MSG_NOSIGNAL);
        if (sent <= 0) fail("the broker hung up");
        bytes += sent;
        left -= (size_t)sent;
    }
}

static void expect(int sock, size_t length, size_t code_at) {
    unsigned char answer[8];
    if (recv(sock, answer, length, MSG_WAITALL) != (ssize_t)length) fail("the broker hung up");
    if (answer[code_at] > 2) fail("the broker refused");
}

/* Bytes of the whole packet at `at`, 0 where it has not all arrived; `body` becomes where its variable header begins. */
static size_t packet_at(const unsigned char *at, size_t there, size_t *body) {
    size_t length = 0;
    for (size_t digit = 1; digit < there && digit <= 4; digit++) {
        length |= (size_t)(at[digit] & 0x7f) << (7 * (digit - 1));
        if (at[digit] & 0x80) continue;
        *body = digit + 1;
        if (*body + length > ROOM) fail("a packet of more than 1 MiB");
        return there < *body + length ? 0 : *body + length;
    }
    return 0;
}

static void acknowledge(const unsigned char *body, size_t *answered) {
    const unsigned char *id = body + 2 + (body[0] << 8 | body[1]);
    const unsigned char puback[PUBACK] = {0x40, 2, id[0], id[1]};
    memcpy(answers + *answered, puback, PUBACK);
    *answered += PUBACK;
}

int main(int count, char **words) {
    static const unsigned char hello[] = "\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02" "cs";
    unsigned char subscribe[128] = "\x82\x00\x00\x01\x00";
    if (count != 4 || strlen(words[1]) > 100) fail("c_subscriber FILTER PORT MESSAGES");
    const size_t filter = strlen(words[1]);
    subscribe[1] = (unsigned char)(5 + filter);
    subscribe[5] = (unsigned char)filter;
    memcpy(subscribe + 6, words[1], filter);
    subscribe[6 + filter] = 1;
    const struct sockaddr_in broker = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)atoi(words[2])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    long left = atol(words[3]);
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(sock, (const struct sockaddr *)&broker, sizeof broker)) fail("no broker there");
    send_all(sock, hello, sizeof hello - 1);
    expect(sock, 4, 3);
    send_all(sock, subscribe, 7 + filter);
    expect(sock, 5, 4);
    puts("ready");
    fflush(stdout);

    double begun = 0;
    for (size_t there = 0; left > 0;) {
        ssize_t more = recv(sock, arrived + there, ROOM - there, 0);
        if (more <= 0) fail("the broker hung up");
        if (begun == 0) begun = seconds();
        there += (size_t)more;
        size_t at = 0, body = 0, answered = 0;
        for (size_t length; (length = packet_at(arrived + at, there - at, &body)); at += length) {
            if (arrived[at] >> 4 != 3) continue;
            left--;
            if (arrived[at] & 0x06) acknowledge(arrived + at + body, &answered);
        }
        there -= at;
        memmove(arrived, arrived + at, there);
        send_all(sock, answers, answered);
    }
    printf("{\"seconds\": %.6f}\n", seconds() - begun);
    return 0;
}
