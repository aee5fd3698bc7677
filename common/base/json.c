/* The scanner: one pass, no recursion, so that no nesting from outside can exhaust the stack. Open
 * arrays and objects take one bit each; wanted members of the outermost object are noted in
 * passing. */
#include "base/json_scan.h"

#include <string.h>

enum { DEPTH_LIMIT = 1024 };

/* The walk over nested values. */
struct walk {
    struct json_scan s;
    int depth, max_depth;
    uint64_t is_object[DEPTH_LIMIT / 64];
    struct json_field *fields; /* wanted members of the outermost object */
    size_t field_count;
    struct json_field *open; /* the wanted member whose value is being scanned */
    enum json_type type;     /* of the outermost value, once it has ended */
};

static bool in_object(const struct walk *w)
{
    int level = w->depth - 1;
    return w->is_object[level / 64] >> (level % 64) & 1;
}

static bool push(struct walk *w, bool is_object)
{
    if (w->depth >= w->max_depth)
        return json_scan_fail(&w->s, NULL); /* JSON, but too deep */
    uint64_t bit = (uint64_t)1 << (w->depth % 64);
    if (is_object)
        w->is_object[w->depth / 64] |= bit;
    else
        w->is_object[w->depth / 64] &= ~bit;
    w->depth++;
    w->s.at++;
    json_scan_blanks(&w->s);
    return true;
}

static bool is_name(struct slice quoted, bool has_escape, const char *name)
{
    if (has_escape)
        return json_string_is(quoted, name);
    /* Scanned text contains no NUL, so the comparison ends at the name's end at the latest. */
    size_t len = quoted.len - 2;
    return strncmp(quoted.ptr + 1, name, len) == 0 && name[len] == 0;
}

static struct json_field *find_field(const struct walk *w, struct slice quoted, bool has_escape)
{
    char first = '\0'; /* differs for most names, which saves comparisons */
    if (quoted.len > 2)
        first = quoted.ptr[1];
    for (size_t i = 0; i < w->field_count; i++) {
        struct json_field *f = &w->fields[i];
        if ((has_escape || f->name[0] == first) && f->value.type == JSON_NONE &&
            is_name(quoted, has_escape, f->name))
            return f;
    }
    return NULL;
}

/* At a member's name: scans it and the colon. */
static bool scan_name(struct walk *w)
{
    struct json_scan *s = &w->s;
    const char *from = (const char *)s->at;
    if (s->at == s->end || *s->at != '"')
        return json_scan_fail(s, "a member's name");
    if (!json_scan_string(s))
        return false;
    struct slice quoted = {from, (size_t)((const char *)s->at - from)};
    if (w->depth == 1)
        w->open = find_field(w, quoted, s->has_escape);
    json_scan_blanks(s);
    if (s->at == s->end || *s->at != ':')
        return json_scan_fail(s, "a colon");
    s->at++;
    json_scan_blanks(s);
    return true;
}

static void begin_value(struct walk *w)
{
    if (w->depth == 1 && w->open)
        w->open->value.text.ptr = (const char *)w->s.at;
}

static void end_value(struct walk *w, enum json_type type)
{
    if (w->depth == 0)
        w->type = type;
    if (w->depth != 1 || !w->open)
        return;
    struct json_value *value = &w->open->value;
    value->type = type;
    value->text.len = (size_t)((const char *)w->s.at - value->text.ptr);
    w->open = NULL;
}

/* After a value: closes what ends here; true with *more set if another value follows. */
static bool scan_after_value(struct walk *w, bool *more)
{
    struct json_scan *s = &w->s;
    for (;;) {
        *more = false;
        if (w->depth == 0)
            return true;
        json_scan_blanks(s);
        if (s->at == s->end)
            return json_scan_fail(s, "a comma or the end of an array or object");
        bool is_object = in_object(w);
        if (*s->at == ',') {
            s->at++;
            json_scan_blanks(s);
            *more = true;
            return is_object ? scan_name(w) : true;
        }
        if (*s->at != (is_object ? '}' : ']'))
            return json_scan_fail(s, "a comma or the end of an array or object");
        s->at++;
        w->depth--;
        end_value(w, is_object ? JSON_OBJECT : JSON_ARRAY);
    }
}

/* At a value: scans it, or enters it and stops at the first value inside (*is_open). */
static bool scan_value(struct walk *w, bool *is_open)
{
    struct json_scan *s = &w->s;
    enum json_type type;
    *is_open = false;
    if (s->at == s->end)
        return json_scan_fail(s, "a value");
    begin_value(w);
    if (*s->at != '{' && *s->at != '[') {
        if (!json_scan_scalar(s, &type))
            return false;
        end_value(w, type);
        return true;
    }
    bool is_object = *s->at == '{';
    if (!push(w, is_object))
        return false;
    *is_open = s->at == s->end || *s->at != (is_object ? '}' : ']');
    return !*is_open || !is_object || scan_name(w);
}

static bool scan_all(struct walk *w)
{
    json_scan_blanks(&w->s);
    for (bool more = true; more;) {
        bool is_open;
        if (!scan_value(w, &is_open))
            return false;
        if (!is_open && !scan_after_value(w, &more))
            return false;
    }
    json_scan_blanks(&w->s);
    return w->s.at == w->s.end || json_scan_fail(&w->s, "nothing after the value");
}

static enum status walk_text(struct slice text, int max_depth, struct json_field *fields,
                             size_t count, enum json_type *type, struct err *err)
{
    const unsigned char *start = (const unsigned char *)text.ptr;
    struct walk w; /* is_object need not be cleared: only bits of open levels are read */
    w.max_depth = max_depth < DEPTH_LIMIT ? max_depth : DEPTH_LIMIT;
    w.depth = 0;
    w.fields = fields;
    w.field_count = count;
    w.open = NULL;
    w.type = JSON_NONE;
    for (size_t i = 0; i < count; i++)
        fields[i].value = (struct json_value){0};
    if (text.len == 0)
        return err_set(err, ST_INVALID, "not JSON: the text is empty");
    w.s = (struct json_scan){.start = start, .at = start, .end = start + text.len};
    bool is_ok = scan_all(&w);
    size_t at = (size_t)(w.s.at - w.s.start);
    *type = w.type;
    if (is_ok)
        return ST_OK;
    if (!w.s.fault)
        return err_set(err, ST_INVALID, "nested deeper than %d levels at byte %zu", w.max_depth,
                       at);
    /* The grammar allows it (RFC 8259, 8.2), but it is not a character, and could not be passed on
     * as UTF-8. */
    if (w.s.fault == json_scan_lone_surrogate)
        return err_set(err, ST_INVALID,
                       "%.6s at byte %zu is a lone surrogate, which is not a character",
                       (const char *)w.s.at, at);
    return err_set(err, ST_INVALID, "not JSON: %s expected at byte %zu", w.s.fault, at);
}

enum status json_check(struct slice text, int max_depth, enum json_type *type_out, struct err *err)
{
    return walk_text(text, max_depth, NULL, 0, type_out, err);
}

enum status json_read_object(struct slice text, int max_depth, struct json_field *fields,
                             size_t count, struct err *err)
{
    enum json_type type = JSON_NONE;
    enum status status = walk_text(text, max_depth, fields, count, &type, err);
    if (status == ST_OK && type != JSON_OBJECT)
        status = err_set(err, ST_INVALID, "not a JSON object");
    return status;
}
