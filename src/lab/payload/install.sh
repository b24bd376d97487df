# Sourced by /init when the kernel command line has centra.install: puts the payload on the first disk, with GRUB for
# BIOS and for UEFI, and starts the machine again.
#
# Kernel command line:
#   centra.install=URL           the http folder that has the two files
#   centra.install-kernel=NAME   the kernel below it; default: vmlinuz
#   centra.install-initrd=NAME   the initrd below it; default: initrd.img
# A disk is written only when its first MiB is zero, and only after both files are here whole.

boot_files=/lib/boot
downloads=/run/install
mounted=/run/disk
# Bytes: the gap for GRUB and the partition of boot.img.
needed_bytes=$((65 * 1024 * 1024))

# The first disk below the folder $1: virtio's, else SCSI's or SATA's.
first_disk() {
  for path in "$1/vda" "$1/sda"; do
    [ -b "$path" ] || continue
    printf %s "$path"
    return 0
  done
  return 1
}

# Sets disk. A SATA disk appears seconds after its driver.
find_disk() {
  tries=0
  until disk=$(first_disk /dev); do
    tries=$((tries + 1))
    [ "$tries" -lt 25 ] || return 1
    sleep 0.2
  done
}

# Whether the first MiB of $1 is there and all zero.
is_blank() {
  cmp -s -n 1048576 "$1" /dev/zero
}

# A name that can be a path's last part and nothing else.
is_file_name() {
  case $1 in
    '' | .* | *[!A-Za-z0-9._-]*) return 1 ;;
  esac
}

# One word for GRUB's linux command, in single quotes, which keep every character but themselves (GRUB manual,
# "Quoting"). That command puts a backslash before each quote and backslash it passes on, so these are refused.
grub_word() {
  case $1 in
    *[!!-~]* | *[\'\"\\]*) return 1 ;;
  esac
  printf "'%s'" "$1"
}

# grub_config ARGUMENT...: a grub.cfg that boots at once with this kernel command line.
grub_config() {
  words=
  for one; do
    word=$(grub_word "$one") || {
      say "cannot be written to grub.cfg: $one"
      return 1
    } >&2
    words="$words $word"
  done
  cat <<END
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry 'Centra PXE payload' {
  linux /vmlinuz$words
  initrd /initrd.img
}
END
}

# The command line of the machine that boots from its disk, one argument a line.
disk_arguments() {
  echo console=ttyS0,115200
  echo centra.from=disk
  echo "BOOTIF=01-$(printf %s "$mac" | tr : -)"
  [ -z "$profile" ] || printf '%s\n' "centra.profile=$profile"
  [ -z "$report_url" ] || printf '%s\n' "centra.report=$report_url"
  [ -z "$nonce" ] || printf '%s\n' "centra.nonce=$nonce"
}

# content_length <HEADERS: the Content-Length of the last response that `wget -S` printed.
content_length() {
  sed -n 's/^ *[Cc]ontent-[Ll]ength: *\([0-9][0-9]*\).*$/\1/p' | tail -n 1
}

# fetch NAME FILE: by HTTP from the folder; the file must be as long as the server said.
fetch() {
  timeout 300 wget -q -S -O "$2" "$folder/$1" 2>"$downloads/headers" || return 1
  [ "$(stat -c %s "$2")" = "$(content_length <"$downloads/headers")" ]
}

# boot.img holds the partition table, so the partition exists after it is written.
write_disk() {
  dd if="$boot_files/core.img" of="$disk" bs=512 seek=1 2>/dev/null &&
    dd if="$boot_files/boot.img" of="$disk" bs=512 2>/dev/null &&
    sync && blockdev --rereadpt "$disk" && mkdosfs "${disk}1" &&
    mount_partition rw && mkdir -p "$mounted/grub" "$mounted/EFI/BOOT" &&
    cp "$boot_files/BOOTX64.EFI" "$mounted/EFI/BOOT/BOOTX64.EFI" &&
    cp "$downloads/grub.cfg" "$mounted/grub/grub.cfg" &&
    cp "$downloads/vmlinuz" "$downloads/initrd.img" "$mounted/" &&
    sync && umount "$mounted"
}

mount_partition() {
  mkdir -p "$mounted" && mount -t vfat -o "$1,codepage=437,iocharset=ascii" "${disk}1" "$mounted"
}

# Whether the disk gives back what was downloaded.
check_disk() {
  mount_partition ro && cmp "$downloads/vmlinuz" "$mounted/vmlinuz" &&
    cmp "$downloads/initrd.img" "$mounted/initrd.img" && umount "$mounted"
}

# install_from URL: does not return.
install_from() {
  folder=${1%/}
  kernel_name=$(argument centra.install-kernel)
  initrd_name=$(argument centra.install-initrd)
  : "${kernel_name:=vmlinuz}" "${initrd_name:=initrd.img}"
  case $folder in
    http://*) ;;
    *) fail "centra.install=$1 does not begin with http://" ;;
  esac
  is_file_name "$kernel_name" || fail "centra.install-kernel=$kernel_name is not the name of a file"
  is_file_name "$initrd_name" || fail "centra.install-initrd=$initrd_name is not the name of a file"
  find_disk || fail 'no disk to install on: there is neither /dev/vda nor /dev/sda'
  [ "$(blockdev --getsize64 "$disk")" -ge "$needed_bytes" ] ||
    fail "disk $disk is smaller than $needed_bytes bytes: nothing was written"
  is_blank "$disk" || fail "disk $disk is not empty: nothing was written"
  mkdir -p "$downloads"
  set -f
  grub_config $(disk_arguments) >"$downloads/grub.cfg" ||
    fail 'the kernel command line cannot be passed on by GRUB: nothing was written'
  set +f
  say "installing on $disk from $folder"
  fetch "$kernel_name" "$downloads/vmlinuz" || fail "$folder/$kernel_name did not arrive whole: nothing was written"
  fetch "$initrd_name" "$downloads/initrd.img" ||
    fail "$folder/$initrd_name did not arrive whole: nothing was written"
  write_disk && check_disk || fail "disk $disk could not be written"
  say "installed on $disk"
  report installed "installed on $disk from $folder" "$(facts)" || fail 'the report "installed" was not taken'
  say 'starting again, from the disk'
  reboot -f
}
