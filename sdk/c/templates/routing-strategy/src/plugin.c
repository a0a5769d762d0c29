/* Offers the most urgent work to the agent who has been idle longest, skills willing. */
#include "jackfield.h"

/* Work with a higher priority goes first; the snapshot lists it longest waiting first, which is kept among equals. */
static void by_priority(const routing_list_work_t *work, uint32_t *order) {
    for (uint32_t n = 0; n < work->len; n++) {
        uint32_t at = n;
        for (; at > 0 && work->ptr[order[at - 1]].priority < work->ptr[n].priority; at--) order[at] = order[at - 1];
        order[at] = n;
    }
}

bool exports_strategy_assign(exports_strategy_snapshot_t *snapshot, exports_strategy_plan_t *plan,
                             exports_strategy_error_t *error) {
    const routing_list_work_t *work = &snapshot->work;
    const routing_list_agent_t *agents = &snapshot->agents;
    /* Offers of one decision; as many as there are when left out. */
    size_t at_once = (size_t)jf_number(jf_member(jf_config(), "at-once"), (double)work->len);
    uint32_t *order = calloc(work->len + 1, sizeof *order);
    bool *offered = calloc(agents->len + 1, sizeof *offered);
    if (!order || !offered) return jf_fail(error, "memory", "the snapshot does not fit into memory");

    *plan = (exports_strategy_plan_t){0};
    by_priority(work, order);
    for (size_t at = 0; at < work->len && at < at_once; at++) {
        uint64_t needs = work->ptr[order[at]].needs;
        /* Agents come longest idle first; each is offered one piece of work. */
        for (uint32_t n = 0; n < agents->len; n++) {
            const routing_agent_t *agent = &agents->ptr[n];
            if (offered[n] || agent->load >= agent->capacity || (agent->skills & needs) != needs) continue;
            offered[n] = true;
            JF_PUSH(&plan->assignments, (routing_assignment_t){order[at], n});
            break;
        }
    }
    return true;
}
