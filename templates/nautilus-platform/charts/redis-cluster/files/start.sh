#!/bin/sh
# Starts one node. The password goes from the mounted Secret to a file in memory, never to an argument.
set -eu
umask 077
password="$(cat /run/secrets/redis/password)"
printf 'requirepass "%s"\nmasterauth "%s"\n' "$password" "$password" > /run/redis/secret.conf
unset password
exec redis-server /etc/redis/redis.conf --cluster-announce-ip "$POD_IP" --cluster-announce-hostname "$POD_NAME.$REDIS_DOMAIN"
