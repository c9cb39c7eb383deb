# shellcheck shell=bash disable=SC2154
# Redis from Debian's package. It keeps nothing that could not be lost: no append-only file, one dump when it
# is stopped in order, so a kill empties it up to the last minute.

redis_servers() { echo redis; }
redis_port() { port 16379 7; }
redis_version() { redis-server --version 2>/dev/null | sed -E 's/.* v=([^ ]+).*/Redis \1/'; }
redis_answers() { [ "$(timeout 5 redis-cli -h 127.0.0.1 -p "$(redis_port)" ping 2>/dev/null)" = PONG ]; }
redis_env() { export_line "$1REDIS_URL" "redis://127.0.0.1:$(redis_port)/0"; }

redis_install() {
  if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then return 0; fi
  apt_install redis-server || return 1
  # The package means to run a server of its own on Redis' usual port, now and at every boot.
  if [ -d /run/systemd/system ]; then
    systemctl disable --now redis-server >/dev/null 2>&1
  else
    update-rc.d redis-server disable >/dev/null 2>&1
  fi
  return 0
}

redis_begin() {
  local shape
  shape="port $(redis_port)"
  reuse redis "$shape" && return
  free_port redis "$(redis_port)" || return 1
  mkdir -p "$dir/data/redis" || return 1
  spawn redis "$shape" redis-server --bind 127.0.0.1 --port "$(redis_port)" --dir "$dir/data/redis" \
    --appendonly no --save 60 1 --daemonize no
}

redis_await() { await redis 30 redis_answers && ready redis; }
redis_stop() { end TERM 15 redis; }
redis_kill() { end KILL 15 redis; }
