# The private PostgreSQL and Redis of the tests. Sourced by tests/run and by tests/support/postgres.rs.

# Installs the missing packages. Debian's packages start their own instances; the tests do not use them.
services_install() {
  local missing=() root=()
  postgres_bin >/dev/null || missing+=(postgresql)
  command -v redis-server >/dev/null || missing+=(redis-server)
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  printf 'installing %s\n' "${missing[*]}"
  if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${missing[@]}"; } >target/tests/install.log 2>&1; then
    printf 'Cannot install %s (target/tests/install.log). Install the Debian packages as root.\n' \
      "${missing[*]}" >&2
    return 1
  fi
}

# Starts both and exports their URLs, except those that the environment already has.
services_start() {
  [ -z "${SIDECAR_TEST_POSTGRES_URL:-}" ] || [ -z "${SIDECAR_TEST_REDIS_URL:-}" ] || return 0
  services_install
  services_folder=$(mktemp -d "${TMPDIR:-/tmp}/sidecar-services.XXXXXX")
  chmod 755 "$services_folder"
  [ -n "${SIDECAR_TEST_POSTGRES_URL:-}" ] || services_start_postgres
  [ -n "${SIDECAR_TEST_REDIS_URL:-}" ] || services_start_redis
}

services_start_postgres() {
  local folder=$services_folder/postgres port password
  port=$(free_port)
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  postgres_create "$folder" "$password"
  (postgres_run "$folder" "$port") >"$services_folder/postgres.log" 2>&1 &
  postgres_pid=$!
  await 20 "$(postgres_bin)/pg_isready" -q -h 127.0.0.1 -p "$port" || services_failed postgres
  export SIDECAR_TEST_POSTGRES_URL=postgres://sidecar:$password@127.0.0.1:$port/postgres
}

services_start_redis() {
  local port
  port=$(free_port)
  redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$services_folder" \
    >"$services_folder/redis.log" 2>&1 &
  redis_pid=$!
  await 20 is_open "$port" || services_failed redis
  export SIDECAR_TEST_REDIS_URL=redis://127.0.0.1:$port
}

services_failed() {
  printf '%s failed to start:\n' "$1" >&2
  tail -n 20 "$services_folder/$1.log" >&2
  return 1
}

# Stops the started services, also during their start.
services_stop() {
  [ -z "${postgres_pid:-}" ] || kill -QUIT "$postgres_pid" 2>/dev/null || true
  [ -z "${redis_pid:-}" ] || kill -KILL "$redis_pid" 2>/dev/null || true
  wait 2>/dev/null || true
  [ -z "${services_folder:-}" ] || rm -rf "$services_folder"
}

# Prints the folder of PostgreSQL's programs: the latest version of Debian's, or that on the search path.
postgres_bin() {
  local newest
  newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [ -x "$newest" ] || newest=$(command -v initdb) || return 1
  dirname "$newest"
}

# Runs a command as another user if this is root: PostgreSQL does not run as root.
postgres_as() {
  local user=postgres
  [ "$(id -u)" = 0 ] || exec "$@"
  id -u $user >/dev/null 2>&1 || user=nobody
  exec setpriv --reuid="$user" --regid="$(id -g $user)" --clear-groups -- env HOME=/tmp "$@"
}

# Creates a cluster with a superuser `sidecar`.
postgres_create() { # folder, password
  mkdir -m 700 "$1"
  (umask 077 && printf %s "$2" >"$1.password")
  [ "$(id -u)" != 0 ] || chown "$(postgres_as id -u)" "$1" "$1.password"
  (cd / && postgres_as "$(postgres_bin)/initdb" --pgdata="$1" --username=sidecar --pwfile="$1.password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync) >"$1.initdb.log" 2>&1 ||
    { cat "$1.initdb.log" >&2; return 1; }
}

# Replaces the shell by the server, with the durability of production.
postgres_run() { # folder, port
  cd /
  postgres_as "$(postgres_bin)/postgres" -D "$1" -p "$2" -k "$1" -c listen_addresses=127.0.0.1 -c fsync=on \
    -c max_connections=200 -c shared_buffers=128MB
}

# Prints a free port, below the system's range for outgoing connections.
free_port() {
  local port
  while port=$((10000 + RANDOM % 20000)) && is_open $port; do :; done
  printf %s $port
}

is_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

await() { # seconds, command…
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $until ] || return 1
    sleep 0.05
  done
}
