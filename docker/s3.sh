#!/bin/sh
# S3 server that stores objects as files: an object is durable once its request has succeeded.
set -eu
ROOT_ACCESS_KEY_ID=$(cat /secrets/s3_access_key)
ROOT_SECRET_ACCESS_KEY=$(cat /secrets/s3_secret_key)
export ROOT_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY
exec versitygw --port :9000 --health /health --quiet posix /data
