# shellcheck shell=bash disable=SC2015,SC2016,SC2154
# A server that speaks MongoDB's protocol. An installed mongod is used as it is. Otherwise FerretDB, built from
# its Go module, translates to PostgreSQL with the DocumentDB extension, whose Debian packages are newer than
# most machines: so they go into a Debian system of their own, in a folder that only PostgreSQL is run in.
#
# What FerretDB lacks of MongoDB: change streams, transactions (a driver's are refused only when they commit),
# retried writes, and the words of some errors: a duplicate key has its code 11000 but not MongoDB's message,
# and in findAndModify not even the code.
#
# That folder needs no mounts while PostgreSQL runs, only /proc while its packages are configured. PostgreSQL's data
# is in it too, under var/lib/storefront: inside, it could not see the data of a folder beside it.

ferretdb_release=v2.7.0
ferretdb_module=github.com/FerretDB/FerretDB/v2/cmd/ferretdb
postgresql_major=18
documentdb_suite=forky
postgresql_data=/var/lib/storefront/postgresql

has_mongod() { command -v mongod >/dev/null; }

mongodb_servers() { if has_mongod; then echo mongod; else echo postgresql ferretdb; fi; }
mongodb_port() { if [ "$1" = postgresql ]; then port 15432 8; else port 17017 6; fi; }
mongodb_version() {
  case $1 in
    mongod) mongod --version | sed -nE 's/^db version v/MongoDB /p' ;;
    ferretdb) echo "FerretDB ${ferretdb_release#v}" ;;
    postgresql)
      echo "PostgreSQL $(in_debian dpkg-query -W -f '${Version}' "postgresql-$postgresql_major" 2>/dev/null)," \
        "DocumentDB $(in_debian dpkg-query -W -f '${Version}' "postgresql-$postgresql_major-documentdb" 2>/dev/null)"
      ;;
  esac
}
mongodb_env() { export_line "$1MONGODB_URI" "mongodb://127.0.0.1:$(mongodb_port ferretdb)/"; }

# --- installing -----------------------------------------------------------------------------------

debian() { echo "$dir/install/documentdb-$documentdb_suite"; }
in_debian() { chroot "$(debian)" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
postgresql_bin() { echo "/usr/lib/postgresql/$postgresql_major/bin/$1"; }

mongodb_install() {
  if has_mongod; then return 0; fi
  [ "$(id -u)" = 0 ] || { say "mongodb: needs root, for PostgreSQL in a Debian system of its own"; return 1; }
  install_folder "ferretdb-$ferretdb_release" ferretdb_build || return 1
  install_folder "documentdb-$documentdb_suite" documentdb_fetch
}

# ferretdb_build FOLDER: as a module outside of this repository's, whose go.mod it must not change.
ferretdb_build() {
  command -v go >/dev/null || { say "mongodb: Go is needed to build FerretDB, and is not on the path"; return 1; }
  long "ferretdb: fetching and building FerretDB $ferretdb_release, a minute or two" ferretdb-install.log \
    env -C "$1" GOFLAGS=-mod=mod GOWORK=off GOBIN="$1" CGO_ENABLED=0 go install "$ferretdb_module@$ferretdb_release" || return 1
  "$1/ferretdb" --version >/dev/null
}

# debian_mirror: where this machine's own apt gets Debian from.
debian_mirror() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
    awk -F '|' '$1 == "Debian" && $2 == "Debian" && $3 ~ /^(https?|file):/ { print $3; exit }'
}

