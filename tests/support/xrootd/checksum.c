/* Preloaded into xrootd. Before 5.9.2 the thread that answers an HTTP request for a checksum leaves the sum to another one,
   and if that is done before the first has put the request aside, both go on with the same connection: it hangs, or the
   server crashes (xrootd 2602). So whoever has a sum takes a moment before it keeps it, and only then answers. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MOMENT_MICROSECONDS = 50000 };

int setxattr(const char *path, const char *name, const void *value, size_t size, int flags)
{
    int (*next)(const char *, const char *, const void *, size_t, int) = dlsym(RTLD_NEXT, "setxattr");

    if (strstr(name, "XrdCks"))
        usleep(MOMENT_MICROSECONDS);
    return next(path, name, value, size, flags);
}
