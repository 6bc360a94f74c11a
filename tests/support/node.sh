# Node and the npm packages of the contract lane. Sourced by tests/run.

# Prints the path of published specifications: from the environment variable, or next to the repository.
specifications() { # variable, default path
  local path=${!1:-$2}
  [ -e "$path" ] || return 1
  realpath "$path"
}

node_install() {
  ! { command -v node && command -v npm; } >/dev/null || return 0
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  printf 'installing nodejs and npm\n'
  if ! { "${root[@]}" apt-get update && "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends nodejs npm; } >target/tests/install.log 2>&1; then
    printf 'Cannot install nodejs and npm (target/tests/install.log). Install the Debian packages as root.\n' >&2
    return 1
  fi
}

# Installs Prism, as in its package.json, into target/contract/node_modules.
prism_install() {
  local wanted=tests/contract/prism/package.json folder=target/contract
  node_install
  ! cmp -s $wanted $folder/installed.json || return 0
  mkdir -p $folder
  cp $wanted $folder/package.json
  npm install --prefix $folder --ignore-scripts --no-audit --no-fund >target/tests/npm.log 2>&1 ||
    { tail -n 20 target/tests/npm.log >&2; return 1; }
  cp $wanted $folder/installed.json
}
