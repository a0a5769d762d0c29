/* Logs every change that a process makes below one folder, and every sync, in the order in which they
 * happen. Loaded by LD_PRELOAD. Syncs are only logged: what they would have saved is worked out later.
 * A record: op, length of path, path, offset, length of data, data (numbers little-endian). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int log_fd = -1;

__attribute__((constructor)) static void start(void) {
    const char *log = getenv("JACKFIELD_DISK_LOG");
    folder = getenv("JACKFIELD_DISK");
    if (folder && log)
        log_fd = syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
}

static int below(const char *path) {
    size_t len = folder ? strlen(folder) : 0;
    return log_fd >= 0 && path && strncmp(path, folder, len) == 0 && path[len] == '/';
}

static int named(int fd, char *path) {
    char link[64];
    if (log_fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[len < 0 ? 0 : len] = 0;
    return below(path) || strcmp(path, folder) == 0;
}

static void put(const void *bytes, size_t len) {
    while (len > 0) {
        ssize_t done = syscall(SYS_write, log_fd, bytes, len);
        if (done <= 0) abort();
        bytes = (const char *)bytes + done;
        len -= done;
    }
}

static void record(char op, const char *path, uint64_t offset, const void *data, size_t data_len) {
    char head[1 + 4 + PATH_MAX + 8 + 8], *at = head;
    uint32_t path_len = strlen(path);
    uint64_t len = data_len;
    *at++ = op;
    memcpy(at, &path_len, 4), at += 4;
    memcpy(at, path, path_len), at += path_len;
    memcpy(at, &offset, 8), at += 8;
    memcpy(at, &len, 8), at += 8;
    put(head, at - head);
    put(data, data_len);
}

/* The files that were made, by inode and the moment of birth (an inode is used again when its file is gone): some
 * programs rename by a system call of their own, past this library. Such a rename is logged when the file is seen next. */
static struct file { uint64_t inode; int64_t seconds; uint32_t nanoseconds; char *path; } files[65536];
static size_t known;

static void gone(const char *path) {
    for (size_t at = 0; at < known; at++)
        if (strcmp(files[at].path, path) == 0) {
            free(files[at].path);
            files[at] = files[--known];
            return;
        }
}

static void made(int fd, const char *path) {
    struct statx stat;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_TYPE, &stat) != 0 || !S_ISREG(stat.stx_mode)) return;
    for (size_t at = 0; at < known; at++)
        if (files[at].inode == stat.stx_ino && files[at].seconds == stat.stx_btime.tv_sec
            && files[at].nanoseconds == stat.stx_btime.tv_nsec) {
            if (strcmp(files[at].path, path) == 0) return;
            record('r', files[at].path, 0, path, strlen(path));
            free(files[at].path);
            files[at] = files[--known];
            break;
        }
    gone(path);
    if (known == sizeof files / sizeof *files) abort();
    files[known++] = (struct file){stat.stx_ino, stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec, strdup(path)};
}

static void moved(const char *from, const char *to) {
    size_t len = strlen(from);
    gone(to);
    for (size_t at = 0; at < known; at++) {
        char *path = files[at].path;
        if (strncmp(path, from, len) != 0 || (path[len] != 0 && path[len] != '/')) continue;
        if (asprintf(&files[at].path, "%s%s", to, path + len) < 0) abort();
        free(path);
    }
}

/* Runs the call and logs it, so that no other call comes between. */
#define LOGGED(type, call, log)                    \
    pthread_mutex_lock(&one_at_a_time);            \
    type done = call;                              \
    int error = errno;                             \
    if (done >= 0) { log; }                        \
    pthread_mutex_unlock(&one_at_a_time);          \
    errno = error;                                 \
    return done

static int do_open(int at, const char *path, int flags, mode_t mode) {
    if (!below(path)) return syscall(SYS_openat, at, path, flags, mode);
    LOGGED(int, syscall(SYS_openat, at, path, flags, mode), {
        made(done, path);
        if (flags & O_CREAT) record('c', path, 0, NULL, 0);
        if (flags & O_TRUNC) record('t', path, 0, NULL, 0);
    });
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        va_list more;                                           \
        va_start(more, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(more, int) : 0;  \
        va_end(more);                                           \
        return do_open(AT_FDCWD, path, flags, mode);            \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
    int name(int at, const char *path, int flags, ...) {        \
        va_list more;                                           \
        va_start(more, flags);                                  \
        mode_t mode = flags & O_CREAT ? va_arg(more, int) : 0;  \
        va_end(more);                                           \
        return do_open(at, path, flags, mode);                  \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t len) {
    char path[PATH_MAX];
    if (fd <= 2 || !named(fd, path)) return syscall(SYS_write, fd, data, len);
    LOGGED(ssize_t, syscall(SYS_write, fd, data, len),
           {
               made(fd, path);
               record('w', path, syscall(SYS_lseek, fd, 0, SEEK_CUR) - done, data, done);
           });
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset) {
    char path[PATH_MAX];
    if (!named(fd, path)) return syscall(SYS_pwrite64, fd, data, len, offset);
    LOGGED(ssize_t, syscall(SYS_pwrite64, fd, data, len, offset), {
        made(fd, path);
        record('w', path, offset, data, done);
    });
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t offset) { return pwrite64(fd, data, len, offset); }

int ftruncate64(int fd, off64_t len) {
    char path[PATH_MAX];
    if (!named(fd, path)) return syscall(SYS_ftruncate, fd, len);
    LOGGED(int, syscall(SYS_ftruncate, fd, len), record('t', path, len, NULL, 0));
}
int ftruncate(int fd, off_t len) { return ftruncate64(fd, len); }

int fdatasync(int fd) {
    char path[PATH_MAX];
    if (!named(fd, path)) return syscall(SYS_fdatasync, fd);
    LOGGED(int, 0, record('s', path, 0, NULL, 0));
}

int fsync(int fd) {
    char path[PATH_MAX];
    if (!named(fd, path)) return syscall(SYS_fsync, fd);
    LOGGED(int, 0, record('s', path, 0, NULL, 0));
}

/* Neither empties the disk's own cache nor saves the file's length: worth nothing after a power cut. */
int sync_file_range(int fd, off64_t offset, off64_t len, unsigned flags) {
    (void)fd, (void)offset, (void)len, (void)flags;
    return 0;
}

int rename(const char *from, const char *to) {
    if (!below(from)) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    LOGGED(int, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), {
        record('r', from, 0, to, strlen(to));
        moved(from, to);
    });
}

int unlink(const char *path) {
    if (!below(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    LOGGED(int, syscall(SYS_unlinkat, AT_FDCWD, path, 0), {
        record('u', path, 0, NULL, 0);
        gone(path);
    });
}

int mkdir(const char *path, mode_t mode) {
    if (!below(path)) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    LOGGED(int, syscall(SYS_mkdirat, AT_FDCWD, path, mode), record('d', path, 0, NULL, 0));
}
