/*
 * Records what a process does to the files below a directory, in the order in which it takes effect.
 *
 * It is preloaded (LD_PRELOAD) into a process that runs with
 *
 *   POWER_CUT_WATCH   the directory, as an absolute path without links
 *   POWER_CUT_TRACE   the file that the records are appended to, outside that directory
 *
 * Every call that changes files, or makes them durable, takes one lock, does its work, and appends a record if it
 * succeeded, before it gives the lock back. Which file a descriptor stands for is asked of the kernel
 * (/proc/self/fd) each time, so that there is no table that could be wrong. What cannot be recorded ends the process.
 *
 * A record: the operation (u8), the lengths of two paths and of the data (u32 each), a number (u64), then the paths,
 * relative to the watched directory, and the data. Numbers are in the byte order of the machine.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#if !defined(__LP64__)
#error "offsets are passed to the kernel as one word each"
#endif

enum operation {
    CREATE = 1,     /* a file came into being */
    LENGTH = 2,     /* its length became the number */
    WRITE = 3,      /* the data was written at the number */
    RENAME = 4,     /* from the first path to the second */
    UNLINK = 5,     /* the name of a file was removed */
    RMDIR = 6,      /* a directory was removed */
    MKDIR = 7,      /* a directory came into being */
    FSYNC = 8,      /* of a file or a directory */
    FDATASYNC = 9,  /* the same, without times */
    SYNC_RANGE = 10 /* handed to the disk, which may still have it in its cache */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watch[PATH_MAX];
static size_t watch_length;
static int trace = -1;
static int is_ready;
static long (*kernel)(long, ...);

__attribute__((noreturn)) static void fail(const char *what, const char *path) {
    dprintf(2, "the recorder of power cuts cannot go on: %s: %s (errno %d)\n", what, path, errno);
    abort();
}

/* Called with the lock held, or before there are threads. */
static void prepare(void) {
    if (is_ready) return;
    kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    const char *directory = getenv("POWER_CUT_WATCH"), *file = getenv("POWER_CUT_TRACE");
    if (!kernel || !directory || !file) fail("it is not set up", "POWER_CUT_WATCH, POWER_CUT_TRACE");
    watch_length = strlen(directory);
    if (watch_length == 0 || watch_length >= sizeof watch) fail("a path is too long or empty", directory);
    memcpy(watch, directory, watch_length + 1);
    trace = (int)kernel(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0) fail("it cannot open its trace", file);
    is_ready = 1;
}

__attribute__((constructor)) static void start(void) {
    pthread_mutex_lock(&lock);
    prepare();
    pthread_mutex_unlock(&lock);
}

static void enter(void) {
    pthread_mutex_lock(&lock);
    prepare();
}

/* What a call answers stands in errno too; recording must not disturb it. */
static long leave(long answer, int error) {
    pthread_mutex_unlock(&lock);
    errno = error;
    return answer;
}

/* The part of a path below the watched directory ("" for the directory itself), or NULL if it is elsewhere. */
static const char *below(const char *path) {
    if (strncmp(path, watch, watch_length) != 0) return NULL;
    if (path[watch_length] == '\0') return path + watch_length;
    return path[watch_length] == '/' ? path + watch_length + 1 : NULL;
}

/* The path of a descriptor, if it is a file or directory that has a name below the watched directory. */
static const char *watched(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return NULL;
    if (length == PATH_MAX - 1) fail("a path is too long", path);
    path[length] = '\0';
    const char *name = below(path);
    if (!name) return NULL;
    struct stat status;
    if (fstat(fd, &status) != 0) fail("fstat", path);
    if (status.st_nlink == 0) return NULL; /* Nobody will ever find it again. */
    if (S_ISREG(status.st_mode) && status.st_nlink != 1) fail("it has two names", path);
    return name;
}