documentdb_fetch() {
  local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg missing=() script=() http_proxy_of_apt='' https_proxy_of_apt=''
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  [ -e "$keyring" ] || missing+=(debian-archive-keyring)
  # A machine that never asked its mirror does not know yet what that has.
  if [ ${#missing[@]} -gt 0 ] || [ -z "$(debian_mirror)" ]; then apt_install debootstrap debian-archive-keyring || return 1; fi
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || { say "mongodb: apt's sources name no Debian mirror to get PostgreSQL and DocumentDB from"; return 1; }
  # A debootstrap that is older than the suite lacks its name; all later suites are set up as sid is.
  [ -e "/usr/share/debootstrap/scripts/$documentdb_suite" ] || script=(/usr/share/debootstrap/scripts/sid)
  eval "$(apt-config shell http_proxy_of_apt Acquire::http::Proxy https_proxy_of_apt Acquire::https::Proxy)"
  long "documentdb: setting up a small Debian ($documentdb_suite) in $dir/install, about half a minute" documentdb-debootstrap.log \
    env ${http_proxy_of_apt:+"http_proxy=$http_proxy_of_apt"} ${https_proxy_of_apt:+"https_proxy=$https_proxy_of_apt"} \
    debootstrap --variant=minbase --include=ca-certificates --keyring="$keyring" \
    "$documentdb_suite" "$1" "$mirror" ${script[@]+"${script[@]}"} || return 1
  long "documentdb: installing PostgreSQL $postgresql_major and DocumentDB in it, about a minute, 1 GB" documentdb-install.log \
    documentdb_packages "$1" || return 1
  unmount_below "$1" && [ -e "$1/usr/share/postgresql/$postgresql_major/extension/documentdb.control" ] &&
    chroot "$1" "$(postgresql_bin postgres)" --version >/dev/null
}

# documentdb_packages FOLDER: with what this machine's apt was told about proxies and about how it trusts.
documentdb_packages() {
  chmod 755 "$1" && cp /etc/hosts /etc/resolv.conf "$1/etc/" || return 1
  apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|Check|Allow|Max)' | grep -v ' "";$' >"$1/etc/apt/apt.conf.d/90machine"
  # Nothing is started by installing it, and no cluster is made: ours is made with settings of its own.
  printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d" || return 1
  mkdir -p "$1/etc/postgresql-common" && echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.conf" || return 1
  # What is half-written after a power cut is installed anew anyway.
  echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/fast" || return 1
  mount -t proc proc "$1/proc" || return 1
  chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -ec '
    apt-get -q -o Acquire::Languages=none update
    apt-get -q -y install --no-install-recommends "$@"
    apt-get clean' - "postgresql-$postgresql_major" "postgresql-$postgresql_major-documentdb"
}

# --- running --------------------------------------------------------------------------------------

mongodb_begin() {
  local port shape
  port=$(mongodb_port ferretdb)
  if has_mongod; then
    end TERM 30 ferretdb; end INT 30 postgresql
    reuse mongod "port $port" && return
    free_port mongod "$port" && mkdir -p "$dir/data/mongod" || return 1
    spawn mongod "port $port" mongod --bind_ip 127.0.0.1 --port "$port" --dbpath "$dir/data/mongod"
    return
  fi
  [ -x "$dir/install/ferretdb-$ferretdb_release/ferretdb" ] && [ -d "$(debian)" ] ||
    { say "mongodb: not installed in $dir: scripts/services up mongodb"; return 1; }
  postgresql_begin || return 1
  await postgresql 60 mongodb_answers postgresql && ready postgresql || return 1
  postgresql_ask 'create extension if not exists documentdb cascade' >"$dir/log/postgresql-extension.log" 2>&1 ||
    { say "postgresql: the DocumentDB extension cannot be made:"; tail -n 10 "$dir/log/postgresql-extension.log" >&2; return 1; }

  shape="$ferretdb_release, port $port, PostgreSQL on $(mongodb_port postgresql)"
  reuse ferretdb "$shape" && return
  free_port ferretdb "$port" && mkdir -p "$dir/data/ferretdb" || return 1
  spawn ferretdb "$shape" env -i PATH="$PATH" HOME="$dir/data/ferretdb" \
    "$dir/install/ferretdb-$ferretdb_release/ferretdb" --listen-addr "127.0.0.1:$port" --no-auth \
    --postgresql-url "postgres://postgres@127.0.0.1:$(mongodb_port postgresql)/postgres" \
    --state-dir "$dir/data/ferretdb" --telemetry disable --debug-addr=- --log-level WARN
}

postgresql_begin() {
  local user group data port shape pid durable=()
  port=$(mongodb_port postgresql)
  shape="port $port, fast $fast"
  if running postgresql && [ "$(shape_of postgresql)" != "$shape" ]; then mongodb_stop mongodb; fi
  reuse postgresql "$shape" && return
  free_port postgresql "$port" || return 1
  # PostgreSQL refuses to be root. Its package made a user, whose numbers only the Debian inside knows.
  IFS=: read -r _ _ user group _ < <(grep '^postgres:' "$(debian)/etc/passwd")
  data=$(debian)$postgresql_data
  if [ ! -d "$data" ]; then
    remove "$data.new"
    mkdir -p "$data.new" && chown "$user:$group" "$data.new" || return 1
    postgresql_as "$user:$group" "$(postgresql_bin initdb)" -D "$postgresql_data.new" -U postgres --auth=trust \
      --encoding=UTF8 --locale=C.UTF-8 >"$dir/log/postgresql-initdb.log" 2>&1 && mv -T "$data.new" "$data" ||
      { say "postgresql: initdb failed:"; tail -n 10 "$dir/log/postgresql-initdb.log" >&2; return 1; }
  fi
  # A kill leaves its pid file. PostgreSQL itself takes that for a running server as long as the process is not
  # reaped, which the first process of some containers does late or never; began_at tells the dead from the living.
  if [ -e "$data/postmaster.pid" ] && read -r pid <"$data/postmaster.pid" && ! began_at "$pid" >/dev/null; then
    rm -f "$data/postmaster.pid"
  fi
  [ "$fast" = no ] || durable=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
  # Shared memory in files of the data folder, as /dev/shm is not mounted inside. DocumentDB's jobs (TTL, index
  # builds) are pg_cron's: workers that need no connection, and whose every run is not written down.
  spawn postgresql "$shape" chroot --userspec="$user:$group" "$(debian)" env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 \
    "$(postgresql_bin postgres)" -D "$postgresql_data" -c listen_addresses=127.0.0.1 -c "port=$port" \
    -c unix_socket_directories= -c dynamic_shared_memory_type=mmap -c max_connections=200 -c max_worker_processes=20 \
    -c shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb -c documentdb.localhost_connection_string=host=127.0.0.1 \
    -c cron.database_name=postgres -c cron.host=127.0.0.1 -c cron.use_background_workers=on -c cron.log_run=off \
    -c cron.log_statement=off ${durable[@]+"${durable[@]}"}
}

postgresql_as() { chroot --userspec="$1" "$(debian)" env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 "${@:2}"; }
postgresql_ask() {
  in_debian PGCONNECT_TIMEOUT=5 "$(postgresql_bin psql)" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(mongodb_port postgresql)" \
    -U postgres -c "$1" postgres
}

# mongodb_answers NAME: a round trip of the protocol: {ping: 1, $db: "admin"} in an OP_MSG, answered by {ok: 1.0}.
# FerretDB passes it on to PostgreSQL, so its answer means that both are there.
mongodb_answers() {
  local answer message
  if [ "$1" = postgresql ]; then [ "$(postgresql_ask 'select 1' 2>/dev/null)" = 1 ]; return; fi
  message='\x33\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0'
  message+='\x1e\0\0\0\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0'
  answer=$(timeout 10 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" && printf "%b" "$1" >&3 && head -c 38 <&3' \
    "$(mongodb_port "$1")" "$message" 2>/dev/null | od -An -v -tx1 | tr -d ' \n')
  case $answer in *016f6b00000000000000f03f*) return 0 ;; *) return 1 ;; esac
}

