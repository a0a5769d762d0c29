#include "jackfield.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool wanted(const char *fail) {
    jf_json value = jf_member(jf_config(), "fail");
    size_t length = strlen(fail);
    return value.at && (size_t)(value.end - value.at) == length + 2 && memcmp(value.at + 1, fail, length) == 0;
}

static int __attribute__((noinline)) inner(volatile int *never) { return *never / (*never - *never); }

bool exports_strategy_assign(exports_strategy_snapshot_t *snapshot, exports_strategy_plan_t *plan,
                             exports_strategy_error_t *error) {
    if (wanted("error")) {
        jf_fail(error, "busy", "ask again");
        error->retryable = true;
        return false;
    }
    volatile int one = 1;
    if (wanted("exception")) return inner(&one) != 0;
    if (wanted("exit")) exit(1);
    if (wanted("text")) return jf_fail(error, "half", "\xed\xa0\x80");
    if (wanted("log")) printf("line %ld\n", (long)time(NULL)), fflush(stdout);

    const routing_list_work_t *work = &snapshot->work;
    const routing_list_agent_t *agents = &snapshot->agents;
    uint32_t *order = calloc(work->len + 1, sizeof *order);
    uint16_t *room = calloc(agents->len + 1, sizeof *room);
    memset(plan, 0, sizeof *plan);
    plan->assignments.ptr = calloc(work->len + 1, sizeof *plan->assignments.ptr);
    for (uint32_t n = 0; n < agents->len; n++) room[n] = agents->ptr[n].capacity - agents->ptr[n].load;
    for (uint32_t n = 0; n < work->len; n++) {
        uint32_t at = n;
        for (; at > 0 && work->ptr[order[at - 1]].priority < work->ptr[n].priority; at--) order[at] = order[at - 1];
        order[at] = n;
    }
    for (uint32_t at = 0; at < work->len; at++) {
        uint64_t needs = work->ptr[order[at]].needs;
        for (uint32_t n = 0; n < agents->len; n++) {
            if (room[n] == 0 || (agents->ptr[n].skills & needs) != needs) continue;
            room[n]--;
            plan->assignments.ptr[plan->assignments.len++] = (routing_assignment_t){order[at], n};
            break;
        }
    }
    free(order);
    free(room);
    return true;
}
