#!/bin/sh
# Called by udhcpc with the event as $1 and the lease in the environment.

case $1 in
  deconfig)
    ip addr flush dev "$interface"
    rm -f /run/address
    ;;
  bound | renew)
    ip addr replace "$ip/${mask:-24}" dev "$interface"
    for gateway in $router; do
      ip route replace default via "$gateway" dev "$interface"
      break
    done
    : >/etc/resolv.conf
    for server in $dns; do
      echo "nameserver $server" >>/etc/resolv.conf
    done
    printf %s "$ip" >/run/address
    ;;
esac
