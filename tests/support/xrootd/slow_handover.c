/* Preloaded into xrootd: a thread that has given work to another one is slow to go on, as on a busy machine. What goes
   wrong when the other is done sooner (xrootd 2602) then happens at once and not once in a hundred times. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <semaphore.h>
#include <unistd.h>

enum { LATE_MICROSECONDS = 2000 };

int sem_post(sem_t *semaphore)
{
    int (*next)(sem_t *) = dlsym(RTLD_NEXT, "sem_post");
    int result = next(semaphore);

    usleep(LATE_MICROSECONDS);
    return result;
}
