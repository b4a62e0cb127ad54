# As the official image does: the data belong to Redis' own user, and so does the server.
set -eu
chown redis /data
exec setpriv --reuid=redis --regid=redis --init-groups "$@"
