#!/bin/sh
# Airflow's database. The first start creates it; if interrupted, the next start does so again.
set -eu
data=/data/cluster
if [ ! -d "$data" ]; then
  rm -rf "$data.new"
  initdb --pgdata="$data.new" --username=airflow --pwfile=/secrets/postgres_password \
    --auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
  echo "host all all all scram-sha-256" >> "$data.new/pg_hba.conf"
  echo "CREATE DATABASE airflow" | postgres --single -D "$data.new" postgres
  mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=''
