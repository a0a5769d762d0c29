/* Scores how long the customer waited, and whether the agent let the customer talk. */
#include "jackfield.h"

static qa_item_t item(const char *id, const char *section, double weight, bool critical) {
    return (qa_item_t){
        .id = jf_copy(id), .section = jf_copy(section), .possible = 5, .weight = weight, .critical = critical,
        .result = {.tag = QA_ITEM_RESULT_POINTS, .val = {.points = 5}},
    };
}

static qa_item_t prompt(const qa_interaction_t *interaction) {
    /* A wait that is still good, in seconds. */
    uint64_t good = (uint64_t)jf_number(jf_member(jf_config(), "wait-s"), 20);
    qa_item_t found = item("answered-in-time", "open", 1, false);
    for (size_t n = 0; n < interaction->segments.len; n++) {
        const qa_segment_t *segment = &interaction->segments.ptr[n];
        if (segment->kind != QA_SEGMENT_KIND_QUEUE) continue;
        uint64_t waited = segment->end - segment->start;
        if (waited > good * 1000) found.result.val.points = 0;
        jf_text note = jf_format("waited %u s", (unsigned)(waited / 1000));
        found.evidence = (qa_option_evidence_t){true, {segment->start, segment->end, note}};
        break;
    }
    return found;
}

static qa_item_t listening(const qa_interaction_t *interaction) {
    qa_item_t found = item("lets-talk", "understand", 2, true);
    /* What was not recorded is not judged. */
    if (!interaction->speech.is_some) found.result.tag = QA_ITEM_RESULT_NOT_APPLICABLE;
    if (interaction->speech.is_some && interaction->speech.val.interruptions > 2) found.result.val.points = 2;
    return found;
}

bool exports_scorecard_evaluate(exports_scorecard_interaction_t *interaction,
                                exports_scorecard_evaluation_t *evaluation, exports_scorecard_error_t *error) {
    (void)error;
    *evaluation = (exports_scorecard_evaluation_t){0};
    JF_PUSH(&evaluation->items, prompt(interaction));
    JF_PUSH(&evaluation->items, listening(interaction));
    return true;
}
