/* Defers calls outside of office hours, in every time zone that the number may be in. */
#include "jackfield.h"

#define MINUTE_MS 60000ull
#define DAY_MINUTES (24 * 60)

static bool rule(exports_rule_ruling_t *ruling, uint8_t verdict, const char *reason) {
    *ruling = (exports_rule_ruling_t){.verdict = {.tag = verdict}, .reason = jf_copy(reason)};
    return true;
}

bool exports_rule_check(exports_rule_attempt_t *attempt, exports_rule_ruling_t *ruling, exports_rule_error_t *error) {
    (void)error;
    jf_json config = jf_config();
    /* Minutes since local midnight. */
    int from = (int)jf_number(jf_member(config, "from"), 9 * 60);
    int until = (int)jf_number(jf_member(config, "until"), 20 * 60);

    /* Nothing is known of the number's whereabouts: law is not guessed. */
    if (attempt->local_times.len == 0) return rule(ruling, OUTBOUND_VERDICT_DENY, "unknown-time-zone");
    int wait = 0;
    for (size_t n = 0; n < attempt->local_times.len; n++) {
        int minute = attempt->local_times.ptr[n].minute;
        int left = (from + DAY_MINUTES - minute) % DAY_MINUTES;
        if ((minute < from || minute >= until) && left > wait) wait = left;
    }
    if (wait == 0) return rule(ruling, OUTBOUND_VERDICT_ALLOW, "allowed");
    rule(ruling, OUTBOUND_VERDICT_DEFER, "office-hours");
    ruling->verdict.val.defer = clock_now() + (uint64_t)wait * MINUTE_MS;
    ruling->next_permitted_at.is_some = true;
    ruling->next_permitted_at.val = ruling->verdict.val.defer;
    return true;
}
