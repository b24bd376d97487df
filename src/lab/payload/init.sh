#!/bin/sh
# /init of the lab's payload: a network-booted machine that reports how far it came.
#
# Kernel command line:
#   BOOTIF=01-52-54-00-12-34-56   the NIC the firmware booted from (PXELINUX's form); default: the first one
#   centra.profile=NAME           what this machine is to be
#   centra.report=URL             where reports are POSTed; without it they are only printed
#   centra.nonce=HEX              proves that a report belongs to this boot
#   centra.install=URL            installs itself on the first disk, if that is blank, and reboots (install.sh)
#   centra.from=disk              this kernel and this command line come from the disk, not from the network
# Everything here has an end: every wait and retry is bounded, and a failure says so on the console.

export PATH=/bin

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

facts() {
  printf '{"profile":%s,"address":%s,"mac":%s,"kernel":%s,"cmdline":%s}' \
    "$(json_string "$profile")" "$(json_string "$address")" "$(json_string "$mac")" \
    "$(json_string "$(uname -r)")" "$(json_string "$(cat /proc/cmdline)")"
}

load_modules() {
  while read -r module; do
    # Refuses to load where the firmware is not UEFI.
    [ "$module" != efivarfs ] || [ -d /sys/firmware/efi ] || continue
    insmod "/lib/modules/$module.ko" || say "module $module was not loaded"
  done </lib/modules/order
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

get_address() {
  ip link set lo up
  ip link set "$nic" up
  for try in 1 2 3; do
    # Goes to the background with the lease and renews it from there.
    udhcpc -i "$nic" -n -t 4 -T 2 -s /bin/udhcpc-event -p /run/udhcpc.pid >/dev/null && break
    say "no DHCP answer on $nic (try $try of 3)"
  done
  [ -s /run/address ] || return 1
  address=$(cat /run/address)
}

# fail WHAT: says so, tells the server if it can be told, and leaves a shell to look around.
fail() {
  say "FAILED: $1"
  [ -z "$address" ] || report failed "$1"
  give_shell
}

# PID 1 must not end; a shell that ends is started again.
give_shell() {
  while :; do
    setsid cttyhack sh
    sleep 1
  done
}

mount_kernel_filesystems
say "payload started, kernel $(uname -r)"
[ "$(argument centra.from)" != disk ] || say 'started from the disk'
profile=$(argument centra.profile)
nonce=$(argument centra.nonce)
report_url=$(argument centra.report)
nic= mac= address=

load_modules
find_nic || fail "no network interface${wanted:+ with BOOTIF=$wanted}"
say "network interface $nic ($mac)"
get_address || fail "no address by DHCP on $nic"
say "address $address on $nic"
report initrd "address $address on $nic" || fail 'the server takes no report'
install_url=$(argument centra.install)
if [ -n "$install_url" ]; then
  . /lib/install.sh
  install_from "$install_url"
fi
[ -n "$profile" ] || say 'the kernel command line has no centra.profile'
report in-service "profile $profile at $address" "$(facts)" || fail 'the report "in-service" was not taken'
say "in service as ${profile:-(no profile)} at $address"
give_shell
