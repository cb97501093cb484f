/* Preloaded into xrootd: a thread that has given work to another one is slow to go on, as on a busy machine. What goes
   wrong when the other is done sooner (xrootd 2602) then happens at once and not once in a hundred times. The other one
   may begin only when locks are given back, so it is there that the first one dawdles. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

enum { LATE_MICROSECONDS = 1000, UNLOCKS = 8 };

static __thread int unlocks_left;

int sem_post(sem_t *semaphore)
{
    int (*next)(sem_t *) = dlsym(RTLD_NEXT, "sem_post");

    unlocks_left = UNLOCKS;
    return next(semaphore);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static int (*next)(pthread_mutex_t *);
    int result;

    if (!next)
        next = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    result = next(mutex);
    if (unlocks_left > 0) {
        unlocks_left--;
        usleep(LATE_MICROSECONDS);
    }
    return result;
}