mongodb_await() {
  local name
  for name in $(mongodb_servers); do
    # PostgreSQL was waited for before FerretDB started.
    [ "$name" = postgresql ] && continue
    await "$name" 60 mongodb_answers "$name" && ready "$name" || return 1
  done
}

# FerretDB goes before the database that it holds connections to; INT is PostgreSQL's way to be told to leave at once, in order.
mongodb_stop() {
  end TERM 15 mongod ferretdb
  end INT 60 postgresql
}

# mongodb_kill ends all at once, as a machine's crash would: PostgreSQL's children too, which would otherwise see
# their parent gone and leave in some order.
mongodb_kill() {
  local pids=() pid
  if running postgresql; then
    pid=$(pid_of postgresql)
    mapfile -t pids < <(children_of "$pid")
    kill -s KILL "$pid" ${pids[@]+"${pids[@]}"} 2>/dev/null
    while running postgresql; do sleep 0.1; done
    say "postgresql: killed"
  fi
  end KILL 15 mongod ferretdb postgresql
  for pid in ${pids[@]+"${pids[@]}"}; do while began_at "$pid" >/dev/null; do sleep 0.1; done; done
}

# children_of PID, from the kernel's process table: after the name in parentheses come the state and the parent.
children_of() { sed -nE "s/^([0-9]+) \(.*\) [^Z] $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null; }
