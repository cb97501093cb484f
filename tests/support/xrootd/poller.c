/* Preloaded into xrootd. Before 5.6 its poller may still handle an event of a connection that was closed meanwhile, or
   whose place the next one has taken; new clients then get no handshake, or it crashes (xrootd 1928). As in 5.6 (1941),
   who takes a connection out waits until the poller has been through with what it had. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

enum { POLLERS = 1024 };

static struct poller {
    pthread_t thread;
    int bell; /* wakes the poller */
    unsigned long turns;
} pollers[POLLERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;

/* The poller of a descriptor; NULL for what waits with a limit, which is a client's. */
static struct poller *poller_of(int descriptor, int limit)
{
    return limit == -1 && descriptor >= 0 && descriptor < POLLERS ? &pollers[descriptor] : NULL;
}

int epoll_wait(int descriptor, struct epoll_event *events, int most, int limit)
{
    int (*next)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    int (*control)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");
    struct poller *poller = poller_of(descriptor, limit);
    int got, kept = 0;
    eventfd_t rung;

    if (!poller)
        return next(descriptor, events, most, limit);
    pthread_mutex_lock(&lock);
    if (!poller->turns++) {
        struct epoll_event wanted = {EPOLLIN, {poller}};
        poller->thread = pthread_self();
        poller->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        control(descriptor, EPOLL_CTL_ADD, poller->bell, &wanted);
    }
    pthread_cond_broadcast(&turned);
    pthread_mutex_unlock(&lock);
    got = next(descriptor, events, most, limit);
    for (int number = 0; number < got; number++) {
        if (events[number].data.ptr == poller)
            eventfd_read(poller->bell, &rung);
        else
            events[kept++] = events[number];
    }
    return got < 0 ? got : kept;
}

int epoll_ctl(int descriptor, int operation, int connection, struct epoll_event *event)
{
    int (*next)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");
    int result = next(descriptor, operation, connection, event);
    struct poller *poller = poller_of(descriptor, -1);
    struct timespec end;
    unsigned long turn;

    if (operation != EPOLL_CTL_DEL || !poller)
        return result;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec++;
    pthread_mutex_lock(&lock);
    if (poller->turns && !pthread_equal(poller->thread, pthread_self())) {
        turn = poller->turns;
        eventfd_write(poller->bell, 1);
        while (turn == poller->turns && !pthread_cond_timedwait(&turned, &lock, &end))
            ;
    }
    pthread_mutex_unlock(&lock);
    return result;
}