/* The same for a path that need not exist, but whose parent does. Links in the last part are not followed. */
static const char *watched_at(int directory, const char *given, char path[PATH_MAX]) {
    char parent[PATH_MAX];
    size_t length = strlen(given);
    while (length > 1 && given[length - 1] == '/') length--;
    if (length == 0 || length >= sizeof parent) return NULL;
    memcpy(parent, given, length);
    parent[length] = '\0';
    char *slash = strrchr(parent, '/');
    const char *name = slash ? slash + 1 : parent;
    char last[NAME_MAX + 1];
    if (strlen(name) > NAME_MAX) return NULL;
    strcpy(last, name);
    if (slash) slash[slash == parent ? 1 : 0] = '\0';
    int fd = (int)kernel(SYS_openat, directory, slash ? parent : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return NULL;
    const char *above = watched(fd, path);
    kernel(SYS_close, fd);
    if (!above) return NULL;
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0) fail("it has no plain last part", given);
    size_t used = strlen(path);
    if (used + 1 + strlen(last) >= PATH_MAX) fail("a path is too long", given);
    path[used] = '/';
    strcpy(path + used + 1, last);
    return below(path);
}

static void append(const struct iovec *parts, int count) {
    ssize_t length = 0;
    for (int part = 0; part < count; part++) length += (ssize_t)parts[part].iov_len;
    /* In one call, so that a process that is killed leaves whole records, but for the last. */
    if (kernel(SYS_writev, trace, parts, (long)count) != length) fail("it cannot write", "its trace");
}

static void record(enum operation operation, const char *path, const char *other, uint64_t number,
                   const void *data, size_t length) {
    if (length > UINT32_MAX) fail("it is too much at once", path);
    uint8_t head[21];
    uint32_t lengths[3] = {(uint32_t)strlen(path), (uint32_t)strlen(other), (uint32_t)length};
    head[0] = (uint8_t)operation;
    memcpy(head + 1, lengths, sizeof lengths);
    memcpy(head + 13, &number, sizeof number);
    struct iovec parts[4] = {{head, sizeof head},
                             {(void *)path, lengths[0]},
                             {(void *)other, lengths[1]},
                             {(void *)data, length}};
    append(parts, 4);
}

static void record_length(int fd, const char *name) {
    struct stat status;
    if (fstat(fd, &status) != 0) fail("fstat", name);
    record(LENGTH, name, "", (uint64_t)status.st_size, NULL, 0);
}

/* --- opening */

static int open_at(int directory, const char *given, int flags, mode_t mode) {
    char path[PATH_MAX];
    enter();
    int may_create = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    int was_there = 1;
    if (may_create) {
        struct stat status;
        was_there = fstatat(directory, given, &status, 0) == 0;
    }
    int fd = (int)kernel(SYS_openat, directory, given, flags, mode);
    int error = errno;
    if (fd >= 0 && (may_create || (flags & O_TRUNC))) {
        const char *name = watched(fd, path);
        if ((flags & O_TMPFILE) == O_TMPFILE && below(path)) fail("a file without a name", path);
        if (name && !was_there) record(CREATE, name, "", 0, NULL, 0);
        else if (name && (flags & O_TRUNC)) record(LENGTH, name, "", 0, NULL, 0);
    }
    return (int)leave(fd, error);
}

#define MODE_OF(flags, mode)                                                  \
    mode_t mode = 0;                                                          \
    if (((flags) & O_CREAT) || ((flags) & O_TMPFILE) == O_TMPFILE) {          \
        va_list arguments;                                                    \
        va_start(arguments, flags);                                           \
        mode = va_arg(arguments, mode_t);                                     \
        va_end(arguments);                                                    \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE_OF(flags, mode)
    return open_at(directory, path, flags | O_LARGEFILE, mode);
}

int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* --- writing */

/* Records the pieces of a write that answered `written`, one record each. */
static void record_pieces(const char *name, uint64_t offset, const struct iovec *pieces, size_t written) {
    for (; written > 0; pieces++) {
        size_t length = pieces->iov_len < written ? pieces->iov_len : written;
        if (length > 0) record(WRITE, name, "", offset, pieces->iov_base, length);
        offset += length;
        written -= length;
    }
}

