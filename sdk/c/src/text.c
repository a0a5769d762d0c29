#include "jackfield.h"

#include <stdarg.h>
#include <stdio.h>
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

void *jf_room(void *list, size_t length, size_t size) {
    /* Lists grow to 4, 8, 16… elements. */
    if (list && (length < 4 || (length & (length - 1)))) return list;
    void *grown = realloc(list, (length < 4 ? 4 : 2 * length) * size);
    if (!grown) __builtin_trap();
    return grown;
}

jf_text jf_keep(jf_text text) {
    jf_text copy = {malloc(text.len + 1), text.len};
    if (!copy.ptr) __builtin_trap();
    memcpy(copy.ptr, text.ptr, text.len);
    return copy;
}

jf_text jf_format(const char *format, ...) {
    va_list values;
    va_start(values, format);
    int length = vsnprintf(NULL, 0, format, values);
    va_end(values);
    jf_text text = {malloc((size_t)length + 1), (size_t)length};
    if (!text.ptr) __builtin_trap();
    va_start(values, format);
    vsnprintf((char *)text.ptr, (size_t)length + 1, format, values);
    va_end(values);
    return text;
}

bool jf_contains(jf_text text, jf_text part) {
    for (size_t at = 0; at + part.len <= text.len; at++)
        if (memcmp(text.ptr + at, part.ptr, part.len) == 0) return true;
    return false;
}
