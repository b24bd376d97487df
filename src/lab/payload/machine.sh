# Sourced by /init of the lab's payload and of the rescue system: the console, the kernel command line, reports and the
# network interface. Reports read report_url and nonce.

say() {
  echo "centra: $*"
}

mount_kernel_filesystems() {
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t devtmpfs devtmpfs /dev
  mkdir -p /dev/pts
  mount -t devpts devpts /dev/pts
}

# The value of one NAME=VALUE word of the kernel command line; the last one counts, as in the kernel.
argument() {
  value=
  set -f
  for word in $(cat /proc/cmdline); do
    case $word in
      "$1="*) value=${word#*=} ;;
    esac
  done
  set +f
  printf %s "$value"
}

# A JSON string (RFC 8259 section 7). Bytes outside printable ASCII become \u00XX, so the result is always valid.
json_string() {
  escaped=
  for byte in $(printf %s "$1" | hexdump -v -e '1/1 "%02x "'); do
    case $byte in
      22 | 5c) escaped="$escaped\\\\\\x$byte" ;;
      [01]? | 7f | [89a-f]?) escaped="$escaped\\\\u00$byte" ;;
      *) escaped="$escaped\\x$byte" ;;
    esac
  done
  printf "\"$escaped\""
}

# report STAGE DETAIL [FACTS]: POSTs one report, five tries.
report() {
  [ -n "$report_url" ] || return 0
  body="{\"stage\":$(json_string "$1"),\"detail\":$(json_string "$2")"
  [ -z "$nonce" ] || body="$body,\"nonce\":$(json_string "$nonce")"
  [ -z "$3" ] || body="$body,\"facts\":$3"
  for pause in 1 2 4 8 0; do
    if timeout 10 wget -q -O /dev/null --header 'Content-Type: application/json' \
      --post-data "$body}" "$report_url"; then
      return 0
    fi
    say "report \"$1\" to $report_url failed"
    sleep "$pause"
  done
  say "report \"$1\" given up"
  return 1
}

# Sets nic to the interface with the MAC of BOOTIF, else to the first Ethernet interface.
choose_nic() {
  wanted=$(argument BOOTIF | tr 'A-F-' 'a-f:')
  for path in /sys/class/net/*; do
    [ "$(cat "$path/type")" = 1 ] || continue
    [ -z "$wanted" ] || [ "01:$(cat "$path/address")" = "$wanted" ] || continue
    nic=${path##*/}
    mac=$(cat "$path/address")
    return 0
  done
  return 1
}

find_nic() {
  tries=0
  until choose_nic; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || return 1
    sleep 0.2
  done
}
