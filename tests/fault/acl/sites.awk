# Prints what a script of common/queue/lua may call, each on a kind of key: "zadd darg:{*}:workers". By its text: its
# variables have the names of the keys. Where they do not, the call is left out.
function kind(name) {
    if (name == "queue") return "darg:{*}"
    if (name == "claimed") return "darg:{*}:claimed:*"
    return name in listed ? "darg:{*}:" name : ""
}
BEGIN {
    while ((getline line < "docs/protocol.md") > 0)
        if (match(line, /^\| `darg:{Q}:[a-z]+`/)) listed[substr(line, 13, RLENGTH - 13)]
}
function take_calls(line, token, command) {
    while (match(line, /call\('[A-Z]+', *[A-Za-z_]+/)) {
        token = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        command = token
        sub(/^call\('/, "", command)
        sub(/'.*/, "", command)
        sub(/.*, */, "", token)
        if (kind(token) != "") print tolower(command), kind(token)
    }
}
# Of the parts, only the functions that the script calls, itself or by another of them.
function take_parts(folder, i, line, function_name, body, is_found) {
    for (i = 1; i <= parts_count; i++) {
        function_name = ""
        while ((getline line < (folder part[i])) > 0) {
            if (line ~ /^--/) continue
            if (line ~ /^local function /) {
                function_name = line
                sub(/^local function /, "", function_name)
                sub(/\(.*/, "", function_name)
            } else if (function_name != "") {
                body[function_name] = body[function_name] "\n" line
            }
            if (line ~ /^end/) function_name = ""
        }
        close(folder part[i])
    }
    do {
        is_found = 0
        for (function_name in body)
            if (match(text, "(^|[^a-z_])" function_name "\\(")) {
                text = text body[function_name]
                delete body[function_name]
                is_found = 1
            }
    } while (is_found)
}
/^--#include / { part[++parts_count] = $2 }
!/^--/ { text = text "\n" $0 }
END {
    folder = FILENAME
    sub(/[^\/]*$/, "", folder)
    take_parts(folder)
    count = split(text, lines, "\n")
    for (i = 1; i <= count; i++) take_calls(lines[i])
}
