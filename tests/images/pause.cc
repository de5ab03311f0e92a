// The process that keeps a sandbox's namespaces alive: waits for a stop signal and reaps children,
// because with a shared pid namespace it is their init.
#include <signal.h>
#include <sys/wait.h>

int main() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  for (;;) {
    int received = 0;
    if (sigwait(&set, &received) != 0) return 1;
    if (received != SIGCHLD) return 0;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}
