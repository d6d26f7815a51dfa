/* Every loopback address as a name server: answers at once, or after a delay of its own.
   usage: dns_responder PORT DELAYS(0|1) DISTINCT(0|1); says "ready" and runs until it is killed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
struct reply { double due; struct sockaddr_in to; struct in_addr from; uint16_t size; unsigned char wire[512]; };
static struct reply *heap[MOST];
static int queued, sock;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static uint32_t mix(uint32_t x) { x ^= x >> 16; x *= 0x7feb352dU; x ^= x >> 15; x *= 0x846ca68bU; return x ^ x >> 16; }

static void sift(struct reply *one) {
    int at = queued++;
    while (at && heap[(at - 1) / 2]->due > one->due) { heap[at] = heap[(at - 1) / 2]; at = (at - 1) / 2; }
    heap[at] = one;
}
static struct reply *pop(void) {
    struct reply *top = heap[0], *last = heap[--queued];
    int at = 0, child;
    while ((child = 2 * at + 1) < queued) {
        if (child + 1 < queued && heap[child + 1]->due < heap[child]->due) child++;
        if (heap[child]->due >= last->due) break;
        heap[at] = heap[child]; at = child;
    }
    heap[at] = last;
    return top;
}
static void give(struct reply *one) {
    char space[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
    struct iovec part = {one->wire, one->size};
    struct msghdr m = {&one->to, sizeof one->to, &part, 1, space, sizeof space, 0};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = IPPROTO_IP; c->cmsg_type = IP_PKTINFO; c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    ((struct in_pktinfo *)CMSG_DATA(c))->ipi_spec_dst = one->from;
    sendmsg(sock, &m, 0);
    free(one);
}
static int record(unsigned char *w, int kind, uint32_t ttl, const unsigned char *data, int size) {
    unsigned char head[12] = {0xc0, 12, 0, kind, 0, 1, ttl >> 24, ttl >> 16, ttl >> 8, ttl, size >> 8, size};
    memcpy(w, head, 12); memcpy(w + 12, data, size);
    return 12 + size;
}
static void answer(unsigned char *q, int size, struct sockaddr_in to, struct in_addr from, int delays, int distinct) {
    int end = 12;
    while (end < size && q[end]) end += q[end] + 1;
    end += 5;
    if (size < end || end > 300) return;
    uint32_t host = ntohl(from.s_addr), luck = mix(host), kind = q[end - 3];
    if (delays && luck % 50 == 0) return;
    struct reply *one = calloc(1, sizeof *one);
    unsigned char *w = one->wire;
    memcpy(w, q, end);
    w[2] = 0x81; w[3] = 0x80; w[4] = 0; w[5] = 1; memset(w + 6, 0, 6);
    uint32_t ttl = 10 + luck % 3500;
    unsigned char tag = distinct ? host : 1, tag2 = distinct ? host >> 8 : 2;
    unsigned char a1[4] = {192, 0, tag2, tag}, a2[4] = {192, 0, 2, 20}, six[16] = {0x20, 1, 0x0d, 0xb8, [14] = tag2, [15] = tag};
    unsigned char m1[] = {0, 10, 2, 'm', 'x', 0xc0, 12}, m2[] = {0, 20, 2, 'm', 'y', 0xc0, 12}, text[] = {5, 'a', 'b', 'c', 'd', 'e'};
    for (int n = 0; distinct && n < 4; n++) text[n + 2] = 'a' + (host >> 4 * n & 15);
    int at = end, n = 1;
    if (kind == 1) { at += record(w + at, 1, ttl, a1, 4); at += record(w + at, 1, ttl, a2, 4); n = 2; }
    else if (kind == 28) at += record(w + at, 28, ttl, six, 16);
    else if (kind == 15) { if (distinct) { m1[0] = tag2; m1[1] = tag; } at += record(w + at, 15, ttl, m1, 7); at += record(w + at, 15, ttl, m2, 7); n = 2; }
    else at += record(w + at, 16, ttl, text, 6);
    w[7] = n; one->size = at; one->to = to; one->from = from;
    if (!delays) { give(one); return; }
    double u = (mix(luck + kind) % 10000 + 1) / 10001.0, v = mix(luck * 3 + kind) / 4294967296.0;
    double ms = 45 * exp(0.9 * sqrt(-2 * log(u)) * cos(6.2831853 * v));
    one->due = now() + (ms < 5 ? 5 : ms > 300 ? 300 : ms) / 1000;
    if (queued < MOST) sift(one); else free(one);
}
int main(int argc, char **argv) {
    if (argc < 4) return 64;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int on = 1, big = 64 << 20;
    struct sockaddr_in here = {AF_INET, htons(atoi(argv[1])), {INADDR_ANY}, {0}};
    sock = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(sock, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big)) setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    if (bind(sock, (void *)&here, sizeof here)) return 1;
    puts("ready"); fflush(stdout);
    for (;;) {
        double left = queued ? heap[0]->due - now() : 1;
        struct pollfd wait = {sock, POLLIN, 0};
        poll(&wait, 1, left <= 0 ? 0 : (int)(left * 1000) + 1);
        for (int n = 0; n < 256; n++) {
            unsigned char q[512]; char space[256]; struct sockaddr_in to;
            struct iovec part = {q, sizeof q};
            struct msghdr m = {&to, sizeof to, &part, 1, space, sizeof space, 0};
            ssize_t size = recvmsg(sock, &m, MSG_DONTWAIT);
            if (size < 17) break;
            struct in_addr from = {0};
            for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) from = ((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr;
            answer(q, size, to, from, atoi(argv[2]), atoi(argv[3]));
        }
        while (queued && heap[0]->due <= now()) give(pop());
    }
}
