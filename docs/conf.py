"""Sphinx configuration."""

project = "Tongban"
author = "Tongban contributors"
copyright = "2026, Tongban contributors"  # noqa: A001 (the name is Sphinx's)

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "Tongban"
html_copy_source = False
html_show_sphinx = False
# System fonts only: a page loads nothing from elsewhere.
