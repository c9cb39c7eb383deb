# shellcheck shell=bash disable=SC2015,SC2154
# What the parts of scripts/services share: messages, packages, settings, processes, ports, and removing a
# folder without ever leaving it. Sourced, never run; $dir is the folder with all state.

# PostgreSQL's own user has to pass through what root unpacks.
umask 022

say() { printf '%s\n' "$*" >&2; }
die() { printf 'services: %s\n' "$*" >&2; exit 1; }

# since MICROSECONDS: the time from then to now, as people read it. The argument is an $EPOCHREALTIME.
since() {
  local ms=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 1000))
  printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# export_line NAME VALUE: as a shell reads it back.
export_line() {
  if [[ $2 =~ ^[A-Za-z0-9_./:,@-]+$ ]]; then echo "export $1=$2"; else printf 'export %s=%q\n' "$1" "$2"; fi
}

# --- the folder -----------------------------------------------------------------------------------

# A folder is ours when it carries this file: nothing else is ever removed.
marker=.storefront-services
ours() { [ -f "$dir/$marker" ]; }

own_folder() {
  if [ -d "$dir" ] && ! ours && [ -n "$(ls -A "$dir")" ]; then
    die "$dir has files of something else in it; choose another folder with --dir"
  fi
  mkdir -p "$dir" && : >"$dir/$marker" && mkdir -p "$dir"/{data,install,log,run} || die "cannot write to $dir"
}

# lock lets one command at a time change the folder. It ends with the process and those it waits for.
lock() {
  exec 9>"$dir/lock" || die "cannot write to $dir"
  if ! flock -n 9; then
    say "another scripts/services works in $dir; waiting for it"
    flock 9
  fi
}

