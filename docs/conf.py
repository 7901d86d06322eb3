"""The documentation site: ``make docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pages_of_checks
import source_links

import physcheck

project = "physcheck"
author = "physcheck developers"
version = release = physcheck.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["figures/failures/*.txt", "figures/*.py"]
myst_enable_extensions = ["colon_fence", "deflist", "html_image"]
myst_heading_anchors = 3
suppress_warnings = []
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"physcheck {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"


def setup(app):
    """Make the pages of the checks, and let links that lead out of docs/ find their pages."""
    pages_of_checks.write(Path(__file__).parent / "checks")
    app.connect("source-read", source_links.redirect)
    # Before napoleon makes field lists of the sections.
    app.connect("autodoc-process-docstring", source_links.plain_docstring, priority=400)