/* A write at the descriptor's position. */
static ssize_t write_here(int fd, const struct iovec *pieces, int count) {
    char path[PATH_MAX];
    enter();
    const char *name = watched(fd, path);
    if (!name) {
        /* It may be a pipe that somebody has to read first. */
        pthread_mutex_unlock(&lock);
        return kernel(SYS_writev, fd, pieces, (long)count);
    }
    ssize_t written = kernel(SYS_writev, fd, pieces, (long)count);
    int error = errno;
    if (written > 0) {
        off_t behind = lseek(fd, 0, SEEK_CUR);
        if (behind < written) fail("lseek", path);
        record_pieces(name, (uint64_t)(behind - written), pieces, (size_t)written);
    }
    return leave(written, error);
}

/* A write at an offset. */
static ssize_t write_there(int fd, const struct iovec *pieces, int count, off_t offset) {
    char path[PATH_MAX];
    enter();
    const char *name = watched(fd, path);
    if (name && (fcntl(fd, F_GETFL) & O_APPEND)) fail("an offset that O_APPEND overrules", path);
    ssize_t written = kernel(SYS_pwritev, fd, pieces, (long)count, offset, 0L);
    int error = errno;
    if (name && written > 0) record_pieces(name, (uint64_t)offset, pieces, (size_t)written);
    return leave(written, error);
}

ssize_t write(int fd, const void *data, size_t length) {
    struct iovec piece = {(void *)data, length};
    return write_here(fd, &piece, 1);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) { return write_here(fd, pieces, count); }

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    struct iovec piece = {(void *)data, length};
    return write_there(fd, &piece, 1, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return pwrite(fd, data, length, offset); }

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
    return write_there(fd, pieces, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset) {
    return write_there(fd, pieces, count, offset);
}

/* --- lengths */

static int change_length(int fd, long call, long first, long second, long third) {
    char path[PATH_MAX];
    enter();
    const char *name = watched(fd, path);
    int answer = (int)kernel(call, (long)fd, first, second, third);
    int error = errno;
    if (name && answer == 0) record_length(fd, name);
    return (int)leave(answer, error);
}

int ftruncate(int fd, off_t length) { return change_length(fd, SYS_ftruncate, length, 0, 0); }
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
    char path[PATH_MAX];
    if (mode & ~FALLOC_FL_KEEP_SIZE) {
        enter();
        if (watched(fd, path)) fail("it changes data without writing it", path);
        leave(0, 0);
    }
    return change_length(fd, SYS_fallocate, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }

int posix_fallocate(int fd, off_t offset, off_t length) { return fallocate(fd, 0, offset, length) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

int truncate(const char *given, off_t length) {
    char path[PATH_MAX];
    enter();
    if (watched_at(AT_FDCWD, given, path)) fail("a length that is set by path", path);
    leave(0, 0);
    return (int)kernel(SYS_truncate, given, length);
}

int truncate64(const char *path, off64_t length) { return truncate(path, length); }

/* --- names */

static int rename_at(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    char from_path[PATH_MAX], to_path[PATH_MAX];
    enter();
    const char *from_name = watched_at(from_directory, from, from_path);
    const char *to_name = watched_at(to_directory, to, to_path);
    if (!from_name != !to_name) fail("it moves into or out of what is watched", from);
    if (from_name && (flags & ~1u)) fail("an exchange of names", from_path); /* 1: RENAME_NOREPLACE */
    int answer = (int)kernel(SYS_renameat2, from_directory, from, to_directory, to, flags);
    int error = errno;
    if (answer == 0 && from_name) record(RENAME, from_name, to_name, 0, NULL, 0);
    return (int)leave(answer, error);
}

int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return rename_at(from_directory, from, to_directory, to, 0);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    return rename_at(from_directory, from, to_directory, to, flags);
}