# mounts_below FOLDER lists what is mounted at it or below, the latest first. /proc/mounts writes spaces as \040.
mounts_below() {
  local target
  while read -r _ target _; do
    target=$(printf '%b' "${target//\\/\\0}")
    case $target in "$1" | "$1"/*) printf '%s\n' "$target" ;; esac
  done </proc/self/mounts | tac
}

unmount_below() {
  local target
  while IFS= read -r target; do
    umount -- "$target" 2>/dev/null || umount -l -- "$target" || return 1
  done < <(mounts_below "$1")
  [ -z "$(mounts_below "$1")" ]
}

# remove FOLDER, only when nothing is mounted in it; --one-file-system holds even if that changed meanwhile.
remove() {
  [ -e "$1" ] || return 0
  case $1 in "$dir" | "$dir"/*) ;; *) die "refusing to remove $1, which is not below $dir" ;; esac
  unmount_below "$1" || die "$1 is not removed: something is mounted below it"
  rm -rf --one-file-system -- "$1" || die "cannot remove all of $1"
}

# --- installing -----------------------------------------------------------------------------------

# install_folder NAME FUNCTION: has FUNCTION fill an empty folder, which gets its name only when it is
# complete. So what a killed run left behind is never taken for an installation, and is removed here.
install_folder() {
  local name=$1 fill=$2 began=$EPOCHREALTIME building=$dir/install/.building-$1
  [ ! -d "$dir/install/$name" ] || return 0
  [ ! -e "$building" ] || { say "$name: an earlier installation was not finished; beginning anew"; remove "$building"; }
  mkdir -p "$building" || return 1
  "$fill" "$building" || { remove "$building"; return 1; }
  unmount_below "$building" && mv -T "$building" "$dir/install/$name" || return 1
  say "$name: installed in $(since "$began")"
}

# long TEXT LOG COMMAND...: a step that takes a while. Its output goes to log/LOG, a line every 15 s tells that it is
# still at work, and the log's end is shown when it fails.
long() {
  local text=$1 log=$dir/log/$2 began=$SECONDS next=$((SECONDS + 15)) rc
  shift 2
  say "$text"
  # A process group of its own, so that all of it can be ended when this script is.
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  long_pid=$!
  set +m
  while kill -0 "$long_pid" 2>/dev/null; do
    sleep 0.5
    if [ "$SECONDS" -ge "$next" ]; then
      say "  still at it after $((SECONDS - began)) s"
      next=$((SECONDS + 15))
    fi
  done
  wait "$long_pid"
  rc=$?
  # A step that failed may have left something running, which would keep the lock.
  [ "$rc" -eq 0 ] || kill -TERM -- "-$long_pid" 2>/dev/null
  long_pid=
  [ "$rc" -eq 0 ] || { say "  failed; the end of $log:"; tail -n 25 "$log" | sed 's/^/  | /' >&2; }
  return "$rc"
}
long_pid=

interrupted() {
  trap - INT TERM
  if [ -n "$long_pid" ]; then
    kill -TERM -- "-$long_pid" 2>/dev/null
    wait "$long_pid" 2>/dev/null
    unmount_below "$dir/install"
  fi
  say "interrupted; scripts/services up goes on from here"
  exit 130
}
trap interrupted INT TERM

# apt_install PACKAGE...: from the machine's own apt sources, without a question and without starting services.
apt_install() {
  [ "$(id -u)" = 0 ] || die "$* must be installed first, and that needs root: apt-get install $*"
  command -v apt-get >/dev/null || die "$* must be installed first, and there is no apt-get on this machine"
  long "installing $* with apt-get" "apt-$1.log" apt_quietly "$@"
}
apt_quietly() {
  local policy=/usr/sbin/policy-rc.d
  export DEBIAN_FRONTEND=noninteractive
  # Sources that are of no use here may fail; whether the packages are there is what counts.
  apt-get -q -o DPkg::Lock::Timeout=300 update
  if [ ! -e "$policy" ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT # of the background shell that long runs this in
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

# --- settings -------------------------------------------------------------------------------------

# What up was told is kept, so that the other commands know ports and shape.
default_settings() { brokers=1 secure=no base_port='' fast=no parts=("${all_parts[@]}"); }

set_parts() {
  local part
  [ -n "${1:-}" ] || return 0
  parts=()
  for part in "$@"; do
    case $part in
      kafka | mongodb | redis) parts+=("$part") ;;
      *) die "there is no part $part: kafka, mongodb and redis can be brought up" ;;
    esac
  done
}

# settle KEY=VALUE...: takes the options of up, or says what is wrong with them.
settle() {
  local pair
  for pair in "$@"; do
    case $pair in
      '') ;;
      brokers=1 | brokers=3) brokers=${pair#*=} ;;
      brokers=*) die "--brokers takes 1 or 3, not '${pair#*=}'" ;;
      secure=yes) secure=yes ;;
      fast=yes) fast=yes ;;
      base_port=*)
        base_port=${pair#*=}
        [[ $base_port =~ ^[1-9][0-9]{3,4}$ ]] && [ "$base_port" -ge 1024 ] && [ "$base_port" -le 65500 ] ||
          die "--base-port takes a number from 1024 to 65500, not '$base_port'"
        ;;
    esac
  done
}

# keep_settings: parts that run already are brought up too when up is told of others, as one set has one shape.
keep_settings() {
  local part name kept=()
  for part in "${all_parts[@]}"; do
    case " ${parts[*]} " in *" $part "*) kept+=("$part"); continue ;; esac
    for name in "$dir"/run/*.pid; do
      [ -e "$name" ] || continue
      name=$(basename "$name" .pid)
      if [ "$(module_of "$name")" = "$part" ] && running "$name"; then kept+=("$part"); break; fi
    done
  done
  parts=("${kept[@]}")
  printf '%s\n' "brokers=$brokers" "secure=$secure" "base_port=$base_port" "fast=$fast" "parts=${kept[*]}" >"$dir/run/settings"
}

read_settings() {
  local key value
  [ -e "$dir/run/settings" ] || return 0
  while IFS='=' read -r key value; do
    case $key in
      brokers) brokers=$value ;;
      secure) secure=$value ;;
      base_port) base_port=$value ;;
      fast) fast=$value ;;
      parts) read -r -a parts <<<"$value" ;;
    esac
  done <"$dir/run/settings"
}

# --- processes ------------------------------------------------------------------------------------

# A pid file has the pid, when the kernel says that process began, and how it was started: a pid that came
# to be another program's began at another time, so no process is ended that is not ours.
began_at() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name in parentheses may have spaces; the start is the 20th field after it.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [ "$1" != Z ] && echo "${20}"
}

pid_of() { cut -d ' ' -f 1 "$dir/run/$1.pid"; }
shape_of() { cut -d ' ' -f 3- "$dir/run/$1.pid"; }

running() {
  local pid start _
  [ -s "$dir/run/$1.pid" ] || return 1
  read -r pid start _ <"$dir/run/$1.pid"
  [ "$(began_at "$pid")" = "$start" ]
}

# spawn NAME SHAPE COMMAND...: runs it in the background, apart from this script's terminal and lock.
spawn() {
  local name=$1 shape=$2 log=$dir/log/$1.log pid
  shift 2
  [ ! -e "$log" ] || mv "$log" "$log.1"
  setsid "$@" >"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  disown "$pid"
  printf '%s %s %s\n' "$pid" "$(began_at "$pid")" "$shape" >"$dir/run/$name.pid"
  printf '%s' "$EPOCHREALTIME" >"$dir/run/$name.began"
}

# reuse NAME SHAPE: whether it runs already, started the same way. One started another way is stopped.
reuse() {
  running "$1" || return 1
  [ "$(shape_of "$1")" = "$2" ] && return 0
  say "$1: runs as '$(shape_of "$1")', wanted is '$2'; starting it anew"
  end TERM 30 "$1"
  return 1
}

# end SIGNAL SECONDS NAME...: signals all of them, then waits for all; who is still there then is killed.
end() {
  local signal=$1 limit=$((SECONDS + $2)) name pid named=()
  shift 2
  for name in "$@"; do
    if running "$name"; then
      kill -s "$signal" "$(pid_of "$name")" && named+=("$name")
    else
      rm -f "$dir/run/$name.pid"
    fi
  done
  for name in ${named[@]+"${named[@]}"}; do
    while running "$name" && [ "$SECONDS" -lt "$limit" ]; do sleep 0.1; done
    if running "$name"; then
      pid=$(pid_of "$name")
      say "$name: did not stop in time, killing it"
      kill -s KILL "$pid"
      while running "$name"; do sleep 0.1; done
    fi
    rm -f "$dir/run/$name.pid"
    if [ "$signal" = KILL ]; then say "$name: killed"; else say "$name: stopped"; fi
  done
}

# await NAME SECONDS CHECK...: until the check holds; otherwise says why not and shows the log's end.
await() {
  local name=$1 limit=$((SECONDS + $2)) seconds=$2
  shift 2
  until "$@"; do
    if ! running "$name"; then
      say "$name: ended while it started; the end of $dir/log/$name.log:"
    elif [ "$SECONDS" -ge "$limit" ]; then
      say "$name: does not answer after $seconds s; the end of $dir/log/$name.log:"
    else
      sleep 0.3
      continue
    fi
    tail -n 25 "$dir/log/$name.log" | sed 's/^/  | /' >&2
    return 1
  done
}

# ready NAME: tells how long it took from its start, or that it was there before.
ready() {
  if [ -e "$dir/run/$1.began" ]; then
    say "$1: answers on port $(port_of "$1") after $(since "$(cat "$dir/run/$1.began")")"
    rm -f "$dir/run/$1.began"
  else
    say "$1: was running on port $(port_of "$1")"
  fi
}

# --- ports ----------------------------------------------------------------------------------------

# port DEFAULT OFFSET: the default, or the one that many after --base-port.
port() { if [ -n "$base_port" ]; then echo $((base_port + $2)); else echo "$1"; fi; }

# free_port NAME PORT: fails, naming the other program, when somebody listens there already.
free_port() {
  local name=$1 port=$2 inode holder
  # The kernel's tables have ports as hex, 0A is listening, and the tenth column is the socket's inode.
  inode=$(awk -v p=":$(printf '%04X' "$port")" '$4 == "0A" && substr($2, length($2) - 4) == p { print $10; exit }' \
    /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  [ -n "$inode" ] || return 0
  holder=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\[$inode\]" 2>/dev/null | head -n 1 | cut -d / -f 3)
  if [ -n "$holder" ]; then holder="$(tr '\0' ' ' <"/proc/$holder/cmdline" | cut -c 1-60) (pid $holder)"; else holder="another program"; fi
  say "$name: port $port is taken by $holder; stop it, or choose other ports with --base-port"
  return 1
}
