"""Sphinx's settings. The pages that it reads are copies, which tools/docs/build.py makes."""

project = "antiphon"
html_title = "antiphon"
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
extensions = ["myst_parser", "sphinx_copybutton"]
# Anchors as code hosts make them.
myst_heading_anchors = 4
# Blocks that don't name their language are commands and messages.
highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
# The marks of the code in the pages are comments; a "$ " stands before no command.
copybutton_selector = "div.highlight:not(.linenos) pre"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1d4ed8", "color-brand-content": "#1d4ed8"},
    "dark_css_variables": {"color-brand-primary": "#93c5fd", "color-brand-content": "#93c5fd"},
}