int unlinkat(int directory, const char *given, int flags) {
    char path[PATH_MAX];
    enter();
    const char *name = watched_at(directory, given, path);
    int answer = (int)kernel(SYS_unlinkat, directory, given, flags);
    int error = errno;
    if (answer == 0 && name) record(flags & AT_REMOVEDIR ? RMDIR : UNLINK, name, "", 0, NULL, 0);
    return (int)leave(answer, error);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int directory, const char *given, mode_t mode) {
    char path[PATH_MAX];
    enter();
    const char *name = watched_at(directory, given, path);
    int answer = (int)kernel(SYS_mkdirat, directory, given, mode);
    int error = errno;
    if (answer == 0 && name) record(MKDIR, name, "", 0, NULL, 0);
    return (int)leave(answer, error);
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    char path[PATH_MAX];
    enter();
    if (watched_at(to_directory, to, path)) fail("a second name", path);
    leave(0, 0);
    return (int)kernel(SYS_linkat, from_directory, from, to_directory, to, flags);
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *target, int directory, const char *given) {
    char path[PATH_MAX];
    enter();
    if (watched_at(directory, given, path)) fail("a symbolic link", path);
    leave(0, 0);
    return (int)kernel(SYS_symlinkat, target, directory, given);
}

int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

/* --- durability */

static int make_durable(int fd, enum operation operation, long call, long first, long second, long third) {
    char path[PATH_MAX];
    enter();
    const char *name = watched(fd, path);
    int answer = (int)kernel(call, (long)fd, first, second, third);
    int error = errno;
    if (answer == 0 && name) record(operation, name, "", (uint64_t)first, NULL, 0);
    return (int)leave(answer, error);
}

int fsync(int fd) { return make_durable(fd, FSYNC, SYS_fsync, 0, 0, 0); }
int fdatasync(int fd) { return make_durable(fd, FDATASYNC, SYS_fdatasync, 0, 0, 0); }

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    return make_durable(fd, SYNC_RANGE, SYS_sync_file_range, offset, length, flags);
}

/* --- what cannot be recorded */

static void refuse(int fd, const char *what) {
    char path[PATH_MAX];
    enter();
    if (watched(fd, path)) fail(what, path);
    leave(0, errno);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    if (fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE) refuse(fd, "a shared mapping");
    if (!kernel) kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return (void *)kernel(SYS_mmap, address, length, protection, flags, (long)fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return mmap(address, length, protection, flags, fd, offset);
}

ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags) {
    refuse(out, "copy_file_range");
    return kernel(SYS_copy_file_range, in, in_offset, out, out_offset, length, flags);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t length) {
    refuse(out, "sendfile");
    return kernel(SYS_sendfile, out, in, offset, length);
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t length) { return sendfile(out, in, offset, length); }

ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags) {
    refuse(out, "splice");
    return kernel(SYS_splice, in, in_offset, out, out_offset, length, flags);
}

ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags) {
    refuse(fd, "pwritev2");
    return kernel(SYS_pwritev2, fd, pieces, count, offset, 0L, flags);
}

ssize_t pwritev64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags) {
    return pwritev2(fd, pieces, count, offset, flags);
}

void sync(void) { fail("it makes everything durable at once", "sync"); }

int syncfs(int fd) {
    refuse(fd, "syncfs");
    return (int)kernel(SYS_syncfs, fd);
}

/* Calls that bypass the functions above; the rest (futexes, random numbers, ...) goes on to the kernel. */
long syscall(long number, ...) {
    va_list list;
    long a[6];
    va_start(list, number);
    for (int argument = 0; argument < 6; argument++) a[argument] = va_arg(list, long);
    va_end(list);
    switch (number) {
    case SYS_openat: case SYS_write: case SYS_writev: case SYS_pwrite64: case SYS_pwritev: case SYS_pwritev2:
    case SYS_ftruncate: case SYS_truncate: case SYS_fallocate: case SYS_renameat2: case SYS_unlinkat:
    case SYS_mkdirat: case SYS_linkat: case SYS_symlinkat: case SYS_fsync: case SYS_fdatasync: case SYS_mmap:
    case SYS_sync_file_range: case SYS_copy_file_range: case SYS_sendfile: case SYS_splice: case SYS_sync:
    case SYS_syncfs:
#ifdef SYS_openat2
    case SYS_openat2:
#endif
#ifdef SYS_io_uring_setup
    case SYS_io_uring_setup:
#endif
        fail("a raw system call that it does not record", "syscall");
    default:
        break;
    }
    if (!kernel) kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
