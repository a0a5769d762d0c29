#include "jackfield.h"

#include <string.h>

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

/* Four hexadecimal digits; the host gives valid JSON only. */
static uint32_t unit(const char *at) {
    char digits[5] = {at[0], at[1], at[2], at[3], 0};
    return (uint32_t)strtoul(digits, NULL, 16);
}

static uint8_t *put(uint8_t *to, uint32_t code) {
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t FIRST[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (uint8_t)(FIRST[more] | code >> 6 * more);
    while (more-- > 0) *to++ = (uint8_t)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

static const char LETTERS[] = "bfnrt";

jf_text jf_string(jf_json value) {
    jf_text text = {NULL, 0};
    if (!value.at || *value.at != '"') return text;
    const char *at = value.at + 1, *end = value.end - 1;
    uint8_t *to = text.ptr = malloc((size_t)(end - at) + 1);
    if (!to) __builtin_trap();
    while (at < end) {
        if (*at != '\\') {
            *to++ = (uint8_t)*at++;
            continue;
        }
        const char *known = strchr(LETTERS, at[1]);
        if (at[1] != 'u') {
            *to++ = (uint8_t)(known ? "\b\f\n\r\t"[known - LETTERS] : at[1]);
            at += 2;
            continue;
        }
        uint32_t code = unit(at + 2);
        at += 6;
        if (code >= 0xd800 && code < 0xdc00 && at + 5 < end) {
            code = 0x10000 + ((code - 0xd800) << 10) + (unit(at + 2) - 0xdc00);
            at += 6;
        }
        to = put(to, code);
    }
    text.len = (size_t)(to - text.ptr);
    return text;
}
