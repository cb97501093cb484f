#!/bin/sh
# A toy tape for XRootD's script-driven prepare plug-in: what lies in FILE.tape is on tape, FILE itself is on disk.
# Called with: [options] -- REQUEST stage|evict|cancel|query FILE..., the files by their places on the disk. What is
# asked to be staged stays on tape until there is a file called `mounted` in the directory of the state. The pipe `news`
# there is told the operation of each call when it is done, and `staged` when files have come.
state=$0.d
while [ "$1" != "--" ]; do shift; done
request=$(printf %s "$2" | tr -c 'A-Za-z0-9.' _) operation=$3
shift 3
case $operation in
stage)
    printf '%s\n' "$@" >"$state/$request"
    setsid sh -c '
        state=$1 request=$2; shift 2
        touch "$state/$request.begun"
        for _ in $(seq 200); do [ -d "$state" ] && [ ! -e "$state/mounted" ] || break; sleep 0.05; done
        [ -e "$state/mounted" ] && [ -e "$state/$request" ] || exit 0
        for file in "$@"; do cp "$file.tape" "$file.part" && mv "$file.part" "$file"; done
        echo staged 1<>"$state/news"
    ' sh "$state" "$request" "$@" </dev/null >/dev/null 2>&1 &
    # Who ends before its child has a session of its own takes the child along: XRootD ends the whole group.
    until [ -e "$state/$request.begun" ]; do sleep 0.01; done
    ;;
evict) rm -f "$@" ;;
cancel) rm -f "$state/$request" ;;
query) for file in "$@"; do if [ -e "$file" ]; then echo "$file DISK"; else echo "$file TAPE"; fi; done ;;
esac
echo "$operation" 1<>"$state/news" # read and write: it waits for nobody when the test is over
exit 0
