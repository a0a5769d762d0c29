/* Tags customers who call often. */
#include "jackfield.h"

#define DAY_MS (24 * 60 * 60 * 1000ull)
#define NAME "frequent-caller"

bool exports_tagger_tags(exports_tagger_occasion_t *occasion, exports_tagger_list_tag_change_t *changes,
                         exports_tagger_error_t *error) {
    jf_json config = jf_config();
    /* So many calls in so many days. */
    uint32_t calls = (uint32_t)jf_number(jf_member(config, "calls"), 3);
    uint64_t days = (uint64_t)jf_number(jf_member(config, "days"), 30);

    /* A tenant that does not grant this gets an error here; the question is asked again later. */
    customers_list_past_interaction_t past;
    if (!customers_history(calls, &past, error)) return false;
    uint32_t recent = 0;
    for (size_t n = 0; n < past.len; n++) recent += past.ptr[n].started_at + days * DAY_MS >= occasion->ended_at;

    *changes = (exports_tagger_list_tag_change_t){0};
    exports_tagger_tag_change_t change = {.tag = EXPORTS_TAGGER_TAG_CHANGE_EXPIRE};
    if (recent < calls) {
        change.val.expire = jf_copy(NAME);
    } else {
        change.tag = EXPORTS_TAGGER_TAG_CHANGE_ADD;
        change.val.add = (cx_tag_t){
            .name = jf_copy(NAME),
            .confidence = 100,
            .reason = jf_format("%u calls in %u days", (unsigned)recent, (unsigned)days),
            .expires_at = {true, occasion->ended_at + days * DAY_MS},
        };
    }
    JF_PUSH(changes, change);
    return true;
}
