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

. /lib/machine.sh

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
