/* Preloaded into xrootd. Before 5.6 it takes a hang-up as an event of whatever stands in the poller's table by then, even
   of a link that is closed or serves the next client, and crashes or hangs (xrootd 1928, mended by 1941). That happens
   only to links that are in the set but were never waited for: epoll_ctl(2) reports hang-ups of those unasked. So a link
   enters the set when it is waited for the first time, and not before. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/epoll.h>

int epoll_ctl(int poller, int operation, int link, struct epoll_event *event)
{
    int (*next)(int, int, int, struct epoll_event *) = dlsym(RTLD_NEXT, "epoll_ctl");
    int result;

    if (operation == EPOLL_CTL_ADD && event->events == 0)
        return 0;
    result = next(poller, operation, link, event);
    if (result == 0 || errno != ENOENT)
        return result;
    if (operation == EPOLL_CTL_MOD)
        return next(poller, EPOLL_CTL_ADD, link, event);
    return 0; /* taken out before it was waited for */
}
