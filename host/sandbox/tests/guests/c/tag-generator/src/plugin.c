#include "jackfield.h"

#define DAY 86400000ull

typedef exports_tagger_list_tag_change_t changes;

static uint64_t figure(const char *name, double otherwise) { return (uint64_t)jf_number(jf_member(jf_config(), name), otherwise); }

/* 0 is never. */
static void change(changes *list, uint8_t how, const char *name, uint64_t confidence, jf_text reason, uint64_t expires) {
    cx_tag_t tag = {jf_copy(name), (uint8_t)confidence, reason, {expires != 0, expires}};
    JF_PUSH(list, (exports_tagger_tag_change_t){.tag = how, .val = {.add = tag}});
}

static void add(changes *list, const char *name, uint64_t confidence, jf_text reason, uint64_t expires) {
    change(list, EXPORTS_TAGGER_TAG_CHANGE_ADD, name, confidence, reason, expires);
}

/* Counts the visits up to four. */
static bool count(uint64_t *visits, cx_error_t *error) {
    plugin_option_list_u8_t kept;
    jf_text key = JF_TEXT("visits");
    if (!key_value_get(&key, &kept, error)) return false;
    *visits = 0;
    for (size_t n = 0; kept.is_some && n < kept.val.len; n++) *visits = *visits * 10 + kept.val.ptr[n] - '0';
    if (++*visits >= 5) return key_value_delete(&key, error);
    jf_text text = jf_format("%llu", *visits);
    plugin_list_u8_t value = {text.ptr, text.len};
    return key_value_set(&key, &value, error);
}

bool exports_tagger_tags(exports_tagger_occasion_t *occasion, changes *list, exports_tagger_error_t *error) {
    uint64_t gold = figure("gold", 100000), lasting = figure("days", 30) * DAY, spent = 0, ended = occasion->ended_at;
    *list = (changes){0};
    customers_list_past_interaction_t past;
    if (!customers_history(20, &past, error)) return false;
    for (size_t n = 0; n < past.len; n++)
        if (!past.ptr[n].abandoned && past.ptr[n].started_at + lasting >= ended) spent += past.ptr[n].value;
    jf_text reason = jf_format("spent %llu", spent);
    if (spent >= gold) {
        uint64_t sure = spent * 50 / gold;
        add(list, "gold", sure < 100 ? sure : 100, reason, ended + lasting);
    } else if (spent * 2 >= gold) {
        change(list, EXPORTS_TAGGER_TAG_CHANGE_REFRESH, "gold", spent * 50 / gold, reason, 0);
    } else {
        exports_tagger_tag_change_t expire = {.tag = EXPORTS_TAGGER_TAG_CHANGE_EXPIRE, .val = {.expire = jf_copy("gold")}};
        JF_PUSH(list, expire);
    }
    if (occasion->abandoned) add(list, "gave-up", 100, jf_format("waited %llu s", occasion->waited / 1000), ended + DAY);
    jf_json words = jf_member(jf_config(), "words");
    for (size_t n = 0; n < occasion->attributes.len; n++) {
        jf_text value = occasion->attributes.ptr[n].value;
        for (jf_json at = jf_first(words); at.at; at = jf_next(at, words)) {
            jf_text word = jf_string(at);
            if (!jf_contains(value, word)) continue;
            jf_text name = jf_format("said:%.*s", JF_SHOWN(word));
            add(list, (const char *)name.ptr, 80, jf_keep(value), 0);
        }
    }
    if (occasion->score.is_some && occasion->score.val < 60)
        add(list, "unhappy", (uint64_t)(100 - occasion->score.val), jf_copy("score"), 0);
    scores_list_survey_t surveys;
    if (!scores_surveys(10, &surveys, error)) return false;
    for (size_t n = 0; n < surveys.len; n++) {
        if (!jf_equal(surveys.ptr[n].question, "csat") || surveys.ptr[n].value != surveys.ptr[n].lowest) continue;
        add(list, "detractor", 90, jf_keep(surveys.ptr[n].interaction), 0);
        break;
    }
    uint64_t visits;
    if (!count(&visits, error)) return false;
    if (visits == 3) add(list, "regular", 100, jf_copy("visit 3"), 0);
    return true;
}
