#!/bin/sh
# /init of the rescue system: root on the serial console and on the screen, and over SSH for the keys of the image.
# Nothing here mounts, assembles, activates or writes a disk.
#
# Kernel command line:
#   BOOTIF=01-52-54-00-12-34-56   the NIC the firmware booted from (PXELINUX's form); default: the first one
#   centra.report=URL             where reports are POSTed; without it they are only printed
#   centra.nonce=HEX              proves that a report belongs to this boot

export PATH=/sbin:/bin

. /lib/machine.sh

host_key=/run/dropbear_ed25519_key

# Loads what the hardware found so far asks for; what a module finds asks for more, so it is called again.
load_hardware() {
  find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs modprobe -abq 2>/dev/null
}

facts() {
  printf '{"profile":%s,"address":%s,"mac":%s,"kernel":%s,"host-key":%s,"ssh-keys":%s,"cmdline":%s}' \
    "$(json_string "$(argument centra.profile)")" "$(json_string "$address")" "$(json_string "$mac")" \
    "$(json_string "$(uname -r)")" "$(json_string "$fingerprint")" "$(json_string "$keys")" \
    "$(json_string "$(cat /proc/cmdline)")"
}

# Made in memory for this boot; sets fingerprint. Without an authorised key nothing listens.
start_ssh() {
  keys=$(grep -c . /root/.ssh/authorized_keys 2>/dev/null)
  if [ "${keys:-0}" = 0 ]; then
    say 'no SSH: the image has no authorised keys'
    return 1
  fi
  dropbearkey -t ed25519 -f "$host_key" >/run/host-key 2>/dev/null
  fingerprint=$(sed -n 's/^Fingerprint: *//p' /run/host-key)
  # -s: no passwords; -j -k: no forwarding.
  dropbear -E -s -g -j -k -r "$host_key" -P /run/dropbear.pid 2>/run/dropbear.log
}

get_address() {
  ip link set lo up
  ip link set "$nic" up
  # Goes on in the background for as long as nobody answers, and renews the lease from there.
  udhcpc -i "$nic" -b -t 5 -T 2 -s /bin/udhcpc-event -p /run/udhcpc.pid >/dev/null 2>&1
  until [ -s /run/address ]; do
    [ -n "$waiting" ] || say "no DHCP answer on $nic yet; it keeps asking"
    waiting=yes
    sleep 1
  done
  address=$(cat /run/address)
}

# Everything that may take long, beside the consoles.
go_online() {
  find_nic || {
    say "no network interface${wanted:+ with BOOTIF=$wanted}"
    return
  }
  say "network interface $nic ($mac)"
  get_address
  say "address $address on $nic"
  report initrd "address $address on $nic"
  if [ -n "$fingerprint" ]; then
    say "ssh root@$address, host key $fingerprint"
    report rescue "ssh root@$address, host key $fingerprint" "$(facts)"
  else
    report rescue "no SSH at $address, console only" "$(facts)"
  fi
  say "in rescue at $address"
  : >/run/online
}

# A shell on one terminal; one that ends is started again.
give_shell() {
  while :; do
    setsid -c bash -l <"/dev/$1" >"/dev/$1" 2>&1
    sleep 1
  done
}

mount_kernel_filesystems
mount -t tmpfs -o mode=1777 tmpfs /tmp
hostname rescue
say "rescue system started, kernel $(uname -r)"
nonce=$(argument centra.nonce)
report_url=$(argument centra.report)
nic= mac= address= fingerprint= keys= waiting=

# Disks first: their numbers should not depend on how long a network card takes.
for pass in 1 2 3; do load_hardware; done
[ ! -d /sys/firmware/efi ] || mount -t efivarfs efivarfs /sys/firmware/efi/efivars 2>/dev/null
start_ssh
go_online &
(for pause in 2 5 10 20; do
  sleep "$pause"
  load_hardware
done) &

tries=0
until [ -e /run/online ] || [ "$tries" -ge 30 ]; do
  tries=$((tries + 1))
  sleep 0.5
done
say 'no disk is mounted, no RAID or volume group is assembled; whoever has this console is root'
stty -F /dev/ttyS0 115200 sane 2>/dev/null
if [ -c /dev/ttyS0 ] && [ "$(cat /sys/class/tty/ttyS0/type 2>/dev/null)" != 0 ]; then
  give_shell ttyS0 &
fi
[ ! -c /dev/tty1 ] || give_shell tty1 &
# PID 1 must not end, and takes over what others leave.
while :; do wait; sleep 1; done
