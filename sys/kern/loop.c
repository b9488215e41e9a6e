/* SPDX-License-Identifier: ISC */
/*
 * A worker's thread: receive from every interface, take a turn, and when
 * there has been nothing to do for a while, sleep on the devices.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "kern/shell.h"
#include "net/if.h"

#define SLEEP_MAX	(100 * NSEC_PER_MSEC)	/* bounds how late slow timers fire */
#define SLEEP_POLLED	NSEC_PER_MSEC		/* with a device that cannot be waited for */

struct loop {
	struct shell	*lo_shell;
	struct worker	*lo_worker;
	uint64_t	 lo_busy_ns;	/* when there was last something to do */
};

struct clock_now
shell_now(void)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME_COARSE, &wall);
	return (struct clock_now){
	    .now_ns = (uint64_t)mono.tv_sec * NSEC_PER_SEC + (uint64_t)mono.tv_nsec,
	    .now_wall = wall.tv_sec };
}

static unsigned
receive(struct worker *w)
{
	struct if_table *it = w->w_nk->nk_ifs;
	unsigned i, n = 0, slots = __atomic_load_n(&it->it_n, __ATOMIC_ACQUIRE);
	struct ifnet *ifp;

	for (i = 0; i < slots; i++) {
		ifp = EPOCH_READ(it->it_if[i]);
		if (ifp != NULL && ifp->if_ops->io_rx != NULL)
			n += if_poll(w, ifp);
	}
	return n;
}

/* What to wait on; false if a device must be polled. */
static bool
sleep_fds(const struct worker *w, struct pollfd *fds, nfds_t *n)
{
	const struct if_table *it = w->w_nk->nk_ifs;
	struct ifnet *ifp;
	unsigned i;
	bool all = true;

	fds[0] = (struct pollfd){ .fd = w->w_wakefd, .events = POLLIN };
	*n = 1;
	for (i = 0; i < IF_MAX; i++) {
		ifp = EPOCH_READ(it->it_if[i]);
		if (ifp == NULL || ifp->if_ops->io_rx == NULL)
			continue;
		fds[*n] = (struct pollfd){ .events = POLLIN,
		    .fd = ifp->if_ops->io_fd(ifp, w->w_id) };
		if (fds[*n].fd == -1)
			all = false;
		else
			(*n)++;
	}
	return all;
}

static void
sleep_until(struct worker *w, uint64_t deadline, uint64_t now_ns)
{
	struct pollfd fds[IF_MAX + 1];
	uint64_t ns = deadline > now_ns ? deadline - now_ns : 0, drain;
	uint64_t most = SLEEP_MAX;
	struct timespec ts;
	nfds_t n;

	if (!sleep_fds(w, fds, &n))
		most = SLEEP_POLLED;
	if (ns > most)
		ns = most;
	ts = (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC),
	    .tv_nsec = (long)(ns % NSEC_PER_SEC) };
	w->w_sleeps++;
	if (ppoll(fds, n, &ts, NULL) > 0 && (fds[0].revents & POLLIN) != 0 &&
	    read(w->w_wakefd, &drain, sizeof(drain)) == -1)
		w->w_sleeps--;		/* somebody woke us who did not write: cannot be */
}

/*
 * Sleeps unless something came meanwhile.  w_asleep is set before the last
 * look, and whoever brings something looks at it afterwards (worker_wake()).
 */
static void
rest(struct worker *w, uint64_t now_ns)
{
	struct epoch *ep = &w->w_nk->nk_epoch;
	uint64_t deadline = worker_deadline(w);

	atomic_store(&w->w_asleep, 1);
	atomic_thread_fence(memory_order_seq_cst);
	if (!worker_pending(w) && atomic_load(&w->w_nk->nk_stop) == 0) {
		if (w->w_nk->nk_nworkers == 1)
			epoch_idle(ep, w->w_id);
		sleep_until(w, deadline, now_ns);
		(void)epoch_sample(ep, w->w_id);
	}
	atomic_store(&w->w_asleep, 0);
}

static void
bind_cpu(const struct loop *lo)
{
	int cpu = lo->lo_shell->sh_cpu[lo->lo_worker->w_id];
	cpu_set_t set;

	if (cpu == -1)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		nk_log(lo->lo_worker->w_nk, 4, "worker %u: cannot be bound to CPU %d",
		    lo->lo_worker->w_id, cpu);
	else
		lo->lo_worker->w_cpu = cpu;
}

static void *
loop_main(void *arg)
{
	struct loop *lo = arg;
	struct worker *w = lo->lo_worker;
	struct shell *sh = lo->lo_shell;
	uint64_t spin = sh->sh_spin_us * 1000ull;

	bind_cpu(lo);
	worker_thread_begin(w);
	(void)epoch_sample(&w->w_nk->nk_epoch, w->w_id);
	while (!atomic_load_explicit(&sh->sh_stop, memory_order_relaxed)) {
		worker_park(w);
		w->w_now = shell_now();
		w->w_turns++;
		if (receive(w) != 0) {
			w->w_busy++;
			lo->lo_busy_ns = w->w_now.now_ns;
		}
		worker_turn(w, w->w_now);
		if (w->w_now.now_ns - lo->lo_busy_ns >= spin)
			rest(w, w->w_now.now_ns);
	}
	epoch_idle(&w->w_nk->nk_epoch, w->w_id);
	worker_thread_end(w);
	free(lo);
	return NULL;
}

int
loop_begin(struct shell *sh)
{
	struct nk *nk = sh->sh_nk;
	struct loop *lo;
	unsigned i;
	int error;

	for (i = 0; i < nk->nk_nworkers; i++) {
		lo = calloc(1, sizeof(*lo));
		if (lo == NULL)
			return ENOMEM;
		lo->lo_shell = sh;
		lo->lo_worker = nk->nk_worker[i];
		lo->lo_worker->w_wakefd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (lo->lo_worker->w_wakefd == -1) {
			free(lo);
			return errno;
		}
		error = pthread_create(&lo->lo_worker->w_thread, NULL, loop_main, lo);
		if (error != 0) {
			close(lo->lo_worker->w_wakefd);
			lo->lo_worker->w_wakefd = -1;
			free(lo);
			return error;
		}
	}
	return 0;
}

void
loop_end(struct shell *sh)
{
	struct nk *nk = sh->sh_nk;
	unsigned i;

	atomic_store(&sh->sh_stop, true);
	for (i = 0; i < nk->nk_nworkers; i++) {
		if (nk->nk_worker[i]->w_wakefd == -1)
			continue;
		worker_wake(nk->nk_worker[i]);
		pthread_join(nk->nk_worker[i]->w_thread, NULL);
		close(nk->nk_worker[i]->w_wakefd);
		nk->nk_worker[i]->w_wakefd = -1;
		worker_turn(nk->nk_worker[i], shell_now());	/* jobs own memory */
	}
}
