# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["checkov==3.3.30"]
#
# [tool.uv]
# exclude-newer = "7 days"
# ///
"""Scan the Terraform files with checkov: `uv run --script terraform/scan.py ARGUMENTS…`, locked in scan.py.lock.

It is no package of uv.lock because it requires other versions of what the project uses.
"""

import sys

from checkov.main import Checkov

sys.exit(Checkov().run())
