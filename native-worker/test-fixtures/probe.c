// One native program with many behaviours, chosen by its first argument: the well-behaved ones show what a task may do, the
// hostile ones try to break out of a limit. Used by the worker's tests only.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int copy(const char *from, const char *to) {
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  if (!in || !out) return 10;
  for (int byte; (byte = fgetc(in)) != EOF;) fputc(byte, out);
  return fclose(out);
}

static int echo(int argc, char **argv) {
  for (int i = 2; i < argc; i++) printf("[%s]\n", argv[i]);
  char line[256];
  if (fgets(line, sizeof line, stdin)) printf("stdin=%s\n", line);
  printf("index=%s of %s mine=%s\n", getenv("UDCS_INDEX"), getenv("UDCS_COUNT"), getenv("MINE"));
  printf("umask=%03o\n", (unsigned)umask(0));
  fprintf(stderr, "to stderr\n");
  return copy("in/a.txt", "out/b.txt");
}

// Each line "name=ok" is a hole; "name=no" is what a sandbox answers.
static void tell(const char *name, int open_door) { printf("%s=%s\n", name, open_door ? "ok" : "no"); }

static int can_connect(const char *address, int port, int wait) {
  int fd = socket(AF_INET, SOCK_STREAM | (wait ? 0 : SOCK_NONBLOCK), 0);
  if (fd < 0) return 0;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  int failed = connect(fd, (struct sockaddr *)&to, sizeof to);
  return !failed || errno == EINPROGRESS;
}

static int escape(int argc, char **argv) {
  int port = argc > 2 ? atoi(argv[2]) : 80;
  tell("shadow", open("/etc/shadow", O_RDONLY) >= 0);
  tell("passwd", open("/etc/passwd", O_RDONLY) >= 0);
  tell("home", argc > 3 && access(argv[3], F_OK) == 0);
  tell("sysfs", access("/sys/kernel", F_OK) == 0);
  tell("write-usr", open("/usr/udcs-was-here", O_CREAT | O_WRONLY, 0600) >= 0);
  tell("write-root", open("/udcs-was-here", O_CREAT | O_WRONLY, 0600) >= 0 && access("/proc/1/root/etc/hostname", F_OK) == 0);
  tell("loopback", can_connect("127.0.0.1", port, 1));
  tell("metadata", can_connect("169.254.169.254", 80, 0));
  tell("mount", mount("none", "/tmp", "tmpfs", 0, "") == 0);
  tell("setuid", setuid(0) == 0 && geteuid() == 0);
  tell("kill-parent", kill(getppid() > 1 ? getppid() : 99999, 0) == 0);
  tell("chroot", chroot("/") == 0);
  tell("proc-environ", open("/proc/1/environ", O_RDONLY) >= 0 && getenv("SECRET") != NULL);
  tell("change-self", open("/app/program", O_WRONLY) >= 0);
  tell("ptrace", ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
  tell("unshare", unshare(CLONE_NEWUSER) == 0);
  tell("keyring", syscall(SYS_add_key, "user", "udcs", "x", 1, -4) >= 0);
  tell("bpf", syscall(SYS_bpf, 0, 0, 0) == 0 || errno != EPERM);
  tell("vsock", socket(40, SOCK_STREAM, 0) >= 0);
  return 0;
}

static int forks(void) {
  for (;;) {
    pid_t pid = fork();
    if (pid < 0) usleep(1000);
    if (pid == 0) {
      pause();
      _exit(0);
    }
  }
}

static int eat(void) {
  for (;;) {
    // Volatile, or the compiler sees that nobody reads it and allocates nothing.
    volatile char *block = malloc(1 << 20);
    if (!block) return 11;
    for (int at = 0; at < 1 << 20; at += 4096) block[at] = 1;
  }
}

static int fill(int many) {
  static char block[1 << 16];
  char name[32];
  for (int file = 0;; file++) {
    snprintf(name, sizeof name, "f%d", many ? file : 0);
    int fd = open(name, O_CREAT | O_WRONLY | O_APPEND, 0600);
    for (int i = 0; i < 64; i++)
      if (write(fd, block, sizeof block) < 0) return 12;
    close(fd);
  }
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (!strcmp(what, "echo")) return echo(argc, argv);
  if (!strcmp(what, "escape")) return escape(argc, argv);
  if (!strcmp(what, "exit")) return atoi(argv[2]);
  if (!strcmp(what, "crash")) raise(SIGSEGV);
  if (!strcmp(what, "spin")) for (;;) {}
  if (!strcmp(what, "forks")) return forks();
  if (!strcmp(what, "eat")) return eat();
  if (!strcmp(what, "fill")) return fill(0);
  if (!strcmp(what, "fill-many")) return fill(1);
  if (!strcmp(what, "flood")) for (;;) puts("flood flood flood flood flood flood flood flood");
  if (!strcmp(what, "orphan")) {
    if (fork() == 0) {
      setsid();
      for (;;) pause();
    }
    puts("forked");
    fflush(stdout);
    for (;;) pause();
  }
  if (!strcmp(what, "tick")) {
    for (int i = 0; i < 20; i++) {
      printf("tick %d\n", i);
      fflush(stdout);
      usleep(100000);
    }
    return 0;
  }
  if (!strcmp(what, "link-out")) return symlink("/etc/hostname", "out/b.txt");
  return 13;
}
