set -euo pipefail
export AWS_PAGER="" LC_ALL=C
umask 077

say() { printf '%s\n' "$*" >&2; }
fail() { say "stopped: $*"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What is kept between this script and the one that undoes it: the run's name, the ids of what was made, the steps that were done.
keep() {
  case $2 in
    '' | None | *[!A-Za-z0-9:/_=.\ -]*) fail "$1: the answer has no usable id" ;;
  esac
  printf -v "$1" '%s' "$2"
  printf '%s=%q\n' "$1" "$2" >>"$STATE"
}
mark() { printf 'done__%s=1\n' "$1" >>"$STATE"; printf -v "done__$1" 1; }
was_done() { local name="done__$1"; [ "${!name:-}" = 1 ]; }

# Names that redress gives what it makes.
token() { printf '%s|%s|%s|1' "$RUN" "$1" "$2" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-64; }
day() { date -u -d "+$1 days" +%Y-%m-%d 2>/dev/null || date -u -v "+$1d" +%Y-%m-%d; }

# Lists of ids are kept as words; sets of snapshots as volume=snapshot.
json_list() { local sep='' id; printf '['; for id in "$@"; do printf '%s"%s"' "$sep" "$id"; sep=','; done; printf ']'; }
pick() {
  local key=$1 pair
  shift
  for pair in "$@"; do
    if [ "${pair%%=*}" = "$key" ]; then printf '%s' "${pair#*=}"; return 0; fi
  done
  say "no $key in $*"
  return 1
}
values() { local pair; for pair in "$@"; do printf '%s ' "${pair#*=}"; done; }

# look REGION SERVICE OPERATION INPUT QUERY ABSENT: one fact as JSON without white space; null where there is none.
look() {
  local out
  if ! out=$(aws "$2" "$3" --region "$1" --cli-input-json "$4" --query "$5" --output json 2>"$work/error"); then
    if [ -n "$6" ] && grep -qF -- "$6" "$work/error"; then out=null; else cat "$work/error" >&2; return 1; fi
  fi
  printf '%s' "${out:-null}" | tr -d '[:space:]'
}
# holds GOT GOOD... -- NEVER...: whether GOT is one of the good ones; one of the others ends the script.
holds() {
  local got=$1 found=1 one
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    if [ "$got" = "$1" ] || { [ "$1" = '!null' ] && [ "$got" != null ]; }; then found=0; fi
    shift
  done
  if [ $# -gt 0 ]; then shift; fi
  for one in "$@"; do
    if [ "$got" = "$one" ]; then fail "it is $got, and will not become what is waited for"; fi
  done
  return "$found"
}
# observe NAME AGAIN GOT: a fact that is read directly before a call; the first one stands, unless it is read again.
observe() {
  if [ "$3" = null ]; then fail "$1: AWS does not report it"; fi
  if [ "$2" = yes ] || [ -z "${!1:-}" ]; then
    printf -v "$1" '%s' "$3"
    printf '%s=%q\n' "$1" "$3" >>"$STATE"
  fi
}
# before WHAT GOT GOOD...: a change begins only from what the plan saw.
before() {
  local what=$1 got=$2
  shift 2
  holds "$got" "$@" || fail "before the change: $what: found $got, the plan saw $*. Make a new plan"
}
# call REGION SERVICE OPERATION INPUT [QUERY]: one call that changes something; prints ids as words.
call() {
  local out
  if [ $# -gt 4 ]; then
    out=$(aws "$2" "$3" --region "$1" --cli-input-json "$4" --query "$5" --output text) || return 1
    printf '%s' "$out" | tr '\t\n' '  ' | sed 's/ *$//'
  else
    aws "$2" "$3" --region "$1" --cli-input-json "$4" --output json >/dev/null
  fi
}
