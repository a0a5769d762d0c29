/* What libc asks a system for, answered without one, so that a plugin imports nothing but the contract. The clock
 * stands still at the decision's moment, random bytes follow from it, what is written goes into the log, exit traps,
 * and there are no files, sockets, arguments or environment variables. */
#include "jackfield.h"

#include <string.h>

#define ANSWER(name) __imported_wasi_snapshot_preview1_##name
#define BADF 8
#define NOSYS 52
#define LINE_BYTES 1024

typedef struct {
    uint8_t *bytes;
    size_t length;
} part;

static char line[2][LINE_BYTES];
static size_t length[2];

static void end_line(int stream) {
    jf_text text = {(uint8_t *)line[stream], length[stream]};
    log_write(stream ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, &text);
    length[stream] = 0;
}

int32_t ANSWER(fd_write)(int32_t file, int32_t parts, int32_t count, int32_t written) {
    if (file != 1 && file != 2) return BADF;
    int stream = file - 1;
    size_t sum = 0;
    const part *at = (const part *)parts;
    for (int32_t n = 0; n < count; n++) {
        for (size_t i = 0; i < at[n].length; i++) {
            char byte = (char)at[n].bytes[i];
            if (byte != '\n') line[stream][length[stream]++] = byte;
            /* A line too long is cut where a character begins. */
            bool full = length[stream] >= LINE_BYTES - 4 && (byte & 0xc0) != 0x80;
            if (byte == '\n' || full || length[stream] == LINE_BYTES) end_line(stream);
        }
        sum += at[n].length;
    }
    *(size_t *)written = sum;
    return 0;
}

int32_t ANSWER(clock_time_get)(int32_t clock, int64_t precision, int32_t time) {
    (void)precision;
    *(uint64_t *)time = clock == 0 ? clock_now() * 1000000 : 0;
    return 0;
}

/* SplitMix64, begun with the decision's moment. */
int32_t ANSWER(random_get)(int32_t bytes, int32_t count) {
    static uint64_t state;
    if (!state) state = clock_now() | 1;
    for (int32_t n = 0; n < count; n++) {
        state += 0x9e3779b97f4a7c15;
        uint64_t mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        ((uint8_t *)bytes)[n] = (uint8_t)(mixed >> 32);
    }
    return 0;
}

_Noreturn void ANSWER(proc_exit)(int32_t status) {
    (void)status;
    __builtin_trap();
}

int32_t ANSWER(sched_yield)(void) { return 0; }

static int32_t none(int32_t count, int32_t size) {
    *(size_t *)count = 0;
    *(size_t *)size = 0;
    return 0;
}

int32_t ANSWER(args_sizes_get)(int32_t a, int32_t b) { return none(a, b); }
int32_t ANSWER(environ_sizes_get)(int32_t a, int32_t b) { return none(a, b); }

#pragma clang diagnostic ignored "-Wunused-parameter"
int32_t ANSWER(args_get)(int32_t a, int32_t b) { return 0; }
int32_t ANSWER(clock_res_get)(int32_t a, int32_t b) { return NOSYS; }
int32_t ANSWER(environ_get)(int32_t a, int32_t b) { return 0; }
int32_t ANSWER(fd_advise)(int32_t a, int64_t b, int64_t c, int32_t d) { return BADF; }
int32_t ANSWER(fd_allocate)(int32_t a, int64_t b, int64_t c) { return BADF; }
int32_t ANSWER(fd_close)(int32_t a) { return BADF; }
int32_t ANSWER(fd_datasync)(int32_t a) { return BADF; }
int32_t ANSWER(fd_fdstat_get)(int32_t a, int32_t b) { return BADF; }
int32_t ANSWER(fd_fdstat_set_flags)(int32_t a, int32_t b) { return BADF; }
int32_t ANSWER(fd_fdstat_set_rights)(int32_t a, int64_t b, int64_t c) { return BADF; }
int32_t ANSWER(fd_filestat_get)(int32_t a, int32_t b) { return BADF; }
int32_t ANSWER(fd_filestat_set_size)(int32_t a, int64_t b) { return BADF; }
int32_t ANSWER(fd_filestat_set_times)(int32_t a, int64_t b, int64_t c, int32_t d) { return BADF; }
int32_t ANSWER(fd_pread)(int32_t a, int32_t b, int32_t c, int64_t d, int32_t e) { return BADF; }
int32_t ANSWER(fd_prestat_dir_name)(int32_t a, int32_t b, int32_t c) { return BADF; }
int32_t ANSWER(fd_prestat_get)(int32_t a, int32_t b) { return BADF; }
int32_t ANSWER(fd_pwrite)(int32_t a, int32_t b, int32_t c, int64_t d, int32_t e) { return BADF; }
int32_t ANSWER(fd_read)(int32_t a, int32_t b, int32_t c, int32_t d) { return BADF; }
int32_t ANSWER(fd_readdir)(int32_t a, int32_t b, int32_t c, int64_t d, int32_t e) { return BADF; }
int32_t ANSWER(fd_renumber)(int32_t a, int32_t b) { return BADF; }
int32_t ANSWER(fd_seek)(int32_t a, int64_t b, int32_t c, int32_t d) { return BADF; }
int32_t ANSWER(fd_sync)(int32_t a) { return BADF; }
int32_t ANSWER(fd_tell)(int32_t a, int32_t b) { return BADF; }
int32_t ANSWER(path_create_directory)(int32_t a, int32_t b, int32_t c) { return BADF; }
int32_t ANSWER(path_filestat_get)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e) { return BADF; }
int32_t ANSWER(path_filestat_set_times)(int32_t a, int32_t b, int32_t c, int32_t d, int64_t e, int64_t f, int32_t g) { return BADF; }
int32_t ANSWER(path_link)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g) { return BADF; }
int32_t ANSWER(path_open)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int64_t f, int64_t g, int32_t h, int32_t i) { return BADF; }
int32_t ANSWER(path_readlink)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f) { return BADF; }
int32_t ANSWER(path_remove_directory)(int32_t a, int32_t b, int32_t c) { return BADF; }
int32_t ANSWER(path_rename)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f) { return BADF; }
int32_t ANSWER(path_symlink)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e) { return BADF; }
int32_t ANSWER(path_unlink_file)(int32_t a, int32_t b, int32_t c) { return BADF; }
int32_t ANSWER(poll_oneoff)(int32_t a, int32_t b, int32_t c, int32_t d) { return NOSYS; }
int32_t ANSWER(sock_accept)(int32_t a, int32_t b, int32_t c) { return BADF; }
int32_t ANSWER(sock_recv)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f) { return BADF; }
int32_t ANSWER(sock_send)(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e) { return BADF; }
int32_t ANSWER(sock_shutdown)(int32_t a, int32_t b) { return BADF; }
