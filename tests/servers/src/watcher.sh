# Obeys orders from its input: `start`, or a signal's name. The end of its input, which comes with the death of whoever holds the
# other side, ends the server and removes the folder. Arguments: the folder, the signal of that end, the program and what it takes.
#
# The server's number and its exit code lie in files: a shell knows a dead child from a living one only by waiting for it.
folder=$1 last=$2
shift 2
running=

start() {
    rm -f "$folder/exit" "$folder/pid"
    (
        sh -c 'echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"' "$folder/pid" "$@" </dev/null >>"$folder/log" 2>&1
        echo $? >"$folder/exit"
    ) >/dev/null &
    until [ -e "$folder/pid" ] || [ -e "$folder/exit" ]; do sleep 0.02; done
    running=yes
}

stop() {
    [ -n "$running" ] || return
    [ -e "$folder/exit" ] || kill -s "$1" "$(cat "$folder/pid")" 2>/dev/null
    wait
    running=
}

while read -r order; do
    case $order in
        start) start "$@" ;;
        *) stop "$order" ;;
    esac
    echo done
done
stop "$last"
rm -rf "$folder"
