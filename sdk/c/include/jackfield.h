/* What plugins in C have beside the bindings of their world: texts, errors, log lines and the configuration.
 *
 * `plugin.h` is generated from wit/ when a plugin is built, with the contract's own documentation. Its names are those
 * of the contract: `routing_snapshot_t` is the record `snapshot` of cx:routing-strategy/types, `details_skills` the
 * function `skills` of cx:routing-strategy/details, `exports_strategy_assign` the function that a plugin defines. */
#ifndef JACKFIELD_H
#define JACKFIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "plugin.h"

/* A text as the contract has it: bytes of UTF-8 and their number, with no zero at the end. */
typedef plugin_string_t jf_text;

/* A text of a C literal, which is not to be freed: for arguments of imports. */
#define JF_TEXT(literal) ((jf_text){(uint8_t *)(literal), sizeof(literal) - 1})

/* A copy that the bindings free after the answer was read: for what a plugin returns. */
jf_text jf_copy(const char *text);

jf_text jf_keep(jf_text text);

/* The same, made as `printf` makes it. A text of the contract goes in with "%.*s", JF_SHOWN(text). */
jf_text jf_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define JF_SHOWN(text) (int)(text).len, (const char *)(text).ptr

bool jf_equal(jf_text one, const char *other);
bool jf_contains(jf_text text, jf_text part);

/* Adds to a list that a plugin returns, which was empty ({0}) in the beginning:
 * `JF_PUSH(&plan->assignments, (routing_assignment_t){work, agent});` */
#define JF_PUSH(list, ...) \
    ((list)->ptr = jf_room((list)->ptr, (list)->len, sizeof *(list)->ptr), (void)((list)->ptr[(list)->len++] = __VA_ARGS__))
/* Room for one more; traps when there is no memory. */
void *jf_room(void *list, size_t length, size_t size);

/* Fills an error in; answers false, which is how an exported function says that it failed:
 * `return jf_fail(err, "bad-config", "price: expected a number");` */
bool jf_fail(cx_error_t *error, const char *code, const char *message);

/* Writes a line into the plugin's log. The levels are LOG_LEVEL_DEBUG, _INFO, _WARN and _ERROR. `printf` works as
 * well; its lines have the level "info", those to stderr "warn". */
void jf_log(log_level_t level, const char *message);

/* A value of a JSON text: a part of it. Nothing is copied and nothing is to be freed. */
typedef struct {
    const char *at;
    const char *end;
} jf_json;

/* The binding's configuration; an empty object when none was set. */
jf_json jf_config(void);

/* The member of an object; nothing (`at` is NULL) when it is not there or `object` is no object. */
jf_json jf_member(jf_json object, const char *key);
jf_json jf_member_text(jf_json object, jf_text key);

/* The elements of an array, one after the other:
 * `for (jf_json at = jf_first(array); at.at; at = jf_next(at, array))`. */
jf_json jf_first(jf_json array);
jf_json jf_next(jf_json element, jf_json array);

/* A text with its escapes resolved, which the plugin frees or returns; empty when it is nothing or something else. */
jf_text jf_string(jf_json value);

/* A number or a truth value, or `otherwise` when it is nothing or something else. */
double jf_number(jf_json value, double otherwise);
bool jf_true(jf_json value, bool otherwise);

#endif
