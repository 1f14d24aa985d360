#!/bin/sh
# S3 that keeps its objects as files: what is answered for is still there after a kill.
set -eu
ROOT_ACCESS_KEY_ID=$(cat /secrets/s3_access_key)
ROOT_SECRET_ACCESS_KEY=$(cat /secrets/s3_secret_key)
export ROOT_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY
exec versitygw --port :9000 --health /health --quiet posix /data
