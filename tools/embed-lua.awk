# The work of tools/embed-lua: reads a script, checks its head against its body, and prints what C needs of it.
#
# A head declares what the script takes, in the order in which it takes it:
#   -- KEYS[1] name            -- ARGV[1] name: what it is
#   -- KEYS[2...] name         as many further keys as there are, or none
#   -- ARGV[2...] a, b, c      likewise; where these are several names, all of them again and again
#   -- ARGV[2...] _part.lua    likewise, as that part declares it: -- ARGV[...] a, b, c
#   -- ARGV[...] name          behind such a line: another one
# In the script a name is a local variable, which holds the key or argument; of what is repeated, name_at is the number of the
# first. In C a name is a field of struct script_NAME_call. What the script itself repeats at its end is added after
# script_NAME_begin(), so that much of it need not be copied: values of one name as they are, those of several with
# script_NAME_add().

function fail_at(where, why) {
    print where ": " why > "/dev/stderr"
    exit 1
}
function fail(why) { fail_at(path ":" line_number, why) }
function example(array, at) { return "\"-- " array "[" at "] name\"" }

# ---- the text that is sent ----

function send(line, is_at_top, is_end) {
    # Lines are processed one at a time, so a string or comment of several lines would break.
    if (line ~ /\[=*\[/) fail("long brackets are not supported: write a string or comment of one line")
    if (line ~ /[\001-\010\013-\037\177]/) fail("a control byte stands here: escape it")
    is_at_top = line ~ /^local /
    is_end = line ~ /^end|^local function .*[ )]end *$/
    sub(/^[ \t]+/, "", line)
    sub(/[ \t]+$/, "", line)
    if (line == "" || line ~ /^--/) return
    # After the parts, so that none of them can come to depend on a script's names.
    if (path == script_path && body_at == 0) body_at = length(source) + 1
    if (path != script_path && is_at_top && line ~ /^local function /) begin_function(line)
    source = source line "\n"
    if (is_end && functions && !function_size[functions]) function_size[functions] = length(source) + 1 - function_at[functions]
    sub(/[ \t]--.*/, "", line)
    note_uses(line, "KEYS")
    note_uses(line, "ARGV")
    if (path == script_path) note_words(line)
    else if (is_at_top) note_locals(line)
}
function begin_function(line) {
    sub(/^local function /, "", line)
    sub(/ *\(.*/, "", line)
    function_name[++functions] = line
    function_at[functions] = length(source) + 1
    function_size[functions] = 0
}
# A part may have more than a script needs of it: Redis makes each function anew whenever the script is called.
function drop_unused(i, k, rest, is_dropped) {
    do {
        is_dropped = 0
        for (i = 1; i <= functions; i++) {
            if (!function_size[i]) continue
            rest = substr(source, 1, function_at[i] - 1) substr(source, function_at[i] + function_size[i])
            if (rest ~ ("[^A-Za-z0-9_]" function_name[i] "[^A-Za-z0-9_]")) continue
            source = rest
            body_at -= function_size[i]
            for (k = i + 1; k <= functions; k++) function_at[k] -= function_size[i]
            function_size[i] = 0
            is_dropped = 1
        }
    } while (is_dropped)
}
# The names that the script itself mentions.
function note_words(line, word) {
    gsub(/'[^']*'|"[^"]*"/, "", line)
    while (match(line, /[.:]?[A-Za-z_][A-Za-z0-9_]*/)) {
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        is_used[word] = 1
    }
}
# Names that a part gives to things of its own.
function note_locals(line, list, i) {
    sub(/^local (function )?/, "", line)
    sub(/ *[=(].*/, "", line)
    for (i = split(line, list, /, */); i > 0; i--) part_of[list[i]] = path ":" line_number
}
# KEYS and ARGV stand for what is repeated; all else has a name.
function note_uses(line, array, number) {
    if (rests[array] && line ~ ("= *[0-9]+, *#" array " *(,|do|$)"))
        fail("a number says where " array " is repeated: write " first_name(array) "_at")
    while (match(line, "(^|[^A-Za-z0-9_])" array)) {
        line = substr(line, RSTART + RLENGTH)
        if (line ~ /^[A-Za-z0-9_]/) continue
        if (line ~ /^\[[0-9]+\]/) refuse_number(array, substr(line, 2, index(line, "]") - 2) + 0)
        if (!(array in used_at)) used_at[array] = path ":" line_number
    }
}
function refuse_number(array, number) {
    if (path != script_path) fail(array "[" number "] is used by its number: let the part have it as a parameter")
    if (number <= count[array]) fail(array "[" number "] is used by its number: write its name, " name[array, number])
    if (rests[array]) fail(array "[" number "] is used by its number: write " array "[" first_name(array) "_at]")
    fail(array "[" number "] is used, but not declared: put " example(array, number) " into the head, and write that name here")
}

# ---- the head ----

function is_name(name) { return name ~ /^[a-z][a-z0-9_]*$/ }
function take_name(name, where) {
    if (!is_name(name)) fail("\"" name "\" is no name: a name is made of a-z, 0-9 and _, what it means comes behind a colon")
    if (name in name_at) fail(name " is declared twice, here and at " name_at[name] ": give it another name")
    name_at[name] = path ":" line_number
}
# -- KEYS[1] name: what it is
function declare(line, array, at, names, what, i) {
    array = substr(line, 4, 4)
    if (line !~ /^-- (KEYS|ARGV)\[[0-9]*(\.\.\.)?\] [^ ]/)
        fail("this is no declaration: write one a line, " example(array, 1) " or, for what is repeated, " example(array, "1..."))
    at = substr(line, 9, index(line, "]") - 9)
    names = substr(line, index(line, "] ") + 2)
    if (i = index(names, ": ")) {
        what = substr(names, i + 2)
        names = substr(names, 1, i - 1)
    }
    if (sub(/\.\.\.$/, "", at)) return declare_rest(array, at, names, what)
    if (rests[array]) fail("nothing can follow what is repeated: move this above " rest_at[array, 1])
    if (at != count[array] + 1)
        fail(array "[" count[array] + 1 "] is to be declared here, not " array "[" at "]: number them without gaps")
    take_name(names)
    count[array]++
    name[array, at] = names
    meaning[array, at] = what
    place[array, at] = path ":" line_number
}
function declare_rest(array, at, names, what, list, n, i, expected) {
    expected = rests[array] ? "" : count[array] + 1
    if (array == "KEYS" && rests[array]) fail("KEYS can only be repeated once: their number would not tell which they are")
    if (at != expected) fail(array "[" expected "...] is to be declared here, not " array "[" at "...]")
    n = ++rests[array]
    rest_at[array, n] = path ":" line_number
    rest_meaning[array, n] = what
    if (names ~ /^_[a-z_]+\.lua$/ && array == "ARGV") {
        rest_part[n] = names
        names = substr(names, 2, length(names) - 5)
        take_name(names)
    } else {
        if (n > 1 && index(rest_names[array, n - 1], ","))
            fail("only the last of what is repeated can have several names: let a part declare what stands before it")
        for (i = split(names, list, /, /); i > 0; i--) take_name(list[i])
        if (array == "KEYS" && index(names, ",")) fail("further KEYS have one name")
    }
    rest_names[array, n] = names
}

# ---- reading ----

function include(file, own_path, own_number, got, line) {
    if (file !~ /^_[a-z_]+\.lua$/) fail("cannot include " file ": a part is called _name.lua")
    own_path = path
    own_number = line_number
    sub(/[^\/]*$/, file, path)
    line_number = 0
    parts[file] = ""
    while ((got = (getline line < path)) > 0) {
        line_number++
        if (line ~ /^--#include/) fail("a part cannot include: let the script include both")
        if (line ~ /^-- (KEYS|ARGV)\[/) declare_part(file, line)
        send(line)
    }
    close(path)
    if (got < 0) fail_at(own_path ":" own_number, "cannot read " path)
    path = own_path
    line_number = own_number
}
# -- ARGV[...] a, b, c: what it is
function declare_part(file, line, list, i) {
    if (line !~ /^-- ARGV\[\.\.\.\] [a-z0-9_]+(, [a-z0-9_]+)*(: |$)/)
        fail("a part declares what is repeated of the arguments, and nothing else: \"-- ARGV[...] name, name\"")
    sub(/^[^ ]+ [^ ]+ /, "", line)
    part_meaning[file] = line ~ /: / ? substr(line, index(line, ": ") + 2) : ""
    sub(/:.*/, "", line)
    parts[file] = line
    parts_at[file] = path ":" line_number
}
function read_script(file, line, got, is_head) {
    path = script_path = file
    line_number = body_at = functions = 0
    is_head = 1
    summary = source = ""
    split("", count); split("", rests); split("", rest_part); split("", rest_names); split("", name_at)
    split("", used_at); split("", parts); split("", is_used); split("", part_of)
    count["KEYS"] = count["ARGV"] = rests["KEYS"] = rests["ARGV"] = 0
    script = file
    gsub(/^.*\/|\.lua$/, "", script)
    if (!is_name(script)) fail_at(file, "a script's name is made of a-z, 0-9 and _: rename the file")
    while ((got = (getline line < file)) > 0) {
        if (++line_number == 1) {
            if (line !~ /^#!lua( flags=[a-z,-]+)?$/) fail("the first line must be #!lua [flags=...]")
            source = line "\n"
        } else if (line ~ /^--#include /) {
            is_head = 0
            include(substr(line, 12))
        } else if (line ~ /^-- (KEYS|ARGV)/) {
            if (!is_head) fail("declarations stand in the head: move this up")
            declare(line)
        } else {
            if (line !~ /^--/) is_head = 0
            if (is_head && count["KEYS"] + count["ARGV"] + rests["KEYS"] + rests["ARGV"] == 0)
                summary = summary (summary == "" ? "" : " ") substr(line, 4)
            send(line)
        }
    }
    if (got < 0) fail_at(file, "cannot be read")
    close(file)
    if (index(summary, script ": ") != 1)
        fail_at(file ":2", "a head begins with what the script does: \"-- " script ": ...\"")
    check_parts()
    check("KEYS")
    check("ARGV")
    drop_unused()
    add_names()
}
# The names as the script's variables; those that it does not use are left out, since each takes a little time.
function add_names(i) {
    for (i = 1; i <= count["KEYS"]; i++) add_name(name["KEYS", i], "KEYS[" i "]")
    for (i = 1; i <= count["ARGV"]; i++) add_name(name["ARGV", i], "ARGV[" i "]")
    if (rests["KEYS"]) add_name(first_name("KEYS") "_at", count["KEYS"] + 1)
    if (rests["ARGV"]) add_name(first_name("ARGV") "_at", count["ARGV"] + 1)
    if (all_names != "")
        source = substr(source, 1, body_at - 1) "local " all_names " = " all_values "\n" substr(source, body_at)
    all_names = all_values = ""
}
function add_name(name, value) {
    if (!(name in is_used)) return
    if (name in part_of)
        fail_at(path, "its head says " name ", which " part_of[name] " calls something of its own: take another name")
    all_names = all_names (all_names == "" ? "" : ", ") name
    all_values = all_values (all_values == "" ? "" : ", ") value
}
function first_name(array, list) {
    split(rest_names[array, 1], list, /, /)
    return list[1]
}

# ---- the head against the body ----

function check(array, i) {
    for (i = 1; i <= count[array]; i++)
        if (!(name[array, i] in is_used))
            fail_at(place[array, i], array "[" i "] " name[array, i] " is declared, but the script does not use it: " \
                "use it, or take it out of the head and number the others again")
    if (rests[array] && !(array in used_at))
        fail_at(rest_at[array, 1], array " is declared as repeated, but the script uses none of that: take this line out")
    if (!rests[array] && array in used_at)
        fail_at(used_at[array], array " is used, but " script ".lua does not declare that it is repeated: put " \
            example(array, count[array] + 1 "...") " into its head")
}
function check_parts(i, file, is_named) {
    for (i in rest_part) {
        file = rest_part[i]
        if (!(file in parts)) fail_at(rest_at["ARGV", i], file " is not included: write --#include " file)
        if (parts[file] == "") fail_at(rest_at["ARGV", i], file " does not declare what it takes: \"-- ARGV[...] name, name\"")
        is_named[file] = 1
    }
    for (file in parts)
        if (parts[file] != "" && !(file in is_named))
            fail_at(parts_at[file], script ".lua includes this, but does not declare it: put \"-- ARGV[" \
                (rests["ARGV"] ? "" : count["ARGV"] + 1) "...] " file "\" into its head")
}

# ---- what C gets ----

# True for what script_NAME_begin() does not take, because it is added later.
function is_added_later(n) { return n == rests["ARGV"] && !(n in rest_part) }
function own_items() {
    return rests["ARGV"] && is_added_later(rests["ARGV"]) && index(rest_names["ARGV", rests["ARGV"]], ",")
}
function field(type, name, what) {
    gsub(/\*\//, "* /", what)
    print "    " type (type ~ /\*$/ ? "" : " ") name ";" (what == "" ? "" : " /* " what " */")
}
function print_header(i, n, file) {
    for (file in parts)
        if (parts[file] != "" && !(file in printed)) {
            printed[file] = 1
            print_item(substr(file, 2, length(file) - 5), parts[file], part_meaning[file])
        }
    print "\n/* " summary " */"
    print "extern const struct script script_" script ";"
    print "struct script_" script "_call {"
    for (i = 1; i <= count["KEYS"]; i++) field("const char *", name["KEYS", i], meaning["KEYS", i])
    if (rests["KEYS"]) field("const struct request *", rest_names["KEYS", 1], rest_meaning["KEYS", 1])
    for (i = 1; i <= count["ARGV"]; i++) field("struct script_value", name["ARGV", i], meaning["ARGV", i])
    for (i = 1; i <= rests["ARGV"]; i++)
        if (!is_added_later(i)) field("const struct request *", rest_names["ARGV", i], rest_meaning["ARGV", i])
    print "};"
    n = rests["ARGV"]
    if (n && is_added_later(n)) print "/* To be followed by: " rest_names["ARGV", n] " ... */"
    print "void script_" script "_begin(struct request *request, const struct script_" script "_call *call);"
    if (own_items()) print_item(script, rest_names["ARGV", n], rest_meaning["ARGV", n])
}
function print_item(owner, names, what, list, n, i) {
    print (what == "" ? "" : "\n/* " what " */") "\nstruct script_" owner "_item {"
    n = split(names, list, /, /)
    for (i = 1; i <= n; i++) field("struct script_value", list[i])
    print "};"
    print "void script_" owner "_add(struct request *request, const struct script_" owner "_item *item);"
}

# As C string literals, one per line; "?" is escaped because of trigraphs.
function quote(text, lines, n, i, quoted) {
    n = split(text, lines, "\n")
    for (i = 1; i < n; i++) {
        gsub(/[\\"?]/, "\\\\&", lines[i])
        gsub(/\t/, "\\t", lines[i])
        quoted = quoted "        \"" lines[i] "\\n\"\n"
    }
    return quoted
}
function sha1_of(text, command, sum) {
    printf "%s", text > scratch
    close(scratch)
    command = "sha1sum <'" scratch "'"
    command | getline sum
    close(command)
    return substr(sum, 1, 40)
}
function print_source(i, file, further) {
    for (file in parts)
        if (parts[file] != "" && !(file in printed)) {
            printed[file] = 1
            print_add(substr(file, 2, length(file) - 5), parts[file])
        }
    print "\nconst struct script script_" script " = {"
    print "    .name = \"" script "\","
    print "    .sha1 = \"" sha1_of(source) "\","
    print "    .key_count = " count["KEYS"] ","
    print "    .source =\n" quote(source) "};"
    print "\nvoid script_" script "_begin(struct request *request, const struct script_" script "_call *call)\n{"
    further = rests["KEYS"] ? "call->" rest_names["KEYS", 1] : "NULL"
    print "    script_start(request, &script_" script ", " further ");"
    for (i = 1; i <= count["KEYS"]; i++) print_value("add_key", "call", script, name["KEYS", i])
    if (rests["KEYS"]) print "    request_add_all(request, " further ");"
    for (i = 1; i <= count["ARGV"]; i++) print_value("add", "call", script, name["ARGV", i])
    for (i = 1; i <= rests["ARGV"]; i++)
        if (!is_added_later(i)) print "    request_add_all(request, call->" rest_names["ARGV", i] ");"
    print "}"
    if (own_items()) print_add(script, rest_names["ARGV", rests["ARGV"]])
}
function print_value(verb, from, owner, name) {
    print "    script_" verb "(request, " (verb == "add" ? "&" : "") from "->" name ", \"" owner ": " name "\");"
}
function print_add(owner, names, list, n, i) {
    print "\nvoid script_" owner "_add(struct request *request, const struct script_" owner "_item *item)\n{"
    n = split(names, list, /, /)
    for (i = 1; i <= n; i++) print_value("add", "item", owner, list[i])
    print "}"
}

BEGIN {
    print "/* Made by tools/embed-lua from common/queue/lua. */"
    if (form == "h") {
        print "#ifndef DARG_LUA_SCRIPTS_H\n#define DARG_LUA_SCRIPTS_H\n\n#include \"redis/script.h\""
    } else {
        print "#include \"queue/scripts.h\"\n"
        print "/* ISO C only promises literals of 4095 characters; every compiler in use takes more. */"
        print "#pragma GCC diagnostic ignored \"-Woverlength-strings\""
    }
    for (f = 1; f < ARGC; f++) {
        if (ARGV[f] ~ /(^|\/)_[^\/]*$/) continue
        read_script(ARGV[f])
        all = all "    &script_" script ",\n"
        if (form == "h") print_header()
        else print_source()
    }
    if (form == "h") {
        print "\n/* All of them, and NULL behind the last. */\nextern const struct script *const script_all[];\n\n#endif"
    } else {
        print "\nconst struct script *const script_all[] = {\n" all "    NULL,\n};"
    }
    exit 0
}
