"""The whole zoo as one HTML page, as figures, and as a table of values.

`gathering.py` reads the records into claims; `table.py`, `rows.py`, `per_class.py`, `worst.py`,
`history.py` and `facts.py` prepare what is shown, as plain data; `charts.py` draws; `html.py` puts
them into `templates/`, with the files in `static/`.
"""
