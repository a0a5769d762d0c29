#include "jackfield.h"

#define MINUTE 60000ull
#define HOUR (60 * MINUTE)
#define DAY_MINUTES 1440ull

static uint64_t figure(const char *name, double otherwise) { return (uint64_t)jf_number(jf_member(jf_config(), name), otherwise); }

static bool ruled(outbound_ruling_t *ruling, uint8_t verdict, jf_text reason) {
    *ruling = (outbound_ruling_t){.verdict = {.tag = verdict}, .reason = reason};
    return true;
}

static bool defer(outbound_ruling_t *ruling, uint64_t until, jf_text reason) {
    ruled(ruling, OUTBOUND_VERDICT_DEFER, reason);
    ruling->verdict.val.defer = until;
    ruling->next_permitted_at.is_some = true;
    ruling->next_permitted_at.val = until;
    return true;
}

/* Minutes until calls may be made there. */
static uint64_t wait(const outbound_local_time_t *local) {
    uint64_t from = figure("from", 540), until = figure("until", 1200);
    if (local->holiday || local->minute >= until) return DAY_MINUTES - local->minute + from;
    return local->minute < from ? from - local->minute : 0;
}

bool exports_rule_check(outbound_attempt_t *attempt, outbound_ruling_t *ruling, exports_rule_error_t *error) {
    (void)error;
    if (attempt->local_times.len == 0) return ruled(ruling, OUTBOUND_VERDICT_DENY, jf_copy("unknown-time-zone"));
    if (attempt->consent == OUTBOUND_CONSENT_REFUSED) return ruled(ruling, OUTBOUND_VERDICT_DENY, jf_copy("refused"));
    if (attempt->consent == OUTBOUND_CONSENT_UNKNOWN && jf_equal(attempt->purpose, "sales")) {
        jf_text instead = jf_string(jf_member(jf_config(), "instead"));
        uint8_t channel = jf_equal(instead, "sms")     ? CX_CHANNEL_SMS
                          : jf_equal(instead, "email") ? CX_CHANNEL_EMAIL
                                                       : attempt->channel;
        bool other = channel != attempt->channel;
        ruled(ruling, other ? OUTBOUND_VERDICT_SUBSTITUTE : OUTBOUND_VERDICT_DENY, jf_copy("no-consent"));
        if (other) ruling->verdict.val.substitute = channel;
        return true;
    }
    uint64_t now = clock_now(), window = figure("hours", 24) * HOUR, most = figure("most", 3), counted = 0;
    for (size_t n = 0; n < attempt->attempts.len; n++) {
        const outbound_past_attempt_t *past = &attempt->attempts.ptr[n];
        if (past->channel != attempt->channel || past->outcome == OUTBOUND_OUTCOME_FAILED || past->at + window <= now) continue;
        if (++counted == most) return defer(ruling, past->at + window, jf_copy("too-often"));
    }
    uint64_t longest = 0;
    const outbound_local_time_t *last = NULL;
    for (size_t n = 0; n < attempt->local_times.len; n++) {
        uint64_t minutes = wait(&attempt->local_times.ptr[n]);
        if (minutes > longest) longest = minutes, last = &attempt->local_times.ptr[n];
    }
    if (last) return defer(ruling, now + longest * MINUTE, jf_format("closed:%.*s", JF_SHOWN(last->zone)));
    return ruled(ruling, OUTBOUND_VERDICT_ALLOW, jf_copy("allowed"));
}
