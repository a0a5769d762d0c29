#include "jackfield.h"

static qa_item_t item(const char *id, const char *section, double possible, double weight, bool critical) {
    return (qa_item_t){jf_copy(id), jf_copy(section), possible, weight, critical, {.tag = QA_ITEM_RESULT_NOT_APPLICABLE}, {0}};
}

static void points(qa_item_t *item, double points) {
    item->result.tag = QA_ITEM_RESULT_POINTS;
    item->result.val.points = points;
}

static const qa_segment_t *first(const qa_interaction_t *interaction, qa_segment_kind_t kind) {
    for (size_t n = 0; n < interaction->segments.len; n++)
        if (interaction->segments.ptr[n].kind == kind) return &interaction->segments.ptr[n];
    return NULL;
}

static qa_option_evidence_t at(const qa_segment_t *segment, jf_text note) {
    if (!segment) return (qa_option_evidence_t){0};
    return (qa_option_evidence_t){true, {segment->start, segment->end, note}};
}

static qa_item_t wait(const qa_interaction_t *interaction) {
    qa_item_t found = item("wait", "open", 5, 1.5, false);
    const qa_segment_t *queue = first(interaction, QA_SEGMENT_KIND_QUEUE);
    if (!queue) return found;
    uint64_t waited = 0, good = (uint64_t)jf_number(jf_member(jf_config(), "wait-ms"), 20000);
    for (size_t n = 0; n < interaction->segments.len; n++) {
        const qa_segment_t *segment = &interaction->segments.ptr[n];
        if (segment->kind == QA_SEGMENT_KIND_QUEUE) waited += segment->end - segment->start;
    }
    double left = 5 - (waited > good ? (double)(waited - good) : 0) / 10000;
    points(&found, left > 0 ? left : 0);
    jf_text name = queue->queue.is_some ? queue->queue.val : JF_TEXT("?");
    found.evidence = at(queue, jf_format("在 %.*s 等了 %llu ms", JF_SHOWN(name), waited));
    return found;
}

static qa_item_t listening(const qa_interaction_t *interaction) {
    qa_item_t found = item("listening", "understand", 10, 2, true);
    const qa_speech_t *speech = &interaction->speech.val;
    if (interaction->speech.is_some && speech->agent + speech->customer > 0)
        points(&found, 10 * (1 - (double)speech->agent / (double)(speech->agent + speech->customer)));
    return found;
}

static qa_item_t manners(const qa_interaction_t *interaction) {
    qa_item_t found = item("manners", "help", 1, 0.5, true);
    points(&found, 1);
    for (size_t n = 0; n < interaction->attributes.len; n++) {
        const cx_attribute_t *attribute = &interaction->attributes.ptr[n];
        if (!jf_equal(attribute->key, "rude")) continue;
        found.result.tag = QA_ITEM_RESULT_FATAL;
        found.evidence = at(first(interaction, QA_SEGMENT_KIND_TALK), jf_keep(attribute->value));
        break;
    }
    return found;
}

static bool thanks(const qa_interaction_t *interaction, qa_item_t *found, cx_error_t *error) {
    *found = item("thanks", "close", 3, 1, false);
    if (interaction->channel == CX_CHANNEL_VOICE) return true;
    messages_list_message_t messages;
    if (!messages_list(0, 200, &messages, error)) return false;
    int thanked = 0;
    for (size_t n = 0; n < messages.len; n++) {
        const chat_message_t *message = &messages.ptr[n];
        bool polite = jf_contains(message->text, JF_TEXT("谢谢")) || jf_contains(message->text, JF_TEXT("thank"));
        if (message->author != CHAT_AUTHOR_AGENT || !polite || ++thanked > 1) continue;
        uint64_t moment = message->at > interaction->started_at ? message->at - interaction->started_at : 0;
        found->evidence = (qa_option_evidence_t){true, {moment, moment, jf_keep(message->text)}};
    }
    points(found, thanked < 3 ? thanked : 3);
    return true;
}

static void emotions(const qa_interaction_t *interaction, qa_list_phase_emotion_t *list) {
    uint32_t interruptions = interaction->speech.is_some ? interaction->speech.val.interruptions : 0;
    if (interruptions > 2) {
        jf_text note = jf_format("interrupted %u times", (unsigned)interruptions);
        qa_phase_emotion_t emotion = {CX_PHASE_UNDERSTAND, 2, at(first(interaction, QA_SEGMENT_KIND_TALK), note)};
        JF_PUSH(list, emotion);
    }
    for (size_t n = 0; n < interaction->surveys.len; n++) {
        const qa_survey_t *survey = &interaction->surveys.ptr[n];
        if (!jf_equal(survey->question, "csat")) continue;
        int range = survey->highest - survey->lowest, above = survey->value - survey->lowest;
        qa_phase_emotion_t emotion = {CX_PHASE_CLOSE, (uint8_t)(range ? 1 + 4 * above / range : 3), {0}};
        JF_PUSH(list, emotion);
        break;
    }
}

bool exports_scorecard_evaluate(qa_interaction_t *interaction, qa_evaluation_t *evaluation, exports_scorecard_error_t *error) {
    *evaluation = (qa_evaluation_t){0};
    qa_item_t last;
    if (!thanks(interaction, &last, error)) return false;
    JF_PUSH(&evaluation->items, wait(interaction));
    JF_PUSH(&evaluation->items, listening(interaction));
    JF_PUSH(&evaluation->items, manners(interaction));
    JF_PUSH(&evaluation->items, last);
    emotions(interaction, &evaluation->emotions);
    return true;
}
