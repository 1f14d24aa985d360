"""The process behind `local_s3`: moto's S3 under a server that keeps connections open.

`python -m local.s3_server HOST PORT`. Moto's own command looks for the service of each request anew and opens a
connection for each: a small GET took 2.0 ms there and takes 0.8 ms here (docs/decisions/0007).
"""

import sys

import waitress
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends

from local.s3_names import OrderedS3

_THREADS = 8
# Every process of ours keeps some open.
_CONNECTIONS = 1000


def main() -> None:
    """Serve until the process is ended."""
    host, port = sys.argv[1:]
    s3_backends.backend = OrderedS3
    waitress.serve(create_backend_app("s3"), host=host, port=int(port), threads=_THREADS, connection_limit=_CONNECTIONS)


if __name__ == "__main__":
    main()
