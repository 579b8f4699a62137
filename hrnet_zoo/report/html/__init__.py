"""The whole zoo as one HTML page, as figures, and as a table of values.

`gathering.py` and `speeds.py` read the records; `content.py` collects what the page shows, as plain
data; `charts.py` draws; `html.py` puts all into `templates/`, with the files in `static/`.
`figures.py` and `export.py` are the same numbers in other forms.
"""
