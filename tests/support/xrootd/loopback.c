/* Preloaded into xrootd, which cannot be told where to listen: "any address" becomes 127.0.0.1. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>

int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in inside;

    if (!address || address->sa_family != AF_INET || length < sizeof inside)
        return next(descriptor, address, length);
    inside = *(const struct sockaddr_in *)address;
    if (inside.sin_addr.s_addr == htonl(INADDR_ANY))
        inside.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return next(descriptor, (const struct sockaddr *)&inside, sizeof inside);
}
