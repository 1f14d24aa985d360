"""Sphinx configuration of the documentation site (`make docs`)."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent), str(_HERE.parent / "plugins")]

from reference_from_code import write_pages  # noqa: E402 - needs the path above

import spark_jobs  # noqa: E402

project = "Transaction patterns"
release = spark_jobs.__version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"Transaction patterns {release}"
html_copy_source = False
html_show_sphinx = False
myst_heading_anchors = 3
# With -W, a broken link fails the build.
nitpicky = True


def setup(app: Sphinx) -> None:
    """Generate the pages that come from the code before Sphinx reads any."""
    app.connect("builder-inited", lambda _: write_pages(_HERE / "reference" / "from-code"))
