# shellcheck shell=bash
# What the scripts of this folder share: how they speak, and how apt's many lines become one sentence.

# Exit codes as the program's own: 2 the command was wrong, 3 this machine lacks something it names.
# shellcheck disable=SC2034  # used by those who source this
readonly EXIT_USAGE=2 EXIT_LACKS=3

say() { printf '%s\n' "$*" >&2; }

die() {
  local code=$1
  shift
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit "$code"
}

# The first package that apt's log says it cannot find; nothing when there is none.
missing_package() {
  sed -nE \
    -e "s/^E: Unable to locate package ([^ ]+).*/\1/p" \
    -e "s/^E: Package '([^']+)' has no installation candidate.*/\1/p" \
    -e "s/^E: Couldn't find any package by .* '([^']+)'.*/\1/p" "$1" | head -n 1
}

# apt_reason LOG: prints why apt or mmdebstrap failed, as half a sentence. The order matters: a mirror that cannot be
# reached also leaves "Unable to locate package" behind, and then the package is not what is missing.
apt_reason() {
  local log=$1 package
  if grep -qiE 'No space left on device|enough free space' "$log"; then
    echo "the disk is full"
  elif grep -qE 'but remove is disabled|Packages need to be removed' "$log"; then
    echo "installing would remove packages of yours, and this script removes nothing"
  elif grep -qE 'Could not get lock|Unable to acquire the dpkg' "$log"; then
    echo "another package manager is at work"
  elif grep -qE 'NO_PUBKEY|EXPKEYSIG|is not signed|BADSIG|Cannot find a valid keyring|unable to find' "$log"; then
    echo "the mirror's signature could not be checked (is debian-archive-keyring installed and recent?)"
  elif grep -qE 'Temporary failure resolving|Could not resolve|Could not connect|Connection (refused|timed out|failed)|Unable to connect|Network is unreachable|No route to host|Cannot initiate the connection' "$log"; then
    echo "the mirror cannot be reached (no network, or a proxy is needed)"
  elif grep -qE 'does not have a Release file|404 +Not Found|File not found' "$log"; then
    echo "the mirror does not have it (404)"
  elif grep -qE 'Release file .* is (expired|not valid)' "$log"; then
    echo "the mirror's package list has passed its validity date"
  elif package=$(missing_package "$log") && [ -n "$package" ]; then
    echo "there is no package $package"
  elif grep -qE 'unmet dependencies|held broken packages' "$log"; then
    echo "its dependencies do not fit together there today"
  else
    # The last error line without the tool's prefix is better than nothing.
    grep -E '^E:|rror:' "$log" | tail -n 1 | sed -E 's/^E: *//' | grep . || echo "it did not say why"
  fi
}
