#include "jackfield.h"

#include <string.h>

jf_text jf_copy(const char *text) {
    jf_text copy;
    plugin_string_dup(&copy, text);
    return copy;
}

bool jf_equal(jf_text one, const char *other) {
    return one.len == strlen(other) && memcmp(one.ptr, other, one.len) == 0;
}

bool jf_fail(cx_error_t *error, const char *code, const char *message) {
    error->code = jf_copy(code);
    error->message = jf_copy(message);
    error->retryable = false;
    return false;
}

void jf_log(log_level_t level, const char *message) {
    jf_text text = {(uint8_t *)message, strlen(message)};
    log_write(level, &text);
}

static const jf_json NOTHING = {NULL, NULL};

static const char *blank(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

/* Behind the text that begins at `at`. */
static const char *behind_text(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

/* Behind the value that begins at `at`. The host gives valid JSON only, so brackets match. */
static const char *behind(const char *at, const char *end) {
    size_t depth = 0;
    do {
        if (at < end && *at == '"') {
            at = behind_text(at, end);
        } else if (at < end && (*at == '{' || *at == '[')) {
            depth++;
            at++;
        } else if (at < end && (*at == '}' || *at == ']')) {
            depth--;
            at++;
        } else if (depth == 0) {
            while (at < end && !strchr(",]} \n\r\t", *at)) at++;
        } else {
            at++;
        }
    } while (depth > 0 && at < end);
    return at;
}

static jf_json value_at(const char *at, const char *end) {
    at = blank(at, end);
    if (at >= end || *at == ']' || *at == '}') return NOTHING;
    return (jf_json){at, behind(at, end)};
}

jf_json jf_config(void) {
    static jf_text text;
    if (!text.ptr) config_get(&text);
    const char *at = (const char *)text.ptr;
    return value_at(at, at + text.len);
}

jf_json jf_member_text(jf_json object, jf_text key) {
    if (!object.at || *object.at != '{') return NOTHING;
    const char *at = blank(object.at + 1, object.end);
    while (at < object.end && *at == '"') {
        const char *name = at + 1, *after = behind_text(at, object.end);
        size_t length = (size_t)(after - name) - 1;
        at = blank(after, object.end);
        jf_json value = value_at(at + 1, object.end);
        if (!value.at) return NOTHING;
        if (length == key.len && memcmp(name, key.ptr, length) == 0) return value;
        at = blank(value.end, object.end);
        if (at < object.end && *at == ',') at = blank(at + 1, object.end);
    }
    return NOTHING;
}

jf_json jf_member(jf_json object, const char *key) {
    return jf_member_text(object, (jf_text){(uint8_t *)key, strlen(key)});
}

jf_json jf_first(jf_json array) {
    if (!array.at || *array.at != '[') return NOTHING;
    return value_at(array.at + 1, array.end);
}

jf_json jf_next(jf_json element, jf_json array) {
    const char *at = blank(element.end, array.end);
    if (at >= array.end || *at != ',') return NOTHING;
    return value_at(at + 1, array.end);
}

double jf_number(jf_json value, double otherwise) {
    char digits[64];
    size_t length = value.at ? (size_t)(value.end - value.at) : 0;
    if (length == 0 || length >= sizeof digits || !strchr("-0123456789", *value.at)) return otherwise;
    memcpy(digits, value.at, length);
    digits[length] = 0;
    return strtod(digits, NULL);
}

bool jf_true(jf_json value, bool otherwise) {
    if (!value.at || (*value.at != 't' && *value.at != 'f')) return otherwise;
    return *value.at == 't';
}
