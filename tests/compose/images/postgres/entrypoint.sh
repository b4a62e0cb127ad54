# What docker-compose.yaml needs of the official image's entry point: a user with a password from a file, a database.
set -eu
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

install --directory --owner=postgres --group=postgres --mode=0700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    password=$(mktemp)
    install --owner=postgres --mode=0600 "$POSTGRES_PASSWORD_FILE" "$password"
    as_postgres initdb --username="$POSTGRES_USER" --pwfile="$password" --auth-host=scram-sha-256 --auth-local=trust
    rm "$password"
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB;" | as_postgres postgres --single -j postgres
fi
install --directory --owner=postgres /var/run/postgresql
exec setpriv --reuid=postgres --regid=postgres --init-groups "$@" -c 'listen_addresses=*'
