/* Gives work to the cheapest agent who can do it. An agent costs what the agent's skills cost; so those with dear
 * skills stay free for the work that needs them. Work that would cost too much waits for a cheaper agent, but not
 * longer than its patience. */
#include "jackfield.h"

#define MOST_SKILLS 64
#define NOBODY UINT32_MAX

typedef struct {
    double skill[MOST_SKILLS];
    double most;
    uint32_t patience;
} prices;

static prices read_prices(void) {
    prices read = {.most = 1e300, .patience = 30000};
    jf_json config = jf_config(), costs = jf_member(config, "costs");
    read.most = jf_number(jf_member(config, "most"), read.most);
    read.patience = (uint32_t)jf_number(jf_member(config, "patience-ms"), read.patience);
    if (!costs.at) return read;
    plugin_list_string_t skills;
    details_skills(&skills);
    for (size_t n = 0; n < skills.len && n < MOST_SKILLS; n++)
        read.skill[n] = jf_number(jf_member_text(costs, skills.ptr[n]), 0);
    plugin_list_string_free(&skills);
    return read;
}

static double cost_of(uint64_t skills, const prices *prices) {
    double cost = 0;
    for (; skills; skills &= skills - 1) cost += prices->skill[__builtin_ctzll(skills)];
    return cost;
}

/* Work with a higher priority goes first; the host lists it longest waiting first, which is kept among equals. */
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
    prices prices = read_prices();
    uint32_t *order = calloc(work->len + 1, sizeof *order);
    double *cost = calloc(agents->len + 1, sizeof *cost);
    uint16_t *room = calloc(agents->len + 1, sizeof *room);
    plan->assignments.ptr = calloc(work->len + 1, sizeof *plan->assignments.ptr);
    if (!order || !cost || !room || !plan->assignments.ptr)
        return jf_fail(error, "memory", "the snapshot does not fit into memory");

    by_priority(work, order);
    for (uint32_t n = 0; n < agents->len; n++) {
        routing_agent_t *agent = &agents->ptr[n];
        cost[n] = cost_of(agent->skills, &prices);
        room[n] = agent->capacity > agent->load ? agent->capacity - agent->load : 0;
    }

    uint32_t soonest = UINT32_MAX;
    plan->assignments.len = 0;
    for (uint32_t at = 0; at < work->len; at++) {
        routing_work_t *piece = &work->ptr[order[at]];
        uint32_t cheapest = NOBODY;
        for (uint32_t n = 0; n < agents->len; n++) {
            bool can = room[n] > 0 && (agents->ptr[n].skills & piece->needs) == piece->needs;
            if (can && (cheapest == NOBODY || cost[n] < cost[cheapest])) cheapest = n;
        }
        if (cheapest == NOBODY) continue;
        if (cost[cheapest] > prices.most && piece->waiting < prices.patience) {
            uint32_t left = prices.patience - piece->waiting;
            if (left < soonest) soonest = left;
            continue;
        }
        room[cheapest]--;
        plan->assignments.ptr[plan->assignments.len++] = (routing_assignment_t){order[at], cheapest};
    }

    plan->overflows.ptr = NULL;
    plan->overflows.len = 0;
    plan->look_again_at.is_some = soonest != UINT32_MAX;
    plan->look_again_at.val = clock_now() + soonest;
    free(order);
    free(cost);
    free(room);
    return true;
}
